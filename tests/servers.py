"""Real servers in processes of their own on loopback, for `make servers`: of Git LFS, of Google's buckets, of Azure's.

Nothing of them is in .venv, so that what uses them is marked `servers` and runs in an environment of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
import requests
from werkzeug import Request, Response

from tests.fake_github.accounts import Credential
from tests.fake_github.git_http import require_access
from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.lfs import API, MEDIA_TYPE, Lfs
from tests.fake_github.state import HubState
from tests.s3 import SECRET, running

ACCOUNT = "devstoreaccount1"
"""The one that Azurite has, with this key: https://learn.microsoft.com/azure/storage/common/storage-use-azurite"""
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
SIGNING = SECRET * 2
"""What giftless knows a token by."""


@dataclass(frozen=True)
class Giftless:
    """https://giftless.datopian.com, with the contents as files; it asks for a token of its own."""

    url: str
    contents: Path

    def path(self, name: str, oid: str) -> Path:
        """Return the file of a content, which tests may change and remove."""
        return self.contents / name / oid

    def token(self, name: str, *actions: str) -> str:
        """Return a token for a repository."""
        import jwt  # in the environment of `make servers` alone, as is all that giftless needs

        scopes = [f"obj:{name}/*:{','.join(actions)}"]
        return str(jwt.encode({"sub": "job", "scopes": scopes}, SIGNING, algorithm="HS256"))

    def ask(self, name: str, what: str, body: bytes) -> requests.Response:
        """Ask as somebody who may write."""
        headers = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
        url, token = f"{self.url}/{name}.git/info/lfs/{what}", self.token(name, "read", "write")
        return requests.post(url, data=body, headers={**headers, "Authorization": f"Bearer {token}"}, timeout=60)

    def upload(self, name: str, data: bytes) -> str:
        """Store a content as git-lfs does; return its pointer."""
        oid = hashlib.sha256(data).hexdigest()
        question = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": len(data)}]}
        answer = self.ask(name, "objects/batch", json.dumps(question).encode())
        action = answer.json()["objects"][0]["actions"]["upload"]
        requests.put(action["href"], data=data, headers=action["header"], timeout=60).raise_for_status()
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n"


class LfsOfGiftless(Lfs):
    """The embedded GitHub asks who may read; what it has in Git LFS is what giftless answers, links and all."""

    def __init__(self, hub: HubState, giftless: Giftless) -> None:
        super().__init__(hub, "")
        self._giftless = giftless

    def serve_api(self, request: Request, body: IO[bytes], credential: Credential | None) -> Response:
        data = body.read()
        target = API.fullmatch(request.path)
        assert target is not None
        uploads = target["what"] == "objects/batch" and json.loads(data)["operation"] == "upload"
        repo = require_access(self.hub, target["name"].lower(), credential, pushes=uploads)
        answer = self._giftless.ask(repo.full_name, target["what"], data)
        return Response(answer.content, answer.status_code, content_type=answer.headers["Content-Type"])


def serve_lfs_by(giftless: Giftless, hub: EmbeddedGitHub) -> None:
    """Answer what is asked of the embedded GitHub's Git LFS by giftless from now on."""
    hub.lfs = hub._application.lfs = LfsOfGiftless(hub, giftless)


@pytest.fixture
def giftless(tmp_path: Path) -> Iterator[Giftless]:
    contents = tmp_path / "giftless"
    adapter = {
        "factory": "giftless.transfer.basic_streaming:factory",
        "options": {
            "storage_class": "giftless.storage.local_storage:LocalStorage",
            "storage_options": {"path": str(contents)},
        },
    }
    settings: dict[str, Any] = {
        "TRANSFER_ADAPTERS": {"basic": adapter},
        # The token comes as git and the bot send it to GitHub: with this name, as a password.
        "AUTH_PROVIDERS": [
            {
                "factory": "giftless.auth.jwt:factory",
                "options": {"algorithm": "HS256", "private_key": SIGNING, "basic_auth_user": "x-access-token"},
            }
        ],
        "LEGACY_ENDPOINTS": False,
        "PRE_AUTHORIZED_ACTION_PROVIDER": {"options": {"private_key": SIGNING[::-1]}},
    }
    command = [sys.executable, "-W", "ignore", "-m", "flask", "--app", "giftless.wsgi_entrypoint", "run", "--port", "0"]
    environment = {"GIFTLESS_CONFIG_STR": json.dumps(settings), "PYTHONUNBUFFERED": "1"}
    with running(command, r"http://127\.0\.0\.1:[0-9]+", environment) as found:
        yield Giftless(found[0], contents)


@dataclass(frozen=True)
class Store:
    """A server of buckets, and the environment with which a program finds it."""

    scheme: str
    environment: dict[str, str]
    url: str

    def bucket(self, name: str) -> str:
        """Make a bucket; return its name."""
        if self.scheme == "gs":
            requests.post(f"{self.url}/storage/v1/b", json={"name": name}, timeout=30).raise_for_status()
        else:
            self._azure().create_container(name)
        return name

    def put(self, bucket: str, path: str, data: bytes) -> str | None:
        """Store an object; return its version where the server names one."""
        if self.scheme == "gs":
            place = f"{self.url}/upload/storage/v1/b/{bucket}/o"
            options = {"uploadType": "media", "name": path}
            answer = requests.post(place, params=options, data=data, timeout=60)
            answer.raise_for_status()
            return str(answer.json()["generation"])
        self._azure().get_blob_client(bucket, path).upload_blob(data, overwrite=True)
        return None

    def _azure(self) -> Any:
        from azure.storage.blob import BlobServiceClient  # in the environment of `make servers` alone

        return BlobServiceClient.from_connection_string(self.environment["AZURE_STORAGE_CONNECTION_STRING"])


@pytest.fixture(scope="session")
def google() -> Iterator[Store]:
    """gcp-storage-emulator, which does not say which port it was given."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = str(Path(sys.executable).parent / "gcp-storage-emulator")
    command = [program, "start", "--host", "127.0.0.1", "--port", str(port), "--in-memory"]
    with running(command, "All services started"):
        url = f"http://127.0.0.1:{port}"
        yield Store("gs", {"STORAGE_EMULATOR_HOST": url, "PROMOTEBOT_STORAGE_ANONYMOUS": "true"}, url)


@pytest.fixture(scope="session")
def azurite() -> Iterator[Store]:
    """Azurite, Microsoft's own server for tests."""
    program = f"{os.environ['AZURITE']}/dist/src/blob/main.js"
    options = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence"]
    with running(
        ["node", program, *options, "--disableTelemetry", "--skipApiVersionCheck"],
        r"listens on (http://127\.0\.0\.1:[0-9]+)",
    ) as found:
        parts = {
            "DefaultEndpointsProtocol": "http",
            "AccountName": ACCOUNT,
            "AccountKey": KEY,
            "BlobEndpoint": f"{found[1]}/{ACCOUNT}",
        }
        words = ";".join(f"{name}={value}" for name, value in parts.items())
        yield Store("az", {"AZURE_STORAGE_CONNECTION_STRING": words}, found[1])


@pytest.fixture(params=["google", "azurite"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each server in turn."""
    found: Store = request.getfixturevalue(request.param)
    return found
