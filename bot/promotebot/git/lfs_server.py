"""The Git LFS server of the repository that a job works on: contents asked for, downloaded and hashed.

The token goes to this server alone. A link leads to a storage that knows its own headers.
https://github.com/git-lfs/git-lfs/blob/main/docs/api/basic-transfers.md
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult, urljoin, urlsplit

from promotebot.artifact.digest import OverLimit, copy_hashed
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.git.lfs_batch import BATCH, Link, not_there, parse_answer, question, wrong_content
from promotebot.git.lfs_http import Body, Deadline, Unanswered, read_answer, requested
from promotebot.git.process import Remote
from promotebot.registry.lfs import LfsPointer

if TYPE_CHECKING:  # loaded by whoever downloads
    from requests import Response

_T = TypeVar("_T")
MEDIA_TYPE = "application/vnd.git-lfs+json"
TRIES = 4
"""Of one request that a server does not answer; the pauses between them are the job's patience."""
MAX_REDIRECTS = 3
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_OK, _NOT_FOUND, _INVALID = 200, 404, 422
_OVER = (401, 403, 410)
"""What a storage answers when the time of a link is over."""


class _Over(Exception):
    """The time of a link is over."""


class LfsServer:
    """`promotebot.artifact.source.LfsStore` of a remote: `<repository>.git/info/lfs`, whatever `.lfsconfig` says.

    https://github.com/git-lfs/git-lfs/blob/main/docs/api/server-discovery.md
    """

    def __init__(self, remote: Remote, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._remote, self._monotonic = remote, monotonic
        self._batch = f"{remote.url}/info/lfs/objects/batch"
        self._known: set[LfsPointer] = set()

    def missing(self, pointers: Collection[LfsPointer]) -> Mapping[LfsPointer, InvalidInput]:
        """Return those that the server does not have; each is asked for once in a job."""
        deadline = Deadline.for_answer(self._monotonic)
        answers = self._links([pointer for pointer in pointers if pointer not in self._known], deadline)
        problems = {pointer: answer for pointer, answer in answers.items() if isinstance(answer, InvalidInput)}
        self._known |= answers.keys() - problems.keys()
        return problems

    def fetch(self, targets: Mapping[Path, LfsPointer], seconds: float) -> Mapping[LfsPointer, InvalidInput]:
        """Download contents to new files, each hashed on its way."""
        deadline = Deadline.for_contents(seconds, self._monotonic)
        answers = self._links([*dict.fromkeys(targets.values())], deadline)
        problems = {pointer: answer for pointer, answer in answers.items() if isinstance(answer, InvalidInput)}
        for target, pointer in targets.items():
            link = answers[pointer]
            if pointer in problems or isinstance(link, InvalidInput):
                continue
            try:
                self._download(pointer, link, target, deadline)
            except InvalidInput as problem:
                problems[pointer] = problem
        return problems

    def _links(self, pointers: Sequence[LfsPointer], deadline: Deadline) -> dict[LfsPointer, Link | InvalidInput]:
        answers: dict[LfsPointer, Link | InvalidInput] = {}
        for start in range(0, len(pointers), BATCH):
            batch = pointers[start : start + BATCH]
            data = self._until_answered(partial(self._ask, question(batch), deadline), deadline)
            answers |= parse_answer(data, batch, self._remote.clock())
        return answers

    def _ask(self, body: bytes, deadline: Deadline) -> bytes:
        """Return the server's answer to a question. It alone gets the token, so no redirect is followed."""
        from requests.auth import HTTPBasicAuth

        headers = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE, "User-Agent": "promotebot"}
        token = HTTPBasicAuth("x-access-token", self._remote.token)
        with requested("POST", self._batch, data=body, headers=headers, auth=token) as response:
            data = read_answer(response, deadline)
            if response.status_code != _OK:
                raise _refusal(response.status_code, data)
            return data

    def _until_answered(self, ask: Callable[[], _T], deadline: Deadline) -> _T:
        """Return what is asked for, after pauses where nobody answers.

        Raises:
            CouldNotVerify: where nobody answers TRIES times, or in time.
        """
        problem = Unanswered("")
        for attempt in range(TRIES):
            if attempt:
                self._wait(attempt - 1, problem, deadline)
            try:
                return ask()
            except Unanswered as caught:
                problem = caught
        raise CouldNotVerify(
            f"Git LFS did not answer {TRIES} times; the last time: {problem}",
            remedy="run the job again; https://www.githubstatus.com shows whether GitHub is well",
        )

    def _wait(self, attempt: int, problem: Unanswered, deadline: Deadline) -> None:
        """Wait as long as the server asks for; after a failure without such a word, as long as the job does."""
        if not problem.after:
            self._remote.pause(attempt)
        elif problem.after < deadline.left:
            self._remote.sleep(problem.after)
        else:
            raise CouldNotVerify(
                f"Git LFS asks to be left alone for {problem.after:,.0f} seconds: {problem}",
                remedy="run the job again after that time",
            )

    def _download(self, pointer: LfsPointer, link: Link, target: Path, deadline: Deadline) -> None:
        """Write one content to a new file; a link that is over is asked for once more.

        Raises:
            InvalidInput: for content that is not there, or is not what the pointer says.
            CouldNotVerify: when the storage does not give it.
        """
        try:
            return self._until_answered(lambda: self._write(pointer, link, target, deadline), deadline)
        except _Over:
            newer = self._links([pointer], deadline)[pointer]
        if isinstance(newer, InvalidInput):
            raise newer
        try:
            return self._until_answered(lambda: self._write(pointer, newer, target, deadline), deadline)
        except _Over as problem:
            raise CouldNotVerify(
                f"Git LFS gave two links to one content, and neither is valid: {problem}", remedy="run the job again"
            ) from None

    def _write(self, pointer: LfsPointer, link: Link, target: Path, deadline: Deadline) -> None:
        if link.expires is not None and link.expires <= self._remote.clock():
            raise _Over("it expired before it was used")
        with self._followed(link) as response:
            _check_status(response, pointer)
            try:
                body = Body(response, self._remote.cost, deadline)
                found = copy_hashed(body, target, where="", max_bytes=pointer.size)
            except OverLimit:
                longer = f"its content in Git LFS is longer than the {pointer.size:,} bytes of the pointer"
                raise wrong_content(longer) from None
            except Unanswered:
                target.unlink(missing_ok=True)
                raise
        sha256, size = found
        if size != pointer.size:
            raise wrong_content(f"its content in Git LFS has {size:,} bytes, the pointer says {pointer.size:,}")
        if sha256 != pointer.sha256:
            raise wrong_content(f"its content in Git LFS is sha256:{sha256}, the pointer says sha256:{pointer.sha256}")

    @contextmanager
    def _followed(self, link: Link) -> Iterator[Response]:
        """Yield the answer of a link with its own headers; redirects are followed on the same server only."""
        url = link.href
        for _ in range(MAX_REDIRECTS + 1):
            self._check_address(url)
            headers = {"Accept-Encoding": "identity", **link.headers}
            # Without `auth` requests would look for a password in the user's .netrc.
            with requested("GET", url, headers=headers, auth=lambda request: request) as response:
                if not response.is_redirect:
                    yield response
                    return
                following = _joined(url, response.headers["Location"])
            if _server_of(following) != _server_of(url):
                raise CouldNotVerify(
                    f"the Git LFS storage {_named(url)} redirects to {_named(following)}, which is not followed",
                    remedy="run the job again; if it stays so, look at the storage that the server uses for Git LFS",
                )
            url = following
        raise CouldNotVerify(f"the Git LFS storage {_named(url)} redirects too many times", remedy="run the job again")

    def _check_address(self, url: str) -> None:
        """Raises CouldNotVerify for a link that is not https; plain http is for this machine itself, in tests."""
        parts = _parts(url)
        local = {parts.hostname, _parts(self._remote.url).hostname} <= _LOOPBACK
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
            raise CouldNotVerify(
                f"Git LFS gives a link that is not https: {_named(url)}",
                remedy="set up the Git LFS server to give https links; nothing is downloaded from other links",
            )


def _check_status(response: Response, pointer: LfsPointer) -> None:
    status = response.status_code
    if status == _NOT_FOUND:
        raise not_there(pointer)
    if status in _OVER:
        raise _Over(f"the storage answers {status}")
    if status != _OK:
        raise CouldNotVerify(f"the Git LFS storage answers {status}", remedy="run the job again")


def _refusal(status: int, data: bytes) -> CouldNotVerify:
    """Return what a server's refusal of a whole question means, with its own words."""
    try:
        said = json.loads(data).get("message", "")
    except (ValueError, AttributeError):
        said = ""
    words = f": {' '.join(str(said).split())[:200]}" if said else ""
    remedy = "run the job again"
    if status == _INVALID:
        remedy = "add and commit the files of Git LFS again in a clone with git-lfs, push, and run the job again"
    elif status in (401, 403, _NOT_FOUND):
        remedy = (
            "check that the job has `contents: read`, that Git LFS is enabled for the repository and has any content "
            "of it, and that its owner's allowance for Git LFS is not used up"
        )
    return CouldNotVerify(f"Git LFS does not answer which contents it has ({status}{words})", remedy=remedy)


def _parts(url: str) -> SplitResult:
    """Return the parts of an address. Raises CouldNotVerify for what is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError, too
    except ValueError:
        raise CouldNotVerify("Git LFS gives a link that is not an address", remedy="run the job again") from None
    return parts


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return location  # which is no address, as whoever looks at its parts says


def _server_of(url: str) -> tuple[str, str | None, int | None]:
    parts = _parts(url)
    return parts.scheme, parts.hostname, parts.port


def _named(url: str) -> str:
    """Return scheme and host of an address: what follows them may be a secret that lets everybody download."""
    parts = _parts(url)
    return f"{parts.scheme}://{parts.hostname or ''}"
