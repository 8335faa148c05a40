"""The facts of a repository in which nothing is wrong, to be changed by a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from promotebot.doctor.catalogue import diagnose
from promotebot.doctor.facts import Branch, Facts, Files
from promotebot.doctor.report import Line
from promotebot.doctor.setting_checks import LABELS
from promotebot.doctor.workflow import Workflow
from promotebot.github.repository_settings import (
    MERGE_METHODS,
    ActionsSettings,
    BranchRequirements,
    Environment,
    RequiredStatus,
)
from promotebot.promotion.policy import Policy
from promotebot.workflow_files import workflow_files

ACTION = f"acme/promotebot@{'c0' * 20} # v1.2.3"
GATE = "promotebot/gate"
RULES = BranchRequirements(statuses=(RequiredStatus(GATE, 15368),), code_owner_review=True)
NOTHING = BranchRequirements()


def files_of(*, app: bool = False, branches: tuple[str, ...] = ("main",)) -> Mapping[str, Workflow]:
    """The workflow files as this version writes them."""
    laid = workflow_files(ACTION, branches, app=app)
    return {path: Workflow.parse(data) for path, data in laid.items()}


def branch(**changes: Any) -> Branch:
    """The default branch, guarded by rulesets alone."""
    made = Branch("main", GATE, True, RULES, NOTHING, (), files_of())
    return replace(made, **changes)


def facts(*, app: bool = False, **changes: Any) -> Facts:
    """Everything as the documents say; `app` where an App of its own is the bot."""
    rules = replace(RULES, statuses=(RequiredStatus(GATE, 4711),)) if app else RULES
    made = Facts(
        server_url="https://github.com",
        repository="acme/models",
        commit="b" * 40,
        registry_path="ml/registry/models.json",
        policy_path=".github/promotion.yml",
        branches=(branch(rulesets=rules, workflows=files_of(app=app)),),
        policy=Policy(),
        has_policy=True,
        roles={},
        merge_methods=MERGE_METHODS,
        actions=ActionsSettings("read", may_open_pulls=True),
        labels=frozenset(LABELS),
        codeowners_errors=(),
        environment=Environment(is_restricted=True, branches=("main",)),
        files=Files(
            (".github/CODEOWNERS", "* @root\n"), {"ml/artifacts/a/manifest.json": {"text": "unset"}}, frozenset()
        ),
        templates=files_of(app=app),
        action=ACTION,
    )
    return replace(made, **changes)


def line(name: str, given: Facts, *, where: str = "main") -> Line:
    """What one check says."""
    (found,) = [one for one in diagnose(given).lines if one.id == f"doctor.{name}" and one.where in ("", where)]
    return found
