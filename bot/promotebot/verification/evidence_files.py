"""Files of claimed evidence: those that events pinned are still there, read, and say what was decided on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from promotebot.artifact.claims import DEFAULT_DIR, evidence_path, read_claims
from promotebot.artifact.source import FileSource, Kind, fetching
from promotebot.findings import Finding, error, passed, unknown, warning
from promotebot.registry.model import Event, ModelEntry
from promotebot.registry.names import Digest, Stage
from promotebot.remedies import Remedy
from promotebot.text import counted, short_digest

RULE = "evidence.pinned"
MAX_FILES = 10_000
MAX_BYTES = 256 * 1024 * 1024
"""Of what is fetched at once, where files are far away."""


@dataclass
class EvidenceFiles:
    """Looks at what `ml/evidence` has of artifacts that events and pointers name (docs/decisions, 0018)."""

    files: FileSource
    restore: Callable[[str, Digest], Remedy]
    """Returns how to put a file back whose content has this digest."""
    may_be_left_out: bool = False
    """Whether a copy without the folder is right, too: no service reads it."""
    was_left_out: bool = False
    """Whether an event pinned a file that was not looked at for that reason."""

    def expect(self) -> None:
        """Tell the source that these files are read soon."""
        if self._present:
            self.files.expect(DEFAULT_DIR, max_files=MAX_FILES, max_bytes=MAX_BYTES)

    @cached_property
    def _present(self) -> frozenset[str]:
        if self.files.kind(DEFAULT_DIR) is not Kind.DIRECTORY:
            return frozenset()
        return frozenset(entry.path for entry in self.files.walk(DEFAULT_DIR) if entry.kind is not Kind.DIRECTORY)

    def of_model(self, entry: ModelEntry, stages: Collection[Stage]) -> Iterator[Finding]:
        """Yield a finding on each file that an event into these stages pinned, or that is of what they hold.

        Raises:
            CouldNotVerify: when the source does not answer.
        """
        held = {pointer.digest for stage in stages if (pointer := entry.pointer(stage)) and pointer.digest}
        active = _event_of_active(entry) if Stage.ACTIVE in stages else None
        pinned = _pinned([*([active] if active else []), *entry.history], stages)
        if self.may_be_left_out and self.files.kind(DEFAULT_DIR) is None:
            self.was_left_out |= bool(pinned)
            return
        for artifact in dict.fromkeys([*pinned, *sorted(held)]):
            if artifact in pinned:
                is_active = active is not None and active.pointer.digest == artifact
                yield self._pinned(artifact, pinned[artifact], is_active=is_active)
            elif evidence_path(artifact) in self._present:
                claims = read_claims(self.files, artifact)
                if claims.problem:
                    yield _does_not_count(artifact, claims.problem, Remedy("correct it, or remove it"))

    def _pinned(self, artifact: Digest, pinned: Digest, *, is_active: bool) -> Finding:
        claims, name = read_claims(self.files, artifact), short_digest(artifact)
        if claims.digest == pinned:
            return passed(RULE, f"the evidence of {name} is what was decided on", where=claims.path)
        if claims.file and not is_active:
            # Measured further, or corrected: what is decided next pins it.
            return passed(RULE, f"the evidence of {name} was changed after it was decided on", where=claims.path)
        if claims.file:
            message = f"The evidence of {name} was changed since it is ACTIVE; thresholds against it refuse meanwhile."
            remedy = self.restore(claims.path, pinned)
            return warning(RULE, message, where=claims.path, remedy=remedy)
        if not claims.problem:
            message = f"The evidence of {name}, which was decided on, is gone."
            return warning(RULE, message, where=claims.path, remedy=self.restore(claims.path, pinned))
        if self.files.kind(claims.path) is None:
            message = f"Could not check the evidence of {name}: {claims.problem}."
            return unknown("verify.unknown", message, where=claims.path, remedy=fetching(DEFAULT_DIR))
        return _does_not_count(artifact, claims.problem, self.restore(claims.path, pinned))

    def unused(self, named: Collection[str]) -> Iterator[Finding]:
        """Yield how many files are of artifacts that nobody names: not promoted yet, left over, or another registry's.

        Args:
            named: the digests of artifacts in the registry.
        """
        unused = sorted(self._present - {evidence_path(Digest(artifact)) for artifact in named})
        if unused:
            many = counted(len(unused), "file")
            verb = "is" if len(unused) == 1 else "are"
            message = f"{many} {verb} of no artifact in this registry, the first: {unused[0]}"
            yield passed(RULE, message, where=DEFAULT_DIR)


def named_artifacts(entry: ModelEntry) -> set[str]:
    """Return the digests of all artifacts that a model's stages and events name."""
    pointers = [*(entry.pointer(stage) for stage in Stage), *(event.pointer for event in entry.history)]
    return {pointer.digest for pointer in pointers if pointer and pointer.digest}


def _event_of_active(entry: ModelEntry) -> Event | None:
    """Return the event that made ACTIVE what it is, where it pinned evidence: differences to ACTIVE go by that one."""
    event = next((event for event in entry.history if event.to_stage is Stage.ACTIVE), None)
    return event if entry.active and event and event.evidence else None


def _pinned(events: Iterable[Event], stages: Collection[Stage]) -> dict[Digest, Digest]:
    """Return artifact → the evidence that the first event of it pinned."""
    found: dict[Digest, Digest] = {}
    for event in events:
        if event.evidence and event.pointer.digest and event.to_stage in stages:
            found.setdefault(event.pointer.digest, event.evidence)
    return found


def _does_not_count(artifact: Digest, problem: str, remedy: Remedy) -> Finding:
    message = f"The evidence of {short_digest(artifact)} does not count: {problem}."
    return error(RULE, message, where=evidence_path(artifact), remedy=remedy)
