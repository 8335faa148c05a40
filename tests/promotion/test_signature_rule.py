"""What takes the place of ACTIVE takes and gives the same: as an error, a warning, or with the reason why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.answer import Tensor
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.formats import Unopened
from promotebot.artifact.interface import same_tensors, tensor_changes
from promotebot.findings import Finding, Severity, errors_in
from promotebot.promotion.last_active import ActivePointer
from promotebot.promotion.plan import Decision, Plan, Rejected, plan
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.reconstruct import differences, request_of
from promotebot.promotion.replay import Step
from promotebot.promotion.rules.context import Facts, Incumbent
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.model import Action, Pointer
from promotebot.registry.names import Timestamp
from tests.comments.plans import EMPTY, HEAD, MODEL, NOW, V1, V2, examined, promoted, registry, request

__all__ = ["registry"]  # a fixture

FREE = parse_policy(b"stages: {active: {require_prior_stage: false}}")
WHY = "the service was changed in #7"
PARTS = ("inputs", "outputs", "features")


def policy(word: str) -> Policy:
    return FREE.model_copy(update={"signature": word})


def active(registry: ModelRegistry) -> Pointer:
    entry = registry.entry(MODEL)
    assert entry
    assert entry.active
    return entry.active


def decide(
    registry: ModelRegistry,
    evidence: Evidence,
    *,
    stage: Stage = Stage.ACTIVE,
    by: Policy = FREE,
    incumbent: Incumbent | None = None,
    **values: Any,
) -> Decision:
    incumbent = incumbent or Incumbent(ActivePointer(active(registry)), V1)
    facts = Facts(commit_reachable=True, incumbent=incumbent)
    asked = request(stage, evidence, "regime_v3", **{"new_model": False, **values})
    return plan(registry, asked, evidence, by, NOW, base=registry, facts=facts, commit=HEAD)


def told(decision: Decision) -> dict[str, Finding]:
    """Part of the signature → what is said of it."""
    found = [finding for finding in decision.findings if finding.rule.startswith("signature.")]
    assert len({finding.rule for finding in found}) == len(found)
    return {finding.rule.partition(".")[2]: finding for finding in found}


def levels(decision: Decision) -> dict[str, Severity]:
    return {part: finding.severity for part, finding in told(decision).items()}


TWO_OUTPUTS = examined("regime_v3", seed="3", outputs=2)
ORDERED, REORDERED = (
    examined(f"regime_{order}", seed=seed, feature_order=(*order,)) for order, seed in (("ab", "4"), ("ba", "5"))
)


def test_the_same_signature_passes_and_says_with_what_it_was_compared(registry: ModelRegistry) -> None:
    decision = decide(registry, V2)
    assert levels(decision) == {"inputs": Severity.PASS, "outputs": Severity.PASS}
    assert told(decision)["inputs"].message == "same inputs as regime_v1_prod, which is ACTIVE"


def test_other_outputs_are_refused_for_active_with_each_difference_and_the_line_that_allows_them(
    registry: ModelRegistry,
) -> None:
    decision = decide(registry, TWO_OUTPUTS)
    assert isinstance(decision, Rejected)
    assert levels(decision) == {"inputs": Severity.PASS, "outputs": Severity.ERROR}
    problem = told(decision)["outputs"]
    assert problem.message == (
        "Differs from regime_v1_prod, which is ACTIVE: "
        "output 1 is regime_probs float32[n,2], was regime_probs float32[n,3]."
    )
    assert "--allow-signature-change" in problem.remedy


def test_another_order_of_features_is_refused_and_so_is_one_that_is_not_named(registry: ModelRegistry) -> None:
    incumbent = Incumbent(ActivePointer(active(registry)), ORDERED)
    message = told(decide(registry, REORDERED, incumbent=incumbent))["features"].message
    assert message == "Differs from regime_v1_prod, which is ACTIVE: feature 1 of 2 is b, expected a."
    unnamed = decide(registry, V2, incumbent=incumbent)
    assert levels(unnamed)["features"] is Severity.ERROR
    assert "the manifest names no feature_order" in told(unnamed)["features"].message
    assert "features" not in told(decide(registry, ORDERED)), "ACTIVE names none, so that none is expected"


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.STAGING])
def test_below_active_it_is_a_warning(registry: ModelRegistry, stage: Stage) -> None:
    decision = decide(registry, TWO_OUTPUTS, stage=stage)
    assert isinstance(decision, Plan)
    assert levels(decision)["outputs"] is Severity.WARNING


@pytest.mark.parametrize(("word", "level"), [("warn", Severity.WARNING), ("allow", None)])
def test_the_policy_may_only_warn_or_not_look(registry: ModelRegistry, word: str, level: Severity | None) -> None:
    decision = decide(registry, TWO_OUTPUTS, by=policy(word))
    assert isinstance(decision, Plan)
    assert levels(decision).get("outputs") is level


def test_a_reason_lets_it_pass_and_is_in_the_event_of_which_the_gate_makes_the_same_again(
    registry: ModelRegistry,
) -> None:
    decision = decide(registry, TWO_OUTPUTS, allow_signature_change=WHY)
    assert isinstance(decision, Plan)
    assert decision.event.allows_signature_change == WHY
    assert told(decision)["outputs"].severity is Severity.WARNING
    assert told(decision)["outputs"].message.endswith(f"The request allows it: {WHY}.")
    step = Step(MODEL, decision.event, decision.before, decision.digest)
    again = request_of(step, decision.before.entry(MODEL))
    assert again.allow_signature_change == WHY
    facts = Facts(commit_reachable=True, incumbent=Incumbent(ActivePointer(active(registry)), V1))
    replayed = plan(registry, again, TWO_OUTPUTS, FREE, NOW, base=registry, facts=facts, commit=HEAD)
    assert isinstance(replayed, Plan)
    assert differences(decision.event, replayed.event) == []
    silent = replace(again, allow_signature_change=None)
    refused = plan(registry, silent, TWO_OUTPUTS, FREE, NOW, base=registry, facts=facts, commit=HEAD)
    assert [one.rule for one in errors_in(refused.findings)] == ["signature.outputs"]


def test_without_a_reason_the_event_has_no_such_key(registry: ModelRegistry) -> None:
    decision = decide(registry, V2)
    assert isinstance(decision, Plan)
    assert "allows_signature_change" not in decision.after.raw_history(MODEL)[0]


def test_a_rollback_is_warned_about_and_never_refused(registry: ModelRegistry) -> None:
    after = promoted(registry, request(Stage.ACTIVE, V2, "regime_v2_prod", new_model=False), V2, 2026, 2, 15, 9)
    incumbent = Incumbent(ActivePointer(active(after)), TWO_OUTPUTS)
    decision = decide(after, V1, incumbent=incumbent, action=Action.ROLLBACK)
    assert isinstance(decision, Plan)
    assert levels(decision)["outputs"] is Severity.WARNING
    by_hand = decide(after, V1, incumbent=incumbent, lift_hold="x")
    assert isinstance(by_hand, Plan)
    assert (by_hand.action, levels(by_hand)["outputs"]) == (Action.ROLLBACK, Severity.WARNING)


def test_a_demotion_and_the_artifact_that_is_active_itself_are_compared_with_nothing(registry: ModelRegistry) -> None:
    assert told(decide(registry, V1)) == {}
    gone = replace(V1, manifest=None, digest=None, card=None, findings=())
    assert told(decide(registry, gone, action=Action.DEMOTE)) == {}


def test_what_cannot_be_compared_is_refused_like_a_difference(registry: ModelRegistry) -> None:
    replaced = decide(registry, V2, incumbent=Incumbent(ActivePointer(active(registry)), None))
    assert [one.rule for one in errors_in(replaced.findings)] == ["signature.inputs"]
    assert "does not hold the bytes that were promoted" in told(replaced)["inputs"].message
    unopened = decide(registry, replace(V2, card=None, unopened=Unopened("a GGUF file", 1000)))
    assert levels(unopened) == {"inputs": Severity.ERROR, "outputs": Severity.ERROR}
    assert "not both models were opened" in told(unopened)["inputs"].message
    failed = replace(V2, card=None)
    assert told(decide(registry, failed)) == {}, "another finding says why it was not opened"
    one = replace(V1, card=None, unopened=Unopened("a GGUF file", 1000))
    both = replace(V2, card=None, unopened=Unopened("a GGUF file", 1000))
    assert told(decide(registry, both, incumbent=Incumbent(ActivePointer(active(registry)), one))) == {}


def test_where_nothing_is_active_it_is_compared_with_the_last_one_that_was(registry: ModelRegistry) -> None:
    last = Incumbent(ActivePointer(active(registry), Timestamp("2026-02-15T12:00:00Z")), V1)
    message = told(decide(registry, TWO_OUTPUTS, incumbent=last))["outputs"].message
    assert message.startswith("Differs from regime_v1_prod, the last ACTIVE (until 2026-02-15): ")


def test_the_first_of_a_model_is_compared_with_nothing() -> None:
    facts = Facts(commit_reachable=True)
    asked = request(Stage.ACTIVE, TWO_OUTPUTS, "regime_v3")
    assert told(plan(EMPTY, asked, TWO_OUTPUTS, FREE, NOW, base=EMPTY, facts=facts, commit=HEAD)) == {}


SIZES = st.one_of(st.integers(1, 2), st.sampled_from(["n", "m"]))
TENSORS = st.lists(
    st.builds(
        Tensor,
        name=st.sampled_from(["x", "y"]),
        type=st.sampled_from(["float32", "int64"]),
        shape=st.lists(SIZES, max_size=2),
    ),
    max_size=3,
)


@given(TENSORS, TENSORS)
def test_differences_are_told_exactly_where_tensors_are_not_the_same(one: list[Tensor], other: list[Tensor]) -> None:
    assert (tensor_changes("input", one, other) == []) is same_tensors(one, other)
    renamed = [
        tensor.model_copy(update={"shape": [size if isinstance(size, int) else f"unk_{size}" for size in tensor.shape]})
        for tensor in one
    ]
    assert tensor_changes("input", one, renamed) == []


def test_only_some_of_many_differences_are_listed() -> None:
    one, other = ([Tensor(name=f"{word}{n}", type="float32", shape=[]) for n in range(5)] for word in "ab")
    changes = tensor_changes("input", one, other)
    assert (len(changes), changes[-1]) == (4, "and 2 more")
    assert tensor_changes("output", one, one[:4]) == ["output 5 is gone: a4 float32[]"]
    assert tensor_changes("output", one[:4], one) == ["output 5 is new: a4 float32[]"]
