"""A partial clone, from which blobs were left out: what it holds, and the rest with as few fetches as can be.

https://git-scm.com/docs/partial-clone
"""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

import git

from promotebot.artifact.source import Kind, LfsStore
from promotebot.cost import Cost
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.git.process import GitFailed
from promotebot.git.repository import SAYS_NO, Repository
from promotebot.registry.names import GitSha, is_git_sha

log = logging.getLogger(__name__)
SPARE_BYTES = 16 * 1024 * 1024
"""What a fetch may bring beside what was expected: a manifest, a policy, git's own index of it all."""
_NO_REF = re.compile(r"couldn't find remote ref (\S+)$")
"""git's words for a ref that the remote does not have."""
_UNTRUSTED = "set GIT_SSL_CAINFO to the file with the certificate authority of the server (docs/ghes.md)"


class PartialRepository(Repository):
    """A bare repository that knows which blobs it holds.

    git itself would fetch each missing one by a request of its own, so whatever is to be read is brought before, and
    what is expected to be read along with it.
    """

    def __init__(
        self,
        repo: git.Repo,
        environment: Mapping[str, str],
        cost: Cost | None = None,
        lfs_server: LfsStore | None = None,
    ) -> None:
        super().__init__(repo, environment)
        self._cost = cost or Cost()
        self._lfs_server = lfs_server
        self._here: set[str] = set()
        self._expected: set[str] = set()
        self._expected_bytes = 0

    def fetch(self, refs: Mapping[str, str], *, optional: Mapping[str, str] | None = None, depth: int = 0) -> None:
        """Fetch refs (local name → remote name), all at once.

        Args:
            optional: refs that are left out where the remote does not have them.
            depth: commits behind each ref; 0 for all of them, as far as they are not here.

        Raises:
            CouldNotVerify: when the remote does not give them.
        """
        wanted = {**refs, **(optional or {})}
        while gone := self._fetch(wanted, (f"--depth={depth}",) if depth else ()):
            if gone in refs.values():
                raise CouldNotVerify(f"cannot fetch {gone}: the remote has no such ref", remedy="run the job again")
            wanted = {ours: theirs for ours, theirs in wanted.items() if theirs != gone}

    def _fetching(self) -> AbstractContextManager[None]:
        """Return a block for one fetch, which is counted and timed."""
        self._cost.fetches += 1
        return self._cost.during("git fetches")

    def _fetch(self, refs: Mapping[str, str], depth: Sequence[str]) -> str:
        """Fetch refs; return the first that the remote does not have, where there is one, and nothing came then."""
        with tempfile.TemporaryFile() as specs:  # a thousand refs are more than a command line takes on some systems
            self._name([f"+{theirs}:{ours}" for ours, theirs in refs.items()], specs)
            try:
                with self._fetching():
                    self._run(
                        "fetch", "--quiet", "--no-tags", "--filter=blob:none", *depth, "--stdin", "origin", stdin=specs
                    )
            except GitFailed as problem:
                gone = _NO_REF.search(problem.stderr)
                if gone and gone[1] in refs.values():
                    return gone[1]
                named = ", ".join([*refs.values()][:5])
                remedy = _UNTRUSTED if "certificate" in problem.stderr else "run the job again"
                raise CouldNotVerify(f"cannot fetch {named}: {problem.stderr}", remedy=remedy) from None
        return ""

    def fetch_commit(self, sha: str) -> GitSha:
        """Return a commit by its id, fetched where it is not here, also when no branch has it any more.

        Raises:
            CouldNotVerify: when the remote does not give it, as GitHub does.
        """
        self.fetch_commits([sha])
        return self.commit_id(sha)

    def fetch_commits(self, shas: Collection[str]) -> None:
        """Fetch commits by their ids, as far as they are not here, with one request for all of them.

        Raises:
            CouldNotVerify: when the remote does not give one of them.
        """
        missing = [sha for sha in shas if not self.has_commit(sha)]
        if missing:
            self.fetch({f"refs/promotebot/commit/{sha}": sha for sha in missing})

    def has_commit(self, sha: str) -> bool:
        """Return whether a commit is here, and do not fetch it where it is not."""
        if sha in self._commits:
            return True
        try:
            # With --missing git looks for nothing that is not here: https://git-scm.com/docs/git-rev-list
            found = self._run("rev-list", "--no-walk", "--missing=print", "--end-of-options", sha).strip()
        except GitFailed as problem:
            if problem.status not in SAYS_NO:
                raise
            return False
        if is_git_sha(sha) and found == sha:
            self._commits[sha] = GitSha(sha)
        return True

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Tell whether `ancestor` is `descendant` or in its history, as far as that is here."""
        return self.has_commit(ancestor) and super().is_ancestor(ancestor, descendant)

    def expect(self, oids: Collection[str], *, max_bytes: int) -> None:
        """Say that these blobs are read soon: the first one that is read brings all of them, with one fetch.

        Args:
            max_bytes: the most that they may hold together; where they hold more, each one comes when it is read.
        """
        missing = {*oids} - self._here - self._expected
        if missing:
            self._expected |= missing
            self._expected_bytes += max_bytes

    def lfs(self, commit: str) -> LfsStore:
        """Return the remote's Git LFS server, where this was fetched from one."""
        return self._lfs_server or super().lfs(commit)

    def add_blobs(self, blobs: Mapping[str, bytes]) -> None:
        """Take blobs that were read elsewhere, by their object ids; what has not the content of its id is left out."""
        if not blobs:
            return
        with tempfile.TemporaryDirectory(prefix="promotebot-blobs-") as scratch, tempfile.TemporaryFile() as names:
            paths = [Path(scratch, str(number)) for number in range(len(blobs))]
            for path, data in zip(paths, blobs.values(), strict=True):
                path.write_bytes(data)
            self._name([str(path) for path in paths], names)
            written = self._run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=names).split()
        self._here.update(oid for oid, true_id in zip(blobs, written, strict=True) if oid == true_id)

    def missing(self, oids: Collection[str]) -> list[str]:
        """Return those of some blobs that are not here, sorted."""
        return sorted({*oids} - self._here)

    @contextmanager
    def open_blob(self, oid: str) -> Iterator[BinaryIO]:
        """Yield a blob's bytes as a stream; what is expected beside it comes with the same fetch."""
        self._bring_for([oid])
        with super().open_blob(oid) as stream:
            yield stream

    def read_blobs(self, oids: Sequence[str], *, max_bytes: int) -> dict[str, bytes]:
        """Return many blobs' bytes; those that were left out by the fetch come with one request, not with one each."""
        self._bring_for(oids)
        return super().read_blobs(oids, max_bytes=max_bytes)

    def attributes(self, commit: str, paths: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the attributes of paths, as `Repository.attributes` does; the files that say them are fetched once."""
        entries = self.list_tree(commit, "", recursive=True)
        missing = self.missing([e.oid for e in entries if e.kind is Kind.FILE and e.path.endswith(".gitattributes")])
        if missing:
            try:
                self._bring(missing, max_bytes=SPARE_BYTES)
            except GitFailed:
                raise InvalidInput(
                    f"the files of attributes hold more than {SPARE_BYTES:,} bytes", remedy="make them smaller"
                ) from None
        return super().attributes(commit, paths, names)

    def _bring_for(self, oids: Collection[str]) -> None:
        """Fetch those of some blobs that are not here, and whatever else is expected to be read."""
        missing = self.missing(oids)
        if missing and not self._bring_expected(missing):
            self._bring(missing)

    def _bring_expected(self, missing: Sequence[str]) -> bool:
        """Fetch blobs together with all that are expected; return False where none are, or they do not come at once."""
        expected, limit = self._expected - self._here, self._expected_bytes + SPARE_BYTES
        self._expected, self._expected_bytes = set(), 0
        if not expected:
            return False
        try:
            self._bring([*missing, *(expected - {*missing})], max_bytes=limit)
        except GitFailed as problem:  # too much, or one is not there: each for itself then, as far as it goes
            log.info("what is expected does not come at once: %s", problem.message)
            return False
        return True

    def _bring(self, oids: Sequence[str], *, max_bytes: int | None = None) -> None:
        """Fetch blobs that the fetch left out, all at once, so that reading them asks the remote no more.

        Args:
            max_bytes: the most that git may write to one file.

        Raises:
            CouldNotVerify: when the remote does not give them, or they are larger.
        """
        with self._fetching(), tempfile.TemporaryFile() as names:
            self._name(oids, names)
            # As git itself brings them: https://git-scm.com/docs/partial-clone#_fetching_missing_objects. Told which
            # commits are here, the remote would take their blobs to be here, too.
            alone = ("-c", "fetch.negotiationAlgorithm=noop")
            lean = ("--quiet", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--stdin")
            self._run(*alone, "fetch", *lean, "origin", stdin=names, max_file_bytes=max_bytes)
        self._here.update(oids)
