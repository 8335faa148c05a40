"""The registry's records: pointer, event, request and one model's entry, frozen and typed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from promotebot.errors import InvalidInput
from promotebot.registry.names import (
    ArtifactPath,
    CanaryShare,
    Digest,
    GitSha,
    Stage,
    Timestamp,
    parse_artifact_path,
    parse_canary_share,
    parse_digest,
    parse_git_sha,
    parse_timestamp,
)
from promotebot.schema import checked


class Action(str, Enum):
    """The kinds of events. Promoting a digest again that has been ACTIVE is a rollback. See docs/rules.md."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    DEMOTE = "demote"
    IMPORTED = "imported"
    """A pointer of another tool, or one that promotebot did not write, is taken over as it is."""

    @property
    def noun(self) -> str:
        """What is done, as a noun: `promotion`, `rollback`, `demotion`, `import`."""
        return {"promote": "promotion", "demote": "demotion", "imported": "import"}.get(self.value, self.value)

    # Python 3.11 changed how mixed-in enums are formatted; this reads "promote" in all versions.
    __str__ = str.__str__


class Source(str, Enum):
    """The way an event was requested: at a terminal or on GitHub."""

    CLI = "cli"
    GITHUB = "github"

    __str__ = str.__str__


def _text(pattern: str, **limits: int) -> WithJsonSchema:
    """Return the schema of a checked string, as far as one can express it; the parser decides."""
    return WithJsonSchema({"type": "string", "pattern": pattern, **limits})


def _enum(kind: type[Enum]) -> BeforeValidator:
    """Return a validator that reads an enum from a string: strict models take none, and a file has nothing else."""

    def validate(value: object) -> object:
        if isinstance(value, str):
            try:
                return kind(value)
            except ValueError:
                expected = ", ".join(str(member.value) for member in kind)
                raise ValueError(f"{value!r} is not one of: {expected}") from None
        return value

    return BeforeValidator(validate)


NonEmpty = Annotated[str, Field(min_length=1)]
PathField = Annotated[ArtifactPath, AfterValidator(checked(parse_artifact_path)), _text(r"^[^/\\].*$", maxLength=4096)]
ShaField = Annotated[GitSha, AfterValidator(checked(parse_git_sha)), _text("^[0-9a-f]{40}$")]
DigestField = Annotated[Digest, AfterValidator(checked(parse_digest)), _text("^sha256:[0-9a-f]{64}$")]
TimeField = Annotated[
    Timestamp,
    AfterValidator(checked(parse_timestamp)),
    _text(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+00:00)$"),
]
ShareField = Annotated[
    CanaryShare, AfterValidator(checked(parse_canary_share)), _text(r"^(0|[1-9][0-9]?|100)(\.[0-9]?[1-9])?%$")
]
StageField = Annotated[Stage, _enum(Stage)]
ActionField = Annotated[Action, _enum(Action)]
SourceField = Annotated[Source, _enum(Source)]


def _as_tuple(value: object) -> object:
    """Return a list as the tuple that a strict model takes."""
    return tuple(value) if isinstance(value, list) else value


class Record(BaseModel):
    """Strict and frozen; unknown keys, which another version wrote, are kept. See docs/architecture.md, Files."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")


class Pointer(Record):
    """The content of a stage: an artifact's place, its bytes and their origin."""

    artifact_dir: PathField
    artifact_id: NonEmpty
    git_sha: ShaField | None = None
    dataset_id: NonEmpty | None = None
    promoted_at_utc: TimeField | None = None
    notes: str | None = None
    actor: str | None = None
    source: SourceField | None = None
    feature_order_hash: str | None = None
    digest: DigestField | None = None
    manifest_digest: DigestField | None = None
    """Of the whole manifest: the same bytes under another threshold are another model. Absent in older pointers."""
    share: ShareField | None = None
    """Of production, that a candidate in STAGING gets; absent where nobody said how much."""

    def pins(self, digest: Digest | None, manifest_digest: Digest | None) -> bool:
        """Return whether these bytes under this manifest are what it stands for; False for one without a digest.

        A pointer that pins no manifest stands for its bytes alone.
        """
        return self.digest is not None and self.digest == digest and self.manifest_digest in (None, manifest_digest)

    def is_same_artifact(self, other: Pointer) -> bool:
        """Return whether two pointers stand for the same bytes and, where both pin one, for the same manifest."""
        return self.pins(other.digest, other.manifest_digest) or other.pins(self.digest, self.manifest_digest)


class RequestRef(Record):
    """The GitHub request an event answers; `id` makes a second run find the first."""

    repo: NonEmpty
    pull: int
    id: NonEmpty
    login: NonEmpty
    head_sha: ShaField


class Import(Record):
    """Where an imported pointer was found, and what of it nobody could tell."""

    file: NonEmpty
    """A path in the repository, or what else was read."""
    format: NonEmpty
    place: NonEmpty
    """The place in the file, such as `$.models.fraud.production`."""
    unknown: Annotated[tuple[NonEmpty, ...], BeforeValidator(_as_tuple)] = ()
    """Fields of the pointer that the file does not have, and that are known from nowhere else."""


class Event(Record):
    """One entry of `history[]`: the change, its actor and reason, and the digest of the event below."""

    ts_utc: TimeField
    action: ActionField = Action.PROMOTE
    from_stage: StageField | None = None
    to_stage: StageField | None = None
    pointer: Pointer
    actor: str | None = None
    source: SourceField | None = None
    reason: str | None = None
    notes: str | None = None
    lifts_hold: NonEmpty | None = None
    """Why the stage takes promotions again, which an earlier rollback held."""
    evidence: DigestField | None = None
    """Of the claimed evidence that was read for the decision; absent where there was none."""
    allows_signature_change: NonEmpty | None = None
    """Why other inputs, outputs or features than the ones of ACTIVE at that time were right."""
    override: NonEmpty | None = None
    """The rule that who asked made an exception from, a colon and the reason."""
    confirmed: bool | None = None
    """True where whoever asked has confirmed the dry run."""
    registry_git_sha: str | None = None
    policy_digest: DigestField | None = None
    request: RequestRef | None = None
    imported: Import | None = None
    """For an import: where the pointer was found."""
    previous: DigestField | None = None

    @property
    def stage(self) -> Stage | None:
        """Return the stage this event changed: the one it filled, or the one a demotion cleared."""
        return self.from_stage if self.action is Action.DEMOTE else self.to_stage


class ModelEntry(Record):
    """One model: three stages and its history, newest first."""

    shadow: Pointer | None = None
    staging: Pointer | None = None
    active: Pointer | None = None
    history: tuple[Event, ...] = ()
    history_digest: DigestField | None = None

    def pointer(self, stage: Stage) -> Pointer | None:
        """Return what a stage holds; None for nothing."""
        pointer: Pointer | None = getattr(self, stage.value)
        return pointer


_RecordT = TypeVar("_RecordT", bound=Record)


def read_record(kind: type[_RecordT], value: object, *, where: str, path: str) -> _RecordT:
    """Validate a decoded JSON value; `path` is its JSON path in the file `where`.

    Raises:
        InvalidInput: naming every field that is wrong by its JSON path.
    """
    try:
        return kind.model_validate(_lists_as_tuples(value))
    except ValidationError as problem:
        lines = [f"{path}{_json_path(item['loc'])}: {_message(item)}" for item in problem.errors()]
        # A file of another format breaks every field; the first twenty show that.
        raise InvalidInput("; ".join(lines[:20]), where=where) from None


def _message(item: Any) -> str:
    message = str(item["msg"])
    message = message.removeprefix("Value error, ")
    # Our own validators quote the value first; pydantic's messages leave it out.
    if item["type"] != "missing" and "input" in item and not message.startswith("'"):
        message += f" (found {json.dumps(item['input'], default=str)[:80]})"
    return message


def _json_path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def _lists_as_tuples(value: object) -> object:
    """Return the value with `history` as a tuple: strict mode takes one only from a tuple."""
    if isinstance(value, Mapping) and isinstance(value.get("history"), list):
        return {**value, "history": tuple(value["history"])}
    return value
