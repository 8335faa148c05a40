"""What a policy asks for, key by key, in the words that `promotebot policy explain` prints."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.requirements import requirements
from promotebot.registry import Stage

NOW = datetime(2026, 2, 16, 9, tzinfo=timezone.utc)


def said(policy: str, stage: Stage = Stage.ACTIVE, model: str | None = None) -> dict[str, str]:
    return {one.key: one.words for one in requirements(parse_policy(policy.encode()), stage, NOW, model)}


ASKED = {
    "stages: {active: {permission: admin}}": ("stages.active.permission", "whoever asks needs the role admin"),
    "stages: {active: {people: [alice, bob]}}": (
        "stages.active.permission",
        "whoever asks needs the role maintain or higher, or is alice, bob",
    ),
    "terminal: [shadow]": ("terminal", "it may not be made at a terminal"),
    "require_sha: true": ("require_sha", "the head that was looked at (--sha), also for a rollback of any stage"),
    "require_dataset: true": ("require_dataset", "the dataset's files and manifest in the repository"),
    "comparison: {agreement: 0.95}": (
        "comparison.agreement",
        "at least 95 % of its classes on the golden inputs of today's ACTIVE",
    ),
    "comparison: {max_difference: 0.10}": (
        "comparison.max_difference",
        "outputs that differ by 0.1 at most on the golden inputs of today's ACTIVE",
    ),
    "comparison: {mean_difference: 100}": (
        "comparison.mean_difference",
        "outputs that differ by 100 on average at most on the golden inputs of today's ACTIVE",
    ),
    "comparison: {agreement: 0.95, stages: [shadow]}": (
        "comparison.agreement",
        "at least 95 % of its classes on the golden inputs of today's ACTIVE (recommended)",
    ),
    "evaluation_set: {dataset: eval_1, rows: 5000}": (
        "evaluation_set",
        "measured beside today's ACTIVE on the dataset eval_1, 5,000 rows at most",
    ),
    "evaluation_set: {dataset: eval_1, metrics: {accuracy: {minimum: 0.9}}, agreement: 0.9, max_difference: 1, "
    "mean_difference: 0.5}": (
        "evaluation_set",
        "measured beside today's ACTIVE on the dataset eval_1, 10,000 rows at most: accuracy at least 0.9; "
        "90 % of the classes those of ACTIVE; differences of 1 at most; of 0.5 on average",
    ),
    "stages: {active: {confirm: 10m}}": (
        "stages.active.confirm",
        "👍 on the dry run by whoever requested it, within 10 min",
    ),
    "overrides: [{rule: freeze, people: [alice], start: 2026-03-01T00:00, end: 2026-03-02T00:00}]": (
        "overrides",
        "alice may make an exception from freeze in a comment, with --override, from 2026-03-01T00:00 to "
        "2026-03-02T00:00 (UTC), 1 time for each model",
    ),
    "drafts: true": ("drafts", "a draft pull request may carry it"),
    "formats: [onnx, opaque]": ("formats", "a model of another format than ONNX is accepted, and not opened"),
    "freezes: [{start: 2026-03-01T00:00, end: 2026-03-02T00:00, reason: audit}]": (
        "freezes",
        "frozen 2026-03-01 00:00 UTC to 2026-03-02 00:00 UTC: audit",
    ),
}
"""A policy → the key that asks, and for what."""


@pytest.mark.parametrize("policy", ASKED)
def test_each_key_is_said_where_it_asks_for_something(policy: str) -> None:
    key, words = ASKED[policy]
    assert said(policy)[key] == words
    assert said("").get(key) != words


def test_signatures_are_asked_for_where_the_policy_requires_them() -> None:
    identity = {"identity": "ci@example.com", "issuer": "https://accounts.example.com"}
    policy = Policy.model_validate({"signatures": {"identities": [identity], "required": ["active"]}})
    assert "signatures.required" in {one.key for one in requirements(policy, Stage.ACTIVE, NOW)}
    assert "signatures.required" not in {one.key for one in requirements(policy, Stage.SHADOW, NOW)}


def test_what_asks_for_nothing_is_not_said() -> None:
    quiet = (
        "stages: {shadow: {soak: null}, staging: {soak: null}, active: {require_prior_stage: false, "
        "hold_after_rollback: false}}\nsignature: warn\n"
        "freezes: [{start: 2026-01-01T00:00, end: 2026-01-02T00:00, reason: over}]\n"
    )
    assert list(said(quiet)) == ["stages.active.permission", "terminal", ""]
    elsewhere = "freezes: [{start: 2026-02-01T00:00, end: 2026-03-01T00:00, reason: audit, stages: [staging]}]"
    assert "freezes" not in said(elsewhere)


def test_both_keys_that_keep_a_terminal_out_of_active_are_named() -> None:
    for policy, key in (("require_sha: true", "require_sha"), ("separation: {approvals: 1}", "separation.approvals")):
        found = [
            one.key for one in requirements(parse_policy(policy.encode()), Stage.ACTIVE, NOW) if "terminal" in one.words
        ]
        assert found == [key]


def test_a_share_of_staging_is_told_with_its_bounds_and_whether_it_is_asked_for() -> None:
    bounds = "stages: {staging: {share: {minimum: 1%, maximum: 2.5%"
    assert (
        said(f"{bounds}}}}}}}", Stage.STAGING)["stages.staging.share.maximum"]
        == "with --share: 1% to 2.5% of production"
    )
    asked = said(f"{bounds}, required: true}}}}}}", Stage.STAGING)
    assert asked["stages.staging.share.required"] == "--share with 1% to 2.5% of production"
    assert not any("share" in key for key in said(f"{bounds}}}}}}}"))
