"""Checks of the rules on a branch that takes promotions; each is one function, and the catalogue has its id."""

from __future__ import annotations

from promotebot.doctor.facts import Branch, Facts, Unread
from promotebot.doctor.report import Verdict, advice, named, ok, problem
from promotebot.workflow_files import DIRECTORY

ACTIONS_APP = 15368
"""The id of GitHub Actions on github.com, by which a rule names it as a status's source."""
_RULES = "Settings → Rules → Rulesets (or Settings → Branches)"
_METHODS = {
    "merge": "a merge commit brings the branch's commits",
    "squash": "a squash brings one new commit, and a training commit of the branch is known by its pull request only",
    "rebase": "a rebase gives the branch's commits new ids and drops merge commits",
}


def required_context(facts: Facts, branch: Branch) -> Verdict:
    """Is the gate's status required, with its source?"""
    source = "your App" if facts.uses_app else "GitHub Actions"
    setting = (
        f"{_RULES} → the rule for {branch.name} → require status checks to pass → `{branch.context}`, source {source}: "
        f"{facts.page('settings/rules')}. GitHub offers this status after one pull request had it"
    )
    sources = [status.source for status in branch.statuses if status.context == branch.context]
    if not sources and branch.unread_statuses:
        return branch.unread_statuses.verdict("Only a required gate blocks the merges that it refuses.")
    if not sources:
        found = f"`{branch.context}` is not required" if branch.exists else "there is no such branch"
        return problem(found, "Everybody who may merge can merge what the gate refuses.", setting)
    wrong = [one for one in sources if one is not None and not _is_source(one, facts)]
    if wrong:
        found = f"`{branch.context}` is required from App {wrong[0]}, and {source} sets it"
        return problem(found, "The status that the bot sets does not count, so nothing can be merged.", setting)
    if set(sources) == {None}:
        found = f"`{branch.context}` is required from any source"
        return problem(found, "Everybody with write permission can set a status of that name.", setting)
    number = next(one for one in sources if one is not None)
    if facts.uses_app:
        return advice(
            f"`{branch.context}` is required, from App {number}",
            "The status of your App counts only if this is its number; otherwise nothing can be merged.",
            f"compare it with your App's id (Developer settings → GitHub Apps): {facts.page('settings/rules')}",
        )
    return ok(
        f"`{branch.context}` is required, from App {number}",
        "Only people who may bypass this rule can merge what the gate refuses.",
    )


def _is_source(app: int, facts: Facts) -> bool:
    """Return whether an App can be the one that sets the status; a server numbers GitHub Actions in its own way."""
    if facts.uses_app:
        return app != ACTIONS_APP
    return app == ACTIONS_APP or not facts.is_on_github_com


def merge_methods(facts: Facts, branch: Branch) -> Verdict:
    """Can pull requests be merged, and how?"""
    methods = _allowed(facts, branch)
    if isinstance(methods, Unread):
        return methods.verdict("Every merge method is announced; which methods are allowed is not known.")
    methods -= {"merge"} if branch.asks_for("linear_history") is True else set()
    methods -= {"rebase"} if branch.asks_for("signed_commits") is True else set()
    if not methods:
        setting = f"Settings → General → Pull Requests: {facts.page('settings')}, and {facts.page('settings/rules')}"
        return problem("repository and rules allow no merge method", "No promotion can be merged.", setting)
    said = "; ".join(words for method, words in _METHODS.items() if method in methods)
    return ok(
        named(method for method in _METHODS if method in methods), f"Promotions take effect with each of them: {said}."
    )


def _allowed(facts: Facts, branch: Branch) -> frozenset[str] | Unread:
    """Return the ways of merging that both the repository and the branch's rule for pull requests allow."""
    if isinstance(facts.merge_methods, Unread):
        return facts.merge_methods
    return (
        branch.rulesets if isinstance(branch.rulesets, Unread) else facts.merge_methods & branch.rulesets.merge_methods
    )


def _only(method: str, facts: Facts, branch: Branch, others: str) -> Verdict | None:
    """Return a problem where no other way of merging is allowed than one that a rule of the branch forbids."""
    if _allowed(facts, branch) != frozenset({method}):
        return None
    found = f"the rules forbid the only method that the repository allows: {method}"
    setting = f"Settings → General → Pull Requests → allow {others} merging: {facts.page('settings')}"
    return problem(found, "No promotion can be merged.", setting)


def linear_history(facts: Facts, branch: Branch) -> Verdict:
    """Must the history be linear, and can it?"""
    asked = branch.asks_for("linear_history")
    if isinstance(asked, Unread):
        return asked.verdict("A linear history allows no merge commits.")
    methods = _allowed(facts, branch)
    rebases = not isinstance(methods, Unread) and methods - ({"merge"} if asked else set()) == {"rebase"}
    how = "rebased onto it as one commit, because a rebase drops merge commits" if rebases else "merged with it"
    meaning = f"A branch whose base changed is {how}."
    if not asked:
        return ok("merge commits are allowed", meaning)
    return _only("merge", facts, branch, "squash or rebase") or ok("the history must be linear", meaning)


def signed_commits(facts: Facts, branch: Branch) -> Verdict:
    """Must commits be signed, and are the bot's? GitHub does not rebase then, as it cannot sign what it rebases.

    https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets#require-signed-commits
    """
    asked = branch.asks_for("signed_commits")
    if isinstance(asked, Unread):
        return asked.verdict("Where commits must be signed, the bot's must be made by GitHub's API.")
    if not asked:
        return ok("unsigned commits are allowed", "Commits of people and of the bot can be merged, signed or not.")
    if facts.is_on_github_com:
        meaning = "GitHub signs what the bot commits by its API; people sign their own. Merge or squash: no rebase."
        return _only("rebase", facts, branch, "merge commits or squash") or ok("commits must be signed", meaning)
    remedy = (
        "see a commit of the bot: it says Verified; else let the server sign web commits, "
        "https://docs.github.com/en/enterprise-server@latest/admin/configuring-settings/configuring-user-applications-"
        "for-your-enterprise/configuring-web-commit-signing"
    )
    meaning = "A server signs the bot's commits only where it was set up to; else no promotion can be merged."
    return _only("rebase", facts, branch, "merge commits or squash") or advice(
        "commits must be signed, by a server of its own", meaning, remedy
    )


def stale_approvals(_: Facts, branch: Branch) -> Verdict:
    """Does the bot's commit take approvals back?"""
    dismissed, last = branch.asks_for("dismisses_approvals"), branch.asks_for("last_push_approval")
    if dismissed is True or last is True:
        found = "a push dismisses approvals" if dismissed is True else "the last push must be approved"
        return ok(found, "The bot's commit is a push: request the promotion first, and review after it.")
    for unread in (dismissed, last):
        if isinstance(unread, Unread):
            return unread.verdict("A commit of the bot may dismiss earlier approvals.")
    return ok(
        "approvals remain when the branch changes", "`separation` in the policy counts those of the exact head only."
    )


def code_owner_review(facts: Facts, branch: Branch) -> Verdict:
    """Must code owners approve?"""
    asked = branch.asks_for("code_owner_review")
    meaning = "Without the owners' approval, everybody who may merge can change policy and workflows."
    if isinstance(asked, Unread):
        return asked.verdict(meaning)
    if asked:
        return ok("code owners must approve", "Policy and workflows change with their owners' approval only.")
    setting = f"{_RULES} → require a pull request → require review from code owners: {facts.page('settings/rules')}"
    return advice("the approval of code owners is not required", meaning, setting)


def merge_queue(facts: Facts, branch: Branch) -> Verdict:
    """Is the gate asked by the merge queue, where there is one?"""
    asked = branch.asks_for("merge_queue")
    if isinstance(asked, Unread):
        return asked.verdict("A merge queue waits for the gate's status on every commit that it makes.")
    if not asked:
        return ok("no merge queue", "Pull requests are merged one by one.")
    if branch.asks_for("queue_takes_failing") is True:
        setting = (
            f"{_RULES} → require merge queue → only merge non-failing pull requests: {facts.page('settings/rules')}"
        )
        meaning = "What the gate refuses is merged together with the next pull request that passes."
        return problem("a merge queue that merges pull requests whose own check failed", meaning, setting)
    place = f"{DIRECTORY}/{'review' if facts.uses_app else 'gate'}"
    path = next(path for path in facts.templates if path.startswith(place))
    heard = facts.default.workflows.get(path)
    if heard is not None and "merge_group" in heard.triggers:
        return ok(f"a merge queue, which starts {path}", "The gate judges every commit that the queue makes.")
    remedy = f"add `merge_group: {{types: [checks_requested]}}` under `on:`, {facts.page(f'blob/{branch.name}/{path}')}"
    return problem(f"a merge queue, which does not start {path}", "Queued pull requests wait forever.", remedy)
