"""A server of one large file, as S3 and as Git LFS give it: `python benchmarks/bucket.py FILE` prints its address.

It answers what promotebot asks and no more: the kernel copies from the file to the socket, so that next to nothing of
what is measured is the server's own.
"""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FILE = Path(sys.argv[1]) if __name__ == "__main__" else Path()


class Answers(BaseHTTPRequestHandler):
    """GET and HEAD of the file under any path; POST for links to it, as in the batch API of Git LFS."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._begin()

    def do_GET(self) -> None:
        start, end = self._begin()
        # Whoever was sent more than it wants goes away.
        with suppress(ConnectionError), FILE.open("rb") as file:
            while start < end and (sent := os.sendfile(self.connection.fileno(), file.fileno(), start, end - start)):
                start += sent

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        href = f"http://{self.headers['Host']}/content"
        objects = [{**one, "actions": {"download": {"href": href}}} for one in question["objects"]]
        body = json.dumps({"transfer": "basic", "objects": objects}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...

    def _begin(self) -> tuple[int, int]:
        """Write the head of an answer; return which bytes follow."""
        size = FILE.stat().st_size
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        start, end = (int(found[1]), min(int(found[2]) + 1, size)) if found else (0, size)
        self.send_response(206 if found else 200)
        self.send_header("Content-Length", str(end - start))
        self.send_header("ETag", '"0"')
        self.send_header("Last-Modified", "Tue, 01 Dec 2026 00:00:00 GMT")
        if found:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.end_headers()
        self.wfile.flush()
        return start, end


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
