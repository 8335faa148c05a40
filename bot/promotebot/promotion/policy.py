"""The policy: a team's rules for promotions. Read from the base commit, never from the pull request."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from enum import IntEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from promotebot.artifact.limits import Formats, Limits, Places, Terms
from promotebot.artifact.signers import Signatures
from promotebot.errors import InvalidInput
from promotebot.promotion.contacts import Contacts
from promotebot.promotion.model_policies import Models, formats_for
from promotebot.promotion.strict_yaml import StrictLoader
from promotebot.registry.codec import canonical_json
from promotebot.registry.names import Digest, Stage, parse_duration
from promotebot.schema import checked, validated_model

MAX_BYTES = 64 * 1024
"""Far more than a policy of every key needs; a YAML reader takes many times the file's size in memory."""
MAX_APPROVALS = 6
"""As many as GitHub's own rule for a branch can require."""
DEFAULT_PATH = ".github/promotion.yml"
_LOCAL_TIME = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$")


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


class _Section(BaseModel):
    """Frozen; an unknown key is an error: a misspelt rule must not be a missing rule."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Soak(_Section):
    """The time that an artifact should spend in a stage before it is promoted to a higher one."""

    minimum: DurationField
    required: bool = False


class StagePolicy(_Section):
    """The rules for promotions into shadow or staging."""

    permission: PermissionField = "write"  # type: ignore[assignment]  # the validator turns it into a Permission
    soak: Soak | None = None
    hold_after_rollback: bool = False


class ShadowPolicy(StagePolicy):
    """The rules for shadow; a key that is left out keeps its default, whatever else the section says."""

    soak: Soak | None = Soak(minimum="7d")


class StagingPolicy(StagePolicy):
    """The rules for staging; a key that is left out keeps its default, whatever else the section says."""

    soak: Soak | None = Soak(minimum="2d")


class ActivePolicy(_Section):
    """The rules for promotions into ACTIVE."""

    permission: PermissionField = "maintain"  # type: ignore[assignment]  # the validator turns it into a Permission
    require_prior_stage: bool = True
    hold_after_rollback: bool = True
    """True where a rollback holds the stage: the next artifact goes up only when somebody says that it may."""


class Stages(_Section):
    """The rules of each stage."""

    shadow: ShadowPolicy = ShadowPolicy()
    staging: StagingPolicy = StagingPolicy()
    active: ActivePolicy = ActivePolicy()

    def permission(self, stage: Stage) -> Permission:
        """Return the role that a person needs to promote into a stage."""
        section: StagePolicy | ActivePolicy = getattr(self, stage.value)
        return section.permission

    def holds_after_rollback(self, stage: Stage) -> bool:
        """Return whether a rollback of a stage keeps newer artifacts out of it until somebody ends the hold."""
        section: StagePolicy | ActivePolicy = getattr(self, stage.value)
        return section.hold_after_rollback


def _local_time(value: object) -> object:
    if isinstance(value, str) and _LOCAL_TIME.fullmatch(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise ValueError(f"{value!r} is not a local time such as 2026-12-18T18:00")


def _zone(value: object) -> object:
    try:
        ZoneInfo(value if isinstance(value, str) else "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a timezone that this machine knows, such as UTC or Europe/Berlin") from None
    return value


LocalTimeField = Annotated[
    str, BeforeValidator(_local_time), WithJsonSchema({"type": "string", "pattern": _LOCAL_TIME.pattern})
]


class Freeze(_Section):
    """A time in which nothing is promoted; what goes back, and what takes a model out, is never frozen."""

    start: LocalTimeField
    end: LocalTimeField
    timezone: Annotated[str, BeforeValidator(_zone)] = "UTC"
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)] = (Stage.ACTIVE,)

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Freeze:
        if self.begins >= self.ends:
            raise ValueError(f"end ({self.end}) is not after start ({self.start})")
        return self

    def holds_at(self, moment: datetime) -> bool:
        """Return whether it is in force at a moment (UTC)."""
        return self.begins <= moment < self.ends

    @property
    def begins(self) -> datetime:
        """Return the first moment of it, UTC; where clocks change in that hour, the earliest that it may mean."""
        return min(self._moments(self.start))

    @property
    def ends(self) -> datetime:
        """Return the first moment after it, UTC; where clocks change in that hour, the latest that it may mean."""
        return max(self._moments(self.end))

    def _moments(self, local: str) -> Iterator[datetime]:
        """Return what a local time may mean: an hour that clocks skip, or show twice, has two (PEP 495)."""
        moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(self.timezone))
        # Two times of one zone compare by their wall clocks, whatever its offset does in between; UTC's do not.
        return (moment.replace(fold=fold).astimezone(timezone.utc) for fold in (0, 1))


class Separation(_Section):
    """The number of people besides requester, author and last pusher who must approve the exact head."""

    approvals: Annotated[int, Field(ge=1, le=MAX_APPROVALS)]


_Label = Annotated[str, Field(min_length=1, max_length=50)]
_Login = Annotated[str, Field(min_length=1, max_length=39, pattern="^[A-Za-z0-9-]+$")]


class SchedulePolicy(_Section):
    """The issue that a failed scheduled verification opens."""

    labels: Annotated[tuple[_Label, ...], Field(max_length=20)] = ()
    assignees: Annotated[tuple[_Login, ...], Field(max_length=10)] = ()
    """Logins; GitHub takes ten."""


class Policy(_Section):
    """`.github/promotion.yml` (docs/architecture.md, Files); every key has a default, so no file is a valid policy."""

    bases: tuple[str, ...] = ()
    """Base refs beside the default branch that may be promoted into."""
    stages: Stages = Stages()
    require_reason: bool = False
    require_sha: bool = False
    require_dataset: bool = False
    """True where ACTIVE needs the dataset's own manifest and files in the repository."""
    terminal: tuple[Stage, ...] = tuple(Stage)
    """Stages that take events made at a terminal; see `terminal_stages`."""
    drafts: bool = False
    """True where a draft pull request may carry promotions."""
    separation: Separation | None = None
    freezes: tuple[Freeze, ...] = ()
    formats: Formats = ("onnx",)
    """What a model's file may be; with `opaque` one that is no ONNX model goes on unopened."""
    models: Models = {}
    signatures: Signatures = Signatures()
    storage: Places = ()
    """Prefixes of the places outside of git that manifests may name; none is read that is not listed."""
    limits: Limits = Limits()
    contacts: Contacts = ()
    """Who is named where something failed; see `contacts_for`."""
    schedule: SchedulePolicy = SchedulePolicy()
    deployments: Literal["announce", "confirm"] = "announce"
    """With `confirm` a deployment is in progress until a service reports that it has the model."""

    @property
    def terminal_stages(self) -> frozenset[Stage]:
        """Return the stages that take events made at a terminal.

        Such an event names no request that GitHub confirms: it shows neither who asked for it nor for which head. So
        ACTIVE takes none where the policy asks for either.
        """
        asks_github = self.require_sha or self.separation is not None
        return frozenset(self.terminal) - ({Stage.ACTIVE} if asks_github else set())

    @property
    def terms(self) -> Terms:
        """Return what it says in general about looking at an artifact; digests need no more."""
        signers = self.signatures.signers
        return Terms(**dict(self.limits), formats=self.formats, storage=self.storage, signers=signers)

    def terms_for(self, *models: str) -> Terms:
        """Return what it says about looking at an artifact of one model; of several, what all of them may be."""
        return self.terms.model_copy(update={"formats": formats_for(models, self.models, self.formats)})

    @property
    def digest(self) -> Digest:
        """Return the sha256 of the canonical JSON of the policy in force, defaults included.

        It is recorded with each event, so that a reader finds the rules that the event was judged by.
        """
        return Digest("sha256:" + hashlib.sha256(canonical_json(self.model_dump(mode="json"))).hexdigest())


def parse_policy(data: bytes | None, *, where: str = DEFAULT_PATH) -> Policy:
    """Return the policy of a file; None (no file) gives the defaults.

    Raises:
        InvalidInput: naming every key that is unknown or wrong.
    """
    if data is None:
        return Policy()
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"policy is {len(data):,} bytes; the limit is {MAX_BYTES:,}", where=where)
    try:
        document = yaml.load(data.decode("utf-8"), Loader=StrictLoader)  # noqa: S506 - a SafeLoader, stricter
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as problem:
        raise InvalidInput(f"not a YAML file: {' '.join(str(problem).split())}", where=where) from None
    # An empty file, or one with comments only, is a policy of defaults.
    document = {} if document is None else document
    result = validated_model(Policy, document)
    if isinstance(result, Policy):
        return result
    raise InvalidInput("; ".join(result), where=where, remedy="docs/policy.md lists every key")
