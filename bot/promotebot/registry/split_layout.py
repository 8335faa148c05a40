"""The split layout: one file per model beside the index, read when a model is first used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import cached_property, lru_cache
from pathlib import PurePosixPath
from typing import Any, Protocol

from promotebot.errors import InvalidInput
from promotebot.registry.codec import parse_json, read_from
from promotebot.registry.names import is_model_name, parse_model_name

RawEntry = Mapping[str, Any]
SUFFIX = ".json"


class ModelFiles(Protocol):
    """The directory `models/` at one state, of a work tree or of a commit."""

    def names(self) -> Mapping[str, str | None]:
        """Return file name → what changes with its content (a git object id), None where that costs reading it."""
        ...

    def read(self, file_name: str) -> bytes:
        """Return one file's bytes; raise InvalidInput for what is no regular file."""
        ...


@lru_cache(maxsize=8)  # asked for each of ten thousand models
def models_directory(registry_path: str) -> str:
    """Return the path of `models/` beside the index."""
    return str(PurePosixPath(registry_path).parent / "models")


def model_file(registry_path: str, name: str) -> str:
    """Return the path of the file that holds a model."""
    return f"{models_directory(registry_path)}/{name}{SUFFIX}"


def read_model(files: ModelFiles, registry_path: str, name: str) -> RawEntry:
    """Return a model's entry from its own file. Raises InvalidInput for anything else that stands there."""
    where = model_file(registry_path, name)
    with read_from(where):
        entry = parse_json(files.read(name + SUFFIX), where=where, exact=True)
        if not isinstance(entry, dict):
            raise InvalidInput(f"the top level is a {type(entry).__name__}; expected one model")
    return entry


class SplitModels(Mapping[str, RawEntry]):
    """Model name → entry as stored; no file is read before its model is used."""

    def __init__(self, files: ModelFiles, registry_path: str, *, has: Callable[[str], bool] | None = None) -> None:
        """List the models, or leave that to whoever asks for all of them.

        Args:
            has: returns whether there is a file of this name; None to list the directory now.
        """
        self._files = files
        self._path = registry_path
        self._has = has
        self._replaced: Mapping[str, RawEntry] = {}
        self._read: dict[str, RawEntry] = {}
        if has is None:
            _ = self._fingerprints

    @cached_property
    def _fingerprints(self) -> Mapping[str, str | None]:
        # Sorted, as the order of a directory's entries differs between file systems.
        return {_model_of(file, self._path): mark for file, mark in sorted(self._files.names().items())}

    def _is_there(self, name: str) -> bool:
        """Return whether a model has a file; where one can be looked for, the others are not listed for it."""
        if self._has is None:
            return name in self._fingerprints
        return is_model_name(name) and self._has(name + SUFFIX)

    def __getitem__(self, name: str) -> RawEntry:
        if name in self._replaced:
            return self._replaced[name]
        if name not in self._read:
            if not self._is_there(name):
                raise KeyError(name)
            self._read[name] = read_model(self._files, self._path, name)
        return self._read[name]

    def glance(self, name: str) -> RawEntry:
        """Return a model without keeping it, empty for one that is not there: all of them together may be large."""
        if name in self._replaced or name in self._read or not self._is_there(name):
            return self.get(name, {})
        return read_model(self._files, self._path, name)

    def __iter__(self) -> Iterator[str]:
        return iter({**self._fingerprints, **self._replaced})

    def __len__(self) -> int:
        return len({**self._fingerprints, **self._replaced})

    def __contains__(self, name: object) -> bool:
        return name in self._replaced or (isinstance(name, str) and self._is_there(name))

    def fingerprint(self, name: str) -> str | None:
        """Return what changes with the content of a model's file; None where that is not known."""
        # A replaced model is in no file yet.
        return None if name in self._replaced else self._fingerprints.get(name)

    def replaced(self, name: str, entry: RawEntry) -> SplitModels:
        """Return the same models with one replaced or added; nothing is written."""
        # A shallow copy: what was read already serves both.
        changed = copy(self)
        changed._replaced = {**self._replaced, name: entry}
        return changed


def _model_of(file_name: str, registry_path: str) -> str:
    """Return the model of a file; raise InvalidInput for anything else in that directory.

    Another file there could be a model that nobody looks at.
    """
    where = f"{models_directory(registry_path)}/{file_name}"
    if not file_name.endswith(SUFFIX):
        raise InvalidInput("only NAME.json files may be here, one for each model", where=where, remedy="move it away")
    try:
        return parse_model_name(file_name.removesuffix(SUFFIX))
    except InvalidInput as problem:
        raise InvalidInput(problem.message, where=where, remedy=problem.remedy) from None
