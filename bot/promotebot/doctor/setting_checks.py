"""Checks of the repository's settings: labels, Actions, policy and people, code owners, the App's environment."""

from __future__ import annotations

from collections.abc import Mapping

from promotebot.doctor.facts import ENVIRONMENT, Facts, Unread
from promotebot.doctor.report import Verdict, advice, named, ok, problem
from promotebot.promotion.labels import PREFIX
from promotebot.pulls.codeowners import owners_of
from promotebot.registry.names import Stage

LABELS = {f"{PREFIX}{stage.value}": f"Promote the model to {stage.label}" for stage in Stage}
"""The labels that ask for a promotion, with what they mean; those that name a model are made as they are needed."""
_ACTIONS_PAGE = "Settings → Actions → General → Workflow permissions"


def actions_pull_requests(facts: Facts) -> Verdict:
    """May the job's own token open pull requests?"""
    meaning = "Without this setting, a run started by hand, such as a rollback at night, cannot open its pull request."
    if facts.uses_app:
        return ok("the App opens pull requests", "The setting for GitHub Actions does not matter here.")
    if isinstance(facts.actions, Unread):
        return facts.actions.verdict(meaning)
    if facts.actions.may_open_pulls:
        return ok("GitHub Actions may open pull requests", "A run started by hand opens its own pull request.")
    setting = (
        f"{_ACTIONS_PAGE} → Allow GitHub Actions to create and approve pull requests: {facts.page('settings/actions')}"
    )
    return problem("GitHub Actions may not open pull requests", meaning, setting)


def default_permissions(facts: Facts) -> Verdict:
    """Is the token of a workflow that says nothing a small one?"""
    meaning = "If the default is write, every workflow without `permissions:` can set a status from the gate's source."
    if isinstance(facts.actions, Unread):
        return facts.actions.verdict(meaning)
    if facts.actions.default_permissions == "read":
        return ok("workflows may read only", "promotebot's workflow files state the permissions of each job.")
    setting = f"{_ACTIONS_PAGE} → Read repository contents and packages permissions: {facts.page('settings/actions')}"
    return advice("workflows may read and write", meaning, setting)


def labels(facts: Facts) -> Verdict:
    """Are the labels there that ask for a promotion?"""
    if isinstance(facts.labels, Unread):
        return facts.labels.verdict("A promotion can be requested with a label only if the label exists.")
    missing = missing_labels(facts)
    if missing:
        meaning = "These promotions cannot be requested with a label; comments work."
        return advice(f"missing: {named(missing)}", meaning, "`promotebot doctor --fix`")
    return ok(named(labels_of(facts)), "A promotion can be requested with a label.")


def labels_of(facts: Facts) -> Mapping[str, str]:
    """Return the labels that ask for a promotion in this registry, with what they mean."""
    return {f"{facts.label_word}{name}": meaning for name, meaning in LABELS.items()}


def missing_labels(facts: Facts) -> list[str]:
    """Return the labels that are known to be missing."""
    return [] if isinstance(facts.labels, Unread) else [name for name in labels_of(facts) if name not in facts.labels]


def policy(facts: Facts) -> Verdict:
    """Does the policy read, and are its branches there?"""
    page = facts.page(f"blob/{facts.default.name}/{facts.policy_path}")
    if isinstance(facts.policy, str):
        return problem(
            facts.policy, "Nothing is promoted, and no gate turns green.", f"correct it by docs/policy.md: {page}"
        )
    gone = [branch.name for branch in facts.branches if not branch.exists]
    if gone:
        remedy = f"correct `bases:` in {page}, or `git push origin {facts.default.name}:refs/heads/{gone[0]}`"
        return problem(
            f"`bases` names {named(gone)}, which is not a branch", "Nothing can be promoted into it.", remedy
        )
    if not facts.has_policy:
        return ok("no file", "The defaults count: write permission, and maintain for ACTIVE.")
    return ok(f"{facts.policy_path} is valid", "It decides who may promote what, and when.")


def people(facts: Facts) -> Verdict:
    """Are the people there whom the policy names?"""
    meaning = "Nobody of that name learns of a failure."
    unread = next((role for role in facts.roles.values() if isinstance(role, Unread)), None)
    unknown = [login for login, role in facts.roles.items() if role is None]
    if unknown:
        page = facts.page(f"edit/{facts.default.name}/{facts.policy_path}")
        return advice(f"the policy names {named(unknown)}, who are not on GitHub", meaning, f"correct it: {page}")
    if unread:
        return unread.verdict(meaning)
    if not facts.roles:
        return ok("the policy names no GitHub account", "Contacts that are not GitHub accounts are shown as text.")
    return ok(named(facts.roles), "Every account that is named when something fails exists.")


_WITHOUT_TEAMS = {"announce", "verify"}
"""Commands of jobs that ask nothing about people."""


def teams(facts: Facts) -> Verdict:
    """Does a token show who is in the teams that the policy lets do something?"""
    meaning = "Their members are refused what the policy leaves to them, unless their own role allows it."
    page, docs = facts.page(f"edit/{facts.default.name}/{facts.policy_path}"), "docs/setup.md"
    if not facts.teams:
        return ok("the policy lets no team do anything", "Who may do what depends on roles and logins alone.")
    if not facts.uses_app:
        found = f"the policy names {named(facts.teams)}, and GitHub shows no team to the jobs' own token"
        return advice(
            found, meaning, f"use an App that has `members: read` of the organisation ({docs}), or name logins: {page}"
        )
    blind = [
        f"{path}, job {name}"
        for path, file in facts.default.workflows.items()
        if not path.endswith("/review.yml")  # its job only starts the gate's
        for name in file.jobs
        if not _WITHOUT_TEAMS & file.commands(name) and not {"members", "*"} & file.grants(name, "none").keys()
    ]
    if blind:
        how = "give the App the organisation permission `members: read`; then add the line `permission-members: read` "
        how += f"to the `with:` of the step that makes its token there ({docs})"
        return advice(f"the policy names teams, and no team is shown to {named(blind)}", meaning, how)
    hidden = [name for name, is_seen in facts.teams.items() if is_seen is False]
    if hidden:
        how = f"correct the names: {page}; or give the App `members: read` of the organisation ({docs})"
        return advice(f"this token does not see {named(hidden)}", meaning, how)
    unread = next((told for told in facts.teams.values() if isinstance(told, Unread)), None)
    if unread:
        return unread.verdict(meaning)
    return ok(
        f"this token sees {named(facts.teams)}", "The App's token, which the jobs use, needs `members: read`, too."
    )


def codeowners(facts: Facts) -> Verdict:
    """Have registry, policy and workflows owners?"""
    meaning = "The files that control promotions can change without the review of an owner."
    paths = {facts.registry_path: facts.registry_path, facts.policy_path: facts.policy_path}
    if facts.models_directory:
        paths[f"{facts.models_directory}/"] = f"{facts.models_directory}/NAME.json"
    paths[".github/"] = ".github/workflows/promote.yml"
    page = facts.page(f"new/{facts.default.name}?filename=.github/CODEOWNERS")
    if facts.files.codeowners is None:
        lines = "; ".join(f"`/{path} @OWNER`" for path in paths)
        return advice("there is no CODEOWNERS", meaning, f"write {lines} into .github/CODEOWNERS: {page}")
    path, text = facts.files.codeowners
    without = [shown for shown, file in paths.items() if not owners_of(text, file)]
    if without:
        page = facts.page(f"edit/{facts.default.name}/{path}")
        lines = "; ".join(f"`/{one} @OWNER`" for one in without)
        return advice(f"no owner of {named(without)} in {path}", meaning, f"add {lines}: {page}")
    return ok(
        f"{path} has owners of registry, policy and .github/", "Changes to these files need a review by their owners."
    )


def codeowners_errors(facts: Facts) -> Verdict:
    """Does GitHub understand CODEOWNERS?"""
    meaning = "GitHub ignores a line that it does not understand, so the files of that line have no owner."
    if facts.files.codeowners is None:
        return ok("there is no CODEOWNERS", "There is no line to check.")
    if isinstance(facts.codeowners_errors, Unread):
        return facts.codeowners_errors.verdict(meaning)
    if not facts.codeowners_errors:
        return ok("GitHub finds no error", "Every line is valid.")
    path = facts.files.codeowners[0]
    page = facts.page(f"edit/{facts.default.name}/{path}")
    return problem("; ".join(facts.codeowners_errors[:5]), meaning, f"correct {path}: {page}")


def environment(facts: Facts) -> Verdict:
    """Is the App's key for the branches only that take promotions?"""
    meaning = "Whoever may push a branch that gets the key can act as the bot."
    if not facts.uses_app:
        return ok("no App is used", "The bot works with the job's own token, so there is no key that could leak.")
    if isinstance(facts.environment, Unread):
        return facts.environment.verdict(meaning)
    page = f"Settings → Environments → {ENVIRONMENT}"
    branches = [branch.name for branch in facts.branches]
    setting = (
        f"{page} → Deployment branches and tags → Selected branches and tags: {named(branches)}: "
        f"{facts.page('settings/environments')}"
    )
    if facts.environment is None:
        return problem(
            f"there is no environment {ENVIRONMENT}", "No job gets the App's key, and every job fails.", setting
        )
    if not facts.environment.is_restricted:
        return problem("every branch and tag gets the key", meaning, setting)
    if not facts.environment.branches and not facts.environment.tags:
        return advice("every protected branch gets the key", meaning, setting)
    others = [name for name in facts.environment.branches if name not in branches]
    others += [f"tags {name}" for name in facts.environment.tags]
    if others:
        return problem(f"{named(others)} get the key, too", meaning, setting)
    if facts.default.name not in facts.environment.branches:
        return problem(f"{facts.default.name} does not get the key", "Every job fails.", setting)
    without = [
        branch.name for branch in facts.branches if branch.exists and branch.name not in facts.environment.branches
    ]
    if without:
        stops = "The jobs of a push to it fail: nothing is announced, and no open promotion is updated there."
        return problem(f"{named(without)} does not get the key", stops, setting)
    return ok(f"the key is for {named(facts.environment.branches)}", "Workflows of other branches do not get it.")
