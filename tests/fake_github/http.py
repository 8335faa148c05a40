"""One connection: bytes to requests, answers to bytes. The only module that knows HTTP's wire format."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from typing import IO, TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.fake_github import git_http
from tests.fake_github.accounts import Credential
from tests.fake_github.api import refusal, respond
from tests.fake_github.api.routing import Answer, Call
from tests.fake_github.faults import Fault
from tests.fake_github.hub import RequestRecord
from tests.fake_github.refusals import Refused

if TYPE_CHECKING:
    from tests.fake_github.server import LoopbackServer

API_ROOT = "/api/v3"
BODY_LIMIT = 10 * 1024 * 1024
SPOOL = 1024 * 1024
HOURLY = {"user": 5000, "app": 1000, "anybody": 60}
STATUSES_WITHOUT_BODY = (204, 304)


class Exchange(BaseHTTPRequestHandler):
    """Answers the requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LoopbackServer

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the client left; nothing to tell anybody

    def finish(self) -> None:
        try:
            super().finish()
        except (ConnectionError, ValueError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the log of requests is `hub.requests`."""

    def do_GET(self) -> None:
        self._exchange()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - as above

    def _exchange(self) -> None:
        target = urlsplit(self.path)
        path = unquote(target.path)
        is_git = git_http.PATH.fullmatch(path) is not None
        if not is_git and path.startswith(API_ROOT):
            path = path.removeprefix(API_ROOT) or "/"
        with tempfile.SpooledTemporaryFile(SPOOL) as small:
            body: IO[bytes] = small
            if is_git:
                small.rollover()  # the backend reads it from a file descriptor
            try:
                self._read_body(body, limit=None if is_git else BODY_LIMIT)
            except Refused as refused:
                self.close_connection = True
                self._send(refusal(refused), None)
                return
            fault = self.server.hub.take_fault(self.command, path)
            if fault and self._fail(fault):
                self._log(path, None, fault.status, is_git=is_git)
                return
            if is_git:
                self._answer_git(path, target.query, body, fault)
            else:
                self._answer_api(path, target.query, body.read(), fault)

    # Reading

    def _read_body(self, into: IO[bytes], limit: int | None) -> None:
        """Read the body to its end, even one too large: a client listens only once it has sent all."""
        received = 0
        for part in self._body_parts():
            received += len(part)
            if limit is None or received <= limit:
                into.write(part)
        if limit is not None and received > limit:
            raise Refused(413, "Payload Too Large")
        into.seek(0)

    def _body_parts(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            yield from self._chunks()
            return
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal():
            raise Refused(400, "Bad Request")
        left = int(length)
        while left > 0:
            part = self.rfile.read(min(left, git_http.CHUNK))
            if not part:
                raise ConnectionError("the client stopped in the middle of a body")
            left -= len(part)
            yield part

    def _chunks(self) -> Iterator[bytes]:
        while True:
            head = self.rfile.readline(1024).partition(b";")[0].strip()
            try:
                size = int(head, 16)
            except ValueError:
                raise Refused(400, "Bad Request") from None
            part = self.rfile.read(size)
            self.rfile.readline(1024)  # the line end after the chunk, or the empty trailer
            if size == 0:
                return
            yield part

    # Answering

    def _fail(self, fault: Fault) -> bool:
        """Wait, drop or refuse as injected; False when the request goes on to be answered."""
        self.server.closing.wait(fault.delay)
        if fault.meanwhile:
            fault.meanwhile()
        if fault.after:
            return False
        if fault.drop:
            self.close_connection = True
        elif fault.status:
            self._send(refusal(Refused(fault.status, fault.message, headers=fault.headers)), None)
        return fault.drop or bool(fault.status)

    def _answer_api(self, path: str, query: str, body: bytes, fault: Fault | None) -> None:
        hub, credential = self.server.hub, None
        try:
            credential = git_http.credential_of(hub, self.headers.get("Authorization", ""))
            call = Call(hub, self.command, path, dict(parse_qsl(query)), body, credential)
            answer = respond(self.server.endpoints, call)
        except Refused as refused:
            answer = refusal(refused)
        self._log(path, credential, answer.status)
        if fault and fault.after and self._fail_late(fault):
            return
        read = (f"{path}?{query}", credential.token if credential else "")
        if fault and fault.stale:
            answer = self.server.read_before.get(read, answer)
        elif self.command == "GET":
            self.server.read_before[read] = answer
        self._send(answer, credential, half=bool(fault and fault.half))

    def _fail_late(self, fault: Fault) -> bool:
        """Lose the answer of a request that took effect."""
        return self._fail(Fault("*", "", fault.status, fault.message, fault.headers, fault.drop))

    def _log(self, path: str, credential: Credential | None, status: int, *, is_git: bool = False) -> None:
        hub, login = self.server.hub, credential.user.login if credential else ""
        log = hub.git_requests if is_git else hub.requests
        log.append(RequestRecord(self.command, path, login, status))

    def _answer_git(self, path: str, query: str, body: IO[bytes], fault: Fault | None) -> None:
        hub, credential = self.server.hub, None
        try:
            credential = git_http.credential_of(hub, self.headers.get("Authorization", ""))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = git_http.serve(hub, git_http.GitRequest(self.command, path, query, headers, body, credential))
        except Refused as refused:
            self._log(path, credential, refused.status, is_git=True)
            plain = {"Content-Type": "text/plain; charset=utf-8", **_challenge(refused), **refused.headers}
            self._send_bytes(refused.status, plain, f"{refused.message}\n".encode())
            return
        self._log(path, credential, answer.status, is_git=True)
        with contextlib.closing(answer.body) as parts:
            if not (fault and fault.after and self._fail_late(fault)):
                self._send_stream(answer.status, answer.headers, parts)

    def _send(self, answer: Answer, credential: Credential | None, *, half: bool = False) -> None:
        body = b"" if answer.status in STATUSES_WITHOUT_BODY else json.dumps(answer.payload).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            **self._rate(credential),
            **answer.headers,
        }
        self._send_bytes(answer.status, headers, body, half=half)

    def _rate(self, credential: Credential | None) -> dict[str, str]:
        """https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"""
        hub, token = self.server.hub, credential.token if credential else ""
        kind = "anybody" if credential is None else "app" if credential.app else "user"
        with hub.lock:
            hub.spent[token] = used = hub.spent.get(token, 0) + 1
        limit, hour = HOURLY[kind], int(hub.now().timestamp()) // 3600
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(limit - used, 0)),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Reset": str((hour + 1) * 3600),
            "X-RateLimit-Resource": "core",
        }

    def _send_bytes(self, status: int, headers: Mapping[str, str], body: bytes, *, half: bool = False) -> None:
        self.close_connection |= half
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in STATUSES_WITHOUT_BODY:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if half else body)

    def _send_stream(self, status: int, headers: Iterable[tuple[str, str]], body: Iterator[bytes]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in body:
            if part:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")


def _challenge(refused: Refused) -> dict[str, str]:
    return {"WWW-Authenticate": 'Basic realm="GitHub"'} if refused.status == 401 else {}
