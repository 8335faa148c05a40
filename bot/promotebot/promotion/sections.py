"""The sections of the policy: what each stage asks for, roles, soak times, approvals."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from promotebot.promotion.patterns import Patterns
from promotebot.promotion.people import LOGIN, People
from promotebot.promotion.required import Labels, RequiredChecks
from promotebot.registry.names import Stage, hundredths, parse_canary_share, parse_duration
from promotebot.schema import checked

MAX_APPROVALS = 6
"""As many as GitHub's own rule for a branch can require."""


class Permission(IntEnum):
    """A role in a repository, least first.

    https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization
    """

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5


def _permission(value: object) -> object:
    # Lower case only, as GitHub's API and the published schema spell it.
    if isinstance(value, str) and value.upper() in Permission.__members__ and value.islower():
        return Permission[value.upper()]
    raise ValueError(f"{value!r} is not one of: {', '.join(p.name.lower() for p in Permission)}")


def _as_written(span: timedelta) -> str:
    """Return a duration as the file writes it, in the largest unit that holds it whole: 7d, 36h, 90m."""
    minutes = int(span.total_seconds()) // 60
    return f"{minutes // 1440}d" if minutes % 1440 == 0 else f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


PermissionField = Annotated[
    Permission,
    BeforeValidator(_permission),
    PlainSerializer(lambda p: Permission(p).name.lower(), return_type=str),
    WithJsonSchema({"enum": [permission.name.lower() for permission in Permission]}),
]
DurationField = Annotated[
    timedelta,
    BeforeValidator(checked(parse_duration)),
    PlainSerializer(_as_written, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,4}[mhd]$"}),
]


MAX_CONFIRM = timedelta(minutes=15)
"""The job waits, and has 20 minutes in all."""


def _within_the_job(span: timedelta) -> timedelta:
    if not timedelta(minutes=1) <= span <= MAX_CONFIRM:
        raise ValueError("a job waits for a confirmation between 1m and 15m")
    return span


ConfirmField = Annotated[DurationField, AfterValidator(_within_the_job)]


class Section(BaseModel):
    """Frozen; an unknown key is an error: a misspelt rule must not be a missing rule."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Soak(Section):
    """The time that an artifact should spend in a stage before it is promoted to a higher one."""

    minimum: DurationField
    required: bool = False


def percentage(amount: int) -> str:
    """Return hundredths of a percent as a share is written: 2.5% for 250."""
    return f"{Decimal(amount) / 100:f}%"


def _hundredths(value: object) -> object:
    return value if isinstance(value, int) and not isinstance(value, bool) else hundredths(parse_canary_share(value))


ShareBound = Annotated[
    int,
    BeforeValidator(checked(_hundredths)),
    PlainSerializer(percentage, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^(0|[1-9][0-9]?|100)(\.[0-9]?[1-9])?%$"}),
]
"""In hundredths of a percent."""


class SharePolicy(Section):
    """The share of production that a candidate may get."""

    minimum: ShareBound = 100
    maximum: ShareBound = 500
    required: bool = False


class StagePolicy(Section):
    """The rules for promotions into shadow or staging."""

    permission: PermissionField = "write"  # type: ignore[assignment]  # the validator turns it into a Permission
    people: People = ()
    """Who may ask without the role."""
    labels: Labels = ()
    """Those that the pull request has to have."""
    checks: RequiredChecks = ()
    """Those that have to be successful on the exact head."""
    soak: Soak | None = None
    hold_after_rollback: bool = False


class ShadowPolicy(StagePolicy):
    """The rules for shadow; a key that is left out keeps its default, whatever else the section says."""

    soak: Soak | None = Soak(minimum="7d")


class StagingPolicy(StagePolicy):
    """The rules for staging; a key that is left out keeps its default, whatever else the section says."""

    soak: Soak | None = Soak(minimum="2d")
    share: SharePolicy = SharePolicy()


class ActivePolicy(Section):
    """The rules for promotions into ACTIVE."""

    permission: PermissionField = "maintain"  # type: ignore[assignment]  # the validator turns it into a Permission
    people: People = ()
    """Who may ask without the role."""
    labels: Labels = ()
    """Those that the pull request has to have."""
    checks: RequiredChecks = ()
    """Those that have to be successful on the exact head."""
    require_prior_stage: bool = True
    confirm: ConfirmField | None = None
    """How long whoever asked has time to confirm the dry run with 👍; None where nobody has to."""
    hold_after_rollback: bool = True
    """True where a rollback holds the stage: the next artifact goes up only when somebody says that it may."""


class Stages(Section):
    """The rules of each stage."""

    shadow: ShadowPolicy = ShadowPolicy()
    staging: StagingPolicy = StagingPolicy()
    active: ActivePolicy = ActivePolicy()

    def of(self, stage: Stage) -> StagePolicy | ActivePolicy:
        """Return the rules of one stage."""
        section: StagePolicy | ActivePolicy = getattr(self, stage.value)
        return section

    def permission(self, stage: Stage) -> Permission:
        """Return the role that a person needs to promote into a stage."""
        return self.of(stage).permission

    def people(self, stage: Stage) -> tuple[str, ...]:
        """Return who may promote into a stage whatever their role: logins, teams, and the word for owners."""
        return self.of(stage).people

    def holds_after_rollback(self, stage: Stage) -> bool:
        """Return whether a rollback of a stage keeps newer artifacts out of it until somebody ends the hold."""
        return self.of(stage).hold_after_rollback


class Separation(Section):
    """The number of people besides requester, author and last pusher who must approve the exact head."""

    approvals: Annotated[int, Field(ge=1, le=MAX_APPROVALS)]


def _decimal(value: object) -> object:
    # A number of YAML is a float; canonical JSON, of which the policy's digest is made, has none.
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(value, Decimal) or (is_number and math.isfinite(value)):  # type: ignore[arg-type]
        return Decimal(str(value)).normalize()
    raise ValueError(f"{value!r} is not a number such as 0.001")


def _written(value: Decimal) -> str:
    return format(value, "f")


Share = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    Field(ge=0, le=1),
    PlainSerializer(_written, return_type=str),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1}),
]
Amount = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    Field(ge=0),
    PlainSerializer(_written, return_type=str),
    WithJsonSchema({"type": "number", "minimum": 0}),
]


class ComparisonPolicy(Section):
    """How close a candidate's outputs have to be to those of today's ACTIVE on its golden inputs."""

    agreement: Share | None = None
    """The least share of classes that are the same, of every output that has any."""
    max_difference: Amount | None = None
    """The largest absolute difference of a number."""
    mean_difference: Amount | None = None
    """The largest mean of the absolute differences of an output."""
    stages: tuple[Stage, ...] = (Stage.ACTIVE,)
    """Stages that take nothing that is further away; for the others that is a warning."""

    @property
    def is_set(self) -> bool:
        """Return whether it asks for anything."""
        return any(value is not None for value in (self.agreement, self.max_difference, self.mean_difference))


class Monitoring(Section):
    """A page that people watch after a promotion; cards link it."""

    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]
    url: Annotated[str, Field(pattern=r"^https?://[^\s<>\"'`\\\x00-\x1f\x7f]{1,500}$")]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)] = tuple(Stage)
    models: Patterns = ()
    """For which models; none for every one."""


_Label = Annotated[str, Field(min_length=1, max_length=50)]
_Login = Annotated[str, Field(pattern=LOGIN.pattern)]


class Reminders(Section):
    """When people are reminded of a candidate, in the pull request that promoted it; the runbook's durations."""

    soaked: bool = True
    """True where a comment says that the soak time is over."""
    shadow: DurationField | None = "14d"  # type: ignore[assignment]  # the validator turns it into a timedelta
    """How long a candidate may stay in shadow until a comment says so; None for no such comment."""
    staging: DurationField | None = "7d"  # type: ignore[assignment]  # the validator turns it into a timedelta

    def longest(self, stage: Stage) -> timedelta | None:
        """Return how long a candidate may stay in a stage; None where nothing is said."""
        return {Stage.SHADOW: self.shadow, Stage.STAGING: self.staging}.get(stage)


SignaturePolicy = Literal["refuse", "warn", "allow"]
SIGNATURE_POLICIES: tuple[SignaturePolicy, ...] = ("allow", "warn", "refuse")
"""The strictest last."""


class SchedulePolicy(Section):
    """The issue that a failed scheduled verification opens."""

    labels: Annotated[tuple[_Label, ...], Field(max_length=20)] = ()
    assignees: Annotated[tuple[_Login, ...], Field(max_length=10)] = ()
    """Logins; GitHub takes ten."""
