"""Requests to a Git LFS server and its storage: a time limit for all of them, and answers read piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promotebot.cost import Cost
from promotebot.errors import CouldNotVerify

if TYPE_CHECKING:  # loaded by whoever downloads
    from requests import Response

TIMEOUT = (20, 60)
"""Seconds to connect, and between two pieces of an answer."""
ANSWER_SECONDS = 120
"""For an answer about contents that are not downloaded."""
MAX_ANSWER = 4 * 1024 * 1024
"""Bytes of an answer about a batch, each of whose links may be some thousand characters long."""
_PIECE = 64 * 1024
_FOR_A_WHILE = (429, 500, 502, 503, 504)


class Unanswered(Exception):
    """No answer this time: the connection broke, or the server cannot just now."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after
        """Seconds that the server asks to wait; None where it names none."""


@dataclass(frozen=True)
class Deadline:
    """The end of the time that a server may take, however slowly it answers, and what is said then."""

    monotonic: Callable[[], float]
    end: float
    message: str
    remedy: str

    @classmethod
    def for_contents(cls, seconds: float, monotonic: Callable[[], float]) -> Deadline:
        """Return the one for the contents of one artifact, which begins now."""
        message = f"the files of Git LFS were not read in {seconds:,.0f} seconds"
        remedy = "run it again, or raise limits.storage_seconds in the policy of the base branch"
        return cls(monotonic, monotonic() + seconds, message, remedy)

    @classmethod
    def for_answer(cls, monotonic: Callable[[], float]) -> Deadline:
        """Return the one for an answer about contents that are not downloaded, which begins now."""
        message = f"Git LFS did not say in {ANSWER_SECONDS} seconds which files it has"
        return cls(monotonic, monotonic() + ANSWER_SECONDS, message, "run it again")

    @property
    def left(self) -> float:
        """Return the seconds that are left. Raises CouldNotVerify where there are none."""
        left = self.end - self.monotonic()
        if left <= 0:
            raise CouldNotVerify(self.message, remedy=self.remedy)
        return left


class Body:
    """The body of an answer as `copy_hashed` reads it: what has come, at most what was asked for, counted."""

    def __init__(self, response: Response, cost: Cost, deadline: Deadline) -> None:
        self._raw, self._cost, self._deadline = response.raw, cost, deadline

    def read(self, count: int) -> bytes:
        """Return the next bytes, none at the end."""
        _ = self._deadline.left
        data = _next(self._raw, count, decode=False, what="the download")
        self._cost.lfs_bytes += len(data)
        return data


@contextmanager
def requested(method: str, url: str, **options: Any) -> Iterator[Response]:
    """Yield the answer to a request, its body unread. Raises Unanswered where there is none for now."""
    import requests  # costs a while to load; only Git LFS pays it

    with requests.Session() as session:
        # requests would read the whole body of a redirect, to follow it or not.
        session.get_redirect_target = lambda _: None  # type: ignore[method-assign, assignment]
        try:
            response = session.request(method, url, stream=True, allow_redirects=False, timeout=TIMEOUT, **options)
        except (requests.RequestException, ValueError) as problem:  # ValueError: a header that cannot be sent
            raise Unanswered(f"no connection ({type(problem).__name__})") from None
        with response:
            if response.status_code in _FOR_A_WHILE:
                raise Unanswered(f"it answers {response.status_code}", _retry_after(response))
            yield response


def _retry_after(response: Response) -> float | None:
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    try:
        return Retry().get_retry_after(response.raw)
    except (InvalidHeader, ValueError, OverflowError):
        return None


def read_answer(response: Response, deadline: Deadline) -> bytes:
    """Return the body of an answer, which is not read without end."""
    data = bytearray()
    while piece := _next(response.raw, _PIECE, decode=True, what="the answer"):
        data += piece
        _ = deadline.left
        if len(data) > MAX_ANSWER:
            raise CouldNotVerify(f"Git LFS answers with over {MAX_ANSWER:,} bytes", remedy="run the job again")
    return bytes(data)


def _next(raw: Any, count: int, *, decode: bool, what: str) -> bytes:
    from urllib3.exceptions import HTTPError

    try:
        # What has come: a server that sends a byte a minute is noticed after each.
        data: bytes = raw.read1(count, decode_content=decode)
    except HTTPError as problem:
        raise Unanswered(f"{what} was interrupted ({type(problem).__name__})") from None
    return data
