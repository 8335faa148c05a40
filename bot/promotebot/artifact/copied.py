"""The rule on an artifact's bytes: every listed file is hashed, and what has to be opened is copied meanwhile.

A file on disk may be written again as soon as it was hashed. So what is opened is a private copy of the very bytes that
were hashed: models, what they may read, and golden data. Of every other file it is enough to look at how it begins,
while it is hashed; what its beginning does not settle is copied, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from promotebot.artifact.digest import OverLimit
from promotebot.artifact.files import REPORT, Listing
from promotebot.artifact.golden_names import is_in_golden_set
from promotebot.artifact.limits import Limits, Terms
from promotebot.artifact.looks import Look, is_named_onnx, look_into
from promotebot.artifact.manifest import Manifest, manifest_command
from promotebot.artifact.one_file import FileReader, ReadFile
from promotebot.artifact.onnx_bytes import read_beside
from promotebot.artifact.source import FileSource
from promotebot.artifact.threads import BATCH, in_threads
from promotebot.errors import InvalidInput
from promotebot.findings import Finding, error, passed, some_of
from promotebot.registry.lfs import LfsPointer, fetched, parse_pointer, written_again
from promotebot.registry.names import ArtifactPath
from promotebot.remedies import Remedy
from promotebot.text import counted


@dataclass
class Copied:
    """The private copy: findings, and sizes in bytes by name. `proven`: every listed file is read and as listed."""

    scratch: Path
    findings: list[Finding] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    pointers: dict[str, LfsPointer] = field(default_factory=dict)
    """The files of which the copy is a Git LFS pointer to the listed content; their sizes are the content's."""
    outside: tuple[str, ...] = ()
    """The files that were not copied, as they are outside of git; their sizes are the manifest's."""
    looks: dict[str, Look] = field(default_factory=dict)
    """What files are, as far as somebody looked."""
    readable: frozenset[str] = frozenset()
    """The files that are copied whole because models are opened from them, or may read them."""
    proven: bool = False

    def knows(self, name: str) -> bool:
        """Return whether a file can be looked at: it was read, or it was left unread on purpose."""
        return name in self.looks or (self.scratch / name).is_file()

    def look(self, name: str, *, is_own: bool = False) -> Look:
        """Return what a file is by its bytes."""
        if name not in self.looks:
            self.looks[name] = look_into(self.scratch / name, name, is_own=is_own)
        return self.looks[name]


def divided(names: Iterable[str], manifest: Manifest) -> tuple[list[str], list[str]]:
    """Return those of some files that may be models by their names, and the others."""
    models, others = list[str](), list[str]()
    for name in names:
        (models if name == manifest.model_file or is_named_onnx(name) else others).append(name)
    return models, others


def is_always_opened(name: str, manifest: Manifest, terms: Terms) -> bool:
    """Return whether a file is opened whatever its bytes are."""
    is_own = name == manifest.model_file and "opaque" not in terms.formats
    return is_own or is_named_onnx(name) or is_in_golden_set(name) or name == REPORT


def copy_files(source: FileSource, manifest: Manifest, listing: Listing, scratch: Path, terms: Terms) -> Copied:
    """Hash every listed file, and copy into `scratch` what is opened; see this module.

    Of the files outside of git only the size counts here, before anything of them is read.

    Raises:
        CouldNotVerify: when the source or the disk does not answer.
    """
    return _Copying(source, manifest, listing, terms, Copied(scratch, outside=listing.outside)).run()


@dataclass
class _Copying:
    """One run of `copy_files`."""

    source: FileSource
    manifest: Manifest
    listing: Listing
    terms: Terms
    copied: Copied
    found: dict[str, list[Finding]] = field(default_factory=dict)
    total: int = 0
    """Bytes of the files so far."""

    def run(self) -> Copied:
        """Read the models first: they say what else has to be copied."""
        copied = self.copied
        outside = {*copied.outside}
        present = {*self.listing.files, *outside}
        listed = [name for name in self.manifest.sha256 if name in present][: self.terms.files]
        names = [name for name in listed if name not in outside]
        models, others = divided(names, self.manifest)
        opened: set[str] = {name for name in names if is_always_opened(name, self.manifest, self.terms)}
        if self._add_outside() and self._read(models, opened):
            beside = self._beside(models, others)
            self._read(others, opened | beside)
            copied.readable = frozenset(beside | opened - {REPORT})
        # In the manifest's order, whatever was read first.
        findings = [finding for name in listed for finding in self.found.get(name, [])]
        copied.proven = not findings and len(copied.sizes) == len(self.manifest.sha256)
        copied.findings = some_of("artifact.digest", self.listing.directory, findings)
        if copied.proven:
            copied.findings += _all_proven(self.listing.directory, copied, self.terms)
        return copied

    def _read(self, names: Sequence[str], opened: set[str]) -> bool:
        """Read files; return whether there is room for more."""
        reader = FileReader(
            self.source,
            self.listing.directory,
            self.copied.scratch,
            self.manifest.model_file,
            self._room,
        )
        entries = [self.listing.files[name] for name in names]
        # Git gives one object after the other; whether there is room for the next one is known after each.
        is_here = self.source.lfs is None
        sizes = [(entry.size or 0) if is_here else BATCH for entry in entries]
        files = in_threads(partial(reader.read, opened=opened), entries, sizes, workers=None if is_here else 1)
        return all(self._add(name, file) for name, file in zip(names, files, strict=True))

    def _beside(self, models: Sequence[str], others: Sequence[str]) -> set[str]:
        """Return what the models may read; all where one is not here yet, as it is in Git LFS or outside of git."""
        away, _ = divided(self.copied.outside, self.manifest)
        if away or not self.copied.pointers.keys().isdisjoint(models):
            return {*others}
        return read_beside(self.copied.scratch, models, others)

    def _add_outside(self) -> bool:
        """Take in the sizes of the files outside of git; return whether there is room for more."""
        stored = self.manifest.stored_files
        known = ((n, ReadFile(self.manifest.sha256[ArtifactPath(n)], stored[n].size)) for n in self.copied.outside)
        return all(self._add(name, file) for name, file in known)

    def _room(self) -> int:
        return min(self.terms.file_bytes, self.terms.artifact_bytes - self.total)

    def _add(self, name: str, file: ReadFile | InvalidInput) -> bool:
        """Take in a file; return whether there is room for more. Those before it are in; threads may be further."""
        directory, room = self.listing.directory, self.terms.artifact_bytes - self.total
        path = f"{directory}/{name}"
        if isinstance(file, OverLimit) or (isinstance(file, ReadFile) and file.size > self._room()):
            self.found[name] = [_too_large(directory, path, self.terms, alone=self.terms.file_bytes <= room)]
            # Where the artifact as a whole is too large, no further file can fit.
            return self.terms.file_bytes <= room
        if isinstance(file, InvalidInput):
            remedy = file.remedy or "put the file back"
            self.found[name] = [error("artifact.digest", f"{path} {file.message}.", where=path, remedy=remedy)]
            return True
        self.total += file.size
        self.copied.sizes[name] = file.size
        if file.pointer:
            self.copied.pointers[name] = file.pointer
        if file.look:
            self.copied.looks[name] = file.look
        expected = self.manifest.sha256[ArtifactPath(name)]
        if file.sha256 != expected or file.stray is not None:
            self.found[name] = [_changed(file, path, expected, self.manifest, directory)]
        return True


def _all_proven(directory: str, copied: Copied, limits: Limits) -> Iterator[Finding]:
    sizes, pointers, here = copied.sizes, len(copied.pointers), len(copied.sizes) - len(copied.outside)
    by_pointer = f" ({pointers} by a Git LFS pointer)" if pointers else ""
    total = sum(sizes.values())
    if here:
        yield passed("artifact.digest", f"{counted(here, 'file')}, every sha256 as listed{by_pointer}", where=directory)
    yield passed(
        "artifact.limits",
        f"{counted(len(sizes), 'file')} of {limits.files:,}, {total:,} bytes of {limits.artifact_bytes:,}",
        where=directory,
    )


def _too_large(directory: str, path: str, limits: Limits, *, alone: bool) -> Finding:
    subject, limit, key = (
        (path, limits.file_bytes, "file_bytes") if alone else (directory, limits.artifact_bytes, "artifact_bytes")
    )
    return error(
        "artifact.limits",
        f"{subject} is over the limit of {limit:,} bytes.",
        where=path,
        remedy=f"make it smaller, or raise limits.{key} in the policy of the base branch",
    )


def _changed(file: ReadFile, path: str, expected: str, manifest: Manifest, directory: str) -> Finding:
    if file.stray is not None:
        return _in_its_place(path, file.stray, expected)
    what = "a Git LFS pointer to " if file.pointer else ""
    return error(
        "artifact.digest",
        f"{path} is {what}sha256:{file.sha256}, the manifest says sha256:{expected}. "
        "The file changed after the manifest was written.",
        where=path,
        remedy=Remedy(
            "restore the listed file; or, if the new bytes are intended, write the manifest again: ",
            manifest_command(directory, manifest.model_file),
            "; then commit",
        ),
    )


def _in_its_place(path: str, data: bytes, expected: str) -> Finding:
    """Return the error for a pointer that nothing replaces by its content."""
    pointer = parse_pointer(data)
    if pointer is None:
        message = f"{path} is a Git LFS pointer, but not written as git-lfs writes one, so it names no content."
        return error("artifact.lfs", message, where=path, remedy=written_again(path))
    same = pointer.sha256 == expected
    agrees = "it points to the listed content" if same else "it points to other content than the listed"
    message = f"{path} is a Git LFS pointer, not the file ({agrees})."
    return error("artifact.lfs", message, where=path, remedy=Remedy("fetch it: ", fetched(path)))
