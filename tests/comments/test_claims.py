"""Claimed evidence as a card shows it: beside ACTIVE's, and never without who says so."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

from promotebot.artifact.claims import Claims, parse_evidence
from promotebot.comments.claims import MAX_LINES, MAX_METRICS, claims_section
from promotebot.findings import passed, warning
from promotebot.promotion.rules.claims import METRIC

ONE = "sha256:" + "a" * 64


def claims(*metrics: dict[str, Any], **more: Any) -> Claims:
    document = {"schema_version": "v1", "artifact": ONE, "claimed_by": "alice", "metrics": list(metrics), **more}
    return Claims("x.json", parse_evidence(json.dumps(document).encode(), where="x"), read_from="commit 1de1d4c0a2b4")


def shown(*given: Any) -> str:
    return unescape(claims_section(*given)).replace("\\", "")


def test_where_nothing_is_claimed_nothing_is_shown() -> None:
    assert claims_section(None, None, ()) == claims_section(Claims("x.json"), None, ()) == ""


def test_each_number_stands_beside_actives_with_where_it_goes() -> None:
    mine = claims(
        {"name": "f1", "value": "0.930", "rows": 12000, "dataset": "q1", "slice": "eu"},
        {"name": "loss", "value": 0.1, "period": {"start": "2026-02-01", "end": "2026-02-15"}},
        {"name": "auc", "value": 0.5},
        {"name": "new", "value": 1},
        source="run 7",
    )
    active = claims(
        {"name": "f1", "value": 0.93, "dataset": "q1", "slice": "eu"},
        {"name": "loss", "value": 0.2},
        {"name": "auc", "value": 0.4},
        claimed_by="bob",
    )
    told = passed("evidence.metric", "f1 0.93, at least 0.9: margin 0.03; claimed by `alice`, in commit 1de1d4c0a2b4")
    lines = shown(mine, active, (told, passed("soak.shadow", "x"))).splitlines()
    assert lines[0] == (
        "**Evidence**, claimed by `alice` from `run 7`, in commit 1de1d4c0a2b4; ACTIVE's claimed by `bob`, "
        "in commit 1de1d4c0a2b4; promotebot did not measure it:"
    )
    assert lines[4:8] == [
        "| f1 | q1, eu | 0.930 → | 0.93 | 12,000 | — |",
        "| loss | — | 0.1 ↓ | 0.2 | — | 2026\u201102\u201101\u00a0to\u00a02026\u201102\u201115 |",
        "| auc | — | 0.5 ↑ | 0.4 | — | — |",
        "| new | — | 1 | not compared | — | — |",
    ]
    assert lines[-1] == "- f1 0.93, at least 0.9: margin 0.03"


def test_many_thresholds_are_folded_where_all_are_reached() -> None:
    mine, reached = claims({"name": "f1", "value": 1}), [passed(METRIC, f"f1, {n}") for n in range(MAX_LINES + 1)]
    assert "<details>" not in claims_section(mine, None, reached[1:])
    assert f"<details><summary>{MAX_LINES + 1} thresholds, all reached</summary>\n\n- f1, 0\n" in claims_section(
        mine, None, reached
    )
    short = claims_section(mine, None, [*reached, warning(METRIC, "f1 is missed by 0.1", remedy="x")])
    assert "<details>" not in short
    assert "- f1 is missed by 0.1" in short


def test_several_values_beside_those_of_the_last_active_are_drawn() -> None:
    parts = [{"name": "f1", "value": n, "slice": f"s{n}"} for n in range(3)]
    theirs = claims(*({**one, "value": 1} for one in parts))
    told = claims_section(claims(*parts), theirs, (), former="the last ACTIVE (until 2026-02-15)")
    assert "| metric | on | claimed | the last ACTIVE (until 2026-02-15) | rows | period |" in told
    assert "Bars: claimed. Line: the last ACTIVE (until 2026-02-15). " in told
    assert "```mermaid\n%%{init: " in told


def test_who_claims_actives_numbers_is_said_only_where_one_of_them_is_shown() -> None:
    mine, other = claims({"name": "f1", "value": 1}), claims({"name": "f1", "value": 2}, claimed_by="bob")
    section = claims_section(mine, other, (), former="the last ACTIVE (until 2026-02-15)")
    assert "; those of the last ACTIVE (until 2026-02-15) claimed by `bob`, in commit " in section.replace("\\", "")
    assert "bob" not in shown(mine, claims({"name": "auc", "value": 2}, claimed_by="bob"), ())
    assert "ACTIVE's" not in shown(mine, Claims("y.json", problem="it was changed"), ())


def test_many_metrics_are_cut_and_counted() -> None:
    many = claims(*({"name": f"m{n}", "value": n} for n in range(MAX_METRICS + 3)))
    assert "… and 3 more in the file." in shown(many, None, ())


def test_nothing_that_is_claimed_is_markdown() -> None:
    hostile = claims({"name": "@team **x** | <img>", "value": 1}, claimed_by="[a](http://x)")
    raw = claims_section(hostile, None, ())
    assert "<img>" not in raw
    assert raw.count("[a](http://x)") == raw.count("`[a](http://x)`") == 1, "in a code span it is no link"
    assert "**x**" not in raw


def test_a_name_that_imitates_the_words_behind_it_stays_a_name_and_hides_no_threshold() -> None:
    mine = claims({"name": "f1", "value": 1, "slice": "eu; claimed by `bob`"}, claimed_by="alice`, in commit 123; `x")
    told = passed(METRIC, "f1 1 of `eu; claimed by 'bob'`, at least 0.9: margin 0.1; claimed by `alice`, in commit 123")
    lines = shown(mine, None, (told,)).splitlines()
    assert lines[0].startswith("**Evidence**, claimed by `alice', in commit 123; 'x`, in commit 1de1d4c0a2b4; ")
    assert lines[-1] == "- f1 1 of `eu; claimed by 'bob'`, at least 0.9: margin 0.1"
