"""The HTTP server on loopback: reads requests, sends answers, and is the embedded GitHub's front door.

with EmbeddedGitHub(root) as hub:
    repository = hub.create_repository("acme/models")
    github.Github(auth=github.Auth.Token(hub.issue_user_token("alice")), base_url=hub.api_url)
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable
from datetime import datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

from tests.fake_github.api import endpoints
from tests.fake_github.api.routing import Answer
from tests.fake_github.http import Exchange
from tests.fake_github.hub import Hub, require_git, utc_now

Request = socket.socket | tuple[bytes, socket.socket]  # as socketserver types it
PATIENCE = 5.0  # seconds


class EmbeddedGitHub(Hub):
    """A GitHub of one's own, bound to 127.0.0.1; a context manager, or `start` and `stop`.

    `root` holds the bare repositories; without one a temporary folder is used and removed.
    """

    def __init__(self, root: Path | None = None, *, port: int = 0, clock: Callable[[], datetime] = utc_now) -> None:
        self._own_root = root is None
        super().__init__(root or Path(tempfile.mkdtemp(prefix="promotebot-sandbox-")), clock=clock)
        self.root.mkdir(parents=True, exist_ok=True)
        require_git()
        self._server = LoopbackServer(self, port)
        self.server_url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def start(self) -> EmbeddedGitHub:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the socket and every connection, and wait for what is still being answered."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.close_connections()
        self._server.server_close()
        if self._own_root:
            shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self) -> EmbeddedGitHub:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class LoopbackServer(ThreadingHTTPServer):
    """One thread per connection, all of which end with the server."""

    request_queue_size = 128  # a full queue makes clients wait a whole second before they knock again

    def __init__(self, hub: Hub, port: int) -> None:
        self.hub = hub
        self.endpoints = endpoints()
        self.closing = threading.Event()
        self.read_before: dict[tuple[str, str], Answer] = {}  # what each reader last got, for a stale answer
        self._connections: dict[threading.Thread, socket.socket] = {}
        super().__init__(("127.0.0.1", port), Exchange)

    def server_bind(self) -> None:
        """Bind without the reverse look-up of the host name that `HTTPServer` does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.socket.getsockname()[1]

    def process_request(self, request: Request, client_address: object) -> None:
        """Answer a connection in a thread of its own, known by name until it ends."""
        assert isinstance(request, socket.socket)
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._connections[thread] = request
        thread.start()

    def process_request_thread(self, request: Request, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.pop(threading.current_thread(), None)

    def close_connections(self) -> None:
        """End idle keep-alive connections at once; give answers under way a moment first."""
        self.closing.set()
        for how, patience in ((socket.SHUT_RD, PATIENCE), (socket.SHUT_RDWR, None)):
            for thread, connection in list(self._connections.items()):
                with contextlib.suppress(OSError):  # the client was faster
                    connection.shutdown(how)
                thread.join(patience)
