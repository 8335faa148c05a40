"""A model of 300 MB in a bucket through the whole bot, in a process of its own whose memory the kernel counts."""

from __future__ import annotations

import hashlib

import pytest

from tests.action.test_lfs_memory import LIMIT, WEIGHTS, promoted, sums
from tests.office import Office
from tests.s3 import S3

pytestmark = pytest.mark.thorough

PLACE = "models/prod/large"
START = 117 * 1000 * 1000
"""Bytes that the program has in memory with the library of S3, when it has read a file of a thousand bytes."""


def stored_zeros(s3: S3, size: int) -> str:
    """Put zeros into the bucket; return their sha256."""
    s3.bucket("models")
    data = bytes(size)
    s3.put(f"{PLACE}/weights.bin", data)
    return hashlib.sha256(data).hexdigest()


def test_a_model_of_300_mb_is_promoted_in_less_than_100_mb_of_memory_beside_the_library(office: Office, s3: S3) -> None:
    office.policy("storage:\n  - s3://models/prod\n")
    storage = {"uri": f"s3://{PLACE}", "files": {"weights.bin": {"size": WEIGHTS}}}
    manifest = {"sha256": sums(stored_zeros(s3, WEIGHTS)), "storage": storage}
    job, peak = promoted(office, {}, manifest, s3.environment)
    assert f"{WEIGHTS:,} bytes from buckets" in job.summary
    assert peak < START + LIMIT
