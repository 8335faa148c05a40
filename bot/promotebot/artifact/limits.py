"""Limits on the cost of examining an artifact, as a part of the policy.

Those of the child process that opens a model are applied in `promotebot.artifact.child_limits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, InstanceOf

from promotebot.artifact.evaluation_terms import EvaluationTerms
from promotebot.artifact.signers import Signers
from promotebot.schema import checked
from promotebot.storage.uri import MAX_URI, StorageUri, lies_under, parse_storage_uri

GIB = 1024**3
MEMORY_PER_BYTE = 3
"""A model in one file takes 2.1 bytes of memory for each of its own while ONNX Runtime opens it."""


Lack = Literal["operators", "kernels", "locales"]
"""Custom operators of a library, kernels for processors that are not here, languages of the system."""

Program = Literal["libraries", "scripts", "pickles"]

Format = Literal["onnx", "opaque"]
"""What a model's file may be: an ONNX model, which is opened, or anything, of which only the bytes are proven."""


def _with_onnx(formats: tuple[Format, ...]) -> tuple[Format, ...]:
    if "onnx" not in formats:
        raise ValueError("onnx cannot be left out: a file named .onnx is opened whatever the policy says")
    return formats


Formats = Annotated[
    tuple[Format, ...], AfterValidator(_with_onnx), Field(json_schema_extra={"contains": {"const": "onnx"}})
]


Places = Annotated[
    tuple[Annotated[str, AfterValidator(checked(parse_storage_uri)), Field(max_length=MAX_URI)], ...],
    Field(max_length=100),
]
"""Prefixes of places outside of git."""


def lies_within(place: str, others: Sequence[str]) -> bool:
    """Return whether a place is one of some prefixes, or below one."""
    return lies_under(StorageUri(place), others)


def narrowest_places(lists: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the prefixes of what every list names; none of them lies below another."""
    found = list(lists[0])
    for other in lists[1:]:
        found = [one for one in found if lies_within(one, other)] + [one for one in other if lies_within(one, found)]
    places = list(dict.fromkeys(found))
    return tuple(one for one in places if not lies_within(one, [place for place in places if place != one]))


class ModelLimits(BaseModel):
    """Bytes, counts and seconds that may be others for some models."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    # Defaults that fit a standard runner of GitHub: https://docs.github.com/en/actions/reference/runners/github-hosted-runners
    file_bytes: int = Field(default=2 * GIB, gt=0)
    artifact_bytes: int = Field(default=4 * GIB, gt=0)
    files: int = Field(default=1000, gt=0)
    open_seconds: int = Field(default=60, gt=0)
    """For loading the model; once without optimisation, and once with default options."""
    run_seconds: int = Field(default=60, gt=0)
    """For running the golden data of a model, and measuring its latency."""
    storage_seconds: int = Field(default=600, gt=0)
    """For reading the files of one artifact that are in Git LFS or a bucket."""
    walls: Literal["required", "available"] = "available"
    """Whether a model is refused where a wall around that process cannot be raised, or opened with a warning."""

    may_lack: tuple[Lack, ...] = Field(default=(), strict=False)
    """What the runtime may lack here: a model that needs it is not opened, and goes on with a warning."""
    may_hold: tuple[Program, ...] = Field(default=(), strict=False)
    """What an artifact may hold that runs where somebody loads it, though no model reads it."""


class Limits(ModelLimits):
    """Bytes, counts and seconds; every one can be lowered or raised by the policy's `limits`."""

    open_memory_bytes: int | None = Field(default=None, gt=0)
    """Memory that opening and running the model may take beside the runtime's own; None to go by the model's size."""

    def memory_for(self, model_bytes: int) -> int:
        """Return the bytes of memory for opening a model of this size, external data included."""
        return self.open_memory_bytes or max(4 * GIB, MEMORY_PER_BYTE * model_bytes)


class IncumbentArtifact(NamedTuple):
    """Today's ACTIVE, or the last one, as its pointer pins it, with which a candidate is compared."""

    directory: str
    digest: str | None
    manifest_digest: str | None
    former: str = ""
    """`the last ACTIVE (until 2026-02-15)`; empty where it is ACTIVE today."""

    def pins(self, digest: str, manifest_digest: str) -> bool:
        """Return whether a manifest is the one that was promoted."""
        return self.digest == digest and self.manifest_digest in (None, manifest_digest)


class Terms(Limits):
    """All that the policy says about looking at an artifact: `limits`, `formats`, `storage`, whose signature counts."""

    incumbent: IncumbentArtifact | None = None
    """What its outputs are compared with; None where nothing is."""
    evaluation: InstanceOf[EvaluationTerms] | None = None
    """The data that it and the incumbent are measured on; None where the policy asks for none."""

    formats: Formats = ("onnx",)
    storage: Places = ()
    signers: Signers = Signers()

    @property
    def alone(self) -> Terms:
        """Return the same for an artifact beside no other."""
        return self.model_copy(update={"incumbent": None, "evaluation": None})

    def beside_another(self, digest: str, manifest_digest: str) -> Terms:
        """Return them alone where the incumbent is this very artifact: beside itself nothing is compared."""
        is_same = self.incumbent is not None and self.incumbent.pins(digest, manifest_digest)
        return self.alone if is_same else self
