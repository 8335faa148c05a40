"""Buckets of Google and of Azure on real servers (`make servers`); those of S3 are in test_buckets.py.

Neither server keeps versions: the generation of Google's is named and no older one is there, Azurite has none.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from promotebot.artifact.digest import hash_stream
from promotebot.cost import Cost
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.storage.buckets import Buckets
from promotebot.storage.uri import BLOCK, StoredFile, parse_storage_uri
from tests.servers import KEY, Store

pytestmark = pytest.mark.servers

DATA = bytes(range(256)) * (2 * BLOCK // 256) + b"the end"


def test_a_file_is_found_named_and_read_in_ranges(store: Store) -> None:
    bucket = store.bucket("models")
    version = store.put(bucket, "prod/v1/model.onnx", DATA)
    for name in ("prod/v1/test_data_set_0/input_0.pb", "prod/v10/other"):
        store.put(bucket, name, b"here")
    uri, cost = parse_storage_uri(f"{store.scheme}://{bucket}/prod/v1"), Cost()
    file = StoredFile(uri, "model.onnx", len(DATA))
    with Buckets(store.environment, cost).session(60) as session:
        seen = session.look(file)
        assert (seen.size, seen.version) == (len(DATA), version)
        assert session.names(uri) == ["model.onnx", "test_data_set_0/input_0.pb"]
        with session.open(file) as stream:
            assert hash_stream(stream) == hashlib.sha256(DATA).hexdigest()
        if version:
            with session.open(replace(file, version=version)) as stream:
                assert hash_stream(stream) == hashlib.sha256(DATA).hexdigest()
    assert cost.stored_bytes == len(DATA) * (2 if version else 1)


@pytest.mark.parametrize("name", ["a+b=c~d.bin", "A/b/C.d"])
def test_every_name_that_is_allowed_is_found(store: Store, name: str) -> None:
    bucket = store.bucket(f"names-{len(name)}")
    store.put(bucket, f"prod/{name}", b"here")
    uri = parse_storage_uri(f"{store.scheme}://{bucket}/prod")
    with Buckets(store.environment).session(60) as session, session.open(StoredFile(uri, name, 4)) as stream:
        assert session.names(uri) == [name]
        assert stream.read(10) == b"here"


def test_what_is_not_there_is_said_to_be_so(store: Store) -> None:
    bucket = store.bucket("nearly-empty")
    store.put(bucket, "model.onnx", b"here")
    with Buckets(store.environment).session(60) as session:
        for missing in (bucket, "no-such-bucket"):
            file = StoredFile(parse_storage_uri(f"{store.scheme}://{missing}"), "other.onnx", 4)
            with pytest.raises(InvalidInput, match="is not there"):
                session.look(file)


def test_a_wrong_key_is_no_pass_and_not_shown(azurite: Store) -> None:
    file = StoredFile(parse_storage_uri(f"az://{azurite.bucket('closed')}"), "model.onnx", 4)
    azurite.put("closed", "model.onnx", b"here")
    environment = {name: value.replace(KEY, f"AAAA{KEY[4:]}") for name, value in azurite.environment.items()}
    with Buckets(environment).session(60) as session, pytest.raises(CouldNotVerify) as told:
        session.look(file)
    assert "does not let this job read" in told.value.message
    assert KEY[4:] not in str(told.value)
