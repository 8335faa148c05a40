"""From what another tool wrote to requests for imports: names, paths, commits and times as promotebot has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path

from promotebot.artifact.manifest import Manifest
from promotebot.errors import InvalidInput
from promotebot.foreign.found import Remark, Written
from promotebot.foreign.times import read_time
from promotebot.promotion.request import Actor, FoundPointer, Request
from promotebot.registry.model import Action, Import
from promotebot.registry.names import (
    MAX_TEXT,
    ArtifactPath,
    GitSha,
    ModelName,
    Timestamp,
    is_text,
    parse_artifact_path,
    parse_identifier,
    parse_model_name,
    to_datetime,
)

_ODD = re.compile(r"[^a-z0-9_]+")
_ODD_ID = re.compile(r"[^A-Za-z0-9._-]+")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)


@dataclass
class Resolver:
    """Makes requests of written pointers, and remarks on what it has to assume or cannot map."""

    root: Path
    file: str
    """The registry that is imported, as people name it: a path from the root where it is inside."""
    folder: Path
    """The folder that it is in: some tools wrote paths from there."""
    format: str
    actor: Actor
    zone: tzinfo
    now: datetime
    commit_of: Callable[[str], GitSha | None]
    tree_of: Callable[[str], str]
    manifest_of: Callable[[ArtifactPath], Manifest | None]
    chosen: Mapping[str, ArtifactPath]
    """`MODEL/STAGE` → the directory that somebody named for it."""
    remarks: list[Remark] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def request(self, written: Written) -> Request | None:
        """Return the request for one pointer; None, with a remark that says why, for one that cannot be mapped."""
        model = self._model(written)
        directory = self._directory(written, model) if model else None
        if model is None or directory is None:
            return None
        manifest = self.manifest_of(directory)
        trained = GitSha(manifest.git_sha) if manifest and manifest.git_sha else None
        # A tag's commit is the one that holds the model: the manifest knows better which one it was trained at.
        git_sha = (trained or self._commit(written)) if written.holds_tree else (self._commit(written) or trained)
        dataset = self._identifier(written.dataset_id, written, "dataset_id") or (
            manifest.dataset_id if manifest else None
        )
        place = Import(file=self.file, format=self.format, place=written.place)
        return Request(
            model=model,
            stage=written.stage,
            artifact_dir=directory,
            artifact_id=self._artifact_id(written, model, directory),
            actor=self.actor,
            action=Action.IMPORTED,
            dataset_id=dataset,
            git_sha=git_sha,
            notes=_line(written.notes),
            new_model=True,
            found=FoundPointer(place, self._time(written), _line(written.actor)),
        )

    def _tell(self, written: Written, message: str, *, blocking: bool = False) -> None:
        self.remarks.append(Remark(written.place, message, blocking))

    def _model(self, written: Written) -> ModelName | None:
        name = _ODD.sub("_", written.model.casefold()).strip("_")
        try:
            model = parse_model_name(name)
        except InvalidInput as problem:
            self._tell(written, f"{problem.message}", blocking=True)
            return None
        if self.names.setdefault(model, written.model) != written.model:
            self._tell(written, f"{written.model!r} and {self.names[model]!r} would both be {model}", blocking=True)
            return None
        if model != written.model:
            self._tell(written, f"the model {written.model!r} is called {model}: lower case, digits and underscores")
        return model

    def _directory(self, written: Written, model: ModelName) -> ArtifactPath | None:
        """Return the directory of the artifact in this repository."""
        slot = f"{model}/{written.stage.value}"
        if slot in self.chosen:
            return self.chosen[slot]
        how = f"; copy it into the repository, and name its directory: --artifact {slot}=ml/artifacts/{model}"
        text = written.artifact
        if not text:
            self._tell(written, f"names no artifact{how}", blocking=True)
            return None
        path = _local(text)
        if path is None:
            self._tell(written, f"{text} is outside of this repository{how}", blocking=True)
            return None
        for start in (self.root, self.folder):
            inside = self._inside(start / path)
            if inside is not None:
                return inside if self._is_as_named(written, inside) else None
        self._tell(written, f"{text} is not there{how}", blocking=True)
        return None

    def _inside(self, place: Path) -> ArtifactPath | None:
        directory = place if place.is_dir() else place.parent if place.is_file() else None
        try:
            if directory is None or directory.resolve() == self.root.resolve():
                return None
            return parse_artifact_path(directory.resolve().relative_to(self.root.resolve()).as_posix())
        except (ValueError, InvalidInput):
            return None

    def _is_as_named(self, written: Written, directory: ArtifactPath) -> bool:
        """Return whether the directory still is what a tag names; True where nothing names a tree."""
        if not written.holds_tree or written.holds_tree in (self.tree_of(directory), self.tree_of(written.artifact)):
            return True
        commit = written.git_sha[:12]
        message = f"{directory} has changed since then; bring its files of {commit} into a directory of their own, and "
        self._tell(written, f"{message}name that with --artifact", blocking=True)
        return False

    def _commit(self, written: Written) -> GitSha | None:
        text = written.git_sha.strip().lower()
        if not text:
            return None
        commit = GitSha(text) if re.fullmatch("[0-9a-f]{40}", text) else None
        if commit is None and re.fullmatch("[0-9a-f]{7,39}", text):
            commit = self.commit_of(text)
        if commit is None:
            self._tell(written, f"git_sha {written.git_sha!r} names no commit here, so that it is not known")
        return commit

    def _identifier(self, text: str, written: Written, name: str) -> str | None:
        if not text:
            return None
        mended = _ODD_ID.sub("_", text).lstrip("._-")[:128]
        try:
            if mended != text:
                self._tell(written, f"{name} {text!r} is written {mended}")
            return parse_identifier(mended)
        except InvalidInput:
            return None

    def _artifact_id(self, written: Written, model: ModelName, directory: ArtifactPath) -> str:
        version = written.version if re.fullmatch(r"v?\d+(\.\d+)*", written.version) else ""
        named = f"{model}_v{version.removeprefix('v')}" if version else directory.rpartition("/")[2]
        return (
            self._identifier(written.artifact_id, written, "artifact_id")
            or self._identifier(named, written, "artifact_id")
            or model
        )

    def _time(self, written: Written) -> Timestamp | None:
        if not written.promoted_at:
            return None
        moment, assumed = read_time(written.promoted_at, self.zone)
        if moment and to_datetime(moment) > self.now:
            moment, assumed = None, f"{written.promoted_at} is in the future"
        if assumed:
            self._tell(written, assumed if moment else f"{assumed}, so that it is not known since when it is there")
        return moment


def _local(text: str) -> str | None:
    """Return a path of this machine; None for an address elsewhere."""
    path = text.removeprefix("file://") if text.startswith("file://") else text
    return None if _SCHEME.match(path) or "\0" in path else path.replace("\\", "/")


def _line(text: str) -> str | None:
    """Return a text in one line, without what people do not see; None for nothing."""
    shown = "".join(c for c in " ".join(text.split()) if is_text(c))[:MAX_TEXT]
    return shown or None
