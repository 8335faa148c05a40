"""Every key of the policy, executed: a request under its default, and under the example of docs/policy.md.

A key that is new to the policy's model fails here until it has a line in `EXECUTED`, or in `ELSEWHERE` with the test
that runs it through its own door.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from promotebot.planning.examiner import Examiner
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import Actor
from promotebot.registry.model import Source
from promotebot.registry.names import ModelName, Stage
from tests.office import ROOT
from tests.promotion.policy_bench import (
    LLM,
    PICKLED,
    REF,
    V1,
    V3,
    Bench,
    approved,
    called,
    may,
    on_pull,
    read,
    required,
    step_of,
)
from tests.promotion.policy_table import BESIDE, EXAMPLES, policy_of
from tests.promotion.test_policy_changes import keys

pytestmark = pytest.mark.thorough


@dataclass(frozen=True)
class Case:
    """A request, what is said of it under the default alone, and what under the example alone; both are patterns."""

    ask: Callable[[Bench, Policy], str]
    default: str
    example: str
    value: Callable[[Bench], object] | None = None
    """The value to execute where the page's own needs another year, other bytes or gigabytes."""
    beside: Mapping[str, object] | None = None
    """What else has to be in the file, where that is more than what makes the example valid."""


def asked(**changes: Any) -> Callable[[Bench, Policy], str]:
    """A promotion of regime_v2 to ACTIVE, with these changes."""
    return lambda bench, policy: bench.said(policy, **changes)


def later(hours: float, **changes: Any) -> Callable[[Bench, Policy], str]:
    return lambda bench, policy: bench.said(policy, now=bench.now + timedelta(hours=hours), **changes)


def of(probe: Callable[..., str], *arguments: Any, **named: Any) -> Callable[[Bench, Policy], str]:
    """A question that needs no repository."""
    return lambda _, policy: probe(policy, *arguments, **named)


def opening(**changes: Any) -> Callable[[Bench, Policy], str]:
    return lambda bench, policy: bench.opening(policy, **changes)


def separated(bench: Bench, policy: Policy) -> str:
    return approved(policy, step_of(bench), "mary")


def needs(stage: str) -> Callable[[Bench, Policy], str]:
    return lambda bench, policy: required(policy, step_of(bench, stage))


def reminded(situation: str, days: int) -> Callable[[Bench, Policy], str]:
    return lambda bench, policy: bench.reminders(policy, situation, days)


def period(bench: Bench) -> dict[str, object]:
    """A day before and a day after now."""
    start, end = (f"{bench.now + timedelta(days=days):%Y-%m-%dT%H:%M}" for days in (-1, 1))
    return {"start": start, "end": end}


def outside(bench: Bench) -> datetime:
    """Noon of the next Saturday, which the page's windows leave closed."""
    return (bench.now + timedelta(days=(5 - bench.now.weekday()) % 7 + 7)).replace(hour=12)


STAGES = {stage.value: {"stage": stage} for stage in Stage}
LLM_TO_SHADOW: Mapping[str, Any] = {
    "model": ModelName("llm"),
    "stage": Stage.SHADOW,
    "artifact_dir": LLM,
    "new_model": True,
}
OTHER_ARTIFACT: Mapping[str, object] = {"stages.active.require_prior_stage": False}
EVALUATION = r"evaluation\.\w+: "
FROZEN = "error freeze: ACTIVE is frozen"


def evidence_cases() -> dict[str, Case]:
    """What each stage asks of claimed evidence: regime_v2's has an accuracy of 0.85 and a loss, and nothing else."""
    found: dict[str, Case] = {}
    for name, stage in STAGES.items():
        changes = {**stage, "artifact_dir": V1} if name == "shadow" else stage
        ask = asked(**changes)
        missing = (
            "error evidence.exists: SHADOW needs evidence" if name == "shadow" else "error evidence.metric: accuracy"
        )
        found[f"evidence.{name}"] = Case(ask, "^Plan", missing)
        for key, says in (
            ("duration", "14 d"),
            ("rows", "1,000 (rows|asked for)"),
            ("slices", "eu"),
            ("metrics", "log_loss"),
        ):
            found[f"evidence.{name}.{key}"] = Case(ask, "", f"error evidence.(exists|metric): .*{says}")
    return found


EXECUTED: Mapping[str, Case] = {
    "bases": Case(of(on_pull, base_ref="release"), "^wrong_base", "^may ask"),
    "drafts": Case(of(on_pull, draft=True), "^draft", "^may ask"),
    "stages.shadow.permission": Case(of(may, "tom", Stage.SHADOW), "^permission", "^may ask"),
    "stages.staging.permission": Case(of(may, "will", Stage.STAGING), "^may ask", "^permission"),
    "stages.active.permission": Case(of(may, "mary"), "^may ask", "^permission"),
    **{f"stages.{stage}.people": Case(of(may, "alice", Stage(stage)), "^permission", "^may ask") for stage in STAGES},
    "stages.shadow.soak": Case(asked(), "warning soak.shadow", ""),
    "stages.shadow.soak.minimum": Case(later(13), "warning soak.shadow", "pass soak.shadow"),
    "stages.shadow.soak.required": Case(asked(), "warning soak.shadow", "error soak.shadow"),
    "stages.staging.soak": Case(asked(situation="staging:v2"), "warning soak.staging", ""),
    "stages.staging.soak.minimum": Case(later(60, situation="staging:v2"), "pass soak.staging", "warning soak.staging"),
    "stages.staging.soak.required": Case(asked(situation="staging:v2"), "warning soak.staging", "error soak.staging"),
    "stages.shadow.hold_after_rollback": Case(
        asked(stage=Stage.SHADOW, artifact_dir=V1, situation="shadow:v1 shadow<v2"), "^Plan", "error rollback.hold"
    ),
    "stages.staging.hold_after_rollback": Case(
        asked(stage=Stage.STAGING, artifact_dir=V1, situation="staging:v2 staging:v1 staging<v2"),
        "^Plan",
        "error rollback.hold",
    ),
    "stages.active.hold_after_rollback": Case(
        asked(reason="it is mended", situation="active:v2 active<v1"), "error rollback.hold", "^Plan"
    ),
    "stages.active.require_prior_stage": Case(
        asked(artifact_dir=V3, allow_signature_change="it is meant"), "error active.prior_stage", "^Plan"
    ),
    "stages.staging.share.minimum": Case(
        asked(stage=Stage.STAGING, share="0.7%"), "error request.share", "pass request.share"
    ),
    "stages.staging.share.maximum": Case(
        asked(stage=Stage.STAGING, share="7%"), "error request.share", "pass request.share"
    ),
    "stages.staging.share.required": Case(asked(stage=Stage.STAGING), "^Plan", "error request.share"),
    **{f"stages.{stage}.labels": Case(needs(stage), "^$", "error gate.labels: .*risk-approved") for stage in STAGES},
    **{f"stages.{stage}.checks": Case(needs(stage), "^$", "error gate.checks: .*unit-tests") for stage in STAGES},
    "require_reason": Case(asked(), "warning request.reason", "error request.reason"),
    "require_sha": Case(of(may, "mary"), "^may ask", "^sha_required"),
    "require_dataset": Case(asked(), "^Plan", "error dataset.exists"),
    "aliases": Case(of(read, "/promote production"), "'production' is not a stage", "Stage.ACTIVE"),
    "terminal": Case(asked(), "^Plan", "error request.terminal"),
    "separation": Case(lambda bench, policy: approved(policy, step_of(bench)), "^needs no approval", "^error"),
    "separation.approvals": Case(separated, "^pass", "^error"),
    "freezes": Case(asked(), "^Plan", FROZEN, value=lambda bench: [{**period(bench), "reason": "year end"}]),
    "windows": Case(
        lambda bench, policy: bench.said(policy, now=outside(bench)), "^Plan", "error window: ACTIVE takes promotions"
    ),
    "quarantine": Case(
        asked(),
        "^Plan",
        "error quarantine: .*wrong labels",
        value=lambda bench: [{"digest": bench.digest, "reason": "wrong labels"}],
    ),
    "signature": Case(
        asked(artifact_dir=V3), "error signature.features", "warning signature.features", beside=OTHER_ARTIFACT
    ),
    "formats": Case(asked(**LLM_TO_SHADOW), "error artifact.format", "artifact.opaque"),
    **evidence_cases(),
    "comparison.agreement": Case(asked(), "^Plan", "(pass|error) comparison.(agreement|data)"),
    "comparison.max_difference": Case(asked(), "^Plan", "(pass|error) comparison.(difference|data): .*0.1"),
    "comparison.mean_difference": Case(asked(), "^Plan", "(pass|error) comparison.(difference|data): .*0.01"),
    "comparison.stages": Case(
        asked(stage=Stage.STAGING),
        "warning comparison.difference",
        "error comparison.difference",
        beside={"comparison.max_difference": 0.000001},
    ),
    "evaluation_set": Case(asked(), "", f"{EVALUATION}.*eval_2026_q3"),
    "evaluation_set.dataset": Case(asked(), f"{EVALUATION}.*eval_2026_q3", f"{EVALUATION}.*eval_2026_q4"),
    "evaluation_set.stages": Case(asked(stage=Stage.STAGING), "", f"{EVALUATION}.*eval_2026_q3"),
    **{
        f"evaluation_set.{key}": Case(asked(), f"warning {EVALUATION}", f"error {EVALUATION}")
        for key in ("agreement", "max_difference", "mean_difference", "metrics")
    },
    "signature_people": Case(
        asked(artifact_dir=V3, allow_signature_change="it is meant", actor=Actor("mary", Source.GITHUB), ref=REF),
        "^Plan",
        "error signature.people",
        beside=OTHER_ARTIFACT,
    ),
    "overrides": Case(
        asked(override="freeze: the fix for incident 7", actor=Actor("alice", Source.GITHUB), ref=REF),
        "error override",
        "^Plan",
        value=lambda bench: [{"rule": "freeze", "people": ["alice"], **period(bench), "uses": 2}],
    ),
    "models": Case(of(may, "mary", model="eu_fraud"), "^may ask", "^sha_required"),
    "signatures.required": Case(asked(), "warning provenance.signature", "error provenance.signature"),
    "signatures.keys": Case(
        asked(), "the policy asks for no signature", "the policy names who may sign: the key release"
    ),
    "signatures.identities": Case(asked(), "the policy asks for no signature", "may sign: https://github.com/acme/"),
    "limits.file_bytes": Case(asked(), "^Plan", "is over the limit of 10 bytes", value=lambda _: 10),
    "limits.artifact_bytes": Case(asked(), "^Plan", "is over the limit of 10 bytes", value=lambda _: 10),
    "limits.files": Case(asked(), "^Plan", "the limit is 1", value=lambda _: 1),
    "limits.open_seconds": Case(opening(), "open_seconds=60", "open_seconds=120"),
    "limits.run_seconds": Case(opening(), "run_seconds=60", "run_seconds=30"),
    "limits.open_memory_bytes": Case(opening(), "open_memory_bytes=None", "open_memory_bytes=8589934592"),
    "limits.walls": Case(opening(), "walls='available'", "walls='required'"),
    "limits.may_lack": Case(opening(lacking=True), "error artifact.opens", "warning artifact.waived"),
    "limits.may_hold": Case(
        asked(**{**LLM_TO_SHADOW, "artifact_dir": PICKLED}),
        "error artifact.executable",
        "warning artifact.executable",
        beside={"formats": ["onnx", "opaque"]},
    ),
    "monitoring": Case(asked(), "", "watched Drift https://grafana.example.com/d/drift"),
    "contacts": Case(of(called), "^$", "ml-team@example.com"),
    "reminders.soaked": Case(reminded("staging@v2", 3), "soaked", r"\[\]"),
    "reminders.shadow": Case(reminded("shadow@v1", 15), "overdue", "soaked"),
    "reminders.staging": Case(reminded("staging@v2", 8), "overdue", "soaked"),
}
ELSEWHERE: Mapping[str, str] = {
    "stages.active.confirm": "tests/action/test_confirmation.py::"
    "test_nothing_is_committed_until_the_requester_confirms",
    "evaluation_set.rows": "tests/action/test_evaluation.py::"
    "test_the_card_shows_both_models_on_the_data_of_the_base_without_any_threshold",
    "evaluation_set.seconds": "tests/artifact/test_evaluated.py::test_every_way_it_can_end_is_an_answer",
    "signatures.trusted_root": "tests/artifact/test_identities.py::"
    "test_a_root_that_the_library_does_not_take_is_no_answer",
    "storage": "tests/action/test_storage.py::"
    "test_a_place_that_the_base_does_not_list_is_not_read_whatever_the_branch_says",
    "limits.storage_seconds": "tests/action/test_storage.py::test_the_time_for_reading_is_limited_by_the_policy",
    "schedule.labels": "tests/action/test_schedule_issue.py::"
    "test_it_is_labelled_and_assigned_as_the_policy_says_and_survives_what_github_refuses",
    "schedule.assignees": "tests/action/test_schedule_issue.py::"
    "test_it_is_labelled_and_assigned_as_the_policy_says_and_survives_what_github_refuses",
    "deployments": "tests/action/test_deployed.py::"
    "test_by_policy_a_deployment_is_in_progress_until_the_service_has_the_model",
}
"""Keys that show only where a job waits, signs, reads a store, opens an issue or announces → the test that does it."""


@pytest.fixture(scope="module")
def bench(seed: Path, tmp_path_factory: pytest.TempPathFactory, examiner: Examiner) -> Bench:
    return Bench.of(seed, tmp_path_factory.mktemp("bench"), examiner)


def test_every_key_is_executed_here_or_by_a_test_that_says_so() -> None:
    assert sorted([*EXECUTED, *ELSEWHERE]) == sorted(keys(Policy))
    for key, test in ELSEWHERE.items():
        file, _, name = test.partition("::")
        module = (ROOT / file).read_text(encoding="utf-8")
        assert f"def {name}(" in module, test
        assert key.rpartition(".")[2] in module, test


@pytest.mark.parametrize("key", EXECUTED)
def test_the_example_of_a_key_changes_what_becomes_of_a_request_as_the_table_says(bench: Bench, key: str) -> None:
    case = EXECUTED[key]
    beside = {**BESIDE.get(key, {}), **(case.beside or {})}
    if key == "overrides":
        beside["freezes"] = [{**period(bench), "reason": "year end"}]
    value = case.value(bench) if case.value else EXAMPLES[key][0]
    default = case.ask(bench, policy_of(beside))
    example = case.ask(bench, policy_of({**beside, key: value}))
    assert re.search(case.default, default, re.MULTILINE), default
    assert re.search(case.example, example, re.MULTILINE), example
    assert default != example
    for pattern, other in ((case.default, example), (case.example, default)):
        assert not (pattern and re.search(pattern, other, re.MULTILINE)), other


def test_a_value_that_is_not_the_pages_has_its_form(bench: Bench) -> None:
    for key, case in EXECUTED.items():
        if case.value:
            value, shown = case.value(bench), EXAMPLES[key][0]
            assert type(value) is type(shown), key
            if isinstance(value, list):
                assert {*value[0]} == {*shown[0]}, key  # type: ignore[index]  # a list, as this one
