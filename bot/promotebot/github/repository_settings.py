"""What administrators set on a repository, as `promotebot doctor` asks for it; `settings_client` answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from promotebot.promotion.sections import Permission

MERGE_METHODS = frozenset({"merge", "squash", "rebase"})


@dataclass(frozen=True)
class RequiredStatus:
    """A status that a rule asks for before a merge."""

    context: str
    source: int | None
    """The id of the App that must have set it; None where anybody may."""


@dataclass(frozen=True)
class BranchRequirements:
    """What the rulesets, or the classic protection, of a branch ask for. The default asks for nothing."""

    statuses: tuple[RequiredStatus, ...] = ()
    linear_history: bool = False
    signed_commits: bool = False
    dismisses_approvals: bool = False
    last_push_approval: bool = False
    code_owner_review: bool = False
    merge_queue: bool = False
    queue_takes_failing: bool = False
    """A group of the queue is merged where the last pull request passes, whatever those before it do."""
    merge_methods: frozenset[str] = MERGE_METHODS


@dataclass(frozen=True)
class ActionsSettings:
    """What the tokens of workflows may do in a repository, where a workflow file does not say."""

    default_permissions: str
    """`read` or `write`."""
    may_open_pulls: bool


@dataclass(frozen=True)
class Environment:
    """An environment, and the branches whose jobs may use it."""

    is_restricted: bool
    branches: tuple[str, ...] = ()
    """Names or patterns; empty where it is for every protected branch."""
    tags: tuple[str, ...] = ()


class RepositorySettings(Protocol):
    """The questions about one repository. Each raises CouldNotVerify when GitHub does not answer, or may not."""

    def default_branch(self) -> str:
        """Return the name of the default branch."""

    def merge_methods(self) -> frozenset[str]:
        """Return the ways of merging that the repository allows: merge, squash, rebase."""

    def ruleset_rules(self, branch: str) -> BranchRequirements:
        """Return what the active rulesets ask of a branch, those of the organization included."""

    def classic_statuses(self, branch: str) -> Sequence[RequiredStatus] | None:
        """Return the statuses that a branch's classic protection requires; None where it has none."""

    def classic_rules(self, branch: str) -> BranchRequirements:
        """Return what a branch's classic protection asks for."""

    def actions(self) -> ActionsSettings:
        """Return what the tokens of workflows may do."""

    def labels(self) -> frozenset[str]:
        """Return the names of the repository's labels, in lower case."""

    def create_label(self, name: str, description: str) -> None:
        """Make a label."""

    def codeowners_errors(self) -> Sequence[str]:
        """Return what GitHub does not understand in the file CODEOWNERS; nothing where there is no such file."""

    def environment(self, name: str) -> Environment | None:
        """Return an environment; None where there is none of that name."""

    def teams(self) -> frozenset[str]:
        """Return the slugs of the teams that have access."""

    def sees_team(self, team: str) -> bool:
        """Return whether GitHub shows a team, `@organization/team`, to this token."""

    def permission(self, login: str) -> Permission | None:
        """Return a user's role, None where there is no such user."""

    def close(self) -> None:
        """Close the connections."""
