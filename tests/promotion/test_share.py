"""The canary share: one spelling for each value, STAGING alone, within the policy's bounds, and never lost unseen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.errors import InvalidInput
from promotebot.findings import errors_in, warnings_in
from promotebot.promotion.plan import Decision, Plan, Unchanged
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.reconstruct import differences, request_of
from promotebot.promotion.replay import Replayed, Step, replay
from promotebot.promotion.sections import SharePolicy, percentage
from promotebot.promotion.soak import soaking_events
from promotebot.registry import ModelRegistry
from promotebot.registry.chain import sealed
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action
from promotebot.registry.names import Stage, hundredths, parse_canary_share
from tests.promotion.test_plan import MODEL, SHADOWED, V1, V2, after, asked, decide, refused_by

AT_5 = after(SHADOWED, Stage.STAGING, V1, share="5%")
REQUIRED = "stages: {staging: {share: {required: true}}}"


def ask(registry: ModelRegistry, policy: str = "", *, proof: Any = V1, **changes: Any) -> Decision:
    request = asked(changes.pop("stage", Stage.STAGING), proof, **changes)
    return decide(registry, request, proof, policy=parse_policy(policy.encode()))


def share_in(registry: ModelRegistry) -> str | None:
    pointer = registry.entries[MODEL].staging
    return pointer.share if pointer else None


def message_of(decision: Decision) -> str:
    [finding] = [f for f in decision.findings if f.rule == "request.share"]
    return finding.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "%",
        ".5%",
        "5.%",
        "+5%",
        "1e1%",
        "5%%",
        "0.00%",
        "five",
        "5",
        "500%",
        "-1%",
        "5 %",
        " 5%",
        "5%\n",
        "0%",
        "0.0%",
        "05%",
        "5.0%",
        "2.50%",
        "2.125%",
        "100.01%",
        "5,5%",
        "\u0665%",
    ],
)
def test_anything_but_a_percentage_is_refused_and_told_how_one_is_written(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"is not a share such as 5% or 2\.5%") as refused:
        parse_canary_share(text)
    assert "at most two decimals" in refused.value.remedy


@given(st.integers(min_value=1, max_value=10_000))
def test_every_hundredth_of_a_percent_has_one_spelling(amount: int) -> None:
    assert hundredths(parse_canary_share(percentage(amount))) == amount


@given(st.from_regex(r"[0-9]{1,3}(\.[0-9]{0,3})?%?", fullmatch=True))
def test_what_reads_is_written_as_it_is_read(text: str) -> None:
    try:
        share = parse_canary_share(text)
    except InvalidInput:
        return
    assert percentage(hundredths(share)) == text


def test_a_promotion_without_a_share_writes_what_it_always_wrote() -> None:
    entry = after(SHADOWED, Stage.STAGING, V1).raw_entry(MODEL)
    assert "share" not in entry["staging"]
    assert "share" not in entry["history"][0]["pointer"]


def test_the_share_is_in_the_pointer_and_in_the_event() -> None:
    entry = AT_5.raw_entry(MODEL)
    assert entry["staging"]["share"] == entry["history"][0]["pointer"]["share"] == "5%"


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.ACTIVE])
def test_another_stage_takes_no_share(stage: Stage) -> None:
    decision = ask(SHADOWED, stage=stage, proof=V2 if stage is Stage.SHADOW else V1, share="5%")
    assert refused_by(decision) == {"request.share"}
    assert message_of(decision) == (
        f"{stage.label} takes no --share: only STAGING gives a candidate a share of production."
    )


@pytest.mark.parametrize(("share", "is_allowed"), [("0.99%", False), ("1%", True), ("5%", True), ("5.01%", False)])
def test_the_policy_bounds_the_share_and_both_bounds_are_within(share: str, is_allowed: bool) -> None:
    decision = ask(SHADOWED, share=share)
    assert isinstance(decision, Plan) is is_allowed
    if not is_allowed:
        assert refused_by(decision) == {"request.share"}
        assert message_of(decision) == f"STAGING takes a share of 1% to 5%, not {share}."
        [problem] = errors_in(decision.findings)
        nearest = "1%" if share == "0.99%" else "5%"
        assert problem.remedy == f"give it a share of production: the same command with --share {nearest}"
        assert isinstance(ask(SHADOWED, share=nearest), Plan)


def test_other_bounds_are_the_policys() -> None:
    policy = "stages: {staging: {share: {minimum: 0.5%, maximum: 100%}}}"
    assert isinstance(ask(SHADOWED, policy, share="100%"), Plan)
    assert "a share of 0.5% to 100%, not 0.49%" in message_of(ask(SHADOWED, policy, share="0.49%"))


def test_a_share_can_be_required() -> None:
    decision = ask(SHADOWED, REQUIRED)
    assert refused_by(decision) == {"request.share"}
    assert message_of(decision) == "The policy requires a --share for STAGING."
    assert isinstance(ask(SHADOWED, REQUIRED, share="1%"), Plan)
    assert isinstance(ask(SHADOWED, REQUIRED, stage=Stage.ACTIVE), Plan)


@pytest.mark.parametrize("bounds", ["minimum: 6%", "minimum: 5", "minimum: 5.0%", "maximum: 0%", "maximum: 101%"])
def test_a_policy_with_bounds_that_are_none_does_not_read(bounds: str) -> None:
    with pytest.raises(InvalidInput, match="share"):
        parse_policy(f"stages: {{staging: {{share: {{{bounds}}}}}}}".encode())


def test_another_share_of_the_same_artifact_is_a_promotion_and_its_soak_time_begins_again() -> None:
    decision = ask(AT_5, share="2%")
    assert isinstance(decision, Plan)
    assert (decision.event.action, share_in(decision.after)) == (Action.PROMOTE, "2%")
    history = decision.after.history[MODEL]
    policy = parse_policy(None)
    soaking = {one.stage: one.event for one in soaking_events(policy, Stage.ACTIVE, history, V1.is_of)}
    assert soaking[Stage.STAGING] == decision.event


def test_the_same_share_of_the_same_artifact_changes_nothing() -> None:
    assert isinstance(ask(AT_5, share="5%"), Unchanged)


def test_the_same_artifact_again_without_a_share_keeps_the_one_it_has() -> None:
    assert isinstance(ask(AT_5), Unchanged)
    renamed = ask(AT_5, artifact_id="another_name")
    assert isinstance(renamed, Plan)
    assert share_in(renamed.after) == "5%"


def test_a_kept_share_is_within_todays_bounds_too() -> None:
    decision = ask(AT_5, "stages: {staging: {share: {maximum: 3%}}}", artifact_id="another_name")
    assert message_of(decision) == "STAGING takes a share of 1% to 3%, not 5%."


def test_another_artifact_gets_no_share_of_the_one_before() -> None:
    assert share_in(after(AT_5, Stage.STAGING, V2)) is None


def test_active_gets_all_of_production() -> None:
    live = after(AT_5, Stage.ACTIVE, V1).entries[MODEL].active
    assert live is not None
    assert live.share is None


def test_a_rollback_brings_back_the_share_that_the_artifact_had_last() -> None:
    registry = after(after(AT_5, Stage.STAGING, V1, share="2%"), Stage.STAGING, V2, share="4%")
    decision = ask(registry, action=Action.ROLLBACK, share="100%")
    assert isinstance(decision, Plan)
    assert share_in(decision.after) == "2%"
    assert message_of(decision) == "2% of production, within 1% to 5%"


def test_a_rollback_is_not_held_up_by_bounds_and_warns_of_them() -> None:
    registry = after(AT_5, Stage.STAGING, V2, share="4%")
    decision = ask(registry, "stages: {staging: {share: {maximum: 3%}}}", action=Action.ROLLBACK)
    assert isinstance(decision, Plan)
    assert [f.message for f in warnings_in(decision.findings) if f.rule == "request.share"] == [
        "STAGING takes a share of 1% to 3%, not 5%."
    ]


def test_a_rollback_to_what_had_no_share_brings_none() -> None:
    registry = after(after(SHADOWED, Stage.STAGING, V1), Stage.STAGING, V2, share="4%")
    decision = ask(registry, REQUIRED, action=Action.ROLLBACK)
    assert isinstance(decision, Plan)
    assert share_in(decision.after) is None
    assert "The policy requires a --share for STAGING." in {f.message for f in warnings_in(decision.findings)}


def test_a_demotion_takes_out_the_pointer_with_its_share() -> None:
    decision = ask(AT_5, REQUIRED, action=Action.DEMOTE)
    assert isinstance(decision, Plan)
    assert share_in(decision.after) is None
    assert decision.event.pointer.share == "5%"


@pytest.mark.parametrize("forged", ["3%", None])
def test_the_gate_finds_a_share_that_its_request_does_not_produce(forged: str | None) -> None:
    before = after(AT_5, Stage.STAGING, V2, share="4%")
    decision = ask(before, action=Action.ROLLBACK)
    assert isinstance(decision, Plan)
    document = decision.after.document
    entry = dict(decision.after.raw_entry(MODEL))
    pointer = {k: v for k, v in {**entry["staging"], "share": forged}.items() if k != "share" or v}
    history, newest = sealed([{**entry["history"][0], "pointer": pointer}, *before.raw_history(MODEL)])
    entry = {**entry, "staging": pointer, "history": history, "history_digest": newest}
    head = ModelRegistry.parse(stored_json({**document, "models": {MODEL: entry}}))
    replayed = replay(before, head)
    assert isinstance(replayed, Replayed)
    [step] = replayed.steps
    again = decide(before, request_of(step, before.entry(MODEL)), V1)
    assert isinstance(again, Plan)
    assert differences(step.event, again.event) == ["pointer.share"]


@pytest.mark.parametrize(
    ("registry", "changes"),
    [(SHADOWED, {"share": "2.5%"}), (AT_5, {"share": "2%"}), (AT_5, {"artifact_id": "other"}), (AT_5, {"proof": V2})],
)
def test_every_event_with_or_without_a_share_is_planned_again_as_it_was(
    registry: ModelRegistry, changes: dict[str, Any]
) -> None:
    proof = changes.get("proof", V1)
    decision = ask(registry, **changes)
    assert isinstance(decision, Plan)
    step = Step(MODEL, decision.event, registry, decision.digest)
    again = decide(registry, request_of(step, registry.entry(MODEL)), proof)
    assert isinstance(again, Plan)
    assert differences(decision.event, again.event) == []
    assert again.event.pointer == decision.event.pointer


def test_a_registry_with_a_share_of_another_form_does_not_read() -> None:
    entry = {**AT_5.raw_entry(MODEL), "staging": {**AT_5.raw_entry(MODEL)["staging"], "share": "5.0%"}}
    with pytest.raises(InvalidInput, match=r"staging\.share: '5\.0%' is not a share"):
        ModelRegistry.parse(stored_json({**AT_5.document, "models": {MODEL: entry}})).entry(MODEL)


LEAST_3, MOST_2 = ("stages: {staging: {share: {minimum: 3%}}}", "stages: {staging: {share: {maximum: 2%}}}")


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (
            f"{MOST_2}\nmodels:\n  eu_*:\n    {LEAST_3}\n",
            [
                '$.models["eu_*"].stages.staging.share.minimum: the minimum 3% is above the maximum 2% of '
                "$.stages.staging.share.maximum, so no share is allowed for a model such as eu_x (line 4)",
                "$.stages.staging.share.maximum: the maximum 2% is below the minimum 3% of "
                '$.models["eu_*"].stages.staging.share.minimum, so no share is allowed for a model such as eu_x '
                "(line 1)",
            ],
        ),
        (
            "models:\n  eu_*: {stages: {staging: {share: {minimum: 3%}}}}\n"
            "  '*_fraud': {stages: {staging: {share: {maximum: 2%}}}}\n",
            ["for a model such as eu_xx_fraud (line 2)", "for a model such as eu_xx_fraud (line 3)"],
        ),
        (
            f"models:\n  a*c: {{{LEAST_3}}}\n  '*b*': {{{MOST_2}}}\n",
            ["such as axbxc (line 2)", "such as axbxc (line 3)"],
        ),
        (
            "stages: {staging: {share: {minimum: 6%}}}",
            ["above the maximum 5%, the default, so no share is allowed (line 1)"],
        ),
        ("models: {eu_*: {stages: {staging: {share: {maximum: 0.5%}}}}}", ["below the minimum 1%, the default"]),
        (
            "stages: {staging: {share: {minimum: 3%, maximum: 2%}}}",
            ["$.stages.staging.share.minimum: ", "$.stages.staging.share.maximum: "],
        ),
    ],
)
def test_bounds_that_leave_no_share_to_some_model_are_refused_with_both_lines(policy: str, told: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_policy(policy.encode())
    problems = caught.value.message.split("; ")
    assert len(problems) == len(told)
    for problem, words in zip(problems, told, strict=True):
        assert words in problem


@pytest.mark.parametrize(
    "policy",
    [
        "stages: {staging: {share: {minimum: 0.1%}}}\nmodels: {eu_*: {stages: {staging: {share: {maximum: 0.5%}}}}}",
        "models: {eu_*: {stages: {staging: {share: {minimum: 7%}}}}, '*': {stages: {staging: {share: {maximum: 9%}}}}}",
        f"models: {{eu_*: {{{LEAST_3}}}, us_*: {{{MOST_2}}}}}",
    ],
)
def test_bounds_that_together_leave_a_share_are_allowed(policy: str) -> None:
    parse_policy(policy.encode())


BOUNDS = st.sampled_from(["1%", "2%", "3%", "6%", None])


@given(st.dictionaries(st.sampled_from(["", "a*", "*b", "ab", "*a*"]), st.tuples(BOUNDS, BOUNDS), max_size=4))
def test_a_policy_that_reads_leaves_every_model_a_share(bounds: dict[str, tuple[str | None, str | None]]) -> None:
    def stages(pair: tuple[str | None, str | None]) -> dict[str, Any]:
        share = {key: value for key, value in zip(("minimum", "maximum"), pair, strict=True) if value}
        return {"stages": {"staging": {"share": share}}}

    models = {pattern: stages(pair) for pattern, pair in bounds.items() if pattern}
    document = {**stages(bounds.get("", (None, None))), "models": models}
    try:
        policy = parse_policy(stored_json(document))
    except InvalidInput:
        return
    for name in ("ab", "a", "b", "axb", "c", "bab"):
        share = policy.for_model(name).stages.staging.share
        assert share.minimum <= share.maximum


def test_where_no_share_is_allowed_no_line_is_offered_that_would_be_refused() -> None:
    share = SharePolicy(minimum="3%", maximum="2%")  # as patterns may come to it
    stages = Policy().stages
    policy = Policy().model_copy(
        update={"stages": stages.model_copy(update={"staging": stages.staging.model_copy(update={"share": share})})}
    )
    [finding] = [
        one
        for one in decide(SHADOWED, asked(Stage.STAGING, V1, share="2%"), V1, policy=policy).findings
        if one.rule == "request.share"
    ]
    assert finding.message == f"The policy allows {MODEL} no share: its minimum 3% is above its maximum 2%."
    assert "--share" not in str(finding.remedy)
