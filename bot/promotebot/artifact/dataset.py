"""Datasets: `ml/datasets/<id>/manifest.json` and the bytes it lists, proven where they are present.

See docs/architecture.md, Files.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from promotebot.artifact.digest import hash_stream
from promotebot.artifact.manifest import (
    FILE_NAME,
    MAX_BYTES,
    FilePath,
    Moment,
    NonEmpty,
    Sha256,
    Storage,
    colliding,
    with_tuples,
)
from promotebot.artifact.source import FileSource, Kind, fetching, shown
from promotebot.errors import InvalidInput
from promotebot.findings import Finding, error, passed, warning
from promotebot.registry.codec import parse_json
from promotebot.registry.lfs import POINTER_BYTES, LfsPointer, fetched, parse_pointer
from promotebot.remedies import Remedy
from promotebot.schema import validated_model
from promotebot.storage.uri import StoredFile
from promotebot.text import counted

DEFAULT_DIR = "ml/datasets"
DATA_FILE = "data.parquet"
EVALUATION = "evaluation/"
"""Where a dataset has the files that models are measured on; one that has such files alone trains no model."""
MAX_FILES = 1000
# GitHub takes no file of more than 100 MiB: https://docs.github.com/en/repositories/working-with-files/managing-large-files/about-large-files-on-github
MAX_FILE_BYTES = 100 * 1024 * 1024
MAX_DATASET_BYTES = 200 * 1024 * 1024
"""The data in git is a sample for review; more of it belongs elsewhere."""
_NO_DATA = f"sha256 does not list {DATA_FILE}"
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{2,64}")


def _dataset_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not a dataset id; expected 3 to 65 of a-z 0-9 . _ -")
    return text


def is_dataset_id(text: str) -> bool:
    """Return whether a text is a dataset's id, which names one directory."""
    return bool(_ID.fullmatch(text))


class DatasetManifest(BaseModel):
    """The manifest of a dataset, as older tools wrote it. Unknown keys are kept."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    schema_version: Literal["v1"]
    dataset_id: Annotated[str, AfterValidator(_dataset_id)]
    created_at_utc: Moment
    source: Literal["synthetic", "backtest", "export", "manual"]
    feature_order: tuple[NonEmpty, ...] = Field(min_length=1)
    feature_order_hash: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    """The first 16 hex digits of the sha256 of the JSON list of feature names."""
    label_columns: tuple[NonEmpty, ...]
    row_count: int = Field(ge=10, le=10_000_000)
    sha256: Mapping[FilePath, Sha256]
    """Path relative to the directory → 64 hex digits, every file but the manifest."""
    storage: Storage | None = None
    """Where the files are that models are measured on and git does not have, as for an artifact's files."""

    @model_validator(mode="after")
    def _is_consistent(self) -> DatasetManifest:
        if DATA_FILE not in self.sha256 and not any(name.startswith(EVALUATION) for name in self.sha256):
            raise ValueError(_NO_DATA)
        expected = hashlib.sha256(json.dumps(list(self.feature_order)).encode()).hexdigest()[:16]
        if self.feature_order_hash != expected:
            raise ValueError(f"feature_order_hash is {self.feature_order_hash}, of feature_order it is {expected}")
        for one, other in colliding(self.sha256):
            raise ValueError(f"{one!r} and {other!r} are the same file on some systems")
        for name in self.storage.files if self.storage else ():
            if name not in self.sha256:
                raise ValueError(f"storage lists {name!r}, which is not among the files of sha256")
            if not name.startswith(EVALUATION):
                raise ValueError(f"storage lists {name!r}; only files in {EVALUATION} may be outside of git")
        return self

    @property
    def stored_files(self) -> dict[str, StoredFile]:
        """Return the files by their names that may be outside of git; made anew each time."""
        return self.storage.stored_files if self.storage else {}


def examine_dataset(
    source: FileSource, dataset_id: str, *, directory: str = DEFAULT_DIR, required: bool = False
) -> tuple[Finding, ...]:
    """Return the findings on a dataset that is present; a missing one is an error only where the policy requires it.

    Args:
        directory: the directory of all datasets, relative to the repository root.
        required: the policy's `require_dataset`.

    Raises:
        CouldNotVerify: when the source does not answer.
    """
    place = f"{directory}/{dataset_id}"
    present = _is_present(source, directory, dataset_id)
    if present and not _ID.fullmatch(dataset_id):
        message = f"{shown(place)} is there, but {dataset_id[:80]!r} is no dataset id, so it cannot be proven."
        return (error("dataset.id", message, remedy="rename it: 3 to 65 of a-z 0-9 . _ -"),)
    if not present:
        if source.left_out(place):
            message = f"git has {place}, but this sparse checkout leaves it out, so it cannot be proven."
            return (error("dataset.files", message, where=place, remedy=fetching(place)),)
        if not required:
            return ()
        remedy = f"commit {shlex.quote(f'{place}/{FILE_NAME}')} and the files it lists"
        if not _ID.fullmatch(dataset_id):
            remedy = "give the dataset an id of 3 to 65 of a-z 0-9 . _ -, in its manifest and in the artifact's"
        return (error("dataset.exists", f"The policy requires the dataset {shown(place)}.", remedy=remedy),)
    if source.kind(place) is not Kind.DIRECTORY:
        return (error("dataset.files", f"{place} is not a directory.", where=place, remedy="commit the directory"),)
    try:
        manifest = _manifest(source, place)
    except InvalidInput as problem:
        message = f"{place}/{FILE_NAME}: {problem.message}"
        remedy = problem.remedy or "restore the manifest"
        return (error("dataset.manifest", message, where=place, remedy=remedy),)
    findings = list(_files(source, place, dataset_id, manifest))
    if not findings:
        findings = [passed("dataset.digest", f"{dataset_id}: {_state(source, place, manifest)}", where=place)]
    return tuple(findings)


def _state(source: FileSource, place: str, manifest: DatasetManifest) -> str:
    outside = [name for name in manifest.stored_files if source.kind(f"{place}/{name}") is None]
    here = counted(len(manifest.sha256) - len(outside), "file")
    size = f"{here}, every sha256 as listed, {manifest.row_count:,} rows"
    uri = manifest.storage.uri if manifest.storage else ""
    return f"{size}; {counted(len(outside), 'file')} for evaluations, in {uri}, not read here" if outside else size


def expect_dataset(source: FileSource, dataset_id: str, *, directory: str = DEFAULT_DIR) -> None:
    """Tell the source that a dataset is read soon, where there is one of that name."""
    if _is_present(source, directory, dataset_id):
        source.expect(f"{directory}/{dataset_id}", max_files=MAX_FILES, max_bytes=MAX_DATASET_BYTES)


def _is_present(source: FileSource, directory: str, dataset_id: str) -> bool:
    """Return whether anything is at the dataset's place; a link on the way counts, so that it is refused later."""
    # Such an id names no directory of its own; it must not be looked up as a path.
    if "/" in dataset_id or dataset_id in ("", ".", ".."):
        return False
    parts = directory.split("/")
    ways = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    links = any(source.kind(way) not in (None, Kind.DIRECTORY) for way in ways)
    return links or source.kind(f"{directory}/{dataset_id}") is not None


def _manifest(source: FileSource, place: str) -> DatasetManifest:
    source.expect(place, max_files=MAX_FILES, max_bytes=MAX_DATASET_BYTES)
    manifest = read_dataset_manifest(source, place)
    # What a model was trained on is in this file; data for an evaluation alone proves nothing of it.
    if DATA_FILE not in manifest.sha256:
        raise InvalidInput(_NO_DATA)
    return manifest


def read_dataset_manifest(source: FileSource, place: str) -> DatasetManifest:
    """Return the manifest of a dataset's directory, which may have data for an evaluation alone.

    Raises:
        InvalidInput: where there is none, or it says something else than a manifest does.
    """
    where = f"{place}/{FILE_NAME}"
    with source.open(where) as stream:
        document = parse_json(stream.read(MAX_BYTES + 1), where=where, max_bytes=MAX_BYTES)
    result = validated_model(DatasetManifest, document, as_read=with_tuples(document, "feature_order", "label_columns"))
    if isinstance(result, DatasetManifest):
        return result
    raise InvalidInput("; ".join(result[:20]), where=where)


def _files(source: FileSource, place: str, dataset_id: str, manifest: DatasetManifest) -> Iterator[Finding]:
    if manifest.dataset_id != dataset_id:
        message = f"{place} says it is {manifest.dataset_id!r}."
        yield error("dataset.id", message, where=place, remedy="name the directory after its dataset_id")
    # Directories count among the entries; the bound keeps a hostile tree from being walked to its end.
    entries = list(islice(source.walk(place), 2 * MAX_FILES + 1))
    present = {entry.path.removeprefix(f"{place}/"): entry for entry in entries if entry.kind is not Kind.DIRECTORY}
    present.pop(FILE_NAME, None)
    if len(entries) > 2 * MAX_FILES or len(present) > MAX_FILES:
        yield error("dataset.files", f"{place} holds over {MAX_FILES} files.", where=place, remedy="keep fewer, larger")
        return
    for name, entry in present.items():
        if entry.kind is not Kind.FILE:
            message = f"{shown(entry.path)} is a {entry.kind.value}."
            yield error("dataset.files", message, where=shown(entry.path), remedy="commit the file itself")
        elif name not in manifest.sha256:
            message = f"{shown(entry.path)} is there but the dataset's manifest does not list it."
            yield error("dataset.files", message, where=shown(entry.path), remedy="remove it, or list it")
    yield from _bytes(source, place, manifest, set(present))


def _bytes(source: FileSource, place: str, manifest: DatasetManifest, present: set[str]) -> Iterator[Finding]:
    # A checkout is asked about sparse files only where one is missing: that runs git.
    pointers: dict[str, LfsPointer] = {}
    stored = manifest.stored_files.keys()
    total, left_out = 0, set() if set(manifest.sha256) <= present | stored else source.left_out(place)
    for name, expected in manifest.sha256.items():
        path = f"{place}/{name}"
        restore = fetching(place) if path in left_out else Remedy("restore the file")
        if name not in present and name in stored:
            continue  # no model is trained on it; an evaluation reads it, and proves it then
        if name not in present:
            message = f"{path} is listed in the dataset's manifest but not there."
            yield error("dataset.files", message, where=path, remedy=restore)
            continue
        actual, size, pointer = _digest(source, path)
        total += size
        if size > MAX_FILE_BYTES:
            message = f"{path} is over {MAX_FILE_BYTES:,} bytes."
            yield error("dataset.files", message, where=path, remedy="split it into smaller files")
        elif actual != expected:
            message = f"{path} is sha256:{actual}, the dataset's manifest says sha256:{expected}."
            yield error("dataset.digest", message, where=path, remedy=restore)
        elif pointer:
            pointers[path] = pointer
    yield from _by_pointers(source, pointers)
    if total > MAX_DATASET_BYTES:
        message = f"{place} holds {total:,} bytes; the limit is {MAX_DATASET_BYTES:,}."
        yield error(
            "dataset.files", message, where=place, remedy="keep only a sample there, and store the rest elsewhere"
        )


def _by_pointers(source: FileSource, pointers: Mapping[str, LfsPointer]) -> Iterator[Finding]:
    """Yield findings on files of which only the Git LFS pointer was read, to the content that the manifest lists."""
    store = source.lfs if pointers else None
    problems = store.missing({*pointers.values()}) if store else {}
    for path, pointer in pointers.items():
        if store is None:
            message = f"{path} is a Git LFS pointer to the listed content; the content itself was not read."
            yield warning("dataset.digest", message, where=path, remedy=Remedy("fetch it: ", fetched(path)))
        elif pointer in problems:
            problem = problems[pointer]
            yield error("dataset.files", f"{path}: {problem.message}.", where=path, remedy=problem.remedy)


def _digest(source: FileSource, path: str) -> tuple[str, int, LfsPointer | None]:
    """Return (sha256, bytes read, the pointer where Git LFS keeps the content, whose sha256 that is then)."""
    try:
        with source.open(path) as stream:
            head = stream.read(POINTER_BYTES + 1)
            pointer = parse_pointer(head)
            counted = _Counted(head, stream)
            digest = hash_stream(counted, where=path)
    except InvalidInput as problem:
        # No digest equals a message, so that a file that cannot be read is reported as one that differs.
        return problem.message, 0, None
    return (pointer.sha256 if pointer else digest), counted.size, pointer


class _Counted:
    """A stream whose beginning was read already; counts the bytes it gives, and ends over the limit of a file."""

    def __init__(self, head: bytes, rest: Any) -> None:
        self._head, self._rest, self.size = head, rest, 0

    def read(self, count: int) -> bytes:
        """Return the next bytes, the beginning first; none at the end, and none once the limit is passed."""
        data: bytes = self._head or (self._rest.read(count) if self.size <= MAX_FILE_BYTES else b"")
        self._head = b""
        self.size += len(data)
        return data
