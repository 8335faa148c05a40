"""What was read of a repository, as plain values; what could not be read says so, and which permission would tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from promotebot.doctor.report import Status, Verdict
from promotebot.doctor.workflow import Workflow
from promotebot.github.repository_settings import ActionsSettings, BranchRequirements, Environment, RequiredStatus
from promotebot.promotion.boundaries import has_boundaries
from promotebot.promotion.policy import Policy
from promotebot.promotion.sections import Permission
from promotebot.registry.names import Stage
from promotebot.workflow_files import Folder

ENVIRONMENT = "promotebot"
"""Where an App's key stands (docs/setup.md)."""


MAX_POINTERS = 20
"""Files tracked by Git LFS that are looked at; a pointer is small, but what is none may be a model."""


@dataclass(frozen=True)
class Unread:
    """Something that GitHub did not tell."""

    reason: str
    remedy: str
    """What would tell: a token with a permission, or another try."""

    def verdict(self, meaning: str) -> Verdict:
        """Return the line of a check that could not be made."""
        return Verdict(status=Status.UNKNOWN, found=self.reason, meaning=meaning, remedy=self.remedy)


@dataclass(frozen=True)
class Branch:
    """A branch that takes promotions: the rules on it, and the workflow files as it has them."""

    name: str
    context: str
    """Of the required status on pull requests into it."""
    exists: bool
    rulesets: BranchRequirements | Unread
    classic: BranchRequirements | Unread
    """Classic protection; empty rules where there is none."""
    classic_statuses: tuple[RequiredStatus, ...] | Unread
    workflows: Mapping[str, Workflow] = field(default_factory=dict)
    """By path; a file that is not there is left out."""

    def asks_for(self, rule: str) -> bool | Unread:
        """Return whether a rule, a field of `BranchRequirements`, is on: what one kind does not tell, the other may."""
        told = [rules for rules in (self.rulesets, self.classic) if isinstance(rules, BranchRequirements)]
        if any(getattr(rules, rule) for rules in told):
            return True
        return next((rules for rules in (self.rulesets, self.classic) if isinstance(rules, Unread)), False)

    @property
    def statuses(self) -> tuple[RequiredStatus, ...]:
        """The required statuses that are known of."""
        rulesets = () if isinstance(self.rulesets, Unread) else self.rulesets.statuses
        return (*rulesets, *(() if isinstance(self.classic_statuses, Unread) else self.classic_statuses))

    @property
    def unread_statuses(self) -> Unread | None:
        """Why there may be more required statuses than that."""
        return next((one for one in (self.rulesets, self.classic_statuses) if isinstance(one, Unread)), None)


@dataclass(frozen=True)
class Files:
    """Files of the default branch's tip, beside its workflows."""

    codeowners: tuple[str, str] | None
    """Path and text of the file that GitHub reads."""
    attributes: Mapping[str, Mapping[str, str]]
    """A file of an artifact → git's attribute → its value."""
    pointers: frozenset[str]
    """The Git LFS pointers among the first MAX_POINTERS of them that Git LFS tracks."""


@dataclass(frozen=True)
class Facts:
    """Everything that the checks look at."""

    server_url: str
    repository: str
    commit: str
    registry_path: str
    policy_path: str
    branches: tuple[Branch, ...]
    """The default branch first, then the policy's `bases`."""
    policy: Policy | str
    """What is wrong with it, where it does not read."""
    has_policy: bool
    roles: Mapping[str, Permission | Unread | None]
    """Everybody whom the policy names, as `@login` or `@organization/team` → the role, None where GitHub has nobody."""
    merge_methods: frozenset[str] | Unread
    actions: ActionsSettings | Unread
    labels: frozenset[str] | Unread
    codeowners_errors: tuple[str, ...] | Unread
    environment: Environment | Unread | None
    files: Files
    templates: Mapping[str, Workflow]
    """The workflow files as this version writes them, by path."""
    action: str
    """The pinned action that they use; empty where it is not known."""
    models_directory: str = ""
    """Where each model has a file of its own, in the split layout."""
    teams: Mapping[str, bool | Unread] = field(default_factory=dict)
    """Teams to which the policy leaves something → whether this token sees them."""
    folder: Folder | None = None
    """Of one of several registries; None for the only one of a repository."""

    @property
    def label_word(self) -> str:
        """What stands before the names of this registry's labels."""
        return f"{self.folder.word}:" if self.folder else ""

    @property
    def default(self) -> Branch:
        """The default branch."""
        return self.branches[0]

    @property
    def uses_app(self) -> bool:
        """Whether the workflow files take the token of an App of its own."""
        return any(workflow.uses_app for workflow in self.default.workflows.values())

    @property
    def is_on_github_com(self) -> bool:
        """Whether it is GitHub's own service, whose facts are known better than those of a server."""
        return self.server_url == "https://github.com"

    @property
    def has_separation(self) -> bool:
        """Whether the policy waits for approvals."""
        if not isinstance(self.policy, Policy):
            return False
        return self.policy.strictest.separation is not None or bool(
            self.policy.quarantine
        )  # to lift it, people approve

    @property
    def has_times(self) -> bool:
        """Whether the clock alone changes what the policy allows."""
        return isinstance(self.policy, Policy) and has_boundaries(self.policy)

    def asks_for(self, key: str) -> bool:
        """Return whether the policy waits for `labels` or `checks` in any stage, for some model at least."""
        if not isinstance(self.policy, Policy):
            return False
        stages = self.policy.strictest.stages
        return any(getattr(stages.of(stage), key) for stage in Stage)

    def page(self, path: str) -> str:
        """Return the address of a page of the repository."""
        return f"{self.server_url}/{self.repository}/{path}"
