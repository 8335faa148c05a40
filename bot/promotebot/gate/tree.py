"""The tree invariant: what a pointer of base or head names is the base's tree, or is proven against that pointer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from promotebot.artifact.dataset import DEFAULT_DIR as DATASETS_DIR
from promotebot.artifact.dataset import examine_dataset
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.lfs import CONTENT
from promotebot.artifact.manifest import FILE_NAME, MAX_BYTES, parse_manifest
from promotebot.artifact.opening_findings import for_active
from promotebot.artifact.source import FileSource, Kind
from promotebot.errors import InvalidInput
from promotebot.findings import Finding, error, errors_in, errors_with, passed
from promotebot.planning.decide import expect_artifacts
from promotebot.planning.examiner import Examine
from promotebot.promotion.replay import Step
from promotebot.pulls.branch_commands import bring_up_to_date, restored
from promotebot.pulls.compare import ChangesetLike
from promotebot.pulls.named import NamedPointer, dataset_place, named_directories, pointers_into
from promotebot.registry.model import Action
from promotebot.registry.names import ArtifactPath, Digest, Stage
from promotebot.registry.registry import ModelRegistry
from promotebot.remedies import Command, Remedy, comment
from promotebot.text import held_now, short_digest


def check_trees(
    changeset: ChangesetLike, base: ModelRegistry, head: ModelRegistry, steps: Sequence[Step], examine: Examine
) -> list[Finding]:
    """Return findings on what new events promote, and on each named directory whose tree is not the base's.

    See docs/architecture.md, The gate.
    """
    named = named_directories(base, head, changeset.changed_paths, changeset.policy_path)
    changed = {d: pointers for d, pointers in named.artifacts.items() if _differs(changeset, d)}
    promoted = {step.event.pointer.artifact_dir for step in steps}
    to_active = {
        step.event.pointer.artifact_dir
        for step in steps
        if (step.event.action, step.event.to_stage) == (Action.PROMOTE, Stage.ACTIVE)
    }
    findings: list[Finding] = []
    expect_artifacts(changeset.head_files, changed, changeset.policy.limits)
    for directory in sorted({*changed, *promoted}):
        # What is not promoted here was opened when it was; its bytes are proven without a download.
        files = changeset.head_files if directory in promoted else changeset.head_files.by_pointers()
        pointers = changed.get(directory) or _held(head, steps, directory)
        models = {step.model for step in steps if step.event.pointer.artifact_dir == directory}
        models = models or {one.model for one in pointers}
        evidence = examine(files, directory, changeset.policy.terms_for(*sorted(models)))
        is_changed = directory in changed or (_is_moved(changeset, directory) and _differs(changeset, directory))
        judge = _Judge(changeset, directory, evidence, is_changed)
        findings += (judge.finding(pointer) for pointer in pointers)
        told = for_active(evidence.findings) if directory in to_active else evidence.findings
        findings += judge.repaired(told) if any(not one.is_own for one in pointers) else told
    for dataset_id, holders in named.datasets.items():
        findings += _dataset(changeset, dataset_id, holders)
    findings += _moved_datasets(changeset, steps)
    if not errors_in(findings):
        state = (
            f"differ from the base and are proven: {', '.join(changed)}" if changed else "are the same as on the base"
        )
        findings.append(passed("gate.tree", f"directories that pointers name {state}"))
    return findings


def _held(head: ModelRegistry, steps: Sequence[Step], directory: ArtifactPath) -> list[NamedPointer]:
    """Return the pointers to an unchanged directory of the models that are promoted, as far as they have a digest."""
    slots, models = {(step.model, step.event.stage) for step in steps}, sorted({step.model for step in steps})
    return [
        replace(named, is_own=(named.model, named.stage) in slots)
        for named in pointers_into(head, models, {directory})
        if named.pointer.artifact_dir == directory and named.pointer.digest
    ]


def _differs(changeset: ChangesetLike, directory: str) -> bool:
    """Return whether the head has another tree there than the base; two that are no directory are never the same."""
    ours, theirs = changeset.head_files.fingerprint(directory), changeset.base_files.fingerprint(directory)
    return ours is None or ours != theirs


def _is_moved(changeset: ChangesetLike, directory: str) -> bool:
    """Return whether the base changed it, too, since the branch left: what a merge makes of it is on no commit."""
    return changeset.fork_files.fingerprint(directory) != changeset.base_files.fingerprint(directory)


@dataclass(frozen=True)
class _Judge:
    """Judges the pointers to one directory by the evidence about it at the head."""

    changeset: ChangesetLike
    directory: ArtifactPath
    evidence: Evidence
    is_changed: bool

    def finding(self, named: NamedPointer) -> Finding:
        """Return what is wrong for one pointer, or that the directory is proven against it."""
        pointer, problem = named.pointer, self._no_tree() if self.is_changed else None
        if problem:
            return self._refuse(named, *problem)
        if pointer.digest is None:
            message = "has no digest (an older tool wrote it), so nothing proves a change of"
            return self._refuse(named, message, self._restore("promote the directory again in this pull request"))
        if pointer.digest != self.evidence.digest:
            return error(
                "artifact.pinned",
                f"{named} was promoted as {short_digest(pointer.digest)}; {held_now(self.evidence.digest)}.",
                where=self.directory,
                remedy=self._renew(named) if named.is_own else self._restore(_OF_THEIR_OWN),
            )
        if not self._keeps_manifest(named):
            return error(
                "manifest.changed",
                f"{named} was promoted with another {FILE_NAME} than {self.directory} now has.",
                where=f"{self.directory}/{FILE_NAME}",
                remedy=self._renew(named) if named.is_own else self._restore(_OF_THEIR_OWN),
            )
        wrong = errors_in(self.evidence.findings)
        if wrong and not named.is_own:
            return self._refuse(named, f"is not proven ({wrong[0].message.rstrip('.')}):", self._restore(_OF_THEIR_OWN))
        return passed("artifact.pinned", f"{named} holds the bytes that were promoted", where=self.directory)

    def repaired(self, findings: Sequence[Finding]) -> Sequence[Finding]:
        """Return findings on a directory that was promoted before: its bytes have to come back as they were."""
        return errors_with(findings, self._restore(_OF_THEIR_OWN), but=CONTENT) if self.is_changed else findings

    def _no_tree(self) -> tuple[str, Remedy] | None:
        """Return why nothing can be proven, and the remedy: no directory, or one that the base changed meanwhile."""
        kind = self.changeset.head_files.kind(self.directory)
        if kind is not Kind.DIRECTORY:
            state = (
                f"names a path that is now a {kind.value}:"
                if kind
                else "names a directory that was deleted or renamed:"
            )
            return state, self._restore("if it is no longer needed, demote it and merge that first")
        if _is_moved(self.changeset, self.directory):
            return "names a directory that the base changed since the branch left it:", bring_up_to_date(
                self.changeset.base
            )
        return None

    def _refuse(self, named: NamedPointer, message: str, remedy: Remedy) -> Finding:
        return error("gate.tree", f"{named} {message} {self.directory}.", where=self.directory, remedy=remedy)

    def _restore(self, otherwise: str) -> Remedy:
        return Remedy("restore it: ", _restored(self.changeset, self.directory), f"; {otherwise}")

    def _renew(self, named: NamedPointer) -> Remedy:
        if errors_in(self.evidence.findings):
            return Remedy("correct the files first, as described above; then request them again if they are intended")
        line = comment("/promote", named.stage.value, named.model, "--artifact-dir", self.directory)
        return Remedy("request the current bytes in a new comment: ", line)

    def _keeps_manifest(self, named: NamedPointer) -> bool:
        """Return whether the manifest is, in every key, the one that the pointer pins; for older pointers, the base's.

        A new pointer that pins none is no event that a plan produces, and refused as such.
        """
        if named.pointer.manifest_digest or named.is_own or not self.is_changed:
            return self.evidence.keeps_manifest(named.pointer)
        ours, theirs = self.evidence.manifest_digest, _manifest_digest(self.changeset.base_files, self.directory)
        return ours is not None and ours == theirs


_OF_THEIR_OWN = "put new files into a separate directory"


def _restored(changeset: ChangesetLike, directory: str) -> Command:
    """Return the line that puts a directory back to what it is on the base."""
    moved = _is_moved(changeset, directory)
    source, ours = changeset.base_files if moved else changeset.fork_files, changeset.head_files
    there = {entry.path for entry in source.walk(directory)}
    has_more = ours.kind(directory) is Kind.DIRECTORY and any(e.path not in there for e in ours.walk(directory))
    commit = changeset.base if moved else changeset.fork_point
    return restored(commit, directory, is_here=not moved, has_more=has_more)


def _manifest_digest(files: FileSource, directory: str) -> Digest | None:
    """Return the digest of a whole manifest; None where there is none that reads."""
    path = f"{directory}/{FILE_NAME}"
    try:
        with files.open(path) as stream:
            return parse_manifest(stream.read(MAX_BYTES + 1), where=path).full_digest
    except InvalidInput:
        return None


def _moved_datasets(changeset: ChangesetLike, steps: Sequence[Step]) -> Iterator[Finding]:
    """Yield an error for each new ACTIVE pointer whose dataset is, after a merge, another than the one looked at."""
    for step in steps:
        place = dataset_place(step.event.pointer) if step.event.stage is Stage.ACTIVE else ""
        if place and _is_moved(changeset, place) and _differs(changeset, place):
            yield error(
                "gate.tree",
                f"{step.model} ACTIVE ({step.event.pointer.artifact_id}) names a dataset that the base changed since "
                f"the branch left it: {place}.",
                where=place,
                remedy=bring_up_to_date(changeset.base),
            )


def _dataset(changeset: ChangesetLike, dataset_id: str, holders: Sequence[NamedPointer]) -> Iterator[Finding]:
    """Yield findings on a changed dataset of what is ACTIVE on the base: no pointer says which bytes it had."""
    place = f"{DATASETS_DIR}/{dataset_id}"
    if not _differs(changeset, place):
        return
    kind = changeset.head_files.kind(place)
    if kind is Kind.DIRECTORY and changeset.base_files.kind(place) is None:
        findings = examine_dataset(changeset.head_files, dataset_id)
        yield from findings
        problems = errors_in(findings)
        state = f"is not proven ({problems[0].message.rstrip('.')})" if problems else ""
    else:
        state = "changed" if kind is Kind.DIRECTORY else f"is now a {kind.value}" if kind else "was deleted or renamed"
    for named in holders if state else ():
        yield error(
            "gate.tree",
            f"{named} was trained on {place}, which {state}.",
            where=place,
            remedy=Remedy("restore it: ", _restored(changeset, place), "; use a new dataset id for new data"),
        )
