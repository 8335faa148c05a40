"""Verify a registry and every artifact it points to: all findings, those on what could not be looked at included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from promotebot.artifact.dataset import DEFAULT_DIR, examine_dataset, expect_dataset
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.lfs import CONTENT
from promotebot.artifact.limits import Terms
from promotebot.artifact.manifest import FILE_NAME
from promotebot.artifact.opening_findings import SERVES, for_active
from promotebot.artifact.quarantine import digests_of, quarantined
from promotebot.artifact.signatures import signature_findings
from promotebot.artifact.source import FileSource
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.findings import Finding, error, errors_in, errors_with, passed, unknown, warning
from promotebot.planning.decide import expect_artifacts
from promotebot.planning.examiner import Examine, expect
from promotebot.planning.reject import can_go_back, way_out
from promotebot.promotion.history import other_stages
from promotebot.promotion.policy import Policy
from promotebot.registry.model import ModelEntry, Pointer
from promotebot.registry.names import ArtifactPath, Digest, Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.remedies import Remedy, shell
from promotebot.text import counted, held_now, short_digest
from promotebot.verification.evidence_files import EvidenceFiles, named_artifacts
from promotebot.verification.histories import Check, check_history, on_all_cores
from promotebot.verification.report import ModelFinding, ReportScope, VerifyReport, report_of


@dataclass(frozen=True)
class VerificationInput:
    """A registry to verify, the files it points to, and what it is compared with."""

    registry: ModelRegistry
    files: FileSource
    policy: Policy
    is_in_history: Callable[[str], bool | None] | None
    """Tells whether a commit is in the history of what is verified, None for one that a shallow clone may lack; None
    where nobody looks at it."""
    base: ModelRegistry | None = None
    """An earlier registry, whose events must stand unchanged."""
    datasets_dir: str = DEFAULT_DIR
    first_digest: Callable[[str, Stage, Pointer], Digest | None] = lambda *_: None
    """Returns the artifact's digest when a pointer without one was committed; None where git does not know it."""
    restore: Callable[[ArtifactPath, Digest | None, Digest | None], Remedy] = lambda directory, *_: Remedy(
        f"restore {directory} as it was promoted"
    )
    """Returns how to put a directory back that was promoted with this digest and this manifest."""
    evidence: EvidenceFiles | None = None
    """The files of claimed evidence; None where nobody looks at them."""
    stages: tuple[Stage, ...] = tuple(Stage)
    """The stages whose content is looked at; every history is."""


@dataclass
class _Verification:
    """The findings so far. Artifacts and datasets are examined once, however many pointers name them."""

    subject: VerificationInput
    examine: Examine
    now: datetime
    history: Check
    findings: list[ModelFinding] = field(default_factory=list)
    seen: dict[tuple[str, Terms], Evidence | None] = field(default_factory=dict)
    """What was looked at: a directory, by what the policy says of the model that names it."""
    datasets: set[str] = field(default_factory=set)
    artifacts: set[str] = field(default_factory=set)
    """The digests that the models looked at name."""

    def models(self, names: Sequence[str], progress: Callable[[str], None]) -> Sequence[str]:
        """Add the findings on every model, or on those until somebody stops it; return the models looked at."""
        for number, name in enumerate(names):
            before = len(self.findings)
            try:
                progress(name)
                self.model(name)
            except KeyboardInterrupt:
                del self.findings[before:]
                message = f"Stopped: {number} of {counted(len(names), 'model')} were verified, and the others were not."
                self._add("", [unknown("verify.unknown", message, remedy="run it again")])
                return names[:number]
        return names

    def model(self, name: str) -> None:
        """Add the findings on one model; what cannot be looked at is a finding of its own, and the rest goes on."""
        before, entry = len(self.findings), None
        try:
            findings = self.history(name)
            entry = self.subject.registry.entry(name)
            pointers = [(s, p) for s in self.subject.stages if entry and (p := entry.pointer(s))]
        except InvalidInput as problem:
            remedy = problem.remedy or "restore the registry from the base branch; only promotebot writes it"
            findings, pointers = [error("registry.schema", problem.message, where=problem.where, remedy=remedy)], []
        except CouldNotVerify as problem:
            findings, pointers = [_unknown(problem)], []
        self._add(name, findings)
        for stage, pointer in pointers:
            self._add(name, self._pointer(name, stage, pointer))
        if self.subject.evidence and entry:
            self.artifacts |= named_artifacts(entry)
            self._add(name, self._evidence(self.subject.evidence, entry))
        if len(self.findings) == before:
            self._add(name, [passed("history.pointer", "no pointer, no history", where=self.subject.registry.at(name))])

    def _add(self, name: str, findings: Sequence[Finding] | Iterator[Finding]) -> None:
        self.findings += [ModelFinding(model=name, **finding.model_dump()) for finding in findings]

    def _evidence(self, files: EvidenceFiles, entry: ModelEntry) -> Iterator[Finding]:
        try:
            yield from files.of_model(entry, self.subject.stages)
        except CouldNotVerify as problem:
            yield _unknown(problem)

    def _pointer(self, name: str, stage: Stage, pointer: Pointer) -> Iterator[Finding]:
        directory, terms = pointer.artifact_dir, self.subject.policy.terms_for(name)
        evidence = self.seen.get((directory, terms))
        if (directory, terms) not in self.seen:
            try:
                evidence = self.examine(self.subject.files, directory, terms)
                findings = self._repaired(pointer, evidence.findings)
                yield from for_active(findings) if stage is Stage.ACTIVE else findings
            except CouldNotVerify as problem:
                yield _unknown(problem, where=directory)
            self.seen[directory, terms] = evidence
        elif stage is Stage.ACTIVE and evidence:
            # What was only a warning for the stage at which it was looked at.
            yield from errors_in(for_active(f for f in evidence.findings if f.rule == SERVES))
        if evidence is not None:
            digest = pointer.digest or self.subject.first_digest(name, stage, pointer)
            yield from self._pinned(stage, pointer, evidence, digest)
            yield from self._signed(name, stage, evidence)
            yield from self._quarantined(name, stage, pointer, evidence)
        if stage is Stage.ACTIVE:
            yield from self._complete(name, pointer)
            yield from self._provenance(pointer)

    def _repaired(self, pointer: Pointer, findings: Sequence[Finding]) -> Sequence[Finding]:
        """Return the findings on what was promoted: it has to come back as it was, and nothing may declare it right."""
        if pointer.digest is None or not errors_in(findings):
            return findings
        restore = self.subject.restore(pointer.artifact_dir, pointer.digest, pointer.manifest_digest)
        return errors_with(findings, restore, but=CONTENT)

    def _pinned(self, stage: Stage, pointer: Pointer, evidence: Evidence, promoted: Digest | None) -> Iterator[Finding]:
        """Yield findings on a pointer's artifact: is it what was promoted, and does its manifest still agree?"""
        name, where = f"{stage.label} {pointer.artifact_id}", pointer.artifact_dir
        if pointer.digest is None and promoted in (None, evidence.digest):
            known = (
                "its bytes are those of the commit that put it there"
                if promoted
                else "nothing here says what they were"
            )
            yield warning(
                "artifact.pinned",
                f"{name} has no digest (written by an older tool); {known}.",
                where=where,
                remedy="nothing to do: the next promotion records one",
            )
        elif promoted == evidence.digest:
            yield passed("artifact.pinned", f"{name} holds the bytes promoted: {short_digest(promoted)}", where=where)
        else:
            yield error(
                "artifact.pinned",
                f"{name} was promoted as {short_digest(promoted)}; {held_now(evidence.digest)}.",
                where=where,
                remedy=self.subject.restore(where, promoted, pointer.manifest_digest),
            )
        if promoted == evidence.digest and not evidence.keeps_manifest(pointer):
            yield error(
                "manifest.changed",
                f"{name} was promoted with the manifest {short_digest(pointer.manifest_digest)}; "
                f"the directory now has {short_digest(evidence.manifest_digest)}.",
                where=f"{where}/{FILE_NAME}",
                remedy=self.subject.restore(where, promoted, pointer.manifest_digest),
            )
        yield from self._metadata(name, pointer, evidence, promoted)

    def _quarantined(self, name: str, stage: Stage, pointer: Pointer, evidence: Evidence) -> Iterator[Finding]:
        """Yield that a stage holds what is in quarantine: an error for ACTIVE, which services run."""
        subject = self.subject
        digests = {pointer.digest or "", *(digests_of(evidence.manifest) if evidence.manifest else [])}
        found = quarantined(subject.policy.quarantine, name, digests)
        if found:
            told = error if stage is Stage.ACTIVE else warning
            message = f"{stage.label} holds {pointer.artifact_id}, which is in quarantine: {found.reason}."
            goes_back = can_go_back(subject.registry, name, stage, subject.files, subject.policy.quarantine)
            line = way_out(name, stage, found.reason, goes_back=goes_back)
            remedy = Remedy("take it out, in a checkout of the repository: ", line)
            yield told("quarantine", message, where=pointer.artifact_dir, remedy=remedy)

    def _signed(self, name: str, stage: Stage, evidence: Evidence) -> Iterator[Finding]:
        """Yield who signed what a stage holds, where the policy requires it; it may be older than this policy."""
        policy = self.subject.policy.for_model(name).signatures
        if stage in policy.required and evidence.manifest:
            yield from signature_findings(evidence.signatures, evidence.artifact_dir, policy.signers, required=False)

    def _metadata(self, name: str, pointer: Pointer, evidence: Evidence, promoted: Digest | None) -> Iterator[Finding]:
        """Yield errors on what a pointer says otherwise than its artifact's manifest."""
        where, written = pointer.artifact_dir, evidence.manifest
        for field_name, promoted_as, manifest_says in (
            ("git_sha", pointer.git_sha, written.git_sha if written else None),
            ("dataset_id", pointer.dataset_id, written.dataset_id if written else None),
            ("feature_order_hash", pointer.feature_order_hash, written.feature_order_hash if written else None),
        ):
            if promoted_as and manifest_says and promoted_as != manifest_says:
                message = f"{name} says {field_name} {promoted_as}, its manifest says {manifest_says}."
                yield error(
                    f"manifest.{field_name}",
                    message,
                    where=where,
                    remedy=self.subject.restore(where, promoted, pointer.manifest_digest),
                )

    def _complete(self, name: str, pointer: Pointer) -> Iterator[Finding]:
        """Yield an error for each thing that what is ACTIVE has to say, and does not: an older tool wrote it."""
        where = self.subject.registry.at(name)
        remedy = Remedy("complete it: ", shell("promotebot", "registry", "adopt", "--model", name))
        message = f"ACTIVE {pointer.artifact_id} names no"
        if not pointer.git_sha:
            yield error("active.git_sha", f"{message} training commit.", where=where, remedy=remedy)
        if not pointer.dataset_id:
            yield error("active.dataset_id", f"{message} training dataset.", where=where, remedy=remedy)
        if not pointer.promoted_at_utc:
            yield error("active.promoted_at", f"{message} time of its promotion.", where=where, remedy=remedy)

    def _provenance(self, pointer: Pointer) -> Iterator[Finding]:
        """Yield findings on the training commit and the dataset of what is ACTIVE."""
        sha, dataset = pointer.git_sha, pointer.dataset_id
        try:
            if sha and self.subject.is_in_history:
                yield self._trained_at(sha, pointer, self.subject.is_in_history(sha))
            if dataset and dataset not in self.datasets:
                self.datasets.add(dataset)
                yield from examine_dataset(self.subject.files, dataset, directory=self.subject.datasets_dir)
        except CouldNotVerify as problem:
            yield _unknown(problem, where=pointer.artifact_dir)

    def _trained_at(self, sha: str, pointer: Pointer, is_in_history: bool | None) -> Finding:
        """Return the finding on a training commit: a warning unless it is known to be in the history."""
        if is_in_history:
            return passed("git_sha.ancestor", f"{sha[:12]} is in the history", where=pointer.artifact_dir)
        trained = f"ACTIVE {pointer.artifact_id}: the training commit {sha[:12]}"
        message = f"{trained} is not in the history."
        remedy = Remedy("a squash merge drops a branch's commits; name one that stays when you promote it again")
        if is_in_history is None:
            message = f"{trained} was not compared: this clone is shallow."
            remedy = Remedy("fetch the rest of the history: ", shell("git", "fetch", "--unshallow"))
        return warning("git_sha.ancestor", message, where=pointer.artifact_dir, remedy=remedy)


def verify(
    subject: VerificationInput,
    names: Sequence[str],
    about: ReportScope,
    *,
    examine: Examine,
    now: datetime,
    remarks: Sequence[Finding] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> VerifyReport:
    """Return the report on the models named: history, pointers, bytes, provenance; with a base, that history only grew.

    Args:
        about: the part of the registry that the report is on.
        remarks: findings on the whole, such as that nothing changed since a commit; they count as looked at.
        progress: told each model's name before it is looked at.
    """
    with on_all_cores(lambda name: [*check_history(subject.registry, subject.base, name, now)], names) as history:
        return _verified(_Verification(subject, examine, now, history), names, about, remarks, progress)


def _verified(
    verification: _Verification,
    names: Sequence[str],
    about: ReportScope,
    remarks: Sequence[Finding],
    progress: Callable[[str], None],
) -> VerifyReport:
    subject = verification.subject
    verification._add("", [*remarks, *other_stages(subject.registry.document, subject.registry.where, "$")])
    if not [*names, *subject.registry, *(subject.base or ())]:
        nothing = "The registry is valid and holds no model, so there is nothing to verify"
        verification._add("", [passed("registry.schema", nothing, where=subject.registry.where)])
    _expect(subject, names, verification.examine)
    looked_at = verification.models(names, progress)
    if subject.evidence and {*looked_at} >= {*subject.registry}:
        verification._add("", subject.evidence.unused(verification.artifacts))
    return report_of(about, looked_at, verification.findings)


def _expect(subject: VerificationInput, names: Sequence[str], examine: Examine) -> None:
    """Tell the source which directories are read soon; what a model names that does not read is found later."""
    held: list[tuple[str, Stage, Pointer]] = []
    for name in names:
        try:
            entry = subject.registry.entry(name)
            held += [(name, stage, pointer) for stage in subject.stages if entry and (pointer := entry.pointer(stage))]
        except (InvalidInput, CouldNotVerify):  # noqa: PERF203 - each model for itself
            continue
    expect_artifacts(subject.files, dict.fromkeys(pointer.artifact_dir for *_, pointer in held), subject.policy.limits)
    terms_for = subject.policy.terms_for
    places = dict.fromkeys((pointer.artifact_dir, terms_for(name)) for name, _, pointer in held)
    expect(examine, [(subject.files, directory, terms) for directory, terms in places])
    if subject.evidence and held:
        subject.evidence.expect()
    for dataset in dict.fromkeys(pointer.dataset_id for _, stage, pointer in held if stage is Stage.ACTIVE):
        if dataset:
            expect_dataset(subject.files, dataset, directory=subject.datasets_dir)


def _unknown(problem: CouldNotVerify, *, where: str = "") -> Finding:
    """Return the finding for what could not be looked at: unknown, which is never a pass."""
    remedy = problem.remedy or "run it again"
    return unknown("verify.unknown", f"Could not check: {problem.message}", where=problem.where or where, remedy=remedy)
