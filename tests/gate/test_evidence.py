"""Claimed evidence on pull requests: what it must reach, that it is pinned, and that nothing takes its place."""

from __future__ import annotations

import json
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from promotebot.artifact.manifest import parse_manifest
from tests.gate.forgery import MODEL, V1, V2, forged, push, refused, said, say
from tests.office import Office

pytestmark = pytest.mark.thorough

POLICY = "evidence: {active: {metrics: {accuracy: {minimum: 0.9}}}}\n"
DROP = "evidence: {active: {metrics: {accuracy: {max_drop: 0.01}}}}\n"


def digest_of(office: Office, directory: str) -> str:
    manifest = json.loads(office.repository.git.run("show", f"main:{directory}/manifest.json"))
    return str(parse_manifest(json.dumps(manifest).encode(), where="manifest.json").digest)


def evidence(office: Office, directory: str, value: str, **changes: Any) -> dict[str, str | bytes]:
    digest = digest_of(office, directory)
    document = {
        "schema_version": "v1",
        "artifact": digest,
        "claimed_by": "alice",
        "metrics": [{"name": "accuracy", "value": value}],
        **changes,
    }
    return {f"ml/evidence/{digest.removeprefix('sha256:')}.json": json.dumps(document)}


def words(office: Office, number: int) -> str:
    """All that the bot said, as it is read."""
    return unescape(said(office, number)).replace("`", "").replace("\\", "")


def asked(office: Office, number: int, line: str = "/promote active") -> str:
    return office.ask(number, line).outputs["reason_code"]


def test_a_promotion_needs_the_evidence_that_the_policy_asks_for(office: Office) -> None:
    office.policy(POLICY)
    none = office.pull("none")
    assert asked(office, none) == "rules"
    assert "ACTIVE needs evidence (accuracy at least 0.9): there is no ml/evidence/" in words(office, none)
    low = office.pull("low", evidence(office, V2, "0.89"))
    assert asked(office, low) == "rules"
    assert "missed by 0.01; claimed by alice, in commit" in words(office, low)
    high = office.pull("high", evidence(office, V2, "0.91"))
    assert asked(office, high) == "committed"
    assert office.gate(high).outputs["decision"] == "passed"
    assert "accuracy 0.91, at least 0.9: margin 0.01; claimed by alice, in commit" in words(office, high)
    assert "**Evidence**, claimed by alice, in commit" in words(office, high)
    assert office.registry(office.head(high)).history[MODEL][0].evidence
    office.merge(high)
    assert office.registry("main").history[MODEL][0].evidence


def test_the_gate_refuses_what_the_door_refused_and_why_names_the_policys_line(office: Office) -> None:
    number = office.pull("low", evidence(office, V2, "0.89"))
    request, _ = say(office, number, "/promote active --dry-run")
    plan = forged(office, request)
    office.policy(POLICY)
    push(office, number, plan)
    refused(office, number, "ACTIVE needs evidence (accuracy at least 0.9)")
    office.ask(number, "/why")
    assert "evidence.active" in words(office, number)


def test_evidence_of_other_bytes_is_refused(office: Office) -> None:
    (path,) = evidence(office, V2, "0.91")
    other = next(iter(evidence(office, V1, "0.99").values()))
    number = office.pull("other", {path: other})
    assert asked(office, number) == "rules"
    assert "it speaks of other bytes" in words(office, number)


def test_evidence_that_changes_after_the_promotion_turns_the_gate_red_until_it_is_asked_for_again(
    office: Office,
) -> None:
    office.policy(POLICY)
    number = office.pull("one", evidence(office, V2, "0.91"))
    assert asked(office, number) == "committed"
    alice = office.person("alice")
    alice.git("fetch", "--quiet", "origin", "one")
    alice.git("checkout", "--quiet", "-B", "one", "origin/one")
    for path, text in evidence(office, V2, "0.95").items():
        alice.write(path, str(text))
    alice.commit("docs: Better numbers")
    alice.push()
    refused(office, number, "evidence is not what a promotion writes")
    assert asked(office, number, f"/promote active {MODEL}") == "committed"
    assert office.gate(number).outputs["decision"] == "passed"


def test_a_worse_model_is_refused_by_what_the_base_says_of_active_and_not_by_the_branch(office: Office) -> None:
    office.push("bob", "main", evidence(office, V1, "0.95"), "docs: Evidence")
    first = office.pull("first")
    assert asked(office, first, f"/promote active {MODEL} --artifact-dir {V1}") == "committed", words(office, first)
    office.merge(first)
    office.policy(DROP)
    lowered = {**evidence(office, V2, "0.9"), **evidence(office, V1, "0.1")}
    number = office.pull("worse", lowered)
    assert asked(office, number) == "rules"
    assert "accuracy 0.9 (↓ ACTIVE 0.95), at most 0.01 below ACTIVE: missed by 0.04" in words(office, number)
    office.push("bob", "main", evidence(office, V1, "0.1"), "docs: Other numbers")
    changed = office.pull("changed", evidence(office, V2, "0.9"))
    assert asked(office, changed) == "rules"
    assert "it is not the one that was there when it became ACTIVE" in words(office, changed)


def test_an_exception_from_missing_evidence_is_none_from_evidence_of_other_bytes(office: Office) -> None:
    start, end = (f"{office.now + timedelta(days=days):%Y-%m-%dT%H:%M}" for days in (-1, 5))
    grant = f"overrides: [{{rule: evidence.exists, people: [alice], start: {start}, end: {end}}}]\n"
    office.policy(f"{DROP}{grant}")
    line = f'/promote active {MODEL} --artifact-dir {V2} --override "evidence.exists: the run is still going"'
    (path,), (other,) = evidence(office, V2, "0.99"), evidence(office, V1, "0.99").values()
    number = office.pull("of-other-bytes", {path: other})
    assert asked(office, number, line) == "rules"
    said = words(office, number)
    assert "it speaks of other bytes" in said
    assert (
        "An exception from evidence.exists is for evidence that is missing, not for a file that does not count." in said
    )
    assert asked(office, office.pull("missing"), line) == "committed"


def test_the_card_links_what_people_watch_in_the_stage_before_and_after_the_merge(office: Office) -> None:
    page, other = "https://grafana.example.com/d/drift", "https://grafana.example.com/d/other"
    entries = f"[{{name: Drift, url: '{page}', stages: [active]}}, {{name: x, url: '{other}', stages: [shadow]}}, "
    entries += f"{{name: y, url: '{other}', models: [eu_*]}}]"
    office.policy(f"monitoring: {entries}\n")
    number = office.pull("watched")
    assert asked(office, number) == "committed"
    lines = "monitor prediction accuracy vs baseline · watch for performance degradation"
    assert f"**Monitoring in ACTIVE:** {lines}. Pages: [Drift](<{page}>)" in words(office, number)
    assert other not in words(office, number)
    office.merge(number)
    assert page in words(office, number)


@pytest.mark.parametrize(
    ("stage", "lines"),
    [
        (
            "shadow",
            "monitor shadow metrics vs baseline · compare predictions to actual outcomes · check for drift in feature "
            "distributions",
        ),
        ("staging", "monitor performance metrics closely · compare to shadow and active models"),
    ],
)
def test_without_a_page_the_card_says_what_the_runbook_has_people_watch_in_the_stage(
    office: Office, stage: str, lines: str
) -> None:
    number = office.pull("watched")
    assert asked(office, number, f"/promote {stage} {MODEL} --artifact-dir {V1}") == "committed"
    assert f"\n**Monitoring in {stage.upper()}:** {lines}.\n" in words(office, number)


def test_a_card_that_empties_a_stage_has_nothing_to_watch(office: Office) -> None:
    number = office.pull("emptied")
    assert asked(office, number, f'/demote {MODEL} shadow --reason "bad"') == "committed"
    assert "Monitoring" not in words(office, number)


def test_evidence_beside_a_promoted_artifact_is_a_pull_request_like_any_other(office: Office) -> None:
    number = office.pull("more", evidence(office, V1, "0.95"))
    assert office.gate(number).outputs["decision"] == "passed"
