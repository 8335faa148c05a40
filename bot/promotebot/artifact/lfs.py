"""The rules on files that Git LFS keeps: a checkout gives their content, and that is where git-lfs puts it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from promotebot.artifact.manifest import Manifest
from promotebot.artifact.source import FileSource, LfsStore
from promotebot.errors import InvalidInput
from promotebot.findings import Finding, error, passed, some_of, warning
from promotebot.registry.lfs import INTO_LFS, LfsPointer, attributes_pattern, stored_by_git
from promotebot.remedies import Remedy, shell
from promotebot.text import counted

CONTENT = "artifact.content"
"""The rule on content outside of git: what is wrong there, no commit puts right."""
CONFIGURATION = ".lfsconfig"


@dataclass(frozen=True)
class InLfs:
    """The files of an artifact of which the private copy holds pointers, each to the listed content."""

    source: FileSource
    directory: str
    scratch: Path
    pointers: Mapping[str, LfsPointer]
    """Path relative to the directory → pointer."""


def lfs_findings(files: InLfs, store: LfsStore, *, seconds: float) -> Iterator[Finding]:
    """Yield the findings on content outside of git; put it into the private copy where the source fetches it.

    Args:
        seconds: for all that is fetched.

    Raises:
        CouldNotVerify: when the store or the disk does not answer.
    """
    yield from _outside(files)
    if files.source.kind(CONFIGURATION) is not None:
        yield warning(
            CONTENT,
            f"{CONFIGURATION} is not followed: promotebot asks the Git LFS server of this repository alone.",
            where=CONFIGURATION,
            remedy="nothing to do where the content is on that server, too; else push it there",
        )
    pointers = {*files.pointers.values()}
    problems = _fetched(files, store, seconds) if files.source.fetches_lfs else store.missing(pointers)
    found = [
        _problem(f"{files.directory}/{name}", problems[pointer])
        for name, pointer in files.pointers.items()
        if pointer in problems
    ]
    yield from some_of(CONTENT, files.directory, found)
    if not found:
        yield passed(CONTENT, _state(files), where=files.directory)


def _outside(files: InLfs) -> Iterator[Finding]:
    """Yield an error for pointers that a checkout leaves as they are: a service would load a text of three lines."""
    paths = [f"{files.directory}/{name}" for name in files.pointers]
    try:
        outside = files.source.outside_lfs(paths)
    except InvalidInput as problem:
        yield error("artifact.lfs", f"{problem.message}.", where=files.directory, remedy=problem.remedy)
        return
    if outside:
        more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        yield error(
            "artifact.lfs",
            f"{outside[0]}{more} is a Git LFS pointer, but .gitattributes does not say so, and a checkout leaves the "
            "pointer there.",
            where=outside[0],
            remedy=f"add this line to .gitattributes: {attributes_pattern(outside[0])} {INTO_LFS}",
        )


def _fetched(files: InLfs, store: LfsStore, seconds: float) -> Mapping[LfsPointer, InvalidInput]:
    targets = {files.scratch / name: pointer for name, pointer in files.pointers.items()}
    for path in targets:
        path.unlink()
    return store.fetch(targets, seconds)


def _problem(path: str, problem: InvalidInput) -> Finding:
    return error(CONTENT, f"{path}: {problem.message}.", where=path, remedy=problem.remedy)


def _state(files: InLfs) -> str:
    size = sum(pointer.size for pointer in files.pointers.values())
    what = f"{counted(len(files.pointers), 'file')} of Git LFS, {size:,} bytes"
    if files.source.fetches_lfs:
        return f"{what}, fetched: every sha256 as the pointer says"
    return f"{what}: the content is there; it was not downloaded, so no model was opened here"


def check_held(source: FileSource, directory: str, manifest: Manifest) -> Iterator[Finding]:
    """Check that git holds the listed bytes of each file that a checkout may convert: they are what is promoted."""
    held = source.held(directory)
    problems = []
    for name, expected in manifest.sha256.items():
        path = f"{directory}/{name}"
        known = held.get(path)
        if known and known.sha256 != expected:
            what = "its Git LFS pointer stands for" if known.in_lfs else "git holds"
            message = (
                f"{path}: {what} sha256:{known.sha256}, the manifest says sha256:{expected}; a checkout converts it."
            )
            again = shell("git", "add", "--", path).then("git", "commit", "--message", f"fix(ml): {path}", "--", path)
            remedy = Remedy("commit it again: ", again if known.in_lfs else stored_by_git(path))
            problems.append(error("artifact.stored", message, where=path, remedy=remedy))
    yield from some_of("artifact.stored", directory, problems)
    if held and not problems:
        message = f"git holds the listed bytes of {counted(len(held), 'file')} that a checkout may convert"
        yield passed("artifact.stored", message, where=directory)
