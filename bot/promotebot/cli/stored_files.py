"""The files of an artifact that are outside of git, as `promotebot manifest --storage` finds them in their store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promotebot.artifact.digest import hash_stream
from promotebot.artifact.manifest import FILE_NAME
from promotebot.errors import InvalidInput
from promotebot.storage.buckets import Buckets, Session
from promotebot.storage.uri import StorageUri, StoredFile, is_storable, parse_storage_uri
from promotebot.text import counted

SECONDS = 3600
"""For everything that is read there."""
MAX_FILES = 1000


@dataclass(frozen=True)
class StoredBeside:
    """What a store has of an artifact; empty where no place was named."""

    uri: str
    files: Mapping[str, Mapping[str, Any]]
    """Path → its size, and its version where the store has any."""
    sha256: Mapping[str, str]
    """Of the files that are not in the directory."""

    @property
    def document(self) -> dict[str, Any]:
        """Return the manifest's key `storage`, where there is one to write."""
        return {"storage": {"uri": self.uri, "files": self.files}} if self.files else {}

    @property
    def summary(self) -> str:
        """Return in words, for a person, what is outside of git; empty where nothing is."""
        return f"; {len(self.files)} of them in {self.uri}, which git need not have" if self.files else ""


def stored_beside(
    here: Mapping[str, str], directory: Path, given: str | None, old: object, environment: Mapping[str, str]
) -> StoredBeside:
    """Look at a place for the files of a directory, and for those that only it has.

    What is in the directory, too, has the sha256 that it has here; a promotion reads what the store has. What only the
    store has is read now.

    Args:
        here: path → sha256 of what is in the directory.
        given: the place that was named; None for that of the old manifest.
        old: the key `storage` of the old manifest.

    Raises:
        InvalidInput: for an odd place, one without the artifact's files, or files of other sizes than those here.
        CouldNotVerify: when the store does not answer.
    """
    named = given or (old.get("uri") if isinstance(old, dict) else None)
    if not isinstance(named, str):
        return StoredBeside("", {}, {})
    uri = parse_storage_uri(named.rstrip("/"))
    with Buckets(environment).session(SECONDS, too_slow="run it again") as session:
        names = [name for name in session.names(uri) if name != FILE_NAME]
        _check_names(names, uri)
        files, sha256 = {}, {}
        for name in names:
            seen = session.look(StoredFile(uri, name, 0))
            file = StoredFile(uri, name, seen.size, seen.version)
            files[name] = {"size": file.size, **({"version": file.version} if file.version else {})}
            if name in here:
                _check_size(directory / name, file)
            else:
                sha256[name] = _read(session, file)
    return StoredBeside(uri, files, sha256)


def _check_names(names: list[str], uri: StorageUri) -> None:
    if not names:
        remedy = "upload the artifact's large files there first, under the names that they have in the directory"
        raise InvalidInput(f"there is no file below {uri}/", remedy=remedy)
    if len(names) > MAX_FILES:
        found = counted(len(names), "file")
        raise InvalidInput(f"there are {found} below {uri}/", remedy="name the place of this artifact alone")
    odd = next((name for name in names if not is_storable(name)), None)
    if odd is not None:
        raise InvalidInput(
            f"{odd[:100]!r} below {uri}/ has a name that no address takes",
            remedy="rename it there: letters, digits, - _ . = + ~ and /",
        )


def _check_size(path: Path, file: StoredFile) -> None:
    size = path.stat().st_size
    if size != file.size:
        raise InvalidInput(
            f"has {size:,} bytes, and {file.url} has {file.size:,}",
            where=str(path),
            remedy="upload this file there, or remove it here to take the one that is there",
        )


def _read(session: Session, file: StoredFile) -> str:
    with session.open(file) as stream:
        return hash_stream(stream, where=file.url)
