"""Claimed evidence: what the file may say, and each threshold of the policy against it, with its margin."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.claims import Claims, EvidenceFile, parse_evidence
from promotebot.errors import InvalidInput
from promotebot.findings import Finding, Severity, errors_in
from promotebot.promotion.plan import Plan, Rejected
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.policy_changes import Effect, compare_policies
from promotebot.promotion.requirements import requirements
from promotebot.promotion.rules.claims import claimed, without_claimant
from promotebot.promotion.rules.context import Facts
from promotebot.registry.model import Action
from promotebot.registry.names import Stage
from tests.promotion.test_plan import LIVE, NOW, SHADOWED, V1, V2, after, asked, decide

FACTS = Facts(commit_reachable=True)
ACTIVE = "sha256:" + "a" * 64


def file(*metrics: dict[str, Any], **changes: Any) -> EvidenceFile:
    document = {"schema_version": "v1", "artifact": ACTIVE, "claimed_by": "alice", "metrics": list(metrics), **changes}
    return parse_evidence(json.dumps(document).encode(), where="x.json")


def metric(name: str = "accuracy", value: Any = "0.93", **more: Any) -> dict[str, Any]:
    return {"name": name, "value": value, **more}


def claims(*metrics: dict[str, Any], **more: Any) -> Claims:
    return Claims("ml/evidence/x.json", file(*metrics, **more), read_from="commit 1de1d4c0a2b4")


def bobs(*metrics: dict[str, Any]) -> Claims:
    return replace(claims(*metrics, claimed_by="bob"), read_from="commit 2222222222ab")


MONTH = {"start": "2026-01-01", "end": "2026-01-31"}


def judged(policy: str, mine: Claims | None, theirs: Claims | None = None, *, active: bool = True) -> list[Finding]:
    """What the rules on evidence say of V2 for ACTIVE, beside V1, which is ACTIVE where `active` says so."""
    registry = after(LIVE, Stage.SHADOW, V2) if active else after(SHADOWED, Stage.SHADOW, V2)
    facts = replace(FACTS, claims=mine, claims_of_active=theirs)
    rules = parse_policy(f"evidence: {{active: {policy}}}".encode() if policy else b"")
    decided = decide(registry, asked(Stage.ACTIVE, V2), V2, policy=rules, facts=facts)
    assert isinstance(decided, (Plan, Rejected))
    return [one for one in decided.findings if one.rule.startswith("evidence.")]


def wrong(findings: list[Finding]) -> list[str]:
    return [one.message.removesuffix("; claimed by `alice`, in commit 1de1d4c0a2b4.") for one in errors_in(findings)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"metrics": []}, "metrics"),
        ({"metrics": [metric(value="high")]}, "is not a number"),
        ({"metrics": [metric(value=True)]}, "is not a number"),
        ({"metrics": [metric(value="NaN")]}, "is not a number"),
        ({"metrics": [metric(), metric(value="0.1")]}, "accuracy is there 2 times"),
        ({"metrics": [metric(period={"start": "2026-02-01", "end": "2026-02-01"})]}, "is not after start"),
        ({"metrics": [metric(period={"start": "2026-02-31", "end": "2026-03-01"})]}, "is not a date"),
        ({"metrics": [metric(period={"start": 20260201, "end": "2026-03-01"})]}, "is not a date"),
        ({"metrics": [metric(rows=-1)]}, "rows"),
        ({"metrics": [metric(rows="7")]}, "rows"),
        ({"metrics": [metric(weight=1)]}, "weight"),
        ({"artifact": "aaaa"}, "artifact"),
        ({"claimed_by": ""}, "claimed_by"),
        ({"claimed_by": "a\nb"}, "claimed_by"),
        ({"schema_version": "v2"}, "schema_version"),
    ],
)
def test_a_file_that_is_not_to_be_read_is_refused_with_the_place(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=r"x\.json") as caught:
        file(**{"metrics": [metric()], **changes})
    assert says in str(caught.value)


def test_numbers_keep_their_text_and_the_digest_covers_all_that_is_said() -> None:
    one, other = file(metric(value=0.93)), file(metric(value="0.930"))
    assert (one.metrics[0].value, other.metrics[0].value) == ("0.93", "0.930")
    assert one.metrics[0].number == other.metrics[0].number
    assert one.digest != other.digest
    assert one.digest != file(metric(value=0.93), claimed_by="bob").digest
    assert one.digest == file(metric(value=0.93), **{"$schema": "../schema.json"}).digest


def test_without_a_policy_nothing_is_asked_and_what_is_claimed_is_told_with_who_says_so() -> None:
    assert judged("", None) == []
    assert judged("", Claims("ml/evidence/x.json")) == []
    [told] = judged("", claims(metric(), source="run 7"))
    assert told.severity is Severity.PASS
    assert told.message == "1 metric, claimed by `alice` from `run 7`, in commit 1de1d4c0a2b4"


def test_evidence_that_does_not_count_is_refused_whether_or_not_the_policy_asks_for_some() -> None:
    for policy in ("", "{}"):
        bad = Claims("ml/evidence/x.json", problem="it speaks of other bytes, sha256:b")
        assert wrong(judged(policy, bad)) == ["The evidence does not count: it speaks of other bytes, sha256:b."]


@pytest.mark.parametrize(
    ("mine", "says"),
    [
        (
            Claims("ml/evidence/x.json"),
            "ACTIVE needs evidence (accuracy at least 0.9): there is no ml/evidence/x.json.",
        ),
        (None, "ACTIVE needs evidence (accuracy at least 0.9), and the artifact's digest is not known."),
    ],
)
def test_where_the_policy_asks_for_evidence_none_is_refused(mine: Claims | None, says: str) -> None:
    assert wrong(judged("{metrics: {accuracy: {minimum: 0.9}}}", mine)) == [says]


@pytest.mark.parametrize(
    ("policy", "numbers"),
    [
        (
            "{metrics: {accuracy: {minimum: 0.9}, 'log loss': {maximum: 1}}}",
            "--metric accuracy=VALUE --metric 'log loss=VALUE'",
        ),
        ("{}", "--metric NAME=VALUE"),
        (
            "{rows: 100, duration: 14d, metrics: {accuracy: {minimum: 0.9}}}",
            "--metric accuracy=VALUE --rows 100 --start DATE --end DATE",
        ),
        ("{slices: [eu], metrics: {accuracy: {minimum: 0.9}}}", "--from FILE"),
        (
            f"{{metrics: {{{', '.join(f'm{n}: {{minimum: 1}}' for n in range(9))}}}}}",
            " ".join(f"--metric m{n}=VALUE" for n in range(4)),
        ),
    ],
)
def test_the_remedy_names_the_directory_and_what_the_policy_asks_for(policy: str, numbers: str) -> None:
    [one] = errors_in(judged(policy, None))
    assert one.remedy == f"measure it, write that file: promotebot evidence {V2.artifact_dir} {numbers}; then commit it"


def test_a_rollback_needs_no_evidence() -> None:
    policy = parse_policy(b"evidence: {active: {metrics: {accuracy: {minimum: 0.9}}}}")
    moved_on = after(after(LIVE, Stage.SHADOW, V2), Stage.ACTIVE, V2)
    facts = replace(FACTS, claims=claims(metric(value="0.1")))
    back = decide(moved_on, asked(Stage.ACTIVE, V1), V1, policy=policy, facts=facts)
    assert isinstance(back, Plan)
    assert back.event.evidence == claims(metric(value="0.1")).digest


@pytest.mark.parametrize(
    ("limits", "value", "theirs", "says"),
    [
        ("minimum: 0.9", "0.93", None, "accuracy 0.93, at least 0.9: margin 0.03"),
        ("minimum: 0.93", "0.930", "0.94", "accuracy 0.93 (↓ ACTIVE 0.94), at least 0.93: margin 0"),
        ("maximum: 1", "0.93", "0.93", "accuracy 0.93 (→ ACTIVE 0.93), at most 1: margin 0.07"),
        ("max_drop: 0.01", "0.93", "0.94", "accuracy 0.93 (↓ ACTIVE 0.94), at most 0.01 below ACTIVE: margin 0"),
        ("max_drop: '-0.01'", "0.93", "0.92", "accuracy 0.93 (↑ ACTIVE 0.92), at most -0.01 below ACTIVE: margin 0"),
        ("max_rise: 0.01", "0.93", "0.9", None),
        ("max_drop: 0.01", "0.93", "0.95", None),
        ("minimum: 0.94", "0.93", None, None),
        ("maximum: 0.92", "0.93", None, None),
    ],
)
def test_each_threshold_is_told_with_its_margin_and_where_it_goes(
    limits: str, value: str, theirs: str | None, says: str | None
) -> None:
    active = bobs(metric(value=theirs)) if theirs else None
    found = judged(f"{{metrics: {{accuracy: {{{limits}}}}}}}", claims(metric(value=value)), active)
    [told] = [one for one in found if one.rule == "evidence.metric"]
    assert told.severity is (Severity.PASS if says else Severity.ERROR)
    claimants = "claimed by `alice`, in commit 1de1d4c0a2b4"
    claimants += "; ACTIVE's claimed by `bob`, in commit 2222222222ab" if theirs else ""
    if says:
        assert told.message == f"{says}; {claimants}"
    else:
        assert ": missed by " in told.message
        assert told.message.endswith(f"; {claimants}.")


DROP = "{metrics: {accuracy: {max_drop: 0.01}}}"


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        (None, "there is no evidence of what is ACTIVE"),
        (Claims("y"), "there is no evidence of what is ACTIVE"),
        (Claims("y", problem="it was changed"), "the evidence of what is ACTIVE does not count: it was changed"),
        (claims(metric("f1")), "the evidence of what is ACTIVE has none for this dataset and slice"),
        (claims(metric(dataset="other")), "the evidence of what is ACTIVE has none for this dataset and slice"),
        (claims(metric(slice="eu")), "the evidence of what is ACTIVE has none for this dataset and slice"),
    ],
)
def test_what_cannot_be_compared_with_active_does_not_pass(theirs: Claims | None, says: str) -> None:
    assert wrong(judged(DROP, claims(metric()), theirs)) == [
        f"accuracy 0.93, at most 0.01 below ACTIVE: not compared, as {says}"
    ]


def test_the_first_artifact_has_nothing_to_be_worse_than() -> None:
    found = judged(DROP, claims(metric()), active=False)
    assert found[-1].message == "accuracy 0.93, at most 0.01 below ACTIVE: nothing else was ever ACTIVE"
    assert not errors_in(found)


def test_after_a_demotion_the_last_one_is_what_nothing_may_be_worse_than() -> None:
    empty = after(after(LIVE, Stage.SHADOW, V2), Stage.ACTIVE, V1, action=Action.DEMOTE)
    policy, until = parse_policy(f"evidence: {{active: {DROP}}}".encode()), f"(until {NOW:%Y-%m-%d})"
    worse = claims(metric(value="0.90"))
    for theirs, told in (
        (
            bobs(metric()),
            f"accuracy 0.9 (↓ the last ACTIVE 0.93), at most 0.01 below the last ACTIVE {until}: missed by 0.02; "
            "claimed by `alice`, in commit 1de1d4c0a2b4; those of the last ACTIVE claimed by `bob`, "
            "in commit 2222222222ab.",
        ),
        (
            None,
            f"accuracy 0.9, at most 0.01 below the last ACTIVE {until}: not compared, as there is no evidence of the ",
        ),
    ):
        facts = replace(FACTS, claims=worse, claims_of_active=theirs)
        decision = decide(empty, asked(Stage.ACTIVE, V2), V2, policy=policy, facts=facts)
        [one] = wrong([*decision.findings])
        assert one.startswith(told)


@pytest.mark.parametrize(
    ("policy", "metrics", "says"),
    [
        ("{metrics: {f1: {minimum: 0}}}", [metric()], ["f1 is not in the evidence"]),
        ("{metrics: {accuracy: {minimum: 0}}}", [metric(slice="eu")], ["accuracy is not in the evidence"]),
        (
            "{slices: [eu, us], metrics: {accuracy: {minimum: 0}}}",
            [metric(), metric(slice="eu")],
            ["accuracy of slice us is not in the evidence"],
        ),
        ("{slices: [eu]}", [metric()], ["Nothing of slice eu is in the evidence"]),
        ("{slices: [eu]}", [metric(slice="eu")], []),
        (
            "{metrics: {accuracy: {minimum: 0.9}}}",
            [metric(), metric(value="0.8", slice="eu", dataset="q1")],
            ["accuracy 0.8 of slice eu on q1, at least 0.9: missed by 0.1"],
        ),
        ("{rows: 100}", [metric()], ["accuracy 0.93 is without a number of rows; 100 asked for"]),
        ("{rows: 100}", [metric(rows=99)], ["accuracy 0.93 is from 99 rows; 100 asked for"]),
        ("{rows: 100}", [metric(rows=100)], []),
        ("{duration: 30d}", [metric(period=MONTH)], []),
        ("{duration: 31d}", [metric(period=MONTH)], ["accuracy 0.93 is measured for 30 d; 31 d asked for"]),
        (
            "{rows: 1}",
            [metric(rows=1, period={"start": "2026-02-01", "end": "2026-02-18"})],
            ["accuracy 0.93 is measured until 2026-02-18, which is not over yet"],
        ),
        ("{rows: 1}", [metric(rows=1, period={"start": "2026-02-01", "end": "2026-02-17"})], []),
        ("{duration: 1d}", [metric()], ["accuracy 0.93 is without a period; 1 d asked for"]),
        ("{rows: 100, metrics: {accuracy: {minimum: 0}}}", [metric(rows=100), metric("other")], []),
    ],
)
def test_what_is_missing_or_too_little_is_refused(policy: str, metrics: list[dict[str, Any]], says: list[str]) -> None:
    assert wrong(judged(policy, claims(*metrics))) == says


def test_a_time_of_day_counts_and_numbers_of_any_size_are_exact() -> None:
    day = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T23:59:59Z"}
    assert wrong(judged("{duration: 1d}", claims(metric(period=day)))) != []
    big = judged("{metrics: {loss: {maximum: '1e60'}}}", claims(metric("loss", "1e-60")))
    assert wrong(big) == []
    assert "loss 1E-60, at most 1e60: margin 9" in big[-1].message


NUMBERS = st.decimals(-10, 10, places=3)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_a_threshold_passes_exactly_where_the_difference_reaches_it(
    mine: Decimal, theirs: Decimal, allowed: Decimal
) -> None:
    policy = f"{{metrics: {{accuracy: {{max_drop: '{allowed:f}'}}}}}}"
    found = judged(policy, claims(metric(value=f"{mine:f}")), claims(metric(value=f"{theirs:f}")))
    assert bool(errors_in(found)) is (mine < theirs - allowed)


def test_the_digest_of_the_evidence_is_in_the_event_and_in_no_demotion() -> None:
    facts: Facts = replace(FACTS, claims=claims(metric()))
    plan = decide(after(LIVE, Stage.SHADOW, V2), asked(Stage.ACTIVE, V2), V2, facts=facts)
    assert isinstance(plan, Plan)
    assert plan.event.evidence == file(metric()).digest
    bare = decide(after(LIVE, Stage.SHADOW, V2), asked(Stage.ACTIVE, V2), V2)
    assert isinstance(bare, Plan)
    assert "evidence" not in bare.after.raw_history("regime_classifier")[0]


@pytest.mark.parametrize(
    "text",
    [
        "{active: {metrics: {accuracy: {}}}}",
        "{active: {metrics: {accuracy: {minimum: high}}}}",
        "{active: {rows: 0}}",
        "{active: {sclices: [eu]}}",
        "{production: {}}",
    ],
)
def test_a_threshold_that_asks_for_nothing_or_is_misspelt_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"\$\.evidence"):
        parse_policy(f"evidence: {text}".encode())


@pytest.mark.parametrize(
    ("before", "after_", "key", "effect"),
    [
        ("{}", "{active: {rows: 9}}", "evidence.active", Effect.STRICTER),
        ("{active: {}}", "{active: {rows: 9}}", "evidence.active.rows", Effect.STRICTER),
        ("{active: {rows: 9}}", "{active: {rows: 8}}", "evidence.active.rows", Effect.WEAKER),
        ("{active: {duration: 7d}}", "{active: {}}", "evidence.active.duration", Effect.WEAKER),
        ("{active: {slices: [a]}}", "{active: {slices: [a, b]}}", "evidence.active.slices", Effect.STRICTER),
        (
            "{active: {metrics: {a: {minimum: 0.9}}}}",
            "{active: {metrics: {a: {minimum: 0.95}, b: {maximum: 1}}}}",
            "evidence.active.metrics",
            Effect.STRICTER,
        ),
        (
            "{active: {metrics: {a: {max_drop: 0.1}}}}",
            "{active: {metrics: {a: {max_drop: 0.2}}}}",
            "evidence.active.metrics",
            Effect.WEAKER,
        ),
        (
            "{active: {metrics: {a: {max_drop: 0.1}}}}",
            "{active: {metrics: {b: {max_drop: 0.1}}}}",
            "evidence.active.metrics",
            Effect.OTHER,
        ),
    ],
)
def test_a_change_of_what_is_asked_of_evidence_is_weaker_or_stricter(
    before: str, after_: str, key: str, effect: Effect
) -> None:
    [change] = compare_policies(*(parse_policy(f"evidence: {text}".encode()) for text in (before, after_)))
    assert (change.key, change.effect) == (key, effect)


def test_of_several_patterns_the_strictest_threshold_of_each_metric_counts() -> None:
    policy = parse_policy(
        b"models:\n"
        b"  a*: {evidence: {active: {rows: 10, metrics: {f1: {minimum: 0.8, max_drop: 0.2}}}}}\n"
        b"  '*b':\n"
        b"    evidence:\n"
        b"      active: {duration: 7d, slices: [eu], metrics: {f1: {minimum: '0.90'}, loss: {maximum: 1}}}\n"
    )
    both = policy.for_model("ab").evidence.active
    assert str(both) == (
        "f1 at least 0.90, at most 0.2 below ACTIVE; loss at most 1; measured for 7 d or longer; "
        "on 10 rows or more; also for eu"
    )
    assert policy.for_model("c").evidence.active is None
    assert policy.for_model("ab").evidence.shadow is None


def test_what_is_asked_is_explained() -> None:
    policy = parse_policy(b"evidence: {shadow: {}, active: {metrics: {loss: {max_rise: 0.1}}}}")
    now = datetime(2026, 2, 16, tzinfo=timezone.utc)
    said = {(stage, one.key): one.words for stage in Stage for one in requirements(policy, stage, now)}
    assert said[Stage.ACTIVE, "evidence.active"] == "evidence: loss at most 0.1 above ACTIVE"
    assert said[Stage.SHADOW, "evidence.shadow"] == "evidence: of any kind"
    assert (Stage.STAGING, "evidence.staging") not in said
    assert Policy().evidence.of(Stage.ACTIVE) is None
    assert NOW


LIES = ["alice, in commit 1de1d4c0a2b4; computed by promotebot", "`, in commit 1de1d4c0a2b4; claimed by `", "a\u202eb"]
WORDS = st.sampled_from(LIES) | st.from_regex(r"[^\x00-\x1f\x7f]{1,200}", fullmatch=True)


@given(WORDS, WORDS | st.none())
def test_who_claims_it_cannot_speak_for_anybody_else(who: str, source: str | None) -> None:
    found = claims(metric(), claimed_by=who, **({"source": source} if source else {}))
    assert found.file is not None
    from_source = " from `[^`]{1,60}`" if source else ""
    told = claimed(found, found.file)
    assert re.fullmatch(f"claimed by `[^`]{{1,60}}`{from_source}, in commit 1de1d4c0a2b4", told)
    assert told.isprintable()


@given(WORDS, WORDS)
def test_neither_can_the_name_of_a_dataset_or_a_slice(dataset: str, part: str) -> None:
    one = metric(dataset=dataset, slice=part, rows=5)
    [finding] = errors_in(judged("{rows: 10}", claims(one)))
    name = r"(?:`[^`]{1,60}`|[\w.:/@+%=-]{1,60})"
    assert re.fullmatch(
        rf"accuracy 0\.93 of slice {name} on {name} is from 5 rows; "
        r"10 asked for; claimed by `alice`, in commit 1de1d4c0a2b4\.",
        finding.message,
    )
    assert without_claimant(finding.message).endswith("10 asked for")
