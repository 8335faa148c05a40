"""Branch protection: the reasons that keep a pull request from its merge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promotebot.pulls.codeowners import PLACES, owners_of
from tests.fake_github.accounts import ACTIONS_APP, Role, User
from tests.fake_github.records import Protection, Review
from tests.fake_github.state import Pull, RepositoryState

PASSING = frozenset({"success", "neutral", "skipped"})


def check_outcome(repo: RepositoryState, sha: str, name: str, source: str = "") -> str | None:
    """Return what was reported under a name: a conclusion, "pending", or None. With a source, others' reports are none.

    All check runs of a name on a commit count, not the newest alone: one that failed before holds the check shut, as
    others report it of GitHub. Of statuses the newest counts. Skipped and neutral runs satisfy a required check:
    https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches
    """
    runs = [run for run in repo.check_runs.values() if (run.head_sha, run.name) == (sha, name)]
    outcomes = [run.conclusion or "pending" for run in runs if source in ("", run.app.slug)]
    bot = f"{source}[bot]"
    statuses = [status for status in repo.statuses if (status.sha, status.context) == (sha, name)]
    outcomes += [status.state for status in statuses if not source or status.user.login == bot][-1:]
    return next((outcome for outcome in outcomes if outcome not in PASSING), outcomes[-1] if outcomes else None)


def reported(repo: RepositoryState, sha: str) -> set[str]:
    """Return the names under which checks and statuses were reported on a commit."""
    runs = {run.name for run in repo.check_runs.values() if run.head_sha == sha}
    return runs | {status.context for status in repo.statuses if status.sha == sha}


def approvals(pull: Pull) -> Mapping[User, Review]:
    """Return who approves, with their last verdict: people with write access, but for the pull request's author."""
    verdicts = {review.user: review for review in pull.reviews if review.state != "COMMENTED"}
    return {
        user: review
        for user, review in verdicts.items()
        if review.state == "APPROVED" and user != pull.user and pull.base.role_of(user) >= Role.WRITE
    }


def unmet_check(repo: RepositoryState, branch: str, sha: str) -> str | None:
    """Return which required check of a branch did not pass on a commit, in GitHub's words, or None."""
    for name, source in (check for rule in rules_of(repo, branch) for check in rule.required_checks):
        outcome = check_outcome(repo, sha, name, source)
        if outcome not in PASSING:
            state = "expected" if outcome is None else "pending" if outcome == "pending" else "failing"
            return f'Required status check "{name}" is {state}.'
    return None


def _unmet_review(pull: Pull, rule: Protection) -> str | None:
    """Return whose approval is missing, in GitHub's words as others report them, or None.

    Without any number of required reviews, the last push and the files of owners need their approval all the same.
    https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets
    """
    approved = approvals(pull)
    if len(approved) < rule.required_reviews:
        plural = "" if rule.required_reviews == 1 else "s"
        needed = f"At least {rule.required_reviews} approving review{plural}"
        return f"{needed} is required by reviewers with write access."
    if rule.code_owner_review and (owners := _missing_owners(pull, approved)):
        return f"Waiting on code owner review from {', '.join(owners)}."
    if rule.last_push_approval:
        pusher = _last_pusher(pull)
        if not any(user != pusher and review.commit_id == pull.head_sha for user, review in approved.items()):
            needed = f"New changes require approval from someone other than {pusher.login}"
            return f"{needed} because they were the last pusher."
    return None


def _missing_owners(pull: Pull, approved: Mapping[User, Review]) -> list[str]:
    """Return the owners of the first changed file that none of its owners approves.

    The base's file counts, and of each path its last pattern; one owner of several is enough. Somebody without write
    access owns nothing. Nobody approves their own pull request, so a file that its author alone owns stays closed. Of
    teams nothing is known here. https://docs.github.com/articles/about-code-owners
    """
    repo, git = pull.base, pull.base.git
    listed = git.run("ls-tree", "--name-only", "--full-tree", pull.tested_base, *PLACES).splitlines()
    there = [place for place in PLACES if place in listed]
    if not there:
        return []
    text = git.run("cat-file", "blob", f"{pull.tested_base}:{there[0]}")
    writers = {f"@{user.login.lower()}": user for user in repo.hub.users.values() if repo.role_of(user) >= Role.WRITE}
    start = git.merge_base(pull.tested_base, pull.head_sha) or pull.tested_base
    for path in git.run("diff", "--name-only", "--no-renames", "-z", start, pull.head_sha).split("\0"):
        owners = [owner for owner in owners_of(text, path) if owner.lower() in writers] if path else []
        if owners and not any(writers[owner.lower()] in approved for owner in owners):
            return [owner[1:] for owner in owners]
    return []


def _last_pusher(pull: Pull) -> User:
    """Return who pushed the head. GitHub leaves out a push that only merges the base, which is not done here."""
    pushes = (one for one in reversed(pull.head.activity.entries) if one.after == pull.head_sha)
    return next((one.actor for one in pushes if one.ref == f"refs/heads/{pull.head_ref}"), pull.user)


def rules_of(repo: RepositoryState, branch: str) -> list[Protection]:
    """Return every rule of a branch: `Repository.protect`'s, and those of rulesets."""
    rules = [_read(branch, rule["type"], rule.get("parameters", {})) for rule in repo.settings.rules.get(branch, ())]
    return [repo.protections[branch], *rules] if branch in repo.protections else rules


def _read(branch: str, kind: str, given: Mapping[str, Any]) -> Protection:
    """Return one rule of a ruleset; a source is the App's slug, and of an App that nobody has here its number."""
    if kind == "pull_request":
        return Protection(
            branch,
            required_reviews=given["required_approving_review_count"],
            dismisses_approvals=given["dismiss_stale_reviews_on_push"],
            code_owner_review=given["require_code_owner_review"],
            last_push_approval=given["require_last_push_approval"],
            merge_methods=tuple(given.get("allowed_merge_methods", ("merge", "squash", "rebase"))),
        )
    checks = given.get("required_status_checks", ()) if kind == "required_status_checks" else ()
    sources = {None: "", ACTIONS_APP.id: ACTIONS_APP.slug}
    return Protection(
        branch,
        tuple((one["context"], sources.get(number := one.get("integration_id"), f"app-{number}")) for one in checks),
        signed_commits=kind == "required_signatures",
        linear_history=kind == "required_linear_history",
    )


def unmet(pull: Pull) -> str | None:
    """Return why the base's protection refuses this merge, in GitHub's words, or None."""
    reason = unmet_check(pull.base, pull.base_ref, pull.head_sha)
    rules = rules_of(pull.base, pull.base_ref)
    reasons = [reason, *(_unmet_review(pull, rule) for rule in rules)]
    if any(reasons):
        return next(filter(None, reasons))
    commits = pull.base.git.commits(f"{pull.tested_base}..{pull.head_sha}")
    is_signed = any(rule.signed_commits for rule in rules)
    if is_signed and any(commit.sha not in pull.base.verified for commit in commits):
        return "Commits must have verified signatures."
    return None


def refused_method(pull: Pull, method: str) -> str | None:
    """Return why a pull request may not be merged in this way, in GitHub's words, or None.

    https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets
    """
    rules = rules_of(pull.base, pull.base_ref)
    if method not in pull.base.merge_methods or any(method not in rule.merge_methods for rule in rules):
        name = "Merge commits" if method == "merge" else f"{method.capitalize()} merges"
        return f"{name} are not allowed on this repository."
    if any(rule.linear_history for rule in rules) and method == "merge":
        return "This branch must not contain merge commits."
    if any(rule.signed_commits for rule in rules) and method == "rebase":
        return "Base branch requires signed commits. Rebase merges cannot be automatically signed by GitHub."
    return None


def mergeable_state(pull: Pull) -> str:
    """Return GitHub's one word for the merge button: dirty, draft, blocked, unstable or clean."""
    if pull.mergeable is None:
        return "unknown"
    if not pull.mergeable:
        return "dirty"
    if pull.draft:
        return "draft"
    if unmet(pull):
        return "blocked"
    names = reported(pull.base, pull.head_sha)
    settled = all(check_outcome(pull.base, pull.head_sha, name) in PASSING for name in names)
    return "clean" if settled else "unstable"
