"""Faults to inject: answers that fail, connections that drop, replies that come late."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class Fault:
    """Strikes the next `times` requests whose method (or `*`) and path (a regular expression) match.

    `status` answers with that error; `drop` closes the connection without an answer; `delay` answers late, in
    seconds; `half` breaks off in the middle of the answer's body; `stale` answers a read with what the very same read
    got before, as a replica that lags behind does. `after` lets the request take effect first: a write that happened
    and whose answer was lost. `meanwhile` is what somebody else does just before this request is answered; the request
    itself then goes on. `path` has no API root: `/repos/acme/models/issues/1/comments`, or
    `/acme/models.git/git-receive-pack`.
    """

    method: str
    path: str
    status: int = 0
    message: str = "Server Error"
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    delay: float = 0.0
    times: int = 1
    after: bool = False
    half: bool = False
    stale: bool = False
    meanwhile: Callable[[], object] | None = None

    @property
    def fails(self) -> bool:
        """True when the request gets no answer of its own."""
        return self.drop or bool(self.status)

    def strikes(self, method: str, path: str) -> bool:
        """Tell whether this request is hit; each hit uses up one of `times`."""
        if self.times <= 0 or self.method not in ("*", method) or not re.search(self.path, path):
            return False
        self.times -= 1
        return True


def secondary_limit(method: str, path: str, *, retry_after: int = 1, times: int = 1) -> Fault:
    """Build GitHub's secondary rate limit.

    https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
    """
    message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    return Fault(method, path, 403, message, {"Retry-After": str(retry_after)}, times=times)
