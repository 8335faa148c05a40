"""Commands of git in one repository, through GitPython: how they run, and how they fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO

import git
from git.exc import GitCommandError

from promotebot.git import process
from promotebot.git.process import GitFailed


class Commands:
    """One git repository that commands run in."""

    def __init__(self, repo: git.Repo, environment: Mapping[str, str]) -> None:
        self._repo = repo
        repo.git.update_environment(**environment)

    def close(self) -> None:
        """End the git processes that are kept for the next question."""
        self._repo.close()

    def _name(self, names: Sequence[str], file: BinaryIO) -> None:
        """Write object ids or refs to a file, one a line, as git reads them from its standard input."""
        file.write("".join(f"{name}\n" for name in names).encode())
        file.seek(0)

    def _run(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: BinaryIO | None = None,
        max_file_bytes: int | None = None,
    ) -> str:
        """Return what a git command prints. Raises GitFailed when it does not end with 0, or not in time.

        Args:
            max_file_bytes: the most that it may write to one file.
        """
        command = ["git", *arguments]
        try:
            output = self._repo.git.execute(
                command if max_file_bytes is None else process.limited(command, max_file_bytes),
                env=dict(env) if env else None,
                istream=stdin,
                strip_newline_in_stdout=False,
                kill_after_timeout=process.TIMEOUT_SECONDS,
            )
        except GitCommandError as problem:
            raise GitFailed(next(a for a in arguments if a[:1] != "-" and "=" not in a), problem) from None
        return str(output)
