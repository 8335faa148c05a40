"""The life of a pull request before its merge: opened, following pushes, tested against its base, closed."""

from __future__ import annotations

from dataclasses import replace

from tests.fake_github.accounts import ACTIONS_BOT, User
from tests.fake_github.bare import WEB_FLOW, ZERO, Person
from tests.fake_github.issues import close_issue, open_issue, reopen_issue
from tests.fake_github.lateness import show_heads
from tests.fake_github.protection import rules_of
from tests.fake_github.records import Activity, WorkflowRun
from tests.fake_github.refusals import invalid
from tests.fake_github.state import Pull, RepositoryState


def open_pull(
    base: RepositoryState,
    author: User,
    *,
    head: str,
    base_ref: str,
    title: str,
    body: str | None = None,
    draft: bool = False,
) -> Pull:
    """Open a pull request; `head` is BRANCH or OWNER:BRANCH for a fork.

    https://docs.github.com/rest/pulls/pulls#create-a-pull-request
    """
    owner, _, head_ref = head.rpartition(":")
    source = base.find_in_network(owner) if owner else base
    if source is None or (head_sha := source.git.branch(head_ref)) is None:
        raise invalid("PullRequest", "head")
    base_sha = base.git.branch(base_ref)
    if base_sha is None:
        raise invalid("PullRequest", "base")
    ends = (source, head_ref, base_ref)
    if any(pull.state == "open" and ends == (pull.head, pull.head_ref, pull.base_ref) for pull in base.pulls.values()):
        message = f"A pull request already exists for {source.owner.login}:{head_ref}."
        raise invalid("PullRequest", "head", "custom", message)
    base.git.fetch_from(source.git, f"refs/heads/{head_ref}")
    if base.git.is_ancestor(head_sha, base_sha):
        raise invalid("PullRequest", "base", "custom", f"No commits between {base_ref} and {head_ref}")
    issue = open_issue(base, author, title, body)
    pull = Pull(base.hub.next_id(), issue, base, base_ref, base_sha, source, head_ref, head_sha, draft)
    pull.heads.append((base.hub.instant(), head_sha))
    base.pulls[pull.number] = pull
    base.git.set_ref(f"refs/pull/{pull.number}/head", head_sha)
    test_merge(pull, base_sha)
    _start_run(pull, author)
    return pull


def test_merge(pull: Pull, base_tip: str) -> None:
    """Merge head into base on the side: `refs/pull/N/merge` holds it, and goes away on a conflict.

    https://docs.github.com/rest/guides/using-the-rest-api-to-interact-with-your-git-database
    """
    git, now = pull.base.git, pull.base.hub.now()
    tree = git.merge_trees(base_tip, pull.head_sha)
    pull.tested_base = base_tip
    pull.mergeable = tree is not None
    pull.merge_commit_sha = None
    if tree is not None:
        message = f"Merge {pull.head_sha} into {base_tip}"
        author = Person(pull.user.login, pull.user.email, now)
        committer = Person(*WEB_FLOW, now)
        pull.merge_commit_sha = git.commit_tree(tree, [base_tip, pull.head_sha], message, author, committer)
    git.set_ref(f"refs/pull/{pull.number}/merge", pull.merge_commit_sha)


def refresh(repo: RepositoryState, by: User) -> None:
    """After any change of refs in `repo`: note it, and bring the open pull requests that touch it up to date."""
    with repo.hub.lock:
        repo.pushed_at = repo.hub.now()
        _note_activity(repo, by)
        for other in repo.hub.repositories.values():
            for pull in other.pulls.values():
                if pull.state == "open" and repo in (pull.base, pull.head):
                    _refresh_pull(pull, by)


def _note_activity(repo: RepositoryState, by: User) -> None:
    """Compare the branches with those last seen; every difference is what somebody did just now.

    https://docs.github.com/rest/repos/repos#list-repository-activities
    """
    log, hub = repo.activity, repo.hub
    now = repo.git.refs("refs/heads")
    for ref in sorted({*now, *log.seen}):
        before, after = log.seen.get(ref, ZERO), now.get(ref, ZERO)
        if before != after:
            kind = _activity_type(repo, before, after)
            log.entries.append(Activity(hub.next_id(), kind, ref, before, after, by, hub.now()))
    log.seen = now


def _activity_type(repo: RepositoryState, before: str, after: str) -> str:
    if before == ZERO:
        return "branch_creation"
    if after == ZERO:
        return "branch_deletion"
    return "push" if repo.git.is_ancestor(before, after) else "force_push"


def _refresh_pull(pull: Pull, by: User) -> None:
    tip, base_tip = pull.head.git.branch(pull.head_ref), pull.base.git.branch(pull.base_ref)
    if tip is None or base_tip is None:  # deleting either branch closes the pull request
        close(pull, by)
        return
    head_moved, base_moved = tip != pull.head_sha, base_tip != pull.tested_base
    if not head_moved and not base_moved:
        return
    if head_moved:
        _follow_head(pull, tip, base_tip)
        _start_run(pull, by)
    if pull.base.git.is_ancestor(tip, base_tip):
        if base_moved:  # its commits arrived in the base by another way
            mark_merged(pull, by, base_tip)
        else:  # the head was reset to something the base already has
            close(pull, by)
        return
    test_merge(pull, base_tip)


def _follow_head(pull: Pull, tip: str, base_tip: str) -> None:
    if pull.head is not pull.base:
        pull.base.git.fetch_from(pull.head.git, f"refs/heads/{pull.head_ref}")
    pull.heads.append((pull.base.hub.instant(), tip))
    pull.head_sha, pull.base_sha = tip, base_tip
    if any(rule.dismisses_approvals for rule in rules_of(pull.base, pull.base_ref)):
        approved = (review for review in pull.reviews if review.state == "APPROVED")
        dismissed = {review.id: replace(review, state="DISMISSED") for review in approved}
        pull.reviews = [dismissed.get(review.id, review) for review in pull.reviews]
    show_heads(pull.base.hub)
    pull.issue.updated_at = pull.base.hub.now()


def _start_run(pull: Pull, by: User) -> None:
    """Record the `pull_request` run of other workflows: one that the Actions token caused waits to be approved.

    So a required check that such a workflow reports stays away until somebody approves the run.
    """
    repo, branch = pull.base, pull.head_ref
    path, waits = ".github/workflows/ci.yml", by == ACTIONS_BOT
    run = WorkflowRun(repo.hub.next_id(), "pull_request", by, pull.head_sha, branch, path, repo.hub.now(), waits=waits)
    repo.runs[run.id] = run


def close(pull: Pull, by: User) -> None:
    close_issue(pull.base, pull.issue, by)
    pull.base.git.set_ref(f"refs/pull/{pull.number}/merge", None)


def reopen(pull: Pull, by: User) -> None:
    """Open a closed pull request again; merged ones and those without a head branch stay closed."""
    if pull.merged or pull.head.git.branch(pull.head_ref) is None or pull.base.git.branch(pull.base_ref) is None:
        message = f"state cannot be changed. The {pull.head_ref} branch cannot be used to reopen it."
        raise invalid("PullRequest", "state", "invalid", message)
    reopen_issue(pull.base, pull.issue)
    pull.tested_base = ""
    _refresh_pull(pull, by)


def mark_merged(pull: Pull, by: User, sha: str) -> None:
    """Record that the head is in the base, through commit `sha`."""
    close(pull, by)
    pull.merged_at, pull.merged_by, pull.merge_commit_sha = pull.issue.closed_at, by, sha
