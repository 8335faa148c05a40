"""The ways the embedded GitHub says no, with the status and words GitHub uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Refused(Exception):
    """An answer with an error status.

    `errors` is GitHub's list of {resource, field, code, message}, or of sentences where GitHub sends those.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[Mapping[str, Any] | str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = [error if isinstance(error, str) else dict(error) for error in errors]
        self.headers = dict(headers or {})


def not_found() -> Refused:
    """Also what a private repository answers to those who may not see it."""
    return Refused(404, "Not Found")


def invalid(resource: str, field: str, code: str = "invalid", message: str = "") -> Refused:
    """422 as in https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed"""
    error = {"resource": resource, "code": code, "field": field}
    if message:
        error["message"] = message
    return Refused(422, "Validation Failed", errors=[error])


def malformed(message: str) -> Refused:
    """422 for a request that does not fit the endpoint's schema."""
    return Refused(422, f"Invalid request.\n\n{message}")
