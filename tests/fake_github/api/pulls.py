"""Endpoints about pull requests: list, open, edit, files, commits, reviews, merge."""

from __future__ import annotations

from tests.fake_github import merging, pulls
from tests.fake_github.accounts import ACTIONS_APP, Role
from tests.fake_github.api.repositories import REPOSITORY
from tests.fake_github.api.routing import Answer, Call, route
from tests.fake_github.push_rules import may_push_workflows
from tests.fake_github.records import Pull, Review
from tests.fake_github.refusals import Refused, invalid, malformed
from tests.fake_github.shapes import commits
from tests.fake_github.shapes import pulls as shapes

PULL = REPOSITORY + "/pulls/{number:number}"
VERDICTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
FILES_LIMIT = 3000  # https://docs.github.com/rest/pulls/pulls#list-pull-requests-files


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


@route("PATCH", PULL, needs="pull_requests:write", role=Role.READ)
def edit_pull(call: Call) -> Answer:
    """Title, body, base and state; by its author or a writer."""
    pull = _pull(call)
    if call.role < Role.WRITE and call.user != pull.user:
        raise Refused(403, "Must have admin rights to Repository.")
    fields = call.fields()
    if call.optional_text("title") is not None:
        pull.issue.title = call.text("title")
    if "body" in fields:
        pull.issue.body = call.optional_text("body")
    if call.optional_text("base") is not None:
        pulls.retarget(pull, call.text("base"), call.user)
    state = call.optional_text("state")
    if state not in (None, "open", "closed"):
        raise invalid("PullRequest", "state")
    if state == "closed" and pull.state == "open":
        pulls.close(pull, call.user)
    if state == "open" and pull.state == "closed":
        pulls.reopen(pull, call.user)
    pull.issue.updated_at = call.hub.now()
    return Answer(200, shapes.full_pull(pull))


@route("GET", PULL + "/files", needs="pull_requests:read")
def list_files(call: Call) -> Answer:
    """What the head changed since it left the base, at most 3000 files."""
    pull = _pull(call)
    start = pull.base.git.merge_base(pull.base_sha, pull.head_sha)
    changed = pull.base.git.changed_files(start, pull.head_sha)[:FILES_LIMIT] if start else []
    return call.page(changed, lambda file: commits.file(pull.base, file, pull.head_sha))


@route("GET", PULL + "/commits", needs="pull_requests:read")
def list_commits(call: Call) -> Answer:
    """At most 250: https://docs.github.com/rest/pulls/pulls#list-commits-on-a-pull-request"""
    pull = _pull(call)
    made = pull.base.git.commits(f"{pull.base_sha}..{pull.head_sha}")[:250]
    return call.page(made, lambda commit: commits.commit(pull.base, commit))


@route("GET", PULL + "/reviews", needs="pull_requests:read")
def list_reviews(call: Call) -> Answer:
    pull = _pull(call)
    return call.page(pull.reviews, lambda review: shapes.review(pull, review))


@route("POST", PULL + "/reviews", needs="pull_requests:write", role=Role.READ)
def create_review(call: Call) -> Answer:
    """https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request"""
    pull, event = _pull(call), call.text("event")
    body, sha = call.optional_text("body") or "", call.optional_text("commit_id") or pull.head_sha
    if event not in VERDICTS:
        raise malformed(f"{event} is not a member of {list(VERDICTS)}.")
    if event != "COMMENT" and call.user == pull.user:
        verb = "approve" if event == "APPROVE" else "request changes on"
        raise _no_review(f"Can not {verb} your own pull request")
    if event == "APPROVE" and _keeps_actions_out(call):
        raise _no_review("GitHub Actions is not permitted to approve pull requests.")
    if event != "APPROVE" and not body:
        raise _no_review("You need to leave a comment")
    if pull.base.git.resolve(sha) is None:
        raise invalid("PullRequestReview", "commit_id")
    review = Review(call.hub.next_id(), call.user, VERDICTS[event], body, sha, call.hub.now())
    pull.reviews.append(review)
    return Answer(200, shapes.review(pull, review))


def _no_review(reason: str) -> Refused:
    return Refused(422, "Unprocessable Entity", errors=[reason])


@route("GET", PULL + "/merge", needs="contents:read")
def is_merged(call: Call) -> Answer:
    if not _pull(call).merged:
        raise Refused(404, "Not Found")
    return Answer(204)


@route("PUT", PULL + "/merge", needs="contents:write")
def merge_pull(call: Call) -> Answer:
    """https://docs.github.com/rest/pulls/pulls#merge-a-pull-request"""
    pull, sha = _pull(call), call.optional_text("sha")
    method = call.optional_text("merge_method") or "merge"
    merging.refuse_unready(pull, method, sha)
    if call.credential is not None and not may_push_workflows(call.credential):
        _refuse_workflow_change(pull)
    tip = merging.merge(
        pull,
        call.user,
        method=method,
        sha=sha,
        title=call.optional_text("commit_title") or "",
        message=call.optional_text("commit_message"),
    )
    return Answer(200, {"sha": tip, "merged": True, "message": "Pull Request successfully merged"})


def _refuse_workflow_change(pull: Pull) -> None:
    start = pull.base.git.merge_base(pull.tested_base, pull.head_sha) or pull.tested_base
    changed = pull.base.git.changed_files(start, pull.head_sha)
    path = next((file.path for file in changed if file.path.startswith(".github/workflows/")), None)
    if path is not None:
        act = f"create or update workflow `{path}` without `workflows` permission"
        raise Refused(403, f"refusing to allow a GitHub App to {act}")
