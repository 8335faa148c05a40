"""Git LFS: the batch API of each repository, and the storage that its links lead to, which knows no GitHub token.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from werkzeug import Request, Response

from tests.fake_github.accounts import Credential
from tests.fake_github.git_http import require_access
from tests.fake_github.records import RequestRecord
from tests.fake_github.refusals import HttpError
from tests.fake_github.state import HubState, RepositoryState

API = re.compile(r"/(?P<name>[^/]+/[^/]+?)(?:\.git)?/info/lfs/(?P<what>objects/batch|objects/verify|locks/verify)")
STORAGE = re.compile(r"/lfs-storage/(?P<name>[^/]+/[^/]+)/(?P<oid>[0-9a-f]{64})")
MEDIA_TYPE = "application/vnd.git-lfs+json"
KEY = "X-Storage-Key"
VALID_FOR = timedelta(minutes=10)
_CHUNK = 1 << 20
Edit = Callable[[dict[str, Any]], object]


@dataclass
class Lfs:
    """The contents of all repositories as files, and the links that were given to them."""

    hub: HubState
    server_url: str
    requests: list[RequestRecord] = field(default_factory=list)
    authorized: list[str] = field(default_factory=list)
    """The Authorization header of each request to the storage, empty where it had none."""
    edits: list[Edit] = field(default_factory=list)
    """What becomes of the next answers to a batch, one each: a server that says something odd."""
    _keys: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def path(self, name: str, oid: str) -> Path:
        """Return the file of a content, which tests may write, change and remove."""
        return self.hub.repository(name).git_dir / "lfs-storage" / oid

    def add(self, name: str, data: bytes) -> str:
        """Store a content, and return the pointer to it, as git holds it."""
        oid = hashlib.sha256(data).hexdigest()
        self.path(name, oid).parent.mkdir(exist_ok=True)
        self.path(name, oid).write_bytes(data)
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n"

    def add_zeros(self, name: str, size: int) -> tuple[str, str]:
        """Store so many zeros, which take no room on the disk; return their sha256 and the pointer to them."""
        hasher, left = hashlib.sha256(), size
        while left:
            hasher.update(bytes(min(left, _CHUNK)))
            left -= min(left, _CHUNK)
        oid = hasher.hexdigest()
        self.path(name, oid).parent.mkdir(exist_ok=True)
        with self.path(name, oid).open("wb") as file:
            file.truncate(size)
        return oid, f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"

    def serve_api(self, request: Request, body: IO[bytes], credential: Credential | None) -> Response:
        """Answer the batch API. Raises HttpError for those who may not."""
        target = API.fullmatch(request.path)
        assert target is not None
        document = json.loads(body.read() or b"{}")
        uploads = document.get("operation") == "upload"
        repo = require_access(self.hub, target["name"].lower(), credential, pushes=uploads)
        if target["what"] == "locks/verify":
            raise HttpError(404, "Not Found")  # without locks git-lfs goes on
        if target["what"] == "objects/verify":
            file = self.path(repo.full_name, document["oid"])
            is_there = file.is_file() and file.stat().st_size == document["size"]
            return Response(b"{}", 200 if is_there else 404, content_type=MEDIA_TYPE)
        if not request.headers.get("Accept", "").startswith(MEDIA_TYPE):
            raise HttpError(406, "Not Acceptable")
        objects = [self._object(repo, one, uploads=uploads) for one in document["objects"]]
        answer = {"transfer": "basic", "objects": objects, "hash_algo": "sha256"}
        if self.edits:
            self.edits.pop(0)(answer)
        return Response(json.dumps(answer), 200, content_type=MEDIA_TYPE)

    def _object(self, repo: RepositoryState, asked: dict[str, Any], *, uploads: bool) -> dict[str, Any]:
        oid, size = asked["oid"], asked["size"]
        file = self.path(repo.full_name, oid)
        if not uploads and not file.is_file():
            return {"oid": oid, "size": size, "error": {"code": 404, "message": "Object does not exist on the server"}}
        if uploads and file.is_file():
            return {"oid": oid, "size": size}
        end, key = self.hub.now() + VALID_FOR, secrets.token_hex(8)
        self._keys[key] = oid, end
        action = {
            "href": f"{self.server_url}/lfs-storage/{repo.full_name}/{oid}",
            "header": {KEY: key},
            "expires_at": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        }
        if not uploads:
            return {"oid": oid, "size": file.stat().st_size, "authenticated": True, "actions": {"download": action}}
        verify = {"href": f"{self.server_url}/{repo.full_name}.git/info/lfs/objects/verify"}
        return {"oid": oid, "size": size, "actions": {"upload": action, "verify": verify}}

    def serve_storage(self, request: Request, body: IO[bytes]) -> Response:
        """Give or take one content, for a key that a link had; a token of GitHub's is refused, as S3 refuses it."""
        target = STORAGE.fullmatch(request.path)
        assert target is not None
        self.authorized.append(request.headers.get("Authorization", ""))
        oid, end = self._keys.get(request.headers.get(KEY, ""), ("", self.hub.now()))
        if self.authorized[-1]:
            return Response("Only one auth mechanism allowed", 400)
        if oid != target["oid"] or self.hub.now() >= end:
            return Response("Request has expired", 403)
        file = self.path(target["name"], oid)
        if request.method == "PUT":
            file.parent.mkdir(exist_ok=True)
            with file.open("wb") as stored:
                shutil.copyfileobj(body, stored)
            return Response(b"", 200)
        if not file.is_file():
            return Response("NoSuchKey", 404)
        stream = file.open("rb")
        response = Response(iter(lambda: stream.read(_CHUNK), b""), 200)
        response.call_on_close(stream.close)
        response.content_length = file.stat().st_size
        return response
