"""Claimed evidence: `ml/evidence/<digest>.json`, metrics that somebody measured of an artifact; nothing proves them.

See docs/decisions, 0018.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from promotebot.artifact.source import FileSource, Kind
from promotebot.errors import InvalidInput
from promotebot.registry.codec import canonical_json, parse_json
from promotebot.registry.model import DigestField
from promotebot.registry.names import Digest
from promotebot.schema import validated_model
from promotebot.text import quoted

DEFAULT_DIR = "ml/evidence"
MAX_BYTES = 1024 * 1024
MAX_METRICS = 2000
_NUMBER = re.compile(r"^-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?$")
_TIME = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$")


def _number(value: object) -> object:
    """Return a number as its text: a file that is read never loses a digit of it."""
    text = repr(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    if isinstance(text, str) and _NUMBER.fullmatch(text):
        return text
    raise ValueError(f"{str(value)[:60]!r} is not a number such as 0.9312")


_NUMBER_SCHEMA = {"anyOf": [{"type": "string", "pattern": _NUMBER.pattern}, {"type": "number"}]}
NumberText = Annotated[str, BeforeValidator(_number), WithJsonSchema(_NUMBER_SCHEMA)]
"""A number by its exact text; `Decimal` reads it."""


def _moment(value: object) -> object:
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            datetime.fromisoformat(value.removesuffix("Z"))
        except ValueError:
            pass
        else:
            return value
    raise ValueError(f"{value!r} is not a date such as 2026-02-16, or a time such as 2026-02-16T09:00:00Z")


MomentText = Annotated[str, BeforeValidator(_moment), WithJsonSchema({"type": "string", "pattern": _TIME.pattern})]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _in_utc(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=timezone.utc)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(_Part):
    """The time that a metric was measured over; dates begin at midnight, UTC."""

    start: MomentText
    end: MomentText

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Span:
        if self.length <= timedelta(0):
            raise ValueError(f"end ({self.end}) is not after start ({self.start})")
        return self

    @property
    def length(self) -> timedelta:
        """Return the time between both."""
        return self.ends - _in_utc(self.start)

    @property
    def ends(self) -> datetime:
        """Return its end, UTC."""
        return _in_utc(self.end)


class Metric(_Part):
    """One number, and what it was measured on."""

    name: Name
    value: NumberText
    dataset: Name | None = None
    slice: Name | None = None
    """A part of the data, such as a country; None for all of it."""
    period: Span | None = None
    rows: Annotated[int, Field(ge=0)] | None = None

    @property
    def place(self) -> tuple[str, str | None, str | None]:
        """Return what tells it from the others: name, dataset, slice."""
        return self.name, self.dataset, self.slice

    @property
    def number(self) -> Decimal:
        """Return its value, exactly."""
        return Decimal(self.value)


class EvidenceFile(_Part):
    """`ml/evidence/<64 hex digits of the artifact's digest>.json`."""

    schema_ref: Annotated[str | None, Field(alias="$schema")] = None
    schema_version: Literal["v1"]
    artifact: DigestField
    """Of the bytes that the metrics are of."""
    claimed_by: Name
    """Who says so; nobody checks it."""
    source: Name | None = None
    """Where the numbers come from, such as a run of MLflow."""
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1, max_length=MAX_METRICS)]

    @model_validator(mode="after")
    def _each_once(self) -> EvidenceFile:
        place, count = Counter(metric.place for metric in self.metrics).most_common(1)[0]
        if count > 1:
            named = ", ".join(str(part) for part in place if part)
            raise ValueError(f"{named} is there {count} times; keep one for each name, dataset and slice")
        return self

    @property
    def claimant(self) -> str:
        """Return who claims it: the file's own words, which cannot pass for what is said behind them."""
        source = f" from {quoted(self.source)}" if self.source else ""
        return f"claimed by {quoted(self.claimed_by)}{source}"

    @property
    def digest(self) -> Digest:
        """Return the sha256 of its canonical JSON, numbers as their text; line endings and order of keys are free."""
        document = self.model_dump(mode="json", exclude={"schema_ref"})
        return Digest("sha256:" + hashlib.sha256(canonical_json(document)).hexdigest())


@dataclass(frozen=True)
class Claims:
    """What the file of an artifact's evidence says, or why it says nothing."""

    path: str
    file: EvidenceFile | None = None
    problem: str = ""
    """Why a file that is there does not count."""
    read_from: str = ""
    """In words: `commit 1de1d4c0a2b4`, or the work tree."""

    @property
    def digest(self) -> Digest | None:
        """Return the digest of what is claimed; None where nothing is."""
        return self.file.digest if self.file else None


def evidence_path(artifact: Digest, directory: str = DEFAULT_DIR) -> str:
    """Return where the evidence of an artifact is."""
    return f"{directory}/{artifact.removeprefix('sha256:')}.json"


def read_claims(source: FileSource, artifact: Digest) -> Claims:
    """Return what is claimed of an artifact's bytes.

    Raises:
        CouldNotVerify: when the source does not answer.
    """
    path = evidence_path(artifact)
    kind = source.kind(path)
    if kind is None:
        left_out = path in source.left_out(DEFAULT_DIR)
        return Claims(path, problem="this sparse checkout leaves it out" if left_out else "")
    try:
        if kind is not Kind.FILE:
            raise InvalidInput(f"it is a {kind.value}")
        with source.open(path) as stream:
            file = parse_evidence(stream.read(MAX_BYTES + 1), where=path)
    except InvalidInput as problem:
        return Claims(path, problem=problem.message)
    if file.artifact != artifact:
        return Claims(path, problem=f"it speaks of other bytes, {file.artifact}")
    return Claims(path, file, read_from=in_words(source.description))


def in_words(place: str) -> str:
    """Return where something that is claimed was read, from the description of its source."""
    return place[: len("commit ") + 12] if place.startswith("commit ") else f"the {place}"


def claims_after_merge(
    artifact: Digest, head: FileSource, base: FileSource | None = None, fork: FileSource | None = None
) -> Claims:
    """Return what is claimed of an artifact in the tree that merging gives: the base's word where it alone changed it.

    Args:
        head: the files of the branch.
        base: those of its base; without them the branch alone counts.
        fork: those of the commit at which the branch left it.

    Raises:
        CouldNotVerify: when a source does not answer.
    """
    ours = read_claims(head, artifact)
    if base is None or fork is None or base.description == fork.description:
        return ours
    theirs, before = read_claims(base, artifact), read_claims(fork, artifact)
    if _says(theirs) in (_says(before), _says(ours)):
        return ours
    if _says(ours) == _says(before):
        return theirs
    return Claims(ours.path, problem="branch and base changed it, each otherwise; merge the base into the branch")


def _says(claims: Claims) -> tuple[Digest | None, str]:
    return claims.digest, claims.problem


def parse_evidence(data: bytes, *, where: str) -> EvidenceFile:
    """Return the evidence of a file.

    Raises:
        InvalidInput: naming everything that is wrong with it.
    """
    document = parse_json(data, where=where, max_bytes=MAX_BYTES, exact=True)
    result = validated_model(EvidenceFile, document)
    if isinstance(result, EvidenceFile):
        return result
    raise InvalidInput("; ".join(result[:20]), where=where)
