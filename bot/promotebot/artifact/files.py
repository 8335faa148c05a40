"""The rules on an artifact's files: the names present, the names listed, and whether the bytes are as listed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from promotebot.artifact.digest import OverLimit, copy_hashed
from promotebot.artifact.limits import Limits
from promotebot.artifact.manifest import FILE_NAME, Manifest, colliding, manifest_command
from promotebot.artifact.source import Entry, FileSource, Kind, fetching, shown
from promotebot.artifact.statements import is_signature_name
from promotebot.errors import InvalidInput
from promotebot.findings import Finding, error, passed, some_of, warning
from promotebot.registry.lfs import POINTER_BYTES, LfsPointer, fetched, is_pointer, parse_pointer, written_again
from promotebot.registry.names import ArtifactPath
from promotebot.remedies import Command, Remedy, shell
from promotebot.text import counted

REPORT = "train_report.json"


@dataclass(frozen=True)
class Listing:
    """The entries below an artifact's directory; not `whole` when there are more than the limits allow to list."""

    directory: ArtifactPath
    entries: tuple[Entry, ...]
    whole: bool

    @property
    def files(self) -> dict[str, Entry]:
        """Return the regular files, without the manifest, by path relative to the directory."""
        start = len(self.directory) + 1
        files = {entry.path[start:]: entry for entry in self.entries if entry.kind is Kind.FILE}
        return {name: entry for name, entry in files.items() if name != FILE_NAME}


def list_files(source: FileSource, directory: ArtifactPath, limits: Limits) -> Listing:
    """List a directory, at most twice as many entries as files are allowed, and a few: directories count too."""
    # One more than allowed shows that there are more.
    most = 2 * limits.files + 16
    entries = tuple(islice(source.walk(directory), most + 1))
    return Listing(directory, entries[:most], whole=len(entries) <= most)


def check_entries(listing: Listing, limits: Limits) -> Iterator[Finding]:
    """Check the names: only files and directories, no more than allowed, no two that one system takes for one."""
    directory = listing.directory
    count = len(listing.files) if listing.whole else f"over {limits.files}"
    if not listing.whole or len(listing.files) > limits.files:
        yield error(
            "artifact.limits",
            f"{directory} holds {count} files; the limit is {limits.files}.",
            where=directory,
            remedy="keep only what the model needs, or raise limits.files in the policy of the base branch",
        )
    yield from some_of("path.symlink", directory, _links(listing.entries))
    yield from some_of("artifact.files", directory, [*_stray(listing), *_twins(listing)])


def _links(entries: Iterable[Entry]) -> list[Finding]:
    return [
        error(
            "path.symlink",
            f"{shown(entry.path)} is a {entry.kind.value}.",
            where=shown(entry.path),
            remedy="replace it by the file itself, and commit; links and submodules are not followed",
        )
        for entry in entries
        if entry.kind not in (Kind.FILE, Kind.DIRECTORY)
    ]


def _stray(listing: Listing) -> Iterator[Finding]:
    """Yield findings on repositories inside the artifact, and on empty directories: git commits neither as files."""
    parents = {entry.path.rpartition("/")[0] for entry in listing.entries}
    for where, entry in ((shown(entry.path), entry) for entry in listing.entries):
        if _is_git(entry.path):
            yield error(
                "artifact.files",
                f"{where} makes the directory a git repository of its own.",
                where=where,
                remedy=Remedy("remove it, and commit the files themselves: ", shell("rm", "-r", "--", entry.path)),
            )
        elif entry.kind is Kind.DIRECTORY and entry.path not in parents and listing.whole:
            yield error(
                "artifact.files",
                f"{where} is an empty directory.",
                where=where,
                remedy=Remedy("remove it: ", shell("rmdir", "--", entry.path)),
            )


def _is_git(path: str) -> bool:
    # A file .git makes a submodule or a worktree; `.GIT` is the same name on some systems.
    return path.rpartition("/")[2].lower() == ".git"


def _twins(listing: Listing) -> Iterator[Finding]:
    names = [entry.path for entry in listing.entries]
    # git itself never has a name twice, but a tree object written by hand can.
    doubled = {name for name in names if names.count(name) > 1} if len(set(names)) != len(names) else set()
    for one, other in [*colliding(names), *((name, name) for name in sorted(doubled))]:
        yield error(
            "artifact.files",
            f"{shown(one)} and {shown(other)} are the same file on some systems.",
            where=listing.directory,
            remedy=Remedy("rename one of them, then list it by its new name: ", manifest_command(listing.directory)),
        )


def check_listed(manifest: Manifest, listing: Listing, source: FileSource) -> Iterator[Finding]:
    """Check that the listed files are the present ones, by name."""
    # An incomplete listing cannot show that a file is missing.
    directory, present = listing.directory, listing.files
    missing = sorted(set(manifest.sha256) - set(present)) if listing.whole else []
    left_out = source.left_out(directory) if missing else set()
    rewrite = manifest_command(directory, manifest.model_file)
    problems = [
        *(_missing(directory, name, listing, left_out, rewrite) for name in missing),
        *(
            _unlisted(directory, name, rewrite)
            for name in sorted(set(present) - set(manifest.sha256))
            if not (name == REPORT and manifest.from_older_tool) and not _is_git(name) and not is_signature_name(name)
        ),
    ]
    yield from some_of("artifact.files", directory, problems)
    if REPORT in present and REPORT not in manifest.sha256 and manifest.from_older_tool:
        yield warning(
            "artifact.files",
            f"{directory}/{REPORT} is not listed in the manifest (written by an older tool); it is not shown.",
            where=f"{directory}/{REPORT}",
            remedy=Remedy("list it: ", rewrite),
        )


def _missing(directory: str, name: str, listing: Listing, left_out: set[str], rewrite: Command) -> Finding:
    path = f"{directory}/{name}"
    if path in left_out:
        message = f"{path} is listed in the manifest; git has it, but this sparse checkout leaves it out."
        return error("artifact.files", message, where=path, remedy=fetching(directory))
    # Written on a system that does not tell cases apart.
    near = next((e.path for e in listing.entries if e.path.casefold() == path.casefold() and e.path != path), None)
    hint = f" ({shown(near)} is)" if near else ""
    return error(
        "artifact.files",
        f"{path} is listed in the manifest but not there{hint}.",
        where=path,
        remedy=Remedy("put the file back, or write a manifest without it: ", rewrite, "; then commit"),
    )


def _unlisted(directory: str, name: str, rewrite: Command) -> Finding:
    path = shown(f"{directory}/{name}")
    return error(
        "artifact.files",
        f"{path} is there but the manifest does not list it.",
        where=path,
        remedy=Remedy(
            "remove it: ", shell("rm", "--", f"{directory}/{name}"), "; or list it: ", rewrite, "; then commit"
        ),
    )


def check_tracked(source: FileSource, listing: Listing) -> Iterator[Finding]:
    """Check that git tracks every file: one that it ignores is on one machine only.

    See docs/architecture.md, Older files.
    """
    files = {entry.path for entry in listing.entries if entry.kind is Kind.FILE and not _is_git(entry.path)}
    untracked = source.untracked(listing.directory, files)
    if untracked is None:
        return
    problems = [
        error(
            "artifact.tracked",
            f"{shown(path)} is not tracked by git.",
            where=shown(path),
            remedy=Remedy("add it, and commit: ", shell("git", "add", "--force", "--", path)),
        )
        for path in sorted(untracked)
    ]
    yield from some_of("artifact.tracked", listing.directory, problems)
    if files and not problems:
        yield passed(
            "artifact.tracked", f"git tracks every file ({counted(len(files), 'file')})", where=listing.directory
        )


@dataclass
class Copied:
    """The private copy: findings, and sizes in bytes by name. `proven`: every listed file is copied and as listed."""

    findings: list[Finding] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    pointers: dict[str, LfsPointer] = field(default_factory=dict)
    """The files of which the copy is a Git LFS pointer to the listed content; their sizes are the content's."""
    proven: bool = False


def copy_files(source: FileSource, manifest: Manifest, listing: Listing, scratch: Path, limits: Limits) -> Copied:
    """Copy every listed file into `scratch` while hashing it; the model is opened from the copy.

    Raises:
        CouldNotVerify: when the source or the disk does not answer.
    """
    copied, directory, total = Copied(), listing.directory, 0
    names = [name for name in manifest.sha256 if name in listing.files][: limits.files]
    for name in names:
        path = f"{directory}/{name}"
        room = limits.artifact_bytes - total
        try:
            file = _copied(source, path, scratch / name, max_bytes=min(limits.file_bytes, room))
        except OverLimit:
            copied.findings.append(_too_large(directory, path, limits, alone=limits.file_bytes <= room))
            # The artifact as a whole is too large: no further file can fit.
            if limits.file_bytes > room:
                break
            continue
        except InvalidInput as problem:
            remedy = problem.remedy or "put the file back"
            copied.findings.append(error("artifact.digest", f"{path} {problem.message}.", where=path, remedy=remedy))
            continue
        total += file.size
        copied.sizes[name] = file.size
        copied.pointers |= {name: file.pointer} if file.pointer else {}
        copied.findings += _compare(file, path, manifest.sha256[name], manifest, directory)
    copied.proven = not copied.findings and len(copied.sizes) == len(manifest.sha256)
    copied.findings = some_of("artifact.digest", directory, copied.findings)
    if copied.proven:
        copied.findings += _all_proven(directory, copied, limits)
    return copied


@dataclass(frozen=True)
class _File:
    """A copied file: what its content is, which lies elsewhere where the copy is a Git LFS pointer to it."""

    sha256: str
    size: int
    pointer: LfsPointer | None = None
    stray: bytes | None = None
    """The whole file, where it is a pointer that stands for nothing here."""


def _copied(source: FileSource, path: str, target: Path, *, max_bytes: int) -> _File:
    """Copy a file. Raises OverLimit also for a pointer whose content is larger; InvalidInput where none can be read."""
    with source.open(path) as stream:
        actual, size = copy_hashed(stream, target, where=path, max_bytes=max_bytes)
    data = target.read_bytes() if size <= POINTER_BYTES else b""
    if not is_pointer(data):
        return _File(actual, size)
    pointer = parse_pointer(data) if source.lfs is not None else None
    if pointer is None:
        return _File(actual, size, stray=data)
    if pointer.size > max_bytes:
        raise OverLimit(f"is over the limit of {max_bytes:,} bytes", where=path)
    return _File(pointer.sha256, pointer.size, pointer)


def _all_proven(directory: str, copied: Copied, limits: Limits) -> Iterator[Finding]:
    sizes, pointers = copied.sizes, len(copied.pointers)
    by_pointer = f" ({pointers} by a Git LFS pointer)" if pointers else ""
    total = sum(sizes.values())
    yield passed("artifact.digest", f"{len(sizes)} files, every sha256 as listed{by_pointer}", where=directory)
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


def _compare(file: _File, path: str, expected: str, manifest: Manifest, directory: str) -> Iterator[Finding]:
    if file.stray is not None:
        yield _in_its_place(path, file.stray, expected)
    elif file.sha256 != expected:
        what = "a Git LFS pointer to " if file.pointer else ""
        yield error(
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
