"""The rules on files outside of git: the place is one that the policy lists, and the store has the listed bytes there.

The manifest is to them what a pointer is to Git LFS: it names size and sha256, and git has the manifest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from promotebot.artifact.copied import Copied, divided, is_always_opened
from promotebot.artifact.digest import Keep, OverLimit, Readable, read_hashed
from promotebot.artifact.limits import Terms
from promotebot.artifact.manifest import FILE_NAME, Manifest, manifest_command
from promotebot.artifact.one_file import Beginning
from promotebot.artifact.onnx_bytes import read_beside
from promotebot.artifact.source import FileSource
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.findings import Finding, error, passed, some_of, warning
from promotebot.registry.names import ArtifactPath
from promotebot.remedies import Remedy
from promotebot.storage.uri import StoredFile, lies_under
from promotebot.text import counted

STORAGE = "artifact.storage"
"""The rule on the place: where the bytes lie, whether the policy lists it, which versions are there."""


class Seen(Protocol):
    """What a store says about a file without giving it."""

    @property
    def size(self) -> int:
        """Return its bytes."""
        ...

    @property
    def version(self) -> str | None:
        """Return its version; None where the store keeps none."""
        ...


class ObjectReader(Protocol):
    """Reads the files of one artifact; raises InvalidInput for what is not there, CouldNotVerify for no answer."""

    def look(self, file: StoredFile) -> Seen:
        """Return what the store says about a file."""
        ...

    def open(self, file: StoredFile) -> AbstractContextManager[Readable]:
        """Open a file: a stream of at most as many bytes as the manifest names."""
        ...


class ObjectStore(Protocol):
    """The stores outside of git that a program may read; `promotebot.storage.buckets.Buckets` is one."""

    def session(self, seconds: float) -> AbstractContextManager[ObjectReader]:
        """Yield what reads the files of one artifact, in so many seconds together."""
        ...


@dataclass(frozen=True)
class Outside:
    """The files of an artifact that are read outside of git, as far as the manifest lists them there.

    What git has is in the private copy already; what a model reads beside it is not known before it is there, too.
    """

    source: FileSource
    directory: str
    manifest: Manifest
    copied: Copied
    terms: Terms

    @cached_property
    def files(self) -> dict[str, StoredFile]:
        """Return them by name: the models first, which say what else has to be opened."""
        outside = {*self.copied.outside}
        files = self.manifest.stored_files
        models, others = divided((name for name in files if name in outside), self.manifest)
        return {name: files[name] for name in (*models, *others)}

    def beginning(self, name: str) -> Beginning:
        """Return what decides how much of a file is copied; see `promotebot.artifact.copied`."""
        is_own = name == self.manifest.model_file
        is_opened = is_always_opened(name, self.manifest, self.terms) or (not is_own and name in self._beside)
        return Beginning(name, self.copied.scratch / name, is_own, is_opened)

    @cached_property
    def _beside(self) -> set[str]:
        """What the models may read, asked for when all of them are in the copy."""
        return read_beside(self.copied.scratch, *divided(self.manifest.sha256, self.manifest))


def check_place(manifest: Manifest, directory: str, terms: Terms) -> Iterator[Finding]:
    """Yield an error for a place that the policy does not list: nothing is read there."""
    uri = manifest.storage.uri if manifest.storage else None
    if uri is None or lies_under(uri, terms.storage):
        return
    listed = f"it lists {', '.join(terms.storage)}" if terms.storage else "it lists no place"
    yield error(
        STORAGE,
        f"{directory}/{FILE_NAME} names {uri}, which the policy of the base branch does not list ({listed}).",
        where=f"{directory}/{FILE_NAME}",
        remedy="store the files under a listed place and write the manifest again with --storage; or add the place to "
        "`storage` in .github/promotion.yml of the base branch",
    )


def stored_findings(outside: Outside, store: ObjectStore | None) -> Iterator[Finding]:
    """Yield the findings on files outside of git; put them into the private copy where the source fetches them.

    Raises:
        CouldNotVerify: when a store or the disk does not answer, or takes too long.
    """
    directory, files = outside.directory, outside.files
    if store is None:
        raise CouldNotVerify("nothing here reads files outside of git", where=directory, remedy="run it again")
    problems: list[Finding] = []
    versions: dict[str, str] = {}
    with store.session(outside.terms.storage_seconds) as reader:
        for name, file in files.items():
            try:
                seen = _compared(reader, outside, file)
            except InvalidInput as problem:  # noqa: PERF203 - each file for itself
                where = f"{directory}/{name}"
                message = f"{where}: {problem.message}."
                problems.append(
                    error("artifact.content", message, where=where, remedy=problem.remedy or _again(outside))
                )
            else:
                versions |= {name: seen.version} if seen.version else {}
    yield from some_of("artifact.content", directory, problems)
    if not problems:
        yield passed(STORAGE, _state(outside, versions), where=directory)
        yield from _unpinned(outside, versions)


def _compared(reader: ObjectReader, outside: Outside, file: StoredFile) -> Seen:
    """Return what the store says of a file that is as the manifest lists it, read where the source fetches it.

    Raises:
        InvalidInput: for a file that is not.
    """
    seen, first = look_listed(reader, file), outside.beginning(file.name)
    if not outside.source.fetches_stored:
        first.target.parent.mkdir(parents=True, exist_ok=True)
        first.target.touch()  # of what is not read, only the name is known
        return seen
    read_listed(reader, file, outside.manifest.sha256[ArtifactPath(file.name)], first.keep)
    if first.look is not None:
        outside.copied.looks[file.name] = first.look
    return seen


def look_listed(reader: ObjectReader, file: StoredFile) -> Seen:
    """Return what the store says of a file that has the listed size there. Raises InvalidInput for any other."""
    seen = reader.look(file)
    if seen.size != file.size:
        raise InvalidInput(f"{file.url} has {seen.size:,} bytes, the manifest says {file.size:,}")
    return seen


def read_listed(reader: ObjectReader, file: StoredFile, listed: str, keep: Keep) -> None:
    """Read a file, and keep what is asked for of it.

    Args:
        listed: its sha256 in 64 hex digits.

    Raises:
        InvalidInput: for other bytes than the listed ones; what was kept of them must not be used.
        CouldNotVerify: when the store or the disk does not answer.
    """
    with reader.open(file) as stream:
        try:
            sha256, size = read_hashed(stream, keep, where=file.url, max_bytes=file.size, size=file.size)
        except OverLimit:
            raise InvalidInput(f"{file.url} has more than the {file.size:,} bytes of the manifest") from None
    if size != file.size:
        raise InvalidInput(f"{file.url} ended after {size:,} bytes, the manifest says {file.size:,}")
    if sha256 != listed:
        raise InvalidInput(f"{file.url} is sha256:{sha256}, the manifest says sha256:{listed}")


def _again(outside: Outside) -> Remedy:
    return Remedy(
        "upload the listed file again; or, if the new bytes are intended, write the manifest again: ",
        manifest_command(outside.directory, outside.manifest.model_file),
        "; then commit",
    )


def _state(outside: Outside, versions: dict[str, str]) -> str:
    files = outside.files
    size = sum(file.size for file in files.values())
    place = outside.manifest.storage.uri if outside.manifest.storage else ""
    what = f"{counted(len(files), 'file')} in {place}, {size:,} bytes"
    told = [f"{name} in version {versions[name]}" for name in files if name in versions]
    of = f" ({', '.join(told[:3])}{', …' if len(told) > 3 else ''})" if told else ""
    if outside.source.fetches_stored:
        return f"{what}, read: every sha256 as listed{of}"
    return f"{what}: there, with the listed sizes{of}; not read, so no model was opened here"


def _unpinned(outside: Outside, versions: dict[str, str]) -> Iterator[Finding]:
    """Yield a warning where the store keeps versions and the manifest names none."""
    names = [name for name, file in outside.files.items() if name in versions and file.version is None]
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield warning(
            STORAGE,
            f"The store keeps versions, but the manifest names none of {names[0]}{more}: if somebody replaces the file "
            "there, this artifact can no longer be loaded.",
            where=f"{outside.directory}/{FILE_NAME}",
            remedy=Remedy(
                "record them: ", manifest_command(outside.directory, outside.manifest.model_file), "; then commit"
            ),
        )
