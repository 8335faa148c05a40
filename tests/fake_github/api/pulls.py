"""Endpoints about pull requests: list, open, edit, files, commits, reviews, merge."""

from __future__ import annotations

from tests.fake_github import pulls
from tests.fake_github.accounts import ACTIONS_APP, Role
from tests.fake_github.api.repositories import REPOSITORY
from tests.fake_github.api.routing import Answer, Call, route
from tests.fake_github.records import Pull
from tests.fake_github.refusals import Refused, invalid
from tests.fake_github.shapes import pulls as shapes

PULL = REPOSITORY + "/pulls/{number:number}"


@route("GET", REPOSITORY + "/pulls", needs="pull_requests:read")
def list_pulls(call: Call) -> Answer:
    """`head` is OWNER:BRANCH; without an owner GitHub ignores it, and so do we.

    https://docs.github.com/rest/pulls/pulls#list-pull-requests
    """
    state, head, base = call.query.get("state", "open"), call.query.get("head", ""), call.query.get("base")
    found = [
        pull
        for pull in reversed(call.repository.pulls.values())
        if state in ("all", pull.state)
        and (":" not in head or head == f"{pull.head.owner.login}:{pull.head_ref}")
        and base in (None, "", pull.base_ref)
    ]
    if call.query.get("direction") == "asc":
        found.reverse()
    return call.page(found, shapes.short_pull)


@route("POST", REPOSITORY + "/pulls", needs="pull_requests:write", role=Role.READ)
def create_pull(call: Call) -> Answer:
    """https://docs.github.com/rest/pulls/pulls#create-a-pull-request"""
    it = call.repository
    from_app = call.credential is not None and call.credential.app is not None
    if _keeps_actions_out(call):
        raise Refused(403, "GitHub Actions is not permitted to create or approve pull requests.")
    head = call.text("head")
    source = it.find_in_network(head.rpartition(":")[0]) if ":" in head else it
    if source is not None and not from_app and source.role_of(call.user) < Role.WRITE:
        raise invalid("PullRequest", "head")
    pull = pulls.open_pull(
        it,
        call.user,
        head=head,
        base_ref=call.text("base"),
        title=call.text("title"),
        body=call.optional_text("body"),
        draft=call.flag("draft"),
    )
    return Answer(201, shapes.full_pull(pull))


def _keeps_actions_out(call: Call) -> bool:
    """Whether a setting stops this caller from opening and approving pull requests.

    It is about the workflow's own token; other apps and people are not concerned:
    https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/enabling-features-for-your-repository/managing-github-actions-settings-for-a-repository
    """
    by_actions = call.credential is not None and call.credential.app == ACTIONS_APP
    return by_actions and not call.repository.actions_may_open_pulls


@route("GET", PULL, needs="pull_requests:read")
def get_pull(call: Call) -> Answer:
    return Answer(200, shapes.full_pull(_pull(call)))


def _pull(call: Call) -> Pull:
    return call.repository.pull(call.number())


@route("GET", PULL + "/reviews", needs="pull_requests:read")
def list_reviews(call: Call) -> Answer:
    pull = _pull(call)
    return call.page(pull.reviews, lambda review: shapes.review(pull, review))
