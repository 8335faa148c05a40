"""The answers with an error status, in GitHub's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class HttpError(Exception):
    """An answer with an error status.

    `errors` is GitHub's list of {resource, field, code, message}.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = [dict(error) for error in errors]
        self.headers = dict(headers or {})


def not_found() -> HttpError:
    """Build the 404 that a private repository also answers to those who may not see it."""
    return HttpError(404, "Not Found")


def invalid(resource: str, field: str, code: str = "invalid", message: str = "") -> HttpError:
    """Build a 422 of https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed"""
    error = {"resource": resource, "code": code, "field": field}
    if message:
        error["message"] = message
    return HttpError(422, "Validation Failed", errors=[error])


def malformed(message: str) -> HttpError:
    """Build the 422 for a request that does not fit the endpoint's schema."""
    return HttpError(422, f"Invalid request.\n\n{message}")
