"""The manifest of an artifact: which file is the model, and the sha256 of every file beside it."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.errors import InvalidInput
from bot.registry.codec import canonical_json, parse_json
from bot.registry.names import (
    ArtifactPath,
    Digest,
    parse_artifact_path,
    parse_git_sha,
    parse_model_name,
)

FILE_NAME = "manifest.json"
MAX_BYTES = 4 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def _sha256(text: str) -> str:
    if not _SHA256.fullmatch(text):
        raise ValueError("expected 64 hex digits")
    return text.lower()


def _by(parse: Any) -> AfterValidator:
    def validate(text: str) -> str:
        try:
            return str(parse(text))
        except InvalidInput as problem:
            raise ValueError(problem.message) from None

    return AfterValidator(validate)


FilePath = Annotated[ArtifactPath, _by(parse_artifact_path)]
Sha256 = Annotated[str, AfterValidator(_sha256)]
NonEmpty = Annotated[str, Field(min_length=1)]


class Manifest(BaseModel):
    """`<artifact_dir>/manifest.json` (DESIGN §2). Unknown keys are kept."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", protected_namespaces=())

    schema_version: Literal["v1", "v1.1"]
    model_file: FilePath
    sha256: Mapping[FilePath, Sha256] = Field(min_length=1)
    """Path relative to the directory → 64 lower-case hex digits, every file but the manifest."""
    created_at: NonEmpty
    created_at_utc: str | None = None
    git_sha: Annotated[str, _by(parse_git_sha)] | None = None
    dataset_id: NonEmpty | None = None
    feature_order: tuple[str, ...] | None = None
    notes: str | None = None
    model: Annotated[str, _by(parse_model_name)] | None = None

    @model_validator(mode="after")
    def _model_file_is_listed(self) -> Manifest:
        if self.model_file not in self.sha256:
            raise ValueError(f"model_file {self.model_file!r} is not among the files of sha256")
        folded: dict[str, str] = {}
        for path in self.sha256:
            twin = folded.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
            if twin != path:
                raise ValueError(f"{twin!r} and {path!r} are one file on some systems")
        return self

    @property
    def model_sha256(self) -> str:
        """The sha256 of the model file, 64 hex digits."""
        return self.sha256[self.model_file]

    @property
    def digest(self) -> Digest:
        """What pins an artifact: sha256 of the canonical JSON of model_file and sha256 (DESIGN §2)."""
        pinned = canonical_json({"model_file": self.model_file, "sha256": dict(self.sha256)})
        return Digest("sha256:" + hashlib.sha256(pinned).hexdigest())

    @property
    def feature_order_hash(self) -> str | None:
        """The first 16 hex digits of the sha256 of the JSON list of feature names."""
        if self.feature_order is None:
            return None
        return hashlib.sha256(json.dumps(list(self.feature_order)).encode()).hexdigest()[:16]


def parse_manifest(data: bytes, *, where: str) -> Manifest:
    """Read and check a manifest's bytes.

    Raises:
        InvalidInput: naming the JSON path of everything that is wrong, and the command that writes a new one.
    """
    directory = where.rsplit("/", 1)[0]
    remedy = f"promotebot manifest {directory} --model-file model.onnx"
    document = parse_json(data, where=where, max_bytes=MAX_BYTES)
    if isinstance(document, dict) and isinstance(document.get("feature_order"), list):
        document = {**document, "feature_order": tuple(document["feature_order"])}
    try:
        return Manifest.model_validate(document)
    except ValidationError as problem:
        lines = [
            f"$.{'.'.join(map(str, item['loc']))}".rstrip(".") + f": {item['msg'].removeprefix('Value error, ')}"
            for item in problem.errors()
        ]
        raise InvalidInput("; ".join(lines[:20]), where=where, remedy=remedy) from None
