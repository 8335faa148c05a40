"""A candidate beside the incumbent, today's or the last ACTIVE, on the same inputs: what was computed, or why not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from promotebot.artifact.answer import Compared, ComparedOutput, ComparedSet, NotOpened, Opened, Served
from promotebot.artifact.compared import MAX_NAME, MAX_OUTPUTS, MAX_SETS, PLACE
from promotebot.artifact.digest import OverLimit
from promotebot.artifact.golden_names import is_golden_file
from promotebot.artifact.limits import IncumbentArtifact, Terms
from promotebot.artifact.manifest import FILE_NAME, MAX_BYTES, Manifest, parse_manifest
from promotebot.artifact.proven_copy import copy_proven, copy_stored
from promotebot.artifact.source import FileSource, Kind
from promotebot.artifact.stored import ObjectStore
from promotebot.errors import InvalidInput
from promotebot.registry.names import ArtifactPath
from promotebot.storage.uri import StoredFile
from promotebot.text import counted

MAX_DATA = 64 * 1024 * 1024
"""Bytes of the incumbent's golden data that are copied for it."""
_TOO_LARGE = f"it is larger than {MAX_DATA:,} bytes"


@dataclass(frozen=True)
class OutputDifference:
    """One output over all data sets."""

    name: str
    problem: str = ""
    """Why it was not compared, or not on all sets; empty where it was."""
    values: int = 0
    """Numbers that were compared."""
    apart: int = 0
    """Of them, those that are no finite number in one of the two models."""
    largest: float = 0.0
    mean: float | None = None
    """Of the absolute differences; None where there are none, or they are too large for a number."""
    classes: int = 0
    """Labels, or rows of scores."""
    agreeing: int = 0

    @property
    def agreement(self) -> float | None:
        """Return the share of classes that are the same; None where there are none."""
        return self.agreeing / self.classes if self.classes else None


@dataclass(frozen=True)
class Comparison:
    """A candidate's outputs beside those of the incumbent on the incumbent's golden inputs."""

    incumbent: str
    """The directory of its artifact."""
    sets: int = 0
    outputs: tuple[OutputDifference, ...] = ()
    problem: str = ""
    """Why it was not compared, or not on everything; empty where it was."""
    former: str = ""
    """What to call the incumbent where it is not ACTIVE any more: `the last ACTIVE (until 2026-02-15)`."""

    @property
    def is_whole(self) -> bool:
        """Return whether every output was compared on every data set."""
        return bool(self.outputs) and not self.problem and not any(output.problem for output in self.outputs)


def compared_with(
    incumbent: IncumbentArtifact | None, result: Opened | NotOpened | None, missing: str
) -> Comparison | None:
    """Return how a model compares with the incumbent, or why it was not compared; None without one.

    Args:
        result: what became of the candidate; None where it was not opened at all.
        missing: why there was no data to compare on.
    """
    if incumbent is None:
        return None
    served = result.served if isinstance(result, Opened) else None
    compared = served.compared if isinstance(served, Served) else None
    if missing or compared is None:
        problem = missing or "the candidate was not opened and run as services do"
        return Comparison(incumbent.directory, problem=problem, former=incumbent.former)
    return summed(incumbent, compared)


def summed(incumbent: IncumbentArtifact, compared: Compared) -> Comparison:
    """Return what the data sets show together."""
    outputs: dict[str, OutputDifference] = {}
    totals: dict[str, float | None] = {}
    for output in [output for one in compared.sets for output in one.outputs]:
        name = output.name
        outputs[name] = _added(outputs.get(name) or OutputDifference(name), output)
        before = totals.get(name, 0.0)
        totals[name] = None if before is None or output.total is None else before + output.total
    problems = [f"{one.name}: {said}" for one in compared.sets if (said := one.problem or _alike(one))]
    problem = compared.problem or next(iter(problems), "")
    means = [replace(one, mean=_mean(one, totals[one.name])) for one in outputs.values()]
    return Comparison(incumbent.directory, len(compared.sets), tuple(means[:MAX_OUTPUTS]), problem, incumbent.former)


def _alike(one: ComparedSet) -> str:
    """Return why a data set's outputs cannot be told apart: one that is far away would hide in another's sum."""
    names = [output.name for output in one.outputs]
    twice = next((name for name in names if names.count(name) > 1), None)
    return f"two outputs are named {twice}, in the {MAX_NAME} characters that are kept" if twice is not None else ""


def _added(sum_: OutputDifference, one: ComparedOutput) -> OutputDifference:
    return replace(
        sum_,
        problem=sum_.problem or one.problem,
        values=sum_.values + one.values,
        apart=sum_.apart + one.apart,
        largest=max(sum_.largest, one.largest),
        classes=sum_.classes + one.classes,
        agreeing=sum_.agreeing + min(one.agreeing, one.classes),
    )


def _mean(one: OutputDifference, total: float | None) -> float | None:
    count = one.values - one.apart
    return total / count if total is not None and count > 0 else None


def copy_golden(
    source: FileSource, incumbent: IncumbentArtifact, target: Path, terms: Terms, store: ObjectStore | None = None
) -> str:
    """Copy the incumbent's golden data beside the candidate's private copy; return why not, empty where it was copied.

    What is copied is proven against the pointer: the manifest that it pins lists each file's sha256.

    Args:
        target: the private copy.
        terms: of the policy: where files outside of git may be, and the seconds for reading what git does not have.

    Raises:
        CouldNotVerify: when the source, the store or the disk does not answer.
    """
    if incumbent.digest is None:
        return f"the pointer to {incumbent.directory} is of an older tool, and pins no bytes"
    try:
        manifest = _manifest(source, incumbent)
        golden = [name for name in manifest.sha256 if is_golden_file(name)]
        folder = manifest.model_file.rpartition("/")[0]
        beside = [name for name in golden if name.rpartition("/")[0].rpartition("/")[0] == folder]
        if not beside:
            return f"{incumbent.directory} has no golden data (test_data_set_0/input_0.pb and output_0.pb)"
        sets = {name.split("/")[-2] for name in beside}
        if len(sets) > MAX_SETS:
            return f"{incumbent.directory} has more than {counted(MAX_SETS, 'set')} of golden data"
        places: dict[str, Path] = {name: target / PLACE / "/".join(name.split("/")[-2:]) for name in beside}
        for place in places.values():
            place.parent.mkdir(parents=True, exist_ok=True)
        stored: dict[str, StoredFile] = {name: file for name, file in manifest.stored_files.items() if name in places}
        listed = {name: (place, manifest.sha256[ArtifactPath(name)]) for name, place in places.items()}
        in_git = {f"{incumbent.directory}/{name}": proof for name, proof in listed.items() if name not in stored}
        room = copy_proven(source, in_git, max_bytes=MAX_DATA, seconds=terms.storage_seconds)
        copy_stored(source, store, {file: listed[name] for name, file in stored.items()}, terms, room=room)
    except OverLimit:
        return f"the golden data of {incumbent.directory} cannot be used: {_TOO_LARGE}"
    except InvalidInput as problem:
        return f"the golden data of {incumbent.directory} cannot be used: {problem.message}"
    return ""


def _manifest(source: FileSource, incumbent: IncumbentArtifact) -> Manifest:
    """Return the manifest that the pointer pins. Raises InvalidInput for any other."""
    path = f"{incumbent.directory}/{FILE_NAME}"
    if source.kind(path) is not Kind.FILE:
        raise InvalidInput(f"there is no {path}")
    with source.open(path) as stream:
        manifest = parse_manifest(stream.read(MAX_BYTES + 1), where=path)
    if not incumbent.pins(manifest.digest, manifest.full_digest):
        raise InvalidInput(f"{path} is not the manifest that was promoted")
    return manifest
