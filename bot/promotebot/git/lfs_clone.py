"""Git LFS in a clone: the content that git-lfs has brought there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from promotebot.artifact.digest import copy_hashed
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.registry.lfs import LfsPointer
from promotebot.remedies import Remedy, shell


class LocalLfs:
    """`promotebot.artifact.source.LfsStore` of a clone, for one commit: `.git/lfs/objects`, by sha256.

    https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
    """

    def __init__(self, git_dir: Path, commit: str) -> None:
        self._objects = git_dir / "lfs/objects"
        self._commit = commit

    def missing(self, pointers: Collection[LfsPointer]) -> Mapping[LfsPointer, InvalidInput]:
        """Return those that git-lfs has not brought into this clone."""
        return {pointer: self._not_here(pointer) for pointer in pointers if not self._path(pointer).is_file()}

    def fetch(
        self,
        targets: Mapping[Path, LfsPointer],
        seconds: float,  # noqa: ARG002 - they are here
    ) -> Mapping[LfsPointer, InvalidInput]:
        """Copy contents to new files; what is there under a sha256 and has another one is not the content."""
        problems = dict(self.missing({*targets.values()}))
        for target, pointer in targets.items():
            if pointer in problems:
                continue
            try:
                with self._path(pointer).open("rb") as stream:
                    found = copy_hashed(stream, target, where=str(self._path(pointer)), max_bytes=pointer.size)
            except InvalidInput:  # it is longer than the pointer says
                found = ("", 0)
            except OSError as problem:
                where = str(self._path(pointer))
                raise CouldNotVerify(
                    f"cannot be read: {problem.strerror}", where=where, remedy="check the disk"
                ) from None
            if found != (pointer.sha256, pointer.size):
                problems[pointer] = self._not_here(pointer)
        return problems

    def _path(self, pointer: LfsPointer) -> Path:
        return self._objects / pointer.sha256[:2] / pointer.sha256[2:4] / pointer.sha256

    def _not_here(self, pointer: LfsPointer) -> InvalidInput:
        line = shell("git", "lfs", "fetch", "origin", self._commit)
        return InvalidInput(
            f"its content (sha256:{pointer.sha256[:12]}…) is not in this clone", remedy=Remedy("fetch it: ", line)
        )
