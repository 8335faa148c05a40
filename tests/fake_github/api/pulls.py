"""Endpoints about pull requests: list, open, read, and their reviews."""

from __future__ import annotations

from tests.fake_github import pulls
from tests.fake_github.accounts import ACTIONS_APP, Role
from tests.fake_github.api.call import Answer, Call
from tests.fake_github.api.routing import route
from tests.fake_github.refusals import HttpError, invalid
from tests.fake_github.serializers import pulls as serializers
from tests.fake_github.state import Pull

PULL = "/pulls/<int:number>"


@route("GET", "/pulls", needs="pull_requests:read")
def list_pulls(call: Call) -> Answer:
    """`head` is OWNER:BRANCH; without an owner GitHub ignores it, and so do we.

    https://docs.github.com/rest/pulls/pulls#list-pull-requests
    """
    state, head, base = call.query.get("state", "open"), call.query.get("head", ""), call.query.get("base")
    matching = [
        pull
        for pull in reversed(call.repo.pulls.values())
        if state in ("all", pull.state)
        and (":" not in head or head == f"{pull.head.owner.login}:{pull.head_ref}")
        and base in (None, "", pull.base_ref)
    ]
    if call.query.get("direction") == "asc":
        matching.reverse()
    return call.page(matching, serializers.short_pull)


@route("POST", "/pulls", needs="pull_requests:write", role=Role.READ)
def create_pull(call: Call) -> Answer:
    """A setting keeps the workflow's own token from this; other apps and people are not concerned.

    https://docs.github.com/rest/pulls/pulls#create-a-pull-request
    https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/enabling-features-for-your-repository/managing-github-actions-settings-for-a-repository
    """
    repo = call.repo
    if call.app == ACTIONS_APP and not repo.actions_may_open_pulls:
        raise HttpError(403, "GitHub Actions is not permitted to create or approve pull requests.")
    head = call.text("head")
    source = repo.find_in_network(head.rpartition(":")[0]) if ":" in head else repo
    if source is not None and not call.app and source.role_of(call.user) < Role.WRITE:
        raise invalid("PullRequest", "head")
    pull = pulls.open_pull(
        repo,
        call.user,
        head=head,
        base_ref=call.text("base"),
        title=call.text("title"),
        body=call.optional_text("body"),
        draft=call.flag("draft"),
    )
    return Answer(201, serializers.full_pull(pull))


@route("GET", PULL, needs="pull_requests:read")
def get_pull(call: Call) -> Answer:
    return Answer(200, serializers.full_pull(call.repo.pull(call.params["number"])))


@route("GET", "/commits/<sha>/pulls", needs="pull_requests:read")
def list_pulls_of_commit(call: Call) -> Answer:
    """The merged ones that brought a commit; of a commit that is not in the default branch, also open ones.

    https://docs.github.com/rest/commits/commits#list-pull-requests-associated-with-a-commit
    """
    git, sha = call.repo.git, call.params["sha"]
    if len(sha) != 40 or git.resolve(sha) is None:
        raise HttpError(422, f"No commit found for SHA: {sha}")
    tip = git.branch(call.repo.default_branch)
    merged_only = tip is not None and git.is_ancestor(sha, tip)

    # A merge that squashes leaves the branch's own commits with the pull request.
    def has(pull: Pull) -> bool:
        ends = filter(None, (pull.merge_commit_sha if pull.merged else None, pull.head_sha))
        return any(sha in {one.sha for one in git.commits(f"{pull.tested_base}..{end}")} for end in ends)

    matching = [p for p in call.repo.pulls.values() if (p.merged or not merged_only) and has(p)]
    return call.page(matching, serializers.short_pull)


@route("GET", PULL + "/reviews", needs="pull_requests:read")
def list_reviews(call: Call) -> Answer:
    pull = call.repo.pull(call.params["number"])
    return call.page(pull.reviews, lambda review: serializers.review(pull, review))
