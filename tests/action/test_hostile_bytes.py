"""Bytes that are made to be expensive, where they enter: refused by their number, before anything reads them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from promotebot.artifact.manifest import parse_manifest
from promotebot.errors import InvalidInput
from promotebot.git.checkout import Checkout
from promotebot.github.payloads import parse_event
from promotebot.planning.committed import read_policy
from promotebot.promotion.policy import parse_policy
from tests.office import Office

HUNDRED_MEGABYTES = b'{"a": "' + b"a" * (100 * 1024**2) + b'"}'


@pytest.mark.parametrize(
    ("parse", "limit"),
    [
        pytest.param(lambda data: parse_manifest(data, where="x"), 4 * 1024**2, id="manifest"),
        pytest.param(parse_policy, 64 * 1024, id="policy"),
        pytest.param(lambda data: parse_event("issue_comment", data), 25 * 1024**2, id="comment"),
    ],
)
def test_a_hundred_megabytes_are_refused_by_their_number_before_they_are_parsed(
    monkeypatch: pytest.MonkeyPatch, parse: Callable[[bytes], object], limit: int
) -> None:
    monkeypatch.setattr(json, "loads", None)
    with pytest.raises(InvalidInput, match=f"{len(HUNDRED_MEGABYTES):,} bytes; the limit is {limit:,}"):
        parse(HUNDRED_MEGABYTES)


def test_a_committed_file_is_read_to_its_limit_only(office: Office) -> None:
    alice = office.person("alice")
    alice.write(".github/promotion.yml", "#" * 100_000)
    alice.commit("chore: A policy without end")
    with pytest.raises(InvalidInput, match="is over the limit of 65,536 bytes") as refused:
        read_policy(Checkout.open(alice.clone), "HEAD", ".github/promotion.yml")
    assert refused.value.remedy
