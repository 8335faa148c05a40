"""A real S3 server: moto's, in a process of its own on loopback, with buckets that a test fills over HTTP."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

SECRET, SESSION_TOKEN = "s3cr3t-of-the-bucket", "t0ken-of-the-session"
_VERSIONING = (
    '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status>'
    "</VersioningConfiguration>"
)
_SOMEBODY = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request"}
"""moto looks at no signature, and lets nobody without a name write over what is there."""


@contextmanager
def running(command: list[str], ready: str, environment: Mapping[str, str] | None = None) -> Iterator[re.Match[str]]:
    """Start a server, and yield what its output matched; it is ended afterwards."""
    with subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        assert server.stdout is not None
        said: list[str] = []
        for line in server.stdout:
            said.append(line)
            found = re.search(ready, line)
            if found:
                break
        else:
            raise AssertionError(f"the server ended with {server.wait()}: {''.join(said)}")
        # What it says from now on is taken out of the pipe, which would be full at some time.
        reader = threading.Thread(target=server.stdout.read, daemon=True)
        reader.start()
        yield found
        server.terminate()
        server.wait()
        reader.join()


@dataclass(frozen=True)
class S3:
    """A server, and the environment with which a program finds it."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": "AKIA-for-tests",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_SESSION_TOKEN": SESSION_TOKEN,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
        }

    def bucket(self, name: str, *, versioned: bool = False) -> str:
        """Make a bucket; return its name."""
        self._put(name)
        if versioned:
            self._put(f"{name}?versioning", _VERSIONING.encode())
        return name

    def put(self, path: str, data: bytes) -> str | None:
        """Store an object, and return its version where the bucket keeps any."""
        return self._put(path, data).get("x-amz-version-id")

    def delete(self, path: str) -> None:
        requests.delete(f"{self.url}/{path}", headers=_SOMEBODY, timeout=30).raise_for_status()

    def reset(self) -> None:
        requests.post(f"{self.url}/moto-api/reset", timeout=30).raise_for_status()

    def _put(self, path: str, data: bytes = b"") -> Mapping[str, str]:
        answer = requests.put(f"{self.url}/{path}", data=data, headers=_SOMEBODY, timeout=60)
        answer.raise_for_status()
        return answer.headers


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with running(command, r"http://127\.0\.0\.1:[0-9]+") as found:
        yield S3(found[0])


@pytest.fixture
def s3(s3_server: S3) -> S3:
    """The server, empty."""
    s3_server.reset()
    return s3_server


def upload(s3: S3, directory: Path, place: str, *names: str) -> dict[str, str | None]:
    """Put files of a directory below `bucket/prefix`; return their versions."""
    return {name: s3.put(f"{place}/{name}", (directory / name).read_bytes()) for name in names}
