"""Clone, fetch and push over HTTP: `git http-backend` behind GitHub's rules for who may.

https://git-scm.com/docs/git-http-backend
"""

from __future__ import annotations

import base64
import binascii
import re
import subprocess
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import IO

from tests.fake_github.accounts import Credential, Role
from tests.fake_github.bare import git_environment
from tests.fake_github.hub import Hub
from tests.fake_github.push_report import with_reasons
from tests.fake_github.push_rules import hook_environment
from tests.fake_github.refusals import Refused
from tests.fake_github.state import Repository

PATH = re.compile(
    r"/(?P<owner>[^/]+)/(?P<repo>[^/]+?)(?:\.git)?/(?P<service>info/refs|git-upload-pack|git-receive-pack)"
)
CHUNK = 1 << 16


@dataclass(frozen=True)
class GitRequest:
    """One request of a git client to `/owner/repo.git/...`: the body a file, header names lowercase."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: IO[bytes]
    credential: Credential | None

    @property
    def pushes(self) -> bool:
        return self.path.endswith("/git-receive-pack") or "service=git-receive-pack" in self.query


@dataclass(frozen=True)
class GitAnswer:
    status: int
    headers: list[tuple[str, str]]
    body: Generator[bytes, None, None]


def credential_of(hub: Hub, authorization: str) -> Credential | None:
    """Who an Authorization header (Basic, Bearer or token) stands for; None without one, 401 when unknown.

    With Basic the token is the password, or the user name of a password `x-oauth-basic`.
    """
    scheme, _, value = authorization.partition(" ")
    if not value:
        return None
    tokens = [value.strip()]
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Refused(401, "Bad credentials") from None
        tokens = [password, name]
    found = next((hub.credentials[token] for token in tokens if token in hub.credentials), None)
    if found is None:
        raise Refused(401, "Bad credentials")
    return found


def repository_for(hub: Hub, request: GitRequest) -> Repository:
    """The repository a request may reach. Raises what GitHub answers to the others."""
    found = PATH.fullmatch(request.path)
    challenge = {"WWW-Authenticate": 'Basic realm="GitHub"'}
    if found is None:
        raise Refused(404, "Not Found")
    credential = request.credential
    repository = hub.repositories.get(f"{found['owner']}/{found['repo']}".lower())
    if credential is None and (repository is None or repository.private or request.pushes):
        raise Refused(401, "No anonymous write access.", headers=challenge)
    if repository is None or not _may_read(repository, credential):
        raise Refused(404, "Repository not found.")
    if request.pushes and credential is not None and not _may_push(repository, credential):
        if credential.app:
            raise Refused(403, "Write access to repository not granted.")
        raise Refused(403, f"Permission to {repository.full_name}.git denied to {credential.user.login}.")
    return repository


def _may_read(repository: Repository, credential: Credential | None) -> bool:
    if not repository.private:
        return True
    if credential is None:
        return False
    if credential.app:
        return credential.repository_id == repository.id and credential.grants("contents", "read")
    return repository.role_of(credential.user) >= Role.READ


def _may_push(repository: Repository, credential: Credential) -> bool:
    if credential.app:
        return credential.repository_id == repository.id and credential.grants("contents", "write")
    return repository.role_of(credential.user) >= Role.WRITE


def serve(hub: Hub, request: GitRequest) -> GitAnswer:
    """Run `git http-backend`. After a push, pull requests have followed before the client hears of it."""
    with hub.lock:
        repository = repository_for(hub, request)
        environment = _environment(repository, request)
    backend = subprocess.Popen(
        ["git", "http-backend"],
        stdin=request.body,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert backend.stdout is not None
    status, headers = _read_head(backend.stdout)
    body = _body(backend, backend.stdout)
    if request.path.endswith("/git-receive-pack") and request.credential is not None:
        said = with_reasons(b"".join(body))
        repository.refresh(request.credential.user)
        body = (part for part in (said,))
    return GitAnswer(status, headers, body)


def _environment(repository: Repository, request: GitRequest) -> dict[str, str]:
    service = request.path.removesuffix("/").split("/", 3)[3]
    environment = {
        **git_environment(),
        "GIT_PROJECT_ROOT": str(repository.git_dir.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_COMMITTER_NAME": "GitHub",
        "GIT_COMMITTER_EMAIL": "noreply@github.com",
        "PATH_INFO": f"/{repository.git_dir.name}/{service}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "REMOTE_ADDR": "127.0.0.1",
    }
    if request.headers.get("content-encoding"):
        environment["HTTP_CONTENT_ENCODING"] = request.headers["content-encoding"]
    if request.headers.get("git-protocol"):
        environment["GIT_PROTOCOL"] = request.headers["git-protocol"]
    if request.pushes and request.credential is not None:
        environment["REMOTE_USER"] = request.credential.user.login  # what makes http-backend accept a push
        environment |= hook_environment(repository, request.credential)
    return environment


def _read_head(stream: IO[bytes]) -> tuple[int, list[tuple[str, str]]]:
    """The CGI header: an optional Status, then headers, then an empty line."""
    status, headers = 200, []
    for line in iter(stream.readline, b""):
        text = line.decode("latin-1").rstrip("\r\n")
        if not text:
            break
        name, _, value = text.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers.append((name, value.strip()))
    return status, headers


def _body(backend: subprocess.Popen[bytes], stream: IO[bytes]) -> Generator[bytes, None, None]:
    """What the process says, to its end; the process is waited for also when the reader leaves early."""
    try:
        yield from iter(lambda: stream.read(CHUNK), b"")
    finally:
        stream.close()
        backend.wait()
