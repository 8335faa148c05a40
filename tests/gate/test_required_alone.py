"""Required labels and checks on their own: whose report counts, what each end is called; silence is no pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import CouldNotVerify
from promotebot.findings import Finding, Severity
from promotebot.gate.conditions import conditions, has_conditions
from promotebot.gate.required import required_findings
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.policy_changes import PolicyEdit
from promotebot.promotion.replay import Step
from promotebot.registry.model import Action
from promotebot.registry.names import ModelName, Stage
from tests.fakes import HEAD, FakeGitHub, pull_request
from tests.gate.test_separation import step

CHECK = parse_policy(b"stages: {active: {checks: [unit-tests]}}")
PINNED = parse_policy(b"stages: {active: {checks: [{name: unit-tests, app: trainer}]}}")
LABEL = parse_policy(b"stages: {active: {labels: [risk-approved, Signed Off]}}")
OTHER = "d" * 40


@pytest.fixture
def github() -> FakeGitHub:
    return FakeGitHub(pulls={7: pull_request()})


def asked(github: FakeGitHub, policy: Policy, *steps: Step) -> tuple[Finding, ...]:
    return required_findings(steps or (step(),), HEAD, 7, policy, github)


def said(github: FakeGitHub, policy: Policy = CHECK) -> str:
    [one] = asked(github, policy)
    assert one.rule == ("gate.labels" if policy is LABEL else "gate.checks")
    return "" if one.severity is Severity.PASS else one.message


def test_a_policy_that_asks_for_neither_asks_github_nothing(github: FakeGitHub) -> None:
    assert asked(github, Policy()) == ()
    assert not github.calls


@pytest.mark.parametrize(
    ("conclusion", "words"),
    [
        ("success", ""),
        ("failure", "failed"),
        ("neutral", "ended as neutral, which is no success"),
        ("skipped", "was skipped, which is no success"),
        ("cancelled", "was cancelled"),
        ("timed_out", "ran out of time"),
        ("action_required", "waits for somebody"),
        ("stale", "was given up by GitHub"),
        ("startup_failure", "did not start"),
        ("splendid", "ended in a way that is not known here"),
        ("", "ended in a way that is not known here"),
    ],
)
def test_only_success_is_a_success_and_each_other_end_has_its_words(
    github: FakeGitHub, conclusion: str, words: str
) -> None:
    github.run(HEAD, "unit-tests", conclusion)
    assert said(github) == (f"waits for another check of ccccccc (unit-tests {words})" if words else "")


@pytest.mark.parametrize("status", ["queued", "in_progress", "waiting", "requested", "pending", "unheard-of"])
def test_a_check_that_has_not_completed_is_no_success_whatever_it_concludes(github: FakeGitHub, status: str) -> None:
    github.run(HEAD, "unit-tests", "success", status=status)
    assert said(github) == "waits for another check of ccccccc (unit-tests has not ended)"


@pytest.mark.parametrize(
    ("state", "words"),
    [("success", ""), ("pending", "has not ended"), ("failure", "failed"), ("error", "ended with an error")],
)
def test_a_status_is_a_check_and_the_newest_counts(github: FakeGitHub, state: str, words: str) -> None:
    github.post(HEAD, "unit-tests", "failure" if state == "success" else "success", by="carol")
    github.post(HEAD, "unit-tests", state, by="bob")
    assert said(github) == (f"waits for another check of ccccccc (unit-tests {words})" if words else "")


def test_what_ran_on_another_commit_or_has_another_name_has_not_run(github: FakeGitHub) -> None:
    github.run(OTHER, "unit-tests", "success")
    github.run(HEAD, "Unit-Tests", "success")
    github.run(HEAD, "unit-tests / linux", "success")
    assert said(github) == "waits for another check of ccccccc (unit-tests has not run there)"


def test_of_several_runs_of_a_name_each_has_to_succeed(github: FakeGitHub) -> None:
    github.run(HEAD, "unit-tests", "success")
    github.run(HEAD, "unit-tests", "failure", app="another")
    assert said(github) == "waits for another check of ccccccc (unit-tests failed)"


def test_a_run_that_succeeded_does_not_hide_a_status_that_failed(github: FakeGitHub) -> None:
    github.run(HEAD, "unit-tests", "success")
    github.post(HEAD, "unit-tests", "failure", by="bob")
    assert said(github) == "waits for another check of ccccccc (unit-tests failed)"


def test_a_pinned_check_counts_from_its_app_alone(github: FakeGitHub) -> None:
    github.run(HEAD, "unit-tests", "success")
    github.post(HEAD, "unit-tests", "success", by="trainer")  # a person who took the App's name
    assert said(github, PINNED) == (
        "waits for another check of ccccccc (unit-tests (by trainer) is not there by this App, but by github-actions, "
        "trainer)"
    )
    github.post(HEAD, "unit-tests", "success", by="trainer[bot]")
    assert said(github, PINNED) == ""
    github.post(HEAD, "unit-tests", "failure", by="mallory")
    assert said(github, PINNED) == "", "somebody else's report says nothing of the App's"
    github.run(HEAD, "unit-tests", "failure", app="trainer")
    assert said(github, PINNED) == "waits for another check of ccccccc (unit-tests (by trainer) failed)"


def test_labels_ignore_case_and_all_of_them_are_needed(github: FakeGitHub) -> None:
    assert said(github, LABEL) == "waits for the labels risk-approved, Signed Off"
    github.labels_on[7] = ["RISK-approved", "signed off by nobody"]
    assert said(github, LABEL) == "waits for the label Signed Off"
    github.labels_on[7].append("signed OFF")
    assert said(github, LABEL) == ""


@pytest.mark.parametrize("method", ["labels", "check_runs", "statuses"])
def test_a_github_that_does_not_answer_is_no_pass(github: FakeGitHub, method: str) -> None:
    github.run(HEAD, "unit-tests", "success")
    github.fail(method)
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        asked(github, LABEL if method == "labels" else CHECK)


def test_what_goes_back_needs_neither_and_an_import_needs_both(github: FakeGitHub) -> None:
    policy = parse_policy(b"stages: {active: {labels: [ok], checks: [ok]}}")
    kinds = {action: len(asked(github, policy, _of(action))) for action in Action}
    assert kinds == {Action.PROMOTE: 2, Action.IMPORTED: 2, Action.ROLLBACK: 0, Action.DEMOTE: 0}


def test_each_model_and_stage_asks_for_its_own_and_together_for_all_of_them(github: FakeGitHub) -> None:
    policy = parse_policy(
        b"""
        stages: {active: {labels: [general]}, shadow: {labels: [early]}}
        models:
          eu_*: {stages: {active: {labels: [europe], checks: [eu]}}}
          "*_x": {stages: {active: {labels: [both]}}}
        """
    )
    promotions = [_of(model="us"), _of(model="eu_x"), _of(stage=Stage.SHADOW, model="eu_y")]
    labels, checks = asked(github, policy, *promotions)
    assert labels.message == "waits for the labels general, europe, both, early"
    assert checks.message == "waits for another check of ccccccc (eu has not run there)"
    assert [one.message for one in asked(github, policy, promotions[2])] == ["waits for the label early"]


names = st.sampled_from(["unit", "lint", "eval"])
ends = st.sampled_from(["success", "failure", "skipped", "neutral", ""])


@given(
    runs=st.lists(st.tuples(names, ends, st.sampled_from(["github-actions", "trainer"])), max_size=6),
    statuses=st.lists(st.tuples(names, st.sampled_from(["success", "failure", "pending"])), max_size=4),
    wanted=st.lists(names, min_size=1, max_size=3, unique=True),
    labels=st.sets(st.sampled_from(["a", "b", "c"])),
)
def test_it_passes_exactly_if_all_that_is_named_is_there_and_all_of_it_succeeded(
    runs: Sequence[tuple[str, str, str]],
    statuses: Sequence[tuple[str, str]],
    wanted: Sequence[str],
    labels: set[str],
) -> None:
    github = FakeGitHub(pulls={7: pull_request()}, labels_on={7: sorted(labels)})
    newest: Mapping[str, str] = dict(statuses)
    for name, end, app in runs:
        github.run(HEAD, name, end, app=app)
    for name, state in statuses:
        github.post(HEAD, name, state, by="carol")
    policy = parse_policy(f"stages: {{active: {{labels: [a, b], checks: [{', '.join(wanted)}]}}}}".encode())
    found = {one.rule: one.severity is Severity.PASS for one in asked(github, policy)}
    results = {name: [end for other, end, _ in runs if other == name] for name in wanted}
    for name in wanted:
        results[name] += [newest[name]] if name in newest else []
    passes = all(ends and set(ends) == {"success"} for ends in results.values())
    assert found == {"gate.labels": {"a", "b"} <= labels, "gate.checks": passes}


def test_every_judgement_asks_one_function_whether_there_is_anything_to_ask() -> None:
    policies = [Policy(), CHECK, LABEL, parse_policy(b"separation: {approvals: 1}")]
    for policy in policies:
        github = FakeGitHub(pulls={7: pull_request()})
        found = conditions((step(),), HEAD, github.pulls[7], policy, github)
        assert bool(found.findings) is has_conditions((step(),), policy, PolicyEdit.NONE) is (policy is not policies[0])


def _of(action: Action = Action.PROMOTE, *, stage: Stage = Stage.ACTIVE, model: str = "regime") -> Step:
    one = step()
    moved = {"from_stage": stage, "to_stage": None} if action is Action.DEMOTE else {"to_stage": stage}
    event = one.event.model_copy(update={"action": action, **moved})
    return replace(one, model=ModelName(model), event=event)
