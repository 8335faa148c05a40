"""The questions of `repository_settings` as REST requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from promotebot.errors import CouldNotVerify
from promotebot.github.client import PyGithubClient
from promotebot.github.people import team_path
from promotebot.github.refused import NotAccessible, NotFound
from promotebot.github.repository_settings import (
    MERGE_METHODS,
    ActionsSettings,
    BranchRequirements,
    Environment,
    RequiredStatus,
)
from promotebot.github.rest import Rest, segment, translated
from promotebot.promotion.sections import Permission
from promotebot.settings import Settings

_METHOD_KEYS = {"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}


class SettingsClient:
    """`promotebot.github.repository_settings.RepositorySettings`, answered by GitHub."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    @classmethod
    def connect(cls, settings: Settings) -> SettingsClient:
        """Return a client for the repository of the settings; no request is made yet."""
        return cls(Rest.connect(settings))

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()

    def default_branch(self) -> str:
        """Return the name of the default branch."""
        with translated("read the repository"):
            return str(self._repository["default_branch"])

    def permission(self, login: str) -> Permission | None:
        """Return a user's role, None where there is no such user."""
        return PyGithubClient(self._rest).permission(login)

    def merge_methods(self) -> frozenset[str]:
        """Return the allowed ways of merging, which GitHub tells to whoever may write.

        https://docs.github.com/en/rest/repos/repos#get-a-repository
        """
        answer = self._repository
        if any(key not in answer for key in _METHOD_KEYS.values()):
            raise CouldNotVerify("GitHub does not tell this token the repository's merge methods")
        return frozenset(method for method, key in _METHOD_KEYS.items() if answer[key])

    def ruleset_rules(self, branch: str) -> BranchRequirements:
        """Return what the active rulesets ask of a branch: https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch"""
        purpose = f"read the rules of {branch}"
        rules = self._rest.listed(_rule, f"/rules/branches/{segment(branch)}", purpose=purpose, needs="metadata: read")
        reviews = [parameters for kind, parameters in rules if kind == "pull_request"]
        kinds = {kind for kind, _ in rules}
        with translated(purpose):
            found = BranchRequirements(
                tuple(
                    RequiredStatus(str(one["context"]), one.get("integration_id"))
                    for kind, parameters in rules
                    if kind == "required_status_checks"
                    for one in parameters["required_status_checks"]
                ),
                linear_history="required_linear_history" in kinds,
                signed_commits="required_signatures" in kinds,
                merge_queue="merge_queue" in kinds,
                queue_takes_failing=any(
                    kind == "merge_queue" and parameters.get("grouping_strategy") == "HEADGREEN"
                    for kind, parameters in rules
                ),
                merge_methods=MERGE_METHODS.intersection(
                    *(one.get("allowed_merge_methods") or MERGE_METHODS for one in reviews)
                ),
            )
            return replace(found, **_reviews(reviews, "dismiss_stale_reviews_on_push", "require_code_owner_review"))

    def classic_statuses(self, branch: str) -> Sequence[RequiredStatus] | None:
        """Return the statuses that classic protection requires, which whoever reads the repository is told.

        https://docs.github.com/en/rest/branches/branches#get-a-branch
        """
        purpose = f"read the branch {branch}"
        answer = self._get(f"/branches/{segment(branch)}", purpose, "contents: read")
        with translated(purpose):
            protection = answer["protection"] if answer["protected"] else {"enabled": False}
            if not protection["enabled"]:
                return None
            return _classic_statuses(protection)

    def classic_rules(self, branch: str) -> BranchRequirements:
        """Return a branch's classic protection: https://docs.github.com/en/rest/branches/branch-protection#get-branch-protection"""
        purpose = f"read the protection of {branch}"
        answer = self._get(f"/branches/{segment(branch)}/protection", purpose, "administration: read")
        with translated(purpose):
            reviews = answer.get("required_pull_request_reviews")
            found = BranchRequirements(
                _classic_statuses(answer),
                linear_history=_enabled(answer, "required_linear_history"),
                signed_commits=_enabled(answer, "required_signatures"),
            )
            return replace(
                found, **_reviews([reviews] if reviews else [], "dismiss_stale_reviews", "require_code_owner_reviews")
            )

    def actions(self) -> ActionsSettings:
        """Return what the tokens of workflows may do.

        https://docs.github.com/en/rest/actions/permissions#get-default-workflow-permissions-for-a-repository
        """
        purpose = "read the permissions of workflows"
        answer = self._get("/actions/permissions/workflow", purpose, "administration: read")
        with translated(purpose):
            return ActionsSettings(
                str(answer["default_workflow_permissions"]), bool(answer["can_approve_pull_request_reviews"])
            )

    def labels(self) -> frozenset[str]:
        """Return the labels' names in lower case: https://docs.github.com/en/rest/issues/labels#list-labels-for-a-repository"""
        names = self._rest.listed(_name, "/labels", purpose="list the labels", needs="issues: read")
        return frozenset(name.lower() for name in names)

    def create_label(self, name: str, description: str) -> None:
        """Make a label: https://docs.github.com/en/rest/issues/labels#create-a-label"""
        body = {"name": name, "description": description}
        self._rest.request("POST", "/labels", purpose=f"make the label {name}", needs="issues: write", body=body)

    def codeowners_errors(self) -> Sequence[str]:
        """Return GitHub's own words: https://docs.github.com/en/rest/repos/repos#list-codeowners-errors"""
        purpose = "read the errors of CODEOWNERS"
        answer = self._get("/codeowners/errors", purpose, "contents: read")
        with translated(purpose):
            return [
                " ".join(f"line {one['line']}: {one['kind']}: {one.get('source') or ''}".split())
                for one in answer["errors"]
            ]

    def environment(self, name: str) -> Environment | None:
        """Return an environment: https://docs.github.com/en/rest/deployments/environments#get-an-environment"""
        purpose, path = f"read the environment {name}", f"/environments/{segment(name)}"
        try:
            answer = self._get(path, purpose, "actions: read")
        except NotFound:
            return None
        with translated(purpose):
            policy = answer.get("deployment_branch_policy")
            if policy is None or policy["protected_branches"]:
                return Environment(is_restricted=policy is not None)
            found = self._get(f"{path}/deployment-branch-policies", purpose, "actions: read", {"per_page": 100})
            policies = found["branch_policies"]
            tags = tuple(str(one["name"]) for one in policies if one.get("type") == "tag")
            branches = tuple(str(one["name"]) for one in policies if one.get("type") != "tag")
        return Environment(is_restricted=True, branches=branches, tags=tags)

    def teams(self) -> frozenset[str]:
        """Return the slugs of the teams with access: https://docs.github.com/en/rest/repos/repos#list-repository-teams"""
        purpose, needs = "list the teams", "administration: read"
        return frozenset(self._rest.listed(lambda team: str(team["slug"]), "/teams", purpose=purpose, needs=needs))

    def sees_team(self, team: str) -> bool:
        """Return whether GitHub shows a team, `@organization/team`, to this token.

        It answers 404 for a team that is not there, or that the token does not see, and 403 to the token of a job.

        https://docs.github.com/en/rest/teams/teams#get-a-team-by-name
        """
        path, purpose = team_path(team), f"look for the team {team}"
        try:
            answer = self._rest.request("GET", path, purpose=purpose, needs="members: read", is_below_repo=False)
        except (NotFound, NotAccessible):
            return False
        with translated(purpose):
            return bool(str(answer["slug"]).lower() == team.rpartition("/")[2].lower())

    @cached_property
    def _repository(self) -> Any:
        return self._get("", "read the repository")

    def _get(self, path: str, purpose: str, needs: str = "", parameters: Mapping[str, Any] | None = None) -> Any:
        return self._rest.request("GET", path, purpose=purpose, needs=needs, parameters=parameters)


def _name(answer: Mapping[str, Any]) -> str:
    return str(answer["name"])


def _rule(answer: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    return str(answer["type"]), answer.get("parameters") or {}


def _reviews(reviews: Iterable[Mapping[str, Any]], dismissal: str, owners: str) -> dict[str, Any]:
    """Return the flags that rules about reviews set; rulesets and classic protection name two of them otherwise."""
    keys = {
        "dismisses_approvals": dismissal,
        "code_owner_review": owners,
        "last_push_approval": "require_last_push_approval",
    }
    return {flag: any(one.get(key) for one in reviews) for flag, key in keys.items()}


def _classic_statuses(protection: Mapping[str, Any]) -> tuple[RequiredStatus, ...]:
    """Return the required statuses; without an App's id, or with -1, anybody may set one.

    https://docs.github.com/en/rest/branches/branch-protection#update-status-check-protection
    """
    required = protection.get("required_status_checks") or {}
    checks = {str(one["context"]): one.get("app_id") for one in required.get("checks") or []}
    for context in required.get("contexts") or []:
        checks.setdefault(str(context), None)
    return tuple(RequiredStatus(name, source if source and source > 0 else None) for name, source in checks.items())


def _enabled(protection: Mapping[str, Any], key: str) -> bool:
    return bool((protection.get(key) or {}).get("enabled"))
