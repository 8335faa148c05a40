"""Buckets: what is asked of a library, what becomes of its errors, and a server that misbehaves."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from promotebot.artifact.digest import hash_stream
from promotebot.cost import Cost
from promotebot.errors import CouldNotVerify, InvalidInput, PromotebotError
from promotebot.storage import buckets
from promotebot.storage.buckets import Buckets
from promotebot.storage.options import NoExtra, open_filesystem
from promotebot.storage.uri import BLOCK, StoredFile, parse_storage_uri
from tests.s3 import S3, SECRET

URI = parse_storage_uri("s3://models/prod/v1")
SIZE = 2 * BLOCK + 5
FILE = StoredFile(URI, "model.onnx", SIZE)
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}


class Library:
    """A file system of fsspec, as far as it is used; an error is raised where there is one."""

    def __init__(self, data: bytes = b"", problem: BaseException | None = None, **info: Any) -> None:
        self.data, self.problem, self.told = data, problem, info
        self.asked: list[tuple[Any, ...]] = []

    def info(self, path: str, *, timeout: float) -> dict[str, Any]:
        self._note("info", path, timeout)
        return {"size": len(self.data), "type": "file", **self.told}

    def cat_file(self, path: str, *, start: int, end: int, timeout: float) -> bytes:
        assert timeout > 0
        self._note("cat_file", path, start, end)
        return self.data[start:end]

    def find(self, path: str, *, timeout: float) -> list[str]:
        assert timeout > 0
        self._note("find", path)
        return self.told["names"]  # type: ignore[no-any-return]

    def _note(self, *asked: Any) -> None:
        self.asked.append(asked)
        if self.problem:
            raise self.problem


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Library], Library]:
    def use(library: Library) -> Library:
        monkeypatch.setattr(buckets, "open_filesystem", lambda *_: library)
        return library

    return use


Use = Callable[[Library], Library]


def test_a_file_is_read_in_ranges_that_are_counted(use: Use) -> None:
    library, cost = use(Library(bytes(range(256)) * (SIZE // 256 + 1))), Cost()
    with Buckets({}, cost).session(10) as session, session.open(FILE) as stream:
        digest = hash_stream(stream)
    assert digest == hashlib.sha256(library.data[:SIZE]).hexdigest()
    ranges = sorted((start, end) for _, _, start, end in library.asked)
    assert ranges == [(0, BLOCK), (BLOCK, 2 * BLOCK), (2 * BLOCK, SIZE)]
    assert cost.stored_bytes == SIZE
    assert "bytes from buckets" in str(cost)


@pytest.mark.parametrize("more", [1, BLOCK])
def test_nothing_is_believed_beyond_the_size_of_the_manifest(use: Use, more: int) -> None:
    class Generous(Library):
        def cat_file(self, path: str, *, start: int, end: int, timeout: float) -> bytes:
            return super().cat_file(path, start=start, end=end + more, timeout=timeout)

    use(Generous(b"x" * (SIZE + more)))
    with Buckets({}).session(10) as session, session.open(FILE) as stream:
        assert hash_stream(stream) == hashlib.sha256(b"x" * SIZE).hexdigest()


def test_a_file_that_ends_early_ends_the_stream(use: Use) -> None:
    library = use(Library(b"x" * 10))
    with Buckets({}).session(10) as session, session.open(FILE) as stream:
        assert b"".join(iter(lambda: stream.read(4), b"")) == b"x" * 10
    assert len(library.asked) <= 2


def test_a_range_that_fails_ends_the_stream_and_none_is_asked_for_after_it(use: Use) -> None:
    library = use(Library(b"x" * 100 * BLOCK, problem=OSError(5, SECRET)))
    with Buckets({}).session(10) as session, pytest.raises(CouldNotVerify), session.open(FILE) as stream:
        stream.read(1)
    assert 1 <= len(library.asked) <= buckets.AHEAD


def test_an_empty_file_is_not_asked_for(use: Use) -> None:
    library = use(Library())
    with Buckets({}).session(10) as session, session.open(StoredFile(URI, "empty", 0)) as stream:
        assert stream.read(1) == b""
    assert library.asked == []


@pytest.mark.parametrize(
    ("scheme", "told", "version", "path"),
    [
        ("s3", {"VersionId": "v 1"}, "v1", "models/prod/v1/model.onnx?versionId=v1"),
        ("s3", {"VersionId": "null"}, None, "models/prod/v1/model.onnx"),
        ("gs", {"generation": "17"}, "17", "models/prod/v1/model.onnx#17"),
        ("az", {"version_id": "2026-01-01T00:00:00.0000000Z"}, None, "models/prod/v1/model.onnx"),
        ("az", {}, "2026-01-01T00:00:00Z", "models/prod/v1/model.onnx?versionid=2026-01-01T00:00:00Z"),
    ],
)
def test_each_library_is_asked_for_a_version_in_its_own_words(
    use: Use, scheme: str, told: dict[str, str], version: str | None, path: str
) -> None:
    library = use(Library(b"xyz", None, **told))
    file = StoredFile(parse_storage_uri(f"{scheme}://models/prod/v1"), "model.onnx", 3, version)
    with Buckets({}).session(10) as session:
        seen = session.look(file)
    assert library.asked[0][1] == path
    assert seen.version == next((value for value in told.values() if value != "null"), None)


class NoCredentialsError(Exception):
    pass


class FSTimeoutError(Exception):
    pass


@pytest.mark.parametrize(
    ("problem", "kind", "words"),
    [
        (FileNotFoundError(SECRET), InvalidInput, "s3://models/prod/v1/model.onnx is not there"),
        (PermissionError(SECRET), CouldNotVerify, "does not let this job read"),
        (NoCredentialsError(SECRET), CouldNotVerify, "does not let this job read"),
        (FSTimeoutError(SECRET), CouldNotVerify, "were not read in 10 seconds"),
        (TimeoutError(SECRET), CouldNotVerify, "were not read in 10 seconds"),
        (OSError(5, SECRET), CouldNotVerify, "does not answer (OSError)"),
        (RuntimeError(SECRET), CouldNotVerify, "does not answer (RuntimeError)"),
        (ValueError(SECRET), CouldNotVerify, "does not answer (ValueError)"),
        (NoExtra(SECRET), CouldNotVerify, "what reads s3:// is not installed"),
    ],
)
def test_an_error_of_a_library_is_told_by_its_kind_and_never_in_its_words(
    use: Use, problem: Exception, kind: type[PromotebotError], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    use(Library(problem=problem))
    with Buckets(CREDENTIALS).session(10) as session, pytest.raises(kind) as told:
        session.look(FILE)
    assert words in told.value.message
    assert told.value.remedy
    assert told.value.__suppress_context__
    assert SECRET not in f"{told.value}{caplog.text}"


class HttpResponseError(Exception):
    """As Azure's library has it."""

    def __init__(self, status_code: int) -> None:
        super().__init__(SECRET)
        self.status_code = status_code


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (404, InvalidInput, "is not there"),
        (400, InvalidInput, "is not there"),  # a version that is none
        (403, CouldNotVerify, "does not let this job read"),
        (503, CouldNotVerify, "does not answer"),
    ],
)
def test_not_found_is_said_only_of_what_the_server_has_not_found(
    use: Use, status: int, kind: type[PromotebotError], words: str
) -> None:
    problem = FileNotFoundError(2, SECRET)
    problem.__cause__ = HttpResponseError(status)
    use(Library(problem=problem))
    with Buckets(CREDENTIALS).session(10) as session, pytest.raises(kind, match=words):
        session.look(FILE)


def test_a_missing_library_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme, extra in (("s3", "s3"), ("gs", "gcs"), ("az", "azure")):
        monkeypatch.setitem(__import__("sys").modules, {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}[scheme], None)
        file = StoredFile(parse_storage_uri(f"{scheme}://models"), "model.onnx", 1)
        with Buckets({}).session(10) as session, pytest.raises(CouldNotVerify) as told:
            session.look(file)
        assert f"pip install 'promotebot[{extra}]'" in told.value.remedy
        assert f"storage: {extra}" in told.value.remedy


def test_the_time_is_one_for_all_files_of_an_artifact(use: Use) -> None:
    library = use(Library(b"x" * SIZE))
    moments, short = iter([0.0, 4.0, 8.0, 12.0]), replace(FILE, size=5)
    with Buckets({}, monotonic=lambda: next(moments)).session(10) as session, session.open(short) as stream:
        session.look(FILE)
        stream.read(1)
        with pytest.raises(CouldNotVerify, match="were not read in 10 seconds") as told:
            session.look(FILE)
    assert "limits.storage_seconds" in told.value.remedy
    assert len(library.asked) == 2
    assert library.asked[0] == ("info", FILE.path, 6.0), "what is left is what the library may take"


def test_a_directory_is_no_file(use: Use) -> None:
    use(Library(type="directory"))
    with Buckets({}).session(10) as session, pytest.raises(InvalidInput, match="is not there"):
        session.look(FILE)


class Settings:
    content_encoding = "br"


@pytest.mark.parametrize(
    ("scheme", "told", "encoding"),
    [
        ("gs", {"contentEncoding": "gzip"}, "gzip"),
        ("az", {"content_settings": {"content_encoding": "gzip"}}, "gzip"),
        ("az", {"content_settings": Settings()}, "br"),
    ],
)
def test_what_a_library_would_unpack_is_refused_before_it_is_read(
    use: Use, scheme: str, told: dict[str, Any], encoding: str
) -> None:
    """A few bytes may become any number of them."""
    library = use(Library(b"xyz", **told))
    file = StoredFile(parse_storage_uri(f"{scheme}://models/prod/v1"), "model.onnx", 3)
    with Buckets({}).session(10) as session, pytest.raises(InvalidInput, match=f"Content-Encoding: {encoding}"):
        session.look(file)
    assert [asked[0] for asked in library.asked] == ["info"]


def test_what_says_nothing_of_an_encoding_is_read(use: Use) -> None:
    for told in ({}, {"contentEncoding": "identity"}, {"content_settings": {"content_encoding": None}}):
        use(Library(b"xyz", **told))
        with Buckets({}).session(10) as session:
            assert session.look(StoredFile(parse_storage_uri("gs://models"), "model.onnx", 3)).size == 3


def test_sessions_that_are_made_in_another_way_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("aiobotocore.httpsession.AIOHTTPSession._get_session")
    with Buckets(CREDENTIALS).session(10) as session, pytest.raises(CouldNotVerify, match="LookupError"):
        session.look(FILE)


def test_what_lies_at_a_place_is_named_relative_to_it(use: Use) -> None:
    use(Library(names=["models/prod/v1/b", "models/prod/v1/a/c", "models/prod/v10/x", "other"]))
    with Buckets({}).session(10) as session:
        assert session.names(URI) == ["a/c", "b"]


def test_no_repr_shows_the_environment() -> None:
    with Buckets(CREDENTIALS).session(10) as session:
        assert SECRET not in f"{Buckets(CREDENTIALS)!r}{session!r}"


def test_the_server_is_that_of_the_environment_alone() -> None:
    plain = open_filesystem("s3", CREDENTIALS)
    assert (plain.endpoint_url, plain.anon) == (None, False)
    here = open_filesystem(
        "s3", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:2"}
    )
    assert here.endpoint_url == "http://127.0.0.1:2"
    assert open_filesystem("s3", {"PROMOTEBOT_STORAGE_ANONYMOUS": "true"}).anon is True


class Elsewhere(BaseHTTPRequestHandler):
    """A server that answers everything as it was told, and notes who asks."""

    status, headers_out, asked, body = 307, {}, [], b""  # type: ignore[var-annotated]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.status)
        for name, value in self.headers_out.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        if self.command == "GET":
            with suppress(ConnectionError):
                self.wfile.write(self.body)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def servers() -> Iterator[Callable[..., tuple[str, list[str]]]]:
    running: list[ThreadingHTTPServer] = []

    def serve(status: int, body: bytes = b"", **headers: str) -> tuple[str, list[str]]:
        asked: list[str] = []
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        handler = type("Handler", (Elsewhere,), {"status": status, "headers_out": named, "asked": asked, "body": body})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}", asked

    yield serve
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.mark.thorough
@pytest.mark.parametrize("status", [301, 307])
def test_no_redirect_leads_to_another_server(servers: Any, status: int) -> None:
    elsewhere, visited = servers(200)
    bucket, asked = servers(status, Location=f"{elsewhere}/models/prod/v1/model.onnx", x_amz_bucket_region="eu-west-1")
    led = "leads to another server, which is not followed"
    with Buckets({**CREDENTIALS, "AWS_ENDPOINT_URL": bucket}).session(60) as session:
        with pytest.raises(CouldNotVerify, match=led):
            session.look(FILE)
        with pytest.raises(CouldNotVerify, match=led):
            session.read_range(FILE, 0, 10)
        with pytest.raises(CouldNotVerify, match=led):
            session.names(URI)
    assert asked
    assert visited == []


@pytest.mark.thorough
def test_more_than_was_asked_for_is_not_taken_into_memory(servers: Any) -> None:
    bucket, _ = servers(200, bytes(BLOCK + 1))
    with Buckets({**CREDENTIALS, "AWS_ENDPOINT_URL": bucket}).session(60) as session:
        assert session.look(FILE).size == BLOCK + 1
        with pytest.raises(CouldNotVerify, match="gives a whole file where it is asked for a part"):
            session.read_range(FILE, 0, BLOCK)


@pytest.mark.thorough
@pytest.mark.parametrize("status", [301, 400])
def test_a_region_that_a_server_names_leads_nowhere_else(servers: Any, status: int) -> None:
    bucket, asked = servers(status, x_amz_bucket_region="eu-west-1")
    with Buckets({**CREDENTIALS, "AWS_ENDPOINT_URL": bucket}).session(60) as session, pytest.raises(PromotebotError):
        session.look(FILE)
    assert asked


@pytest.mark.parametrize("status", [400, 401, 403])
def test_what_a_server_refuses_is_no_pass_and_shows_no_key(servers: Any, status: int) -> None:
    bucket, _ = servers(status)
    with (
        Buckets({**CREDENTIALS, "AWS_ENDPOINT_URL": bucket}).session(20) as session,
        pytest.raises(CouldNotVerify) as told,
    ):
        session.look(FILE)
    assert SECRET not in str(told.value)
    assert "AKIA" not in str(told.value)


@pytest.mark.thorough
class TestOverARealServer:
    def test_versions_and_what_is_not_there(self, s3: S3) -> None:
        s3.bucket("models", versioned=True)
        first = s3.put("models/prod/v1/model.onnx", b"first")
        second = s3.put("models/prod/v1/model.onnx", b"second one")
        with Buckets(s3.environment).session(60) as session:
            newest = StoredFile(URI, "model.onnx", 10)
            assert (session.look(newest).size, session.look(newest).version) == (10, second)
            pinned = StoredFile(URI, "model.onnx", 5, first)
            assert session.look(pinned).size == 5
            with session.open(pinned) as stream:
                assert stream.read(100) == b"first"
            s3.delete("models/prod/v1/model.onnx")
            assert session.look(pinned).size == 5
            for missing in (newest, StoredFile(URI, "model.onnx", 5, "none"), StoredFile(URI, "other", 1)):
                with pytest.raises(InvalidInput, match="is not there"):
                    session.look(missing)
            with pytest.raises(InvalidInput, match="is not there"):
                session.look(StoredFile(parse_storage_uri("s3://no-such-bucket"), "model.onnx", 1))

    @pytest.mark.parametrize("name", ["a+b=c~d.bin", "test_data_set_0/input_0.pb", "A/b/C.d"])
    def test_every_name_that_is_allowed_is_found(self, s3: S3, name: str) -> None:
        s3.bucket("models")
        s3.put(f"models/prod/v1/{name}", b"here")
        file = StoredFile(URI, name, 4)
        with Buckets(s3.environment).session(60) as session, session.open(file) as stream:
            assert session.look(file).size == 4
            assert session.names(URI) == [name]
            assert stream.read(10) == b"here"
