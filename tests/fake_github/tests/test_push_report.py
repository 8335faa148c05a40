"""Reasons find their refs in a report, and anything that is no report is left alone."""

from __future__ import annotations

import pytest

from tests.fake_github.push_report import with_reasons


def packet(payload: bytes) -> bytes:
    return b"%04x%s" % (len(payload) + 4, payload)


def test_a_reason_cut_in_two_replaces_gits_words_for_its_ref_only() -> None:
    report = (
        packet(b"unpack ok\n") + packet(b"ng refs/heads/a hook declined\n") + packet(b"ok refs/heads/b\n") + b"0000"
    )
    words = b"hello\nfake-github-reason: refs/heads/a not today\nerror: hook declined to update refs/heads/a\n"
    answer = packet(b"\x02" + words[:14]) + packet(b"\x02" + words[14:]) + packet(b"\x01" + report) + b"0000"
    expected = packet(b"unpack ok\n") + packet(b"ng refs/heads/a not today\n") + packet(b"ok refs/heads/b\n") + b"0000"
    assert with_reasons(answer) == packet(b"\x02hello\n") + packet(b"\x01" + expected) + b"0000"


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html>no git here</html>", packet(b"unpack ok\n") + b"0000", packet(b"\x02fine\n") + b"0000", b"\x00\xff"],
)
def test_an_answer_without_reasons_stays_as_it_is(answer: bytes) -> None:
    assert with_reasons(answer) == answer
