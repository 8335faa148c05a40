"""Clone, fetch and push over HTTP: `git http-backend` behind GitHub's rules for who may.

https://git-scm.com/docs/git-http-backend
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import gzip
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from werkzeug import Request, Response

from tests.fake_github.accounts import Credential, Role
from tests.fake_github.bare import git_environment
from tests.fake_github.lateness import show_heads
from tests.fake_github.pulls import refresh
from tests.fake_github.push_report import with_reasons
from tests.fake_github.push_rules import hook_environment
from tests.fake_github.refusals import HttpError
from tests.fake_github.state import HubState, RepositoryState

PATH = re.compile(
    r"/(?P<owner>[^/]+)/(?P<repo>[^/]+?)(?:\.git)?/(?P<service>info/refs|git-upload-pack|git-receive-pack)"
)
CGI = ("REQUEST_METHOD", "QUERY_STRING", "CONTENT_TYPE", "REMOTE_ADDR", "HTTP_CONTENT_ENCODING")
CHUNK = 1 << 16
UPLOADS = "application/x-git-upload-pack"
UNCACHED = {
    "Expires": "Fri, 01 Jan 1980 00:00:00 GMT",
    "Pragma": "no-cache",
    "Cache-Control": "no-cache, max-age=0, must-revalidate",
}


def credential_of(hub: HubState, authorization: str) -> Credential | None:
    """Return whom an Authorization header (Basic, Bearer or token) stands for; None without one, 401 when unknown.

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
            raise HttpError(401, "Bad credentials") from None
        tokens = [password, name]
    credential = next((hub.credentials[token] for token in tokens if token in hub.credentials), None)
    if credential is None:
        raise HttpError(401, "Bad credentials")
    return credential


def serve(hub: HubState, request: Request, body: IO[bytes], credential: Credential | None) -> Response:
    """Run `git http-backend`, or what it would run for a fetch.

    After a push, pull requests have followed before the client hears of it.

    `body` is a file, since the backend reads it from a descriptor. Raises HttpError for those who may not.
    """
    target = PATH.fullmatch(request.path)
    assert target is not None
    pushes = "git-receive-pack" in (target["service"], request.args.get("service"))
    with hub.lock:
        show_heads(hub)
        repo = require_access(hub, f"{target['owner']}/{target['repo']}".lower(), credential, pushes=pushes)
        environment = _environment(repo, request, target["service"])
        if pushes and credential is not None:
            environment["REMOTE_USER"] = credential.user.login  # what makes http-backend accept a push
            environment |= hook_environment(repo, credential)
    if target["service"] == "git-upload-pack" and request.content_type == f"{UPLOADS}-request":
        return _upload(repo, request, body, environment)
    if request.args.get("service") == "git-upload-pack" and environment["GIT_PROTOCOL"] == "version=2":
        return Response(_capabilities(repo, environment), 200, {**UNCACHED, "Content-Type": f"{UPLOADS}-advertisement"})
    backend = _start(["git", "http-backend"], body, environment)
    assert backend.stdout is not None
    status, headers = _read_head(backend.stdout)
    parts = _body(backend)
    if target["service"] == "git-receive-pack" and credential is not None:
        answer = with_reasons(b"".join(parts))
        refresh(repo, credential.user)
        parts = iter([answer])
    return Response(parts, status, headers, direct_passthrough=True)


def _start(command: Sequence[str], body: IO[bytes] | None, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    stdin = subprocess.DEVNULL if body is None else body
    return subprocess.Popen(
        command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(environment)
    )


def _upload(repo: RepositoryState, request: Request, body: IO[bytes], environment: Mapping[str, str]) -> Response:
    """Run what `git http-backend` would run for a fetch, without the two processes around it."""
    with tempfile.TemporaryFile() as plain, contextlib.ExitStack() as stack:
        packed = request.headers.get("Content-Encoding") == "gzip"
        shutil.copyfileobj(stack.enter_context(gzip.open(body)) if packed else body, plain)
        plain.seek(0)
        backend = _start(["git", "upload-pack", "--stateless-rpc", str(repo.git_dir)], plain, environment)
    headers = {**UNCACHED, "Content-Type": f"{UPLOADS}-result"}
    return Response(_body(backend), 200, headers, direct_passthrough=True)


def _capabilities(repo: RepositoryState, environment: Mapping[str, str]) -> bytes:
    """Return what the server can, which depends on its configuration alone, and is asked once for each.

    https://git-scm.com/docs/protocol-v2#_capability_advertisement
    """
    configuration = (repo.git_dir / "config").read_bytes()
    if configuration not in _ADVERTISED:
        command = ["git", "upload-pack", "--http-backend-info-refs", str(repo.git_dir)]
        _ADVERTISED[configuration] = b"".join(_body(_start(command, None, environment)))
    return _ADVERTISED[configuration]


_ADVERTISED: dict[bytes, bytes] = {}


def require_access(hub: HubState, full_name: str, credential: Credential | None, *, pushes: bool) -> RepositoryState:
    """Return the repository a request may reach. Raises what GitHub answers to the others."""
    repo = hub.repositories.get(full_name)
    if credential is None and (repo is None or repo.private or pushes):
        raise HttpError(401, "No anonymous write access.")
    if repo is None or not _may("read", repo, credential):
        raise HttpError(404, "Repository not found.")
    if pushes and credential is not None and not _may("write", repo, credential):
        if credential.app:
            raise HttpError(403, "Write access to repository not granted.")
        raise HttpError(403, f"Permission to {repo.full_name}.git denied to {credential.user.login}.")
    return repo


def _may(level: str, repo: RepositoryState, credential: Credential | None) -> bool:
    """Tell whether somebody may "read" or "write" the content."""
    if level == "read" and not repo.private:
        return True
    if credential is None:
        return False
    if credential.app:
        return credential.repository_id == repo.id and credential.grants("contents", level)
    return repo.role_of(credential.user) >= Role[level.upper()]


def _environment(repo: RepositoryState, request: Request, service: str) -> dict[str, str]:
    """Return the CGI variables of http-backend, most of which WSGI has too."""
    return {
        **git_environment(),
        **{name: request.environ[name] for name in CGI if name in request.environ},
        "GIT_PROJECT_ROOT": str(repo.git_dir.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_COMMITTER_NAME": "GitHub",
        "GIT_COMMITTER_EMAIL": "noreply@github.com",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "PATH_INFO": f"/{repo.git_dir.name}/{service}",
    }


def _read_head(stream: IO[bytes]) -> tuple[int, list[tuple[str, str]]]:
    """Read the CGI header: an optional Status, then headers, then an empty line."""
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


def _body(backend: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield the rest of a process's output to its end; it is waited for also when the reader leaves early."""
    stream = backend.stdout
    assert stream is not None
    try:
        yield from iter(lambda: stream.read(CHUNK), b"")
    finally:
        stream.close()
        backend.wait()
