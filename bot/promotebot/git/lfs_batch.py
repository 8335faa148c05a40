"""The question to a Git LFS server, and its answer: a link for each content, or what is wrong with it. No network.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.registry.lfs import LfsPointer
from promotebot.remedies import Remedy, shell

BATCH = 100
"""Contents in one question: as many as git-lfs asks for at once."""
_NOT_THERE, _REMOVED, _INVALID = 404, 410, 422


@dataclass(frozen=True)
class Link:
    """Where content is downloaded from, with the headers that this request needs, and no others."""

    href: str
    headers: Mapping[str, str] = field(repr=False)
    expires: datetime | None
    """UTC; None where the server names no end."""


class _Action(BaseModel):
    href: str
    header: dict[str, str] | None = None
    expires_in: Annotated[int, Field(ge=-(2**31), lt=2**31)] | None = None
    expires_at: datetime | None = None


class _Actions(BaseModel):
    download: _Action | None = None


class _Error(BaseModel):
    code: int
    message: str = ""


class _Object(BaseModel):
    oid: str
    size: int
    actions: _Actions | None = None
    error: _Error | None = None


class _Answer(BaseModel):
    transfer: str | None = None
    hash_algo: str | None = None
    objects: list[_Object]


def question(pointers: Sequence[LfsPointer]) -> bytes:
    """Return the body of the request for the links of up to BATCH contents."""
    objects = [{"oid": pointer.sha256, "size": pointer.size} for pointer in pointers]
    document = {"operation": "download", "transfers": ["basic"], "hash_algo": "sha256", "objects": objects}
    return json.dumps(document).encode()


def parse_answer(data: bytes, pointers: Sequence[LfsPointer], now: datetime) -> dict[LfsPointer, Link | InvalidInput]:
    """Return for each content its link, or what is wrong with it and what to do.

    Raises:
        CouldNotVerify: for an answer that is none, or not to this question.
    """
    try:
        answer = _Answer.model_validate_json(data)
    except ValidationError as problem:
        raise _not_understood(f"{problem.error_count()} problems, first {problem.errors()[0]['msg']}") from None
    if answer.transfer not in (None, "basic"):
        raise _not_understood(f"it names the transfer adapter {answer.transfer[:40]!r}, and only 'basic' was offered")
    if answer.hash_algo not in (None, "sha256"):
        raise _not_understood(f"it identifies content by {answer.hash_algo[:40]!r}, not by sha256")
    told = {one.oid: one for one in answer.objects}
    return {pointer: _told(told.get(pointer.sha256), pointer, now) for pointer in pointers}


def _told(one: _Object | None, pointer: LfsPointer, now: datetime) -> Link | InvalidInput:
    name = f"sha256:{pointer.sha256[:12]}…"
    if one is None:
        raise _not_understood(f"it does not mention {name}")
    if one.error is not None:
        return _refused(one.error, pointer, name)
    if one.size != pointer.size:
        return wrong_content(f"Git LFS has {one.size:,} bytes as {name}, the pointer says {pointer.size:,}")
    action = one.actions.download if one.actions else None
    if action is None:
        raise _not_understood(f"it has no link for {name}")
    return Link(action.href, action.header or {}, _end(action, now))


def _refused(problem: _Error, pointer: LfsPointer, name: str) -> InvalidInput:
    """Return what is wrong with content that the server gives no link for.

    Raises:
        CouldNotVerify: for a code that says nothing about the content.
    """
    said = f" ({' '.join(problem.message.split())[:200]})" if problem.message else ""
    if problem.code == _NOT_THERE:
        return not_there(pointer)
    if problem.code == _REMOVED:
        return not_there(pointer, "was removed from Git LFS")
    if problem.code == _INVALID:
        return wrong_content(f"Git LFS does not accept the pointer to {name}{said}")
    raise CouldNotVerify(f"Git LFS gives no link for {name}: {problem.code}{said}", remedy="run the job again")


def not_there(pointer: LfsPointer, what: str = "is not in Git LFS") -> InvalidInput:
    """Return the problem of content that the server does not have."""
    push = shell("git", "lfs", "push", "--object-id", "origin", pointer.sha256)
    return InvalidInput(
        f"its content (sha256:{pointer.sha256[:12]}…) {what}",
        remedy=Remedy("push it from a clone that has the file: ", push, "; then ask again"),
    )


def wrong_content(message: str) -> InvalidInput:
    """Return the problem of content that is not what the pointer says."""
    return InvalidInput(message, remedy="add and commit the file again in a clone with git-lfs, and push")


def _end(action: _Action, now: datetime) -> datetime | None:
    """Return when a link expires; the duration is preferred where the server gives both, as the specification says."""
    if action.expires_in:  # some servers write 0 for "never"
        return now + timedelta(seconds=action.expires_in)
    end = action.expires_at
    return end.replace(tzinfo=timezone.utc) if end and end.tzinfo is None else end


def _not_understood(what: str) -> CouldNotVerify:
    return CouldNotVerify(f"the answer of Git LFS is not understood: {what}", remedy="run the job again")
