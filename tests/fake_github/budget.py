"""What may be asked in an hour, and the headers that tell how much of it is left.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.fake_github.accounts import Credential
from tests.fake_github.refusals import HttpError

HOURLY = {"user": 5000, "app": 1000, "anybody": 60}


@dataclass(frozen=True)
class Budget:
    """One hour's budget after a request; `reset` is the second in which the next hour starts."""

    limit: int
    used: int
    reset: int

    @property
    def headers(self) -> Mapping[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(self.limit - self.used, 0)),
            "X-RateLimit-Used": str(self.used),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Resource": "core",
        }

    def require(self, payer: str) -> None:
        """Raise the 403 of a budget that is used up."""
        if self.used > self.limit:
            raise HttpError(403, f"API rate limit exceeded for {payer}.")


def payer_of(credential: Credential | None) -> tuple[str, int]:
    """Return whose budget a request is counted against, and how much that is: an App's in one repository is shared."""
    if credential is None:
        return "anybody", HOURLY["anybody"]
    if credential.app:
        return f"installation ID {credential.app.id} of {credential.repository_id}", HOURLY["app"]
    return f"user ID {credential.user.id}", HOURLY["user"]
