"""Places outside of git: one spelling, which the policy and every library read alike."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from s3fs import S3FileSystem

from promotebot.errors import InvalidInput
from promotebot.promotion.policy import parse_policy
from promotebot.storage.uri import (
    VERSION,
    StorageUri,
    StoredFile,
    is_storable,
    is_version,
    lies_under,
    parse_storage_uri,
)

WORDS = (
    "s3 gs az https file s3a :// : / // .. . %2e%2e %2f @ ? # * [ models prod regime_v2 169.254.169.254 localhost "
    "[::1] key:secret@ ?versionId=x é ~ = + - S3 arn:aws:s3:::b"
)
PIECES = st.sampled_from([*WORDS.split(), "\n", "\0", " ", "\\", "a" * 300])
TEXTS = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=60)
NAMED = TEXTS | TEXTS.map(lambda text: f"s3://models/prod{text}") | TEXTS.map(lambda text: f"s3://models{text}")
FILESYSTEM = S3FileSystem(anon=True, version_aware=True, skip_instance_cache=True)


@pytest.mark.parametrize(
    "text",
    ["s3://models", "s3://models/prod", "gs://my.bucket-1/a/b_c/v=1/x+y~z", "az://container/a.b", "s3://models/--/_"],
)
def test_a_place_is_a_scheme_a_bucket_and_plain_segments(text: str) -> None:
    assert parse_storage_uri(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "models/prod",
        "s3:/models/prod",
        "s3://",
        "s3:///prod",
        "s3://models/",
        "s3://models//prod",
        "s3://models/./prod",
        "s3://models/../other",
        "s3://models/prod/..",
        "s3://models/%2e%2e/other",
        "s3://models/prod?versionId=x",
        "s3://models/prod#1",
        "s3://models/a*",
        "s3://models/a b",
        "s3://models/prod\n",
        "s3://models\\prod",
        "s3://key:secret@models/prod",
        "s3://models:9000/prod",
        "s3://169.254.169.254/latest",
        "s3://[::1]/a",
        "s3://a..b/c",
        "s3://Models/prod",
        "S3://models/prod",
        "s3a://models/prod",
        "s3n://models/prod",
        "http://models/prod",
        "https://example.com/prod",
        "file:///etc/passwd",
        "file://models/prod",
        "local://models/prod",
        "memory://models/prod",
        "simplecache::s3://models/prod",
        "s3://models/prod::file:///etc/passwd",
        "zip://a::s3://models/prod",
        "ftp://models/prod",
        "arn:aws:s3:::models/prod",
        "s3://arn:aws:s3:eu:1:accesspoint/x/y",
        "s3://ab/x" + "/x" * 300,
        "s3://mödels/prod",
        "az://account.dfs.core.windows.net/models",
        "az://a.b/models",
    ],
)
def test_everything_else_is_refused_by_manifest_and_policy_alike(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no place outside of git"):
        parse_storage_uri(text)
    with pytest.raises(InvalidInput):
        parse_policy(f"storage: [{text!r}]\n".encode())


def test_what_may_be_a_secret_in_an_odd_address_is_not_shown() -> None:
    for text in (
        "s3://AKIA:SECRET@models/x",
        "s3://models/x?X-Amz-Signature=SECRET",
        "https://u:SECRET@h/x#SECRET",
        "x?SECRET",
    ):
        with pytest.raises(InvalidInput) as told:
            parse_storage_uri(text)
        assert "SECRET" not in str(told.value)


@given(uri=NAMED, prefixes=st.lists(NAMED, max_size=3))
@example(uri="s3://models/production/x", prefixes=["s3://models/prod"])
@example(uri="s3://models/prod/../other", prefixes=["s3://models/prod"])
@example(uri="s3://models", prefixes=["s3://models/prod"])
@example(uri="s3://models/prod/x", prefixes=["s3://models/prod"])
def test_whatever_is_named_lies_under_an_allowed_prefix_or_is_not_read(uri: str, prefixes: list[str]) -> None:
    allowed = [prefix for prefix in prefixes if is_place(prefix)]
    if not is_place(uri) or not lies_under(StorageUri(uri), allowed):
        return
    found = urlsplit(uri)
    parents = [urlsplit(prefix) for prefix in allowed]
    assert any(
        (found.scheme, found.netloc) == (one.scheme, one.netloc)
        and found.path.split("/")[: len(one.path.split("/"))] == one.path.split("/")
        for one in (parent._replace(path=parent.path or "") for parent in parents)
    )


@given(
    uri=NAMED.filter(lambda text: is_place(text)),
    name=TEXTS,
    version=st.none() | st.from_regex(VERSION.replace("1024", "20"), fullmatch=True),
)
@example(uri="s3://models", name="a", version="3/L4kqtJlcp//../?versionId=x")
def test_the_library_reads_bucket_key_and_version_as_they_are_meant(uri: str, name: str, version: str | None) -> None:
    """It is that of S3. Those of gs and az were compared by hand, over the same grammar."""
    if not is_storable(name) or (version and not is_version(parse_storage_uri("s3://models"), version)):
        return
    file = StoredFile(StorageUri(uri), name, 1, version)
    bucket, _, place = uri.partition("://")[2].partition("/")
    mark = f"?versionId={version}" if version else ""
    assert FILESYSTEM.split_path(file.path + mark) == (bucket, f"{place}/{name}".lstrip("/"), version)
    assert ".." not in file.path.split("/")
    assert "" not in file.path.split("/")


@pytest.mark.parametrize(
    ("uri", "version", "is_one"),
    [
        ("s3://models", "3/L4kqtJlcpXroDTDmpUMLUo", True),
        ("s3://models", "x/", False),
        ("s3://models", "x?versionId=y", False),
        ("gs://models", "1771234567890123", True),
        ("gs://models", "1/../2", False),
        ("gs://models", "1_0", False),
        ("gs://models", "", False),
        ("az://models", "2026-01-01T00:00:00.0000000Z", True),
        ("az://models", "x", False),
    ],
)
def test_a_version_is_one_of_its_store(uri: str, version: str, is_one: bool) -> None:
    assert is_version(parse_storage_uri(uri), version) is is_one


def is_place(text: str) -> bool:
    try:
        parse_storage_uri(text)
    except InvalidInput:
        return False
    return True
