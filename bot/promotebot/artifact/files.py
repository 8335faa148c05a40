"""The rules on the names of an artifact's files: those present, those listed, and those that git tracks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from promotebot.artifact.limits import Limits
from promotebot.artifact.manifest import FILE_NAME, Manifest, colliding, manifest_command
from promotebot.artifact.source import Entry, FileSource, Kind, fetching, shown
from promotebot.artifact.statements import is_signature_name
from promotebot.findings import Finding, error, passed, some_of, warning
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
    outside: tuple[str, ...] = ()
    """The listed files that are read outside of git, by path relative to the directory."""

    @cached_property
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


def with_outside(listing: Listing, manifest: Manifest, source: FileSource) -> Listing:
    """Return the listing with the files that are read outside of git: those listed there, unless git has them, too."""
    stored = manifest.stored_files
    here = {f"{listing.directory}/{name}" for name in stored.keys() & listing.files.keys()}
    kept = here - ((source.untracked(listing.directory, here) if here else None) or set())
    outside = (name for name in manifest.sha256 if name in stored and f"{listing.directory}/{name}" not in kept)
    return replace(listing, outside=tuple(outside))


def check_listed(manifest: Manifest, listing: Listing, source: FileSource) -> Iterator[Finding]:
    """Check that the listed files are the present ones, by name, but for those outside of git."""
    # An incomplete listing cannot show that a file is missing.
    directory, present = listing.directory, listing.files
    missing = sorted({*manifest.sha256} - {*present} - {*listing.outside}) if listing.whole else []
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
    """Check that git tracks every file but those outside of it: one that it ignores is on one machine only.

    See docs/architecture.md, Older files.
    """
    elsewhere = {f"{listing.directory}/{name}" for name in listing.outside}
    entries = (entry for entry in listing.entries if entry.kind is Kind.FILE and not _is_git(entry.path))
    files = {entry.path for entry in entries} - elsewhere
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


def check_present(source: FileSource, directory: str) -> Finding:
    """Return whether a path is a directory, with nothing but directories on the way."""
    parts = directory.split("/")
    for end in range(1, len(parts) + 1):
        path = "/".join(parts[:end])
        kind = source.kind(path)
        if kind is Kind.DIRECTORY:
            continue
        above = shown("/".join(parts[: end - 1]) or ".")
        rule, remedy = "artifact.exists", Remedy(f"name the directory that holds the manifest: {above}")
        if kind is None:
            message = f"Artifact directory not found: {directory}"
            remedy = Remedy(f"name a directory in {above}/; the path is relative to the repository root")
            if source.left_out(directory):
                message += " (git has it, but this sparse checkout leaves it out)"
                remedy = fetching(directory)
        elif kind is Kind.FILE:
            message = f"Artifact directory not found: {path} is a file"
        else:
            rule, message = "path.symlink", f"{path} is a {kind.value}, not a directory."
            remedy = Remedy("commit the directory itself; links and submodules are not followed")
        return error(rule, message, where=path, remedy=remedy)
    return passed("artifact.exists", "the directory is there", where=directory)
