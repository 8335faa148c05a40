"""The manifest of an artifact: the name of the model's file, and the sha256 of every file."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    model_validator,
)

from promotebot.errors import InvalidInput
from promotebot.registry.codec import canonical_json, parse_json
from promotebot.registry.names import (
    ArtifactPath,
    Digest,
    parse_artifact_path,
    parse_git_sha,
    parse_model_name,
)
from promotebot.remedies import Command, Remedy, flag_words, shell
from promotebot.schema import checked, validated_model
from promotebot.storage.uri import MAX_URI, VERSION, StorageUri, StoredFile, is_storable, is_version, parse_storage_uri

FILE_NAME = "manifest.json"
MAX_BYTES = 4 * 1024 * 1024
"""Room for a thousand files with the longest paths."""
MAX_PROBLEMS = 20
"""In one message; further ones are counted."""
MAX_RTOL, MAX_ATOL = 1, 1000
"""Beyond these every output would do."""
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def _sha256(text: str) -> str:
    if not _SHA256.fullmatch(text):
        raise ValueError("expected 64 hex digits")
    # Older tools wrote capitals; digests are compared as text.
    return text.lower()


def _moment(text: str) -> str:
    # Older tools wrote several forms of ISO 8601; all begin with a date that exists.
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a time; expected 2026-02-16T09:00:00Z") from None
    return text


FilePath = Annotated[ArtifactPath, AfterValidator(checked(parse_artifact_path))]
Sha256 = Annotated[str, AfterValidator(_sha256)]
NonEmpty = Annotated[str, Field(min_length=1)]
Moment = Annotated[str, AfterValidator(_moment)]


def _up_to(most: int) -> PlainValidator:
    """Return a validator of numbers from 0 to `most`: each stays the whole number or the fraction that it is."""

    def validate(value: object) -> object:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= most:
            raise ValueError(f"expected a number from 0 to {most:,}")
        return value

    return PlainValidator(validate, json_schema_input_type=Annotated[float, Field(ge=0, le=most)])


_AS_IT_IS = PlainSerializer(lambda value: value, return_type=Any)


class GoldenTolerances(BaseModel):
    """How far golden outputs may differ, as numpy.allclose has it; None where it is as usual for their type.

    Fractions stay what was written: the digest of the manifest is taken over them.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    rtol: Annotated[float, _up_to(MAX_RTOL), _AS_IT_IS] | None = None
    atol: Annotated[float, _up_to(MAX_ATOL), _AS_IT_IS] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> GoldenTolerances:
        if self.rtol is None and self.atol is None:
            raise ValueError("holds neither rtol nor atol")
        return self


def _storable(name: str) -> str:
    if not is_storable(name):
        raise ValueError(f"{name!r} cannot be stored outside of git; expected letters, digits, - _ . = + ~ and /")
    return name


class StoredSize(BaseModel):
    """What is known of a file outside of git beside its sha256: its bytes, and its version where the store has any."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    size: Annotated[int, Field(ge=0, lt=2**63)]
    version: Annotated[str, Field(pattern=f"^{VERSION}$")] | None = None


class Storage(BaseModel):
    """Where the files are that git does not have."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    uri: Annotated[StorageUri, AfterValidator(checked(parse_storage_uri)), Field(max_length=MAX_URI)]
    """The place that stands for the artifact's directory, such as `s3://bucket/models/regime_v2`."""
    files: Mapping[Annotated[FilePath, AfterValidator(_storable)], StoredSize] = Field(min_length=1)
    """Path relative to the directory → its size, of every file that git does not have."""

    @model_validator(mode="after")
    def _versions_are_of_this_store(self) -> Storage:
        for path, one in self.files.items():
            if one.version is not None and not is_version(self.uri, one.version):
                raise ValueError(f"{one.version!r} of {path!r} is no version of {self.uri.partition('://')[0]}")
        return self

    @property
    def stored_files(self) -> dict[str, StoredFile]:
        """Return the files by their names; made anew each time."""
        return {name: StoredFile(self.uri, name, one.size, one.version) for name, one in self.files.items()}


class Manifest(BaseModel):
    """`<artifact_dir>/manifest.json`. Unknown keys are kept. See docs/architecture.md, Files."""

    # Pydantic reserves names that start with model_; model_file is the format's own.
    model_config = ConfigDict(frozen=True, strict=True, extra="allow", protected_namespaces=())

    schema_version: Literal["v1", "v1.1"]
    model_file: FilePath
    sha256: Mapping[FilePath, Sha256] = Field(min_length=1)
    """Path relative to the directory → 64 lower-case hex digits, every file but the manifest."""
    created_at: Moment
    created_at_utc: Moment | None = None
    git_sha: Annotated[str, AfterValidator(checked(parse_git_sha))] | None = None
    dataset_id: NonEmpty | None = None
    feature_order: tuple[str, ...] | None = None
    notes: str | None = None
    model: Annotated[str, AfterValidator(checked(parse_model_name))] | None = None
    golden: GoldenTolerances | None = None
    storage: Storage | None = None

    @model_validator(mode="after")
    def _files_are_distinct(self) -> Manifest:
        if self.model_file not in self.sha256:
            raise ValueError(f"model_file {self.model_file!r} is not among the files of sha256")
        for path in self.sha256:
            if path.casefold() == FILE_NAME:
                raise ValueError(f"sha256 lists {path!r}; a manifest cannot hold its own digest")
        for path in self.storage.files if self.storage else ():
            if path not in self.sha256:
                raise ValueError(f"storage lists {path!r}, which is not among the files of sha256")
        for one, other in colliding(self.sha256):
            raise ValueError(f"{one!r} and {other!r} are the same file on some systems")
        for both in _files_with_files(self.sha256):
            raise ValueError(f"{both!r} is a file, and a directory too")
        return self

    @property
    def model_sha256(self) -> str:
        """Return the sha256 of the model file, 64 hex digits."""
        return self.sha256[self.model_file]

    @property
    def stored_files(self) -> dict[str, StoredFile]:
        """Return the files outside of git by their names; made anew each time."""
        return self.storage.stored_files if self.storage else {}

    @property
    def digest(self) -> Digest:
        """Return the identity of an artifact: the sha256 of the canonical JSON of model_file and sha256.

        See docs/architecture.md, Files.
        """
        identity = canonical_json({"model_file": self.model_file, "sha256": dict(self.sha256)})
        return Digest("sha256:" + hashlib.sha256(identity).hexdigest())

    @property
    def full_digest(self) -> Digest:
        """Return the sha256 of the canonical JSON of all of it, keys that nobody here knows included.

        `digest` pins bytes and names only; a threshold or a label map changes what the same bytes mean.
        """
        document = self.model_dump(mode="json", exclude_unset=True)
        return Digest("sha256:" + hashlib.sha256(canonical_json(document)).hexdigest())

    @property
    def feature_order_hash(self) -> str | None:
        """Return the first 16 hex digits of the sha256 of the JSON list of feature names, as older tools took it."""
        if self.feature_order is None:
            return None
        return hashlib.sha256(json.dumps(list(self.feature_order)).encode()).hexdigest()[:16]

    @property
    def from_older_tool(self) -> bool:
        """Return whether an older tool wrote it, which may leave the train report unlisted.

        promotebot writes no v1, and never omits the model's name.
        """
        return self.schema_version == "v1" or self.model is None


def parse_manifest(data: bytes, *, where: str) -> Manifest:
    """Read and check a manifest's bytes.

    Raises:
        InvalidInput: naming the JSON path of everything that is wrong, and the command that writes a new one.
    """
    try:
        document = parse_json(data, where=where, max_bytes=MAX_BYTES)
    except InvalidInput as problem:
        raise InvalidInput(problem.message, where=where, remedy=problem.remedy or _rewrite(where, None)) from None
    result = validated_model(Manifest, document, as_read=with_tuples(document, "feature_order"))
    if isinstance(result, Manifest):
        return result
    more = [f"and {len(result) - MAX_PROBLEMS} more"] if len(result) > MAX_PROBLEMS else []
    raise InvalidInput("; ".join(result[:MAX_PROBLEMS] + more), where=where, remedy=_rewrite(where, document))


def with_tuples(document: Any, *keys: str) -> Any:
    """Return the document with tuples under these keys: strict mode takes no list, and JSON has nothing else."""
    if not isinstance(document, dict):
        return document
    return {**document, **{key: tuple(document[key]) for key in keys if isinstance(document.get(key), list)}}


MODEL_ENDS = (".onnx", ".safetensors", ".gguf", ".pt", ".pth", ".pkl", ".joblib", ".h5", ".keras", ".pb", ".bin")
"""Ends of names that models have."""


def manifest_command(directory: str, model_file: str | None = "model.onnx") -> Command:
    """Return the command that writes a directory's manifest; without a model's file it takes the only one, or asks."""
    return shell("promotebot", "manifest", directory, *(flag_words("model_file", model_file) if model_file else ()))


def first_manifest_command(directory: str, files: Iterable[str]) -> Command:
    """Return the command that writes a directory's first manifest; it asks for the model where several may be it."""
    for ends in ((".onnx",), MODEL_ENDS):
        models = [name for name in files if name.lower().endswith(ends) and not name.startswith("test_data_set_")]
        if len(models) == 1:
            return manifest_command(directory, models[0])
    return manifest_command(directory, None)


def colliding(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of different paths, directories included, that a system without case or NFC takes for one.

    The names are kept as a tree, which needs no more memory than the paths, however deep they are.
    """
    # (number of the parent, folded name) → own number, name, first path with it
    seen: dict[tuple[int, str], tuple[int, str, str]] = {}
    reported: set[tuple[int, str]] = set()
    for path in paths:
        above, parts = 0, path.split("/")
        for end, part in enumerate(parts, start=1):
            key = (above, unicodedata.normalize("NFC", part).casefold())
            above, first, of = seen.setdefault(key, (len(seen) + 1, part, path))
            if first != part and (above, part) not in reported:
                reported.add((above, part))
                yield "/".join(of.split("/")[:end]), "/".join(parts[:end])


def _files_with_files(paths: Iterable[str]) -> Iterator[str]:
    """Yield paths that are a file and, as a part of another path, a directory."""
    # Sorted by components, what is below a path follows it at once.
    for one, other in pairwise(sorted(path.split("/") for path in paths)):
        if other[: len(one)] == one:
            yield "/".join(one)


def _rewrite(where: str, document: Any) -> Remedy:
    """Return the command that writes the manifest again, with the model file that the broken one names, if any."""
    directory = where.rpartition("/")[0] or "."
    named = document.get("model_file") if isinstance(document, dict) else None
    try:
        model_file = parse_artifact_path(named) if isinstance(named, str) else "model.onnx"
    except InvalidInput:
        model_file = "model.onnx"
    # What is wrong in the old one would be kept, and refused again.
    anew = shell("rm", "--", where).then(*manifest_command(directory, model_file).steps[0])
    return Remedy("correct the file, or write it again: ", anew)
