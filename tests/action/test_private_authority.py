"""A server behind a company's own authority, or its proxy: the environment tells requests and git of both."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.fake_github.people import Job
from tests.office import Office

pytestmark = pytest.mark.thorough

WAIT = 20.0
PEEK = 1 << 16
NAME = "github.company.example"
"""A name that nobody but the proxy knows."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("authority")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    names = ["-addext", f"subjectAltName=IP:127.0.0.1,DNS:{NAME}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made.split(), *names], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def https(office: Office, authority: tuple[Path, Path]) -> Iterator[str]:
    """The embedded GitHub behind TLS: the address that a job is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, authority))
    behind = urlsplit(office.hub.server_url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, context, behind.port), daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with suppress(OSError):
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=_serve, args=(plain, context, port), daemon=True).start()


def _serve(plain: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """Carry one connection's bytes in both directions; whoever does not trust the certificate leaves."""
    with suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as outer:
        outer.settimeout(WAIT)
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as inner:
            back = threading.Thread(target=_carry, args=(inner, outer), daemon=True)
            back.start()
            _carry(outer, inner)
            back.join(WAIT)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(PEEK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy(https: str) -> Iterator[tuple[str, list[str]]]:
    """A proxy that leads to the server by its name: its address, and what it was asked for.

    https://www.rfc-editor.org/rfc/rfc9110#name-connect
    """
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        behind = urlsplit(https).port
        threading.Thread(target=_lead, args=(listener, behind, asked), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)


def _lead(listener: socket.socket, port: int, asked: list[str]) -> None:
    with suppress(OSError):
        while True:
            outer, _ = listener.accept()
            threading.Thread(target=_connect, args=(outer, port, asked), daemon=True).start()


def _connect(outer: socket.socket, port: int, asked: list[str]) -> None:
    with suppress(OSError), outer:
        outer.settimeout(WAIT)
        start = b""
        while b"\r\n\r\n" not in start and (data := outer.recv(PEEK)):
            start += data
        asked.append(start.decode().split()[1])
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as inner:
            outer.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_carry, args=(inner, outer), daemon=True)
            back.start()
            _carry(outer, inner)
            back.join(WAIT)


def ask(office: Office, server: str) -> Job:
    comment = office.repository.comment(office.pull(), author="alice", body="/promote staging")
    event = office.repository.issue_comment_event(comment.id)
    return office.job(event, GITHUB_SERVER_URL=server, GITHUB_API_URL=f"{server}/api/v3")


def test_a_job_works_behind_an_authority_that_both_are_told_of(
    office: Office, https: str, authority: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority[0]))
    monkeypatch.setenv("GIT_SSL_CAINFO", str(authority[0]))
    job = ask(office, https)
    assert job.outputs["decision"] == "promoted", job.summary


def test_requests_that_do_not_trust_the_server_say_what_to_set(office: Office, https: str) -> None:
    job = ask(office, https)
    assert (job.exit_code, job.outputs["reason_code"]) == (4, "could_not_verify")
    assert "REQUESTS_CA_BUNDLE" in job.summary.replace("\\", "")
    assert office.repository.statuses == []


def test_git_that_does_not_trust_the_server_says_what_to_set(
    office: Office, https: str, authority: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority[0]))
    job = ask(office, https)
    assert (job.exit_code, job.outputs["reason_code"]) == (4, "could_not_verify")
    assert "GIT_SSL_CAINFO" in job.summary.replace("\\", "")


def test_a_job_works_behind_a_proxy_that_alone_knows_the_server(
    office: Office, proxy: tuple[str, list[str]], authority: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"):
        monkeypatch.setenv(name, str(authority[0]))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HTTPS_PROXY", proxy[0])
    job = ask(office, f"https://{NAME}")
    assert job.outputs["decision"] == "promoted", job.summary
    assert {*proxy[1]} == {f"{NAME}:443"}


def test_a_proxy_that_does_not_answer_is_named_as_what_to_check(
    office: Office, authority: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HTTPS_PROXY", gone)
    job = ask(office, f"https://{NAME}")
    assert (job.exit_code, job.outputs["reason_code"]) == (4, "could_not_verify")
    assert "HTTPS_PROXY" in job.summary.replace("\\", "")
