"""The documents that commands print with `--format json`, but for those of `listings.py` and the reports' own.

Each has a schema, `schemas/<command>_output.schema.json`; `COMMANDS` in main.py says which document a command prints.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from promotebot.findings import Finding
from promotebot.promotion.plan import PlanDocument
from promotebot.registry.metadata import Metadata
from promotebot.registry.names import Stage


class Output(BaseModel):
    """What every document has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal["v1"] = "v1"


class Part(BaseModel):
    """An object in a document."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GateOutput(Output):
    """`promotebot gate`: permissions, approvals, labels and other checks are not in it: GitHub alone knows them."""

    base: str
    head: str
    """Commits."""
    passes: bool
    title: str
    events: int
    """Events of the history that the head has and the base has not."""
    findings: tuple[Finding, ...]


class ExaminedArtifact(Part):
    """One artifact, and what the rules say of it."""

    artifact_dir: str
    findings: tuple[Finding, ...]


class CheckOutput(Output):
    """`promotebot check`."""

    artifacts: tuple[ExaminedArtifact, ...]
    exit_code: Literal[0, 1, 4]


class EvidenceOutput(Output):
    """`promotebot evidence`: the file that was written."""

    evidence: str
    digest: str
    """Of what it claims, as the event of a promotion records it."""
    metrics: int


class FetchOutput(Output):
    """`promotebot fetch`: where the model is now."""

    model: str
    stage: str
    model_path: str
    files: int
    digest: str


class BundleOutput(Output):
    """`promotebot bundle --out FILE`; without it the bundle itself is printed."""

    file: str
    model: str
    stage: str
    events: int
    history_digest: str
    """Digest of the newest event, for `--expect-history-digest`."""


class StageOutput(Part):
    """A stage, and what it holds."""

    model: str
    stage: Stage
    artifact_id: str


class RejectOutput(Output):
    """`promotebot reject`: the entry of `quarantine`, and the stages that hold these bytes and go on doing so."""

    model: str
    artifact_dir: str
    file: str
    """The file whose sha256 the entry names."""
    digest: str
    reason: str
    policy: str
    written: bool
    """False for a dry run, and where the policy has it already."""
    held_by: tuple[StageOutput, ...]


class DeployedOutput(Output):
    """`promotebot deployed`: what became of the deployment."""

    model: str
    stage: str
    digest: str
    state: Literal["success", "failure"]
    message: str


class ManifestOutput(Output):
    """`promotebot manifest`: what was written, and what is different from the old manifest."""

    manifest: str
    digest: str
    """Digest of the artifact, as a pointer has it."""
    files: int
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    notes: tuple[str, ...]
    """On files outside of git, and on signatures."""


class ImportRemark(Part):
    """One place of the other tool's file that is not taken over, or not as it is written."""

    place: str
    message: str
    blocking: bool
    """True where nothing is imported without somebody's decision."""


class ImportOutput(Output):
    """`promotebot import` and `promotebot registry adopt`: what was decided of each pointer."""

    written: bool
    imports: tuple[PlanDocument, ...]
    remarks: tuple[ImportRemark, ...]
    exit_code: Literal[0, 1]


class LaidFile(Part):
    """One file that a repository needs."""

    path: str
    state: Literal["kept", "created", "added to"]
    """With `--dry-run`, what would become of it."""


class NextStep(Part):
    """One step for people."""

    words: str
    commands: tuple[str, ...]


class InitOutput(Output):
    """`promotebot init`."""

    written: bool
    files: tuple[LaidFile, ...]
    notes: tuple[str, ...]
    """On code owners that are there already."""
    next_steps: tuple[NextStep, ...]


class ChangedKey(Part):
    """A key of a policy that is not at its default."""

    key: str
    effect: Literal["weaker", "stricter", "other"]
    default: str
    value: str
    line: int | None
    """Of the policy's file; null where no line says it."""


class RefusedEvent(Part):
    """An event of the past that a policy would have refused."""

    ts_utc: str
    action: str
    model: str
    stage: str
    artifact_id: str
    actor: str
    findings: tuple[Finding, ...]


class PastComparison(Part):
    """The history under a policy."""

    compared: int
    not_compared: tuple[str, ...]
    """Events that cannot be compared, each with the reason."""
    refused: tuple[RefusedEvent, ...]


class PolicyCheckOutput(Output):
    """`promotebot policy check`: a policy that is not valid is an error instead."""

    policy: str
    exists: bool
    changes: tuple[ChangedKey, ...]
    past: PastComparison | None
    """Null without `--against-history`."""


class AskedFor(Part):
    """One thing that a policy asks for."""

    words: str
    key: str
    """Empty where every policy asks for it."""
    line: int | None


class PolicyExplainOutput(Output):
    """`promotebot policy explain`."""

    policy: str
    exists: bool
    stage: str
    requirements: tuple[AskedFor, ...]
    model: str | None
    holdings: tuple[str, ...]
    """What the stages of the model hold."""
    login: str | None
    permission: str
    """The role that whoever asks needs."""


class SchemasOutput(Output):
    """`promotebot schemas`."""

    files: tuple[str, ...]
    written: bool
    """False with `--check`."""


class CompletionOutput(Output):
    """`promotebot completion`."""

    shell: Literal["bash", "zsh", "tcsh"]
    script: str


class DescribeOutput(Output):
    """`promotebot registry describe`."""

    written: bool
    model: str
    metadata: Metadata
    """What the registry says of the model then, or would say."""


class RegistryOutput(Output):
    """`promotebot registry split` and `join`."""

    layout: Literal["single", "split"]
    written: bool
    """False where the registry has this layout already."""
    models: int
    events: int
