"""Parts of a verification: dealt out by bytes, put together without a gap, and what is left of one that was stopped."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.source import FileSource
from promotebot.cli import registry_report
from promotebot.errors import CouldNotVerify
from promotebot.promotion.policy import Policy
from promotebot.registry import ModelRegistry
from promotebot.registry.codec import stored_json
from promotebot.verification.report import ReportScope, merge_reports
from promotebot.verification.shards import shard_of, stored_sizes
from promotebot.verification.verify import VerificationInput, verify

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)
NAMES = [f"model_{number}" for number in range(300)]


def dealt(sizes: dict[str, int], count: int) -> list[list[str]]:
    return [shard_of([*sizes], (number + 1, count), "", sizes.__getitem__)[0] for number in range(count)]


@given(st.lists(st.integers(50, 150), min_size=200, max_size=300), st.integers(2, 8))
def test_the_shards_of_many_models_are_even_by_bytes(sizes: list[int], count: int) -> None:
    known = dict(zip(NAMES, sizes, strict=False))
    even = sum(sizes) / count
    for shard in dealt(known, count):
        assert abs(sum(known[name] for name in shard) - even) < even / 10


@given(st.lists(st.integers(0, 10**12), max_size=40), st.integers(1, 8), st.randoms(use_true_random=False))
def test_every_model_is_in_one_shard_whatever_the_order(sizes: list[int], count: int, random: Any) -> None:
    known = dict(zip(NAMES, sizes, strict=False))
    shards = dealt(known, count)
    assert sorted(name for shard in shards for name in shard) == sorted(known)
    assert all(shard == sorted(shard) for shard in shards)
    mixed = [*known.items()]
    random.shuffle(mixed)
    assert dealt(dict(mixed), count) == shards


def test_models_of_unknown_size_are_dealt_out_in_turns() -> None:
    assert dealt(dict.fromkeys("abcde", 0), 2) == [["a", "c", "e"], ["b", "d"]]


def test_a_manifest_that_does_not_read_names_nothing_outside_of_git() -> None:
    for data in (b"", b"{}", b"[", b"\xff"):
        assert stored_sizes("ml/artifacts/v1", data) == {}


def subject(count: int) -> VerificationInput:
    document = {"schema_version": "v1", "models": {name: {"history": []} for name in NAMES[:count]}}
    files = cast("FileSource", None)  # no pointer names a file
    return VerificationInput(ModelRegistry.parse(stored_json(document)), files, Policy(), None)


def part(shard: str, names: list[str], dealt: int | None) -> Any:
    about = ReportScope(registry="r", shard=shard, dealt=dealt)
    return verify(subject(4), names, about, examine=cast("Any", None), now=NOW)


@pytest.mark.parametrize(("second", "dealt"), [(NAMES[2:3], 4), (NAMES[1:3], 4), (NAMES[2:4], 5)])
def test_shards_that_leave_out_a_model_are_no_verification(second: list[str], dealt: int) -> None:
    merge_reports([part("1/2", NAMES[:2], 4), part("2/2", NAMES[2:4], 4)])
    with pytest.raises(CouldNotVerify, match="not all that were dealt out"):
        merge_reports([part("1/2", NAMES[:2], dealt), part("2/2", second, dealt)])


def test_a_verification_that_is_stopped_reports_what_it_has_looked_at() -> None:
    def stop(name: str) -> None:
        if name == NAMES[2]:
            raise KeyboardInterrupt

    report = verify(subject(4), NAMES[:4], ReportScope(registry="r"), examine=cast("Any", None), now=NOW, progress=stop)
    assert (report.models, report.verdict, report.exit_code) == (tuple(NAMES[:2]), "could_not_verify", 4)
    *_, last = report.findings
    assert last.message == "Stopped: 2 of 4 models were verified, and the others were not."
    assert {finding.model for finding in report.findings} == {*NAMES[:2], ""}


def test_a_terminal_is_told_the_bytes_and_the_time_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("COLUMNS", "120")
    sizes = dict.fromkeys(NAMES[:4], 5_000_000)
    with registry_report._progress(lambda: sizes, 4) as told:
        for name in sizes:
            told(name)
    shown = screen.getvalue()
    assert NAMES[3] in shown
    assert "15.0/20.0 MB" in shown
