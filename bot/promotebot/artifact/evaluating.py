"""One evaluation on its way: the data and the incumbent's own files are put beside the candidate, then both are run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from promotebot.artifact.answer import Evaluated, NotOpened, Opened, Served
from promotebot.artifact.copied import Copied
from promotebot.artifact.evaluated import DATA, INCUMBENT
from promotebot.artifact.evaluation import Evaluation
from promotebot.artifact.evaluation_data import copy_evaluation
from promotebot.artifact.evaluation_terms import EvaluationRun, EvaluationTerms
from promotebot.artifact.limits import IncumbentArtifact, Terms
from promotebot.artifact.manifest import Manifest
from promotebot.artifact.parts import models_of
from promotebot.artifact.stored import ObjectStore
from promotebot.errors import InvalidInput
from promotebot.registry.names import ArtifactPath
from promotebot.remedies import Remedy


class Read(Protocol):
    """An artifact whose files were read; `promotebot.artifact.examination.Examination` is one."""

    @property
    def scratch(self) -> Path:
        """The private copy."""
        ...

    @property
    def whole(self) -> tuple[Manifest, Copied] | None:
        """Manifest and copy, where all that is to be opened is there."""
        ...

    @property
    def is_proven(self) -> bool:
        """Whether every byte is as the manifest lists it."""
        ...

    def close(self) -> None:
        """Remove the private copy."""
        ...


@dataclass(frozen=True)
class Prepared:
    """What was put beside the candidate."""

    terms: EvaluationTerms
    incumbent: IncumbentArtifact | None
    problem: str
    """Why there is no data; empty where there is."""
    model_file: str | None = None
    """The incumbent's, in the folder of its own."""
    incumbent_problem: str = ""
    remedy: Remedy | None = None
    """What brings the data."""

    def run(self, result: Opened | NotOpened | None, evaluate: Callable[[EvaluationRun], Evaluated]) -> Evaluation:
        """Run what is there.

        Args:
            result: what became of the candidate; None where it was not opened at all.
            evaluate: runs the candidate, and the incumbent beside it.
        """
        problem, told = self.problem, None
        is_served = isinstance(result, Opened) and isinstance(result.served, Served)
        if not problem and not is_served:
            problem = "it was not opened and run as services do"
        if not problem:
            told = evaluate(EvaluationRun(self.terms.rows, self.terms.seconds, self.model_file))
        directory, former = (self.incumbent.directory, self.incumbent.former) if self.incumbent else ("", "")
        return Evaluation(
            self.terms.dataset, self.terms.limits, directory, former, told, problem, self.incumbent_problem, self.remedy
        )


def prepare(
    terms: Terms, scratch: Path, store: ObjectStore | None, read: Callable[[ArtifactPath, Terms], Read]
) -> Prepared | None:
    """Put the data, and the incumbent's files, into a candidate's private copy; return None where nothing is asked.

    Args:
        terms: those that the candidate is examined on; the incumbent is, too.
        store: reads files outside of git.
        read: reads the artifact in a directory of the candidate's source.

    Raises:
        CouldNotVerify: when a source or the disk does not answer.
    """
    evaluation, incumbent = terms.evaluation, terms.incumbent
    if evaluation is None:
        return None
    try:
        copy_evaluation(evaluation, scratch / DATA, terms, store)
    except InvalidInput as problem:
        return Prepared(evaluation, incumbent, problem.message, remedy=problem.remedy)
    if incumbent is None:
        return Prepared(evaluation, None, "")
    model_file, why = _brought(incumbent, terms.alone, scratch / INCUMBENT, read)
    return Prepared(evaluation, incumbent, "", model_file, why)


def _brought(
    incumbent: IncumbentArtifact, terms: Terms, target: Path, read: Callable[[ArtifactPath, Terms], Read]
) -> tuple[str | None, str]:
    """Move the incumbent's private copy to its place; return its model's file, or why it is not there."""
    if incumbent.digest is None:
        return None, "its pointer is of an older tool, and pins no bytes"
    other = read(ArtifactPath(incumbent.directory), terms)
    try:
        if other.whole is None or not other.is_proven:
            return None, "its directory does not hold the files that its manifest lists, or they are not read here"
        manifest, copied = other.whole
        if not incumbent.pins(manifest.digest, manifest.full_digest):
            return None, "its directory does not hold what was promoted"
        if manifest.model_file not in models_of(manifest, copied, terms):
            return None, "it is no ONNX model"
        target.mkdir()
        for path in other.scratch.iterdir():
            path.rename(target / path.name)
    finally:
        other.close()
    return manifest.model_file, ""
