"""The HTTP server of the embedded GitHub, on loopback, with the faults that were injected.

with EmbeddedGitHub(root) as hub:
    repository = hub.create_repository("acme/models")
    github.Github(auth=github.Auth.Token(hub.issue_user_token("alice")), base_url=hub.api_url)
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from werkzeug import Request, Response
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from tests.fake_github import git_http
from tests.fake_github.api import error_answer, graphql, respond
from tests.fake_github.api.call import Answer, Call
from tests.fake_github.budget import Budget, payer_of
from tests.fake_github.faults import Fault
from tests.fake_github.lfs import API as LFS_API
from tests.fake_github.lfs import STORAGE, Lfs
from tests.fake_github.records import RequestRecord
from tests.fake_github.refusals import HttpError
from tests.fake_github.scenario import Hub, require_git
from tests.fake_github.state import HubState, utc_now

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

API_ROOT, GRAPHQL = "/api/v3", "/api/graphql"
BODY_LIMIT = 10 * 1024 * 1024
SPOOL = 1024 * 1024
PATIENCE = 5.0  # seconds


class EmbeddedGitHub(Hub):
    """An embedded GitHub, bound to 127.0.0.1; a context manager, or `start` and `stop`.

    `root` holds the bare repositories; without one a temporary folder is used and removed.
    """

    def __init__(self, root: Path | None = None, *, port: int = 0, clock: Callable[[], datetime] = utc_now) -> None:
        self._own_root = root is None
        super().__init__(root or Path(tempfile.mkdtemp(prefix="fake-github-")), clock=clock)
        self.root.mkdir(parents=True, exist_ok=True)
        require_git()
        self._application = Application(self)
        self._server = LoopbackServer(self._application, port)
        self.server_url = f"http://127.0.0.1:{self._server.port}"
        self.lfs = self._application.lfs = Lfs(self, self.server_url)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def start(self) -> EmbeddedGitHub:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the socket and every connection, and wait for what is still being answered."""
        self._application.closing.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.close_connections()
            self._thread.join()
        self._server.server_close()
        if self._own_root:
            shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self) -> EmbeddedGitHub:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class RequestHandler(WSGIRequestHandler):
    """Answers the request of one connection; the log of requests is `hub.requests`."""

    disable_nagle_algorithm = True
    now: Callable[[], datetime]

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Print nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the time of every answer's Date: the hub's."""
        return super().date_time_string(self.now().timestamp() if timestamp is None else timestamp)

    def connection_dropped(
        self,
        error: BaseException,  # noqa: ARG002 - the base class's signature
        environ: WSGIEnvironment | None = None,  # noqa: ARG002 - the same
    ) -> None:
        """Close the connection after a client left, or after a fault dropped it."""
        self.close_connection = True


class LoopbackServer(ThreadedWSGIServer):
    """A server with one thread per connection, all of which end with it."""

    daemon_threads = False  # so that `server_close` waits for them

    def __init__(self, application: Application, port: int) -> None:
        self._connections: set[Any] = set()
        self._changed = threading.Condition()
        # A socket made here spares the reverse look-up of the host name, which may leave the machine.
        with socket.create_server(("127.0.0.1", port), backlog=self.request_queue_size) as listener:
            answering = type("Answering", (RequestHandler,), {"now": staticmethod(application.hub.instant)})
            super().__init__("127.0.0.1", port, application, answering, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()

    def close_connections(self) -> None:
        """End silent connections at once; give answers under way a moment first."""
        for direction in (socket.SHUT_RD, socket.SHUT_RDWR):
            with self._changed:
                for connection in self._connections:
                    with contextlib.suppress(OSError):  # the client was faster
                        connection.shutdown(direction)
                self._changed.wait_for(lambda: not self._connections, PATIENCE)


class Application:
    """The WSGI application: credentials, the API or git, limits, and injected faults."""

    def __init__(self, hub: HubState) -> None:
        self.hub = hub
        self.closing = threading.Event()
        self.lfs = Lfs(hub, "")
        self._read_before: dict[tuple[str, str], Answer] = {}  # what each reader last got, for a stale answer

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        is_git = git_http.PATH.fullmatch(request.path) is not None
        is_lfs = any(pattern.fullmatch(request.path) for pattern in (LFS_API, STORAGE))
        request.max_content_length = None if is_git or is_lfs else BODY_LIMIT
        with tempfile.SpooledTemporaryFile(SPOOL) as body:
            try:
                shutil.copyfileobj(request.stream, body)
            except RequestEntityTooLarge:
                return self._json(error_answer(HttpError(413, "Payload Too Large")))(environ, start_response)
            body.seek(0)
            answer = self._respond_lfs(request, body) if is_lfs else self._respond(request, body, is_git=is_git)
            return answer(environ, start_response)

    def _respond(self, request: Request, body: IO[bytes], *, is_git: bool) -> Response:
        """Answer a request as injected faults have it, and log it. Raises ConnectionError to drop the connection."""
        path, writes = request.path, request.method != "GET"
        if path == GRAPHQL:
            path, writes = _operation(body)
        elif not is_git:
            path = path.removeprefix(API_ROOT) or "/"
        log = self.hub.git_requests if is_git else self.hub.requests
        fault = self.hub.take_fault(request.method, path) or Fault("", "")
        self.closing.wait(fault.delay)
        if fault.meanwhile:
            fault.meanwhile()
        if fault.fails and not fault.after:
            log.append(RequestRecord(request.method, path, "", fault.status, writes=writes))
            return self._failure(fault)
        credential, budget = None, None
        try:
            credential = git_http.credential_of(self.hub, request.headers.get("Authorization", ""))
            if not is_git or (credential and path.endswith("/info/refs")):  # two requests are one connection of git
                budget = self.hub.spend(credential)
                budget.require(payer_of(credential)[0])
            if is_git:
                response = git_http.serve(self.hub, request, body, credential)
            else:
                call = Call(self.hub, request.method, path, request.args.to_dict(), body.read(), credential)
                response = self._api(call, fault, budget, reads=not writes)
        except HttpError as error:
            response = _git_refusal(error) if is_git else self._json(error_answer(error), budget)
        login = credential.user.login if credential else ""
        version = request.headers.get("X-GitHub-Api-Version", "")
        log.append(RequestRecord(request.method, path, login, response.status_code, version, writes=writes))
        if fault.fails:  # the answer is lost after the request took effect
            response.close()
            return self._failure(fault)
        return response

    def _respond_lfs(self, request: Request, body: IO[bytes]) -> Response:
        """Answer a request of Git LFS as injected faults have it, and log it."""
        fault = self.hub.take_fault(request.method, request.path) or Fault("", "")
        if fault.meanwhile:
            fault.meanwhile()
        if fault.fails:
            self.lfs.requests.append(RequestRecord(request.method, request.path, "", fault.status))
            return self._failure(fault)
        credential = None
        try:
            if STORAGE.fullmatch(request.path):
                response = self.lfs.serve_storage(request, body)
            else:
                credential = git_http.credential_of(self.hub, request.headers.get("Authorization", ""))
                response = self.lfs.serve_api(request, body, credential)
        except HttpError as error:
            headers = {"WWW-Authenticate": 'Basic realm="GitHub"'} if error.status == 401 else {}
            response = self._json(Answer(error.status, {"message": error.message}, headers))
        login = credential.user.login if credential else ""
        self.lfs.requests.append(RequestRecord(request.method, request.path, login, response.status_code))
        if fault.half:
            with response:
                return _broken_off(response)
        return response

    def _api(self, call: Call, fault: Fault, budget: Budget | None, *, reads: bool) -> Response:
        answer = respond(call)
        asked = call.body.decode() if reads else ""
        reader = (f"{call.path}?{call.query}{asked}", call.credential.token if call.credential else "")
        if fault.stale:
            answer = self._read_before.get(reader, answer)
        elif reads:
            self._read_before[reader] = answer
        response = self._json(answer, budget)
        return _broken_off(response) if fault.half else response

    def _failure(self, fault: Fault) -> Response:
        if fault.drop:
            raise ConnectionAbortedError("a fault drops the connection")
        return self._json(error_answer(HttpError(fault.status, fault.message, headers=fault.headers)))

    def _json(self, answer: Answer, budget: Budget | None = None) -> Response:
        body = b"" if answer.status == 204 else json.dumps(answer.payload).encode()
        headers = {**(budget.headers if budget else {}), **answer.headers}
        return Response(body, answer.status, headers, content_type="application/json; charset=utf-8")


def _operation(body: IO[bytes]) -> tuple[str, bool]:
    """Return the path that a GraphQL request is logged under, with its operation's name, and whether it writes."""
    try:
        kind, name = graphql.operation_of(str(json.loads(body.read())["query"]))
    except (ValueError, TypeError, KeyError):
        kind, name = "query", ""
    finally:
        body.seek(0)
    return f"{graphql.PATH}/{name}", kind == "mutation"


def _broken_off(response: Response) -> Response:
    """Return a response that promises its whole length and ends in the middle."""
    body = response.get_data()

    def parts() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        raise ConnectionAbortedError("a fault breaks the answer off")

    return Response(parts(), response.status_code, response.headers)


def _git_refusal(error: HttpError) -> Response:
    headers = {"WWW-Authenticate": 'Basic realm="GitHub"'} if error.status == 401 else {}
    return Response(f"{error.message}\n", error.status, headers)
