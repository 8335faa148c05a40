"""Branch protection: the reasons that keep a pull request from its merge."""

from __future__ import annotations

from tests.fake_github.accounts import Role
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


def approvals(pull: Pull) -> int:
    """Count the approvals: each reviewer's last verdict, from people with write access."""
    verdicts = {review.user: review.state for review in pull.reviews if review.state != "COMMENTED"}
    return sum(state == "APPROVED" and pull.base.role_of(user) >= Role.WRITE for user, state in verdicts.items())


def unmet_check(repo: RepositoryState, branch: str, sha: str) -> str | None:
    """Return which required check of a branch did not pass on a commit, in GitHub's words, or None."""
    rule = repo.protections.get(branch)
    for name, source in rule.required_checks if rule else ():
        outcome = check_outcome(repo, sha, name, source)
        if outcome not in PASSING:
            state = "expected" if outcome is None else "pending" if outcome == "pending" else "failing"
            return f'Required status check "{name}" is {state}.'
    return None


def unmet(pull: Pull) -> str | None:
    """Return why the base's protection refuses this merge, in GitHub's words, or None."""
    rule = pull.base.protections.get(pull.base_ref)
    if rule is None:
        return None
    reason = unmet_check(pull.base, pull.base_ref, pull.head_sha)
    if reason:
        return reason
    if approvals(pull) < rule.required_reviews:
        plural = "" if rule.required_reviews == 1 else "s"
        needed = f"At least {rule.required_reviews} approving review{plural}"
        return f"{needed} is required by reviewers with write access."
    commits = pull.base.git.commits(f"{pull.tested_base}..{pull.head_sha}")
    if rule.signed_commits and any(commit.sha not in pull.base.verified for commit in commits):
        return "Commits must have verified signatures."
    return None


def refused_method(pull: Pull, method: str) -> str | None:
    """Return why a pull request may not be merged in this way, in GitHub's words, or None.

    https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets
    """
    rule = pull.base.protections.get(pull.base_ref)
    if method not in pull.base.merge_methods or (rule and method not in rule.merge_methods):
        name = "Merge commits" if method == "merge" else f"{method.capitalize()} merges"
        return f"{name} are not allowed on this repository."
    if rule and rule.linear_history and method == "merge":
        return "This branch must not contain merge commits."
    if rule and rule.signed_commits and method == "rebase":
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
