"""Buckets, read through fsspec: a file's size and version, and its bytes range by range, within a time limit.

The address of a server and the credentials come from the environment alone, never from a manifest. No word of a
library's error is shown: it may hold what nobody should read.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

from promotebot.cost import Cost
from promotebot.errors import CouldNotVerify, InvalidInput, PromotebotError
from promotebot.remedies import Remedy, shell
from promotebot.storage.options import EXTRAS, NoExtra, open_filesystem
from promotebot.storage.uri import BLOCK, StorageUri, StoredFile

AHEAD = 2
"""Blocks of a file that are on their way at once."""
_VERSION_MARK = {"s3": "?versionId=", "gs": "#", "az": "?versionid="}
_VERSION_KEY = {"s3": "VersionId", "gs": "generation", "az": "version_id"}
_NO_VERSION = (None, "", "null")
"""What a bucket that keeps no versions says; `null` is Amazon's."""
_RAISE = "run it again, or raise limits.storage_seconds in the policy of the base branch"


@dataclass(frozen=True)
class Seen:
    """What a store says about a file: its size in bytes, and its version where it keeps any."""

    size: int
    version: str | None


class Buckets:
    """`promotebot.artifact.stored.ObjectStore` of the environment that a program was started with.

    Args:
        environment: credentials and addresses, under the names that the services' own tools read.
        cost: where the bytes that are read are counted.
        monotonic: a clock that never goes back, in seconds.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        cost: Cost | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = environment
        self._cost = cost or Cost()
        self._monotonic = monotonic

    def __repr__(self) -> str:
        return "Buckets()"  # the environment holds secrets

    @contextmanager
    def session(self, seconds: float, *, too_slow: str = _RAISE) -> Iterator[Session]:
        """Yield what reads the files of one artifact, in so many seconds together.

        Args:
            too_slow: what to do where that is not enough; whoever sets the time knows.
        """
        session = Session(self._environment, self._cost, self._monotonic, seconds, too_slow)
        try:
            yield session
        finally:
            session.close()


class Session:
    """Connections to the stores of one artifact's files. A file system is made when its first file is asked for."""

    def __init__(
        self, environment: Mapping[str, str], cost: Cost, monotonic: Callable[[], float], seconds: float, too_slow: str
    ) -> None:
        self._environment, self._cost, self._monotonic = environment, cost, monotonic
        self._seconds, self._end, self._remedy = seconds, monotonic() + seconds, too_slow
        self._filesystems: dict[str, Any] = {}
        self._opening = Lock()

    def look(self, file: StoredFile) -> Seen:
        """Return what the store says about a file, without reading it.

        Raises:
            InvalidInput: when it is not there.
            CouldNotVerify: when the store does not say.
        """
        info = self._ask(file, "info")
        size, version = info.get("size"), info.get(_VERSION_KEY[file.scheme])
        if info.get("type") != "file" or not isinstance(size, int):
            raise _not_there(file)
        if file.scheme in _UNPACKING and (encoding := _encoding(info)):
            raise _packed(file, encoding)
        return Seen(size, None if version in _NO_VERSION else str(version))

    def names(self, uri: StorageUri) -> list[str]:
        """Return what lies at a place and below it, as paths relative to it, sorted.

        Raises:
            CouldNotVerify: when the store does not say.
        """
        start = StoredFile(uri, "", 0).path
        found = self._ask(StoredFile(uri, "", 0), "find")
        return sorted(str(path).removeprefix(start) for path in found if str(path).startswith(start))

    @contextmanager
    def open(self, file: StoredFile) -> Iterator[_Ranges]:
        """Yield a file's bytes as a stream of at most the size that the manifest names."""
        pool = ThreadPoolExecutor(AHEAD)
        try:
            yield _Ranges(self, file, pool)
        finally:
            pool.shutdown(cancel_futures=True)

    def read_range(self, file: StoredFile, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`; fewer where the file ends."""
        data: bytes = self._ask(file, "cat_file", start=start, end=end)
        return data

    def count(self, size: int) -> None:
        """Count bytes that were read."""
        self._cost.stored_bytes += size

    def close(self) -> None:
        """Let go of every connection; fsspec closes what nobody holds any more."""
        self._filesystems.clear()

    def _ask(self, file: StoredFile, method: str, **arguments: Any) -> Any:
        left = self._end - self._monotonic()
        if left <= 0:
            raise self._too_slow(file)
        version = f"{_VERSION_MARK[file.scheme]}{file.version}" if file.version else ""
        try:
            with self._opening:
                if file.scheme not in self._filesystems:
                    self._filesystems[file.scheme] = open_filesystem(file.scheme, self._environment)
            # `timeout` is what fsspec itself waits for the whole answer, however it drips in.
            ask = getattr(self._filesystems[file.scheme], method)
            return ask(file.path + version, timeout=left, **arguments)
        except Exception as problem:
            raise self._explained(file, problem) from None

    def _explained(self, file: StoredFile, problem: Exception) -> PromotebotError:
        """Return what an error of a library means, in our own words: its text may hold a key or a signed address."""
        if isinstance(problem, NoExtra):
            return _no_extra(file)
        status = _status(problem)
        if isinstance(problem, FileNotFoundError) and status in (None, 400, 404):
            return _not_there(file)
        if isinstance(problem, PermissionError) or type(problem).__name__ in _DENIED or status in (401, 403):
            return CouldNotVerify(
                f"the store does not let this job read {file.url}",
                remedy=f"give the job credentials that may read {file.uri}/ and list it: "
                "see the section on buckets in docs/setup.md",
            )
        # By name: importing these classes would load the libraries.
        ours = {type(one).__name__ for one in _chain(problem)} & {*_REFUSED}
        if ours:
            return CouldNotVerify(
                f"the store of {file.url} {_REFUSED[ours.pop()]}",
                remedy="check the store's address and the region in the environment",
            )
        if isinstance(problem, TimeoutError) or type(problem).__name__ == "FSTimeoutError":
            return self._too_slow(file)
        return CouldNotVerify(
            f"the store of {file.url} does not answer ({type(problem).__name__})",
            remedy="run it again; if it stays so, check the store's address and the credentials in the environment",
        )

    def _too_slow(self, file: StoredFile) -> CouldNotVerify:
        return CouldNotVerify(
            f"the files of {file.uri} were not read in {self._seconds:,.0f} seconds", remedy=self._remedy
        )


class _Ranges:
    """A file as a stream: the ranges follow one another, and end where the manifest says that the file ends.

    The next ones are on their way while one is hashed: a store takes a while to begin each answer.
    """

    def __init__(self, session: Session, file: StoredFile, pool: Executor) -> None:
        self._session, self._file, self._pool = session, file, pool
        self._at = 0
        self._asked: deque[tuple[int, Future[bytes]]] = deque()
        self._block = memoryview(b"")

    def read(self, count: int, /) -> bytes:
        """Return at most `count` bytes, none at the end."""
        if not self._block:
            self._block = self._next()
        piece, self._block = self._block[:count], self._block[count:]
        return bytes(piece)

    def _next(self) -> memoryview:
        self._ask_ahead()
        if not self._asked:
            return memoryview(b"")
        length, answer = self._asked.popleft()
        # Of a server that gives more than it was asked for, nothing more is believed.
        block = memoryview(answer.result())[:length]
        self._session.count(len(block))
        if len(block) < length:
            self._at = self._file.size
            self._asked.clear()
        self._ask_ahead()
        return block

    def _ask_ahead(self) -> None:
        while len(self._asked) < AHEAD and self._at < self._file.size:
            end = min(self._at + BLOCK, self._file.size)
            self._asked.append((end - self._at, self._pool.submit(self._session.read_range, self._file, self._at, end)))
            self._at = end


_REFUSED = {
    "Redirected": "leads to another server, which is not followed",
    "RangeIgnored": "gives a whole file where it is asked for a part, which is not read",
}
"""What `promotebot.storage.redirects` refuses."""
_UNPACKING = ("gs", "az")
"""Whose libraries or servers unpack what says that it is packed, past any size: that of S3 gives bytes as they are."""


def _encoding(info: Mapping[str, Any]) -> str:
    """Return how a store says that an object is packed; empty where it says nothing."""
    settings = info.get("content_settings") or {}
    named = info.get("contentEncoding") or (
        settings.get("content_encoding") if isinstance(settings, Mapping) else getattr(settings, "content_encoding", "")
    )
    return "" if named in (None, "identity") else str(named)


def _packed(file: StoredFile, encoding: str) -> InvalidInput:
    return InvalidInput(
        f"{file.url} is stored with Content-Encoding: {encoding[:40]}, so readers get other bytes than those stored",
        remedy="upload the file there again without compression",
    )


_DENIED = ("NoCredentialsError", "PartialCredentialsError", "ClientAuthenticationError", "DefaultCredentialsError")
"""Errors of the libraries that stand for no permission, too; importing them would load the libraries."""


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those behind it; botocore keeps that of a connection among its arguments."""
    for _ in range(10):
        if problem is None:
            return
        yield problem
        behind = getattr(problem, "kwargs", None)
        told = behind.get("error") if isinstance(behind, dict) else None
        problem = told if isinstance(told, BaseException) else problem.__cause__ or problem.__context__


def _status(problem: BaseException) -> int | None:
    """Return the HTTP status behind an error; adlfs says "not found" of all of them where a version is asked for."""
    found = (getattr(one, "status_code", None) for one in _chain(problem))
    return next((status for status in found if isinstance(status, int)), None)


def _not_there(file: StoredFile) -> InvalidInput:
    version = f" in version {file.version}" if file.version else ""
    return InvalidInput(
        f"{file.url} is not there{version}",
        remedy="upload the file there again; or write the manifest again with --storage and the place where it is",
    )


def _no_extra(file: StoredFile) -> CouldNotVerify:
    extra = EXTRAS[file.scheme]
    return CouldNotVerify(
        f"{file.url} cannot be read: what reads {file.scheme}:// is not installed",
        remedy=Remedy(
            "install it: ",
            shell("pip", "install", f"promotebot[{extra}]"),
            f"; in a workflow, give the Action the input `storage: {extra}`",
        ),
    )
