"""The card: its heading says what merging does, its first line what that changes for production."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.answer import Tensor
from promotebot.artifact.comparison import Comparison, OutputDifference
from promotebot.artifact.evaluation import Evaluation
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.formats import Unopened
from promotebot.artifact.interface import same_tensors
from promotebot.artifact.quarantine import Quarantined
from promotebot.artifact.weights_header import Header, Largest
from promotebot.comments.card import CardState, Merge, Phase, render_card
from promotebot.comments.card_facts import CardPromotion
from promotebot.comments.comment import CommentContext, Rendered
from promotebot.comments.decisions import PlanComment
from promotebot.comments.markdown import MAX_COMMENT
from promotebot.comments.risk import risk_line
from promotebot.findings import Finding, error, passed, warning
from promotebot.promotion.commands import ChangeCommand, parse_comment
from promotebot.promotion.plan import Plan
from promotebot.promotion.replay import Step
from promotebot.promotion.request import Actor
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.model import Action, Source
from tests.comments.plans import (
    EMPTY,
    HEAD,
    MODEL,
    NOW,
    SERVER,
    SETTING,
    V1,
    V2,
    accepted,
    decide,
    examined,
    promoted,
    registry,
    request,
    row,
)
from tests.comments.test_measured import CASES
from tests.sampling import examples

__all__ = ["accepted", "registry"]  # fixtures

COMMIT = "9f8e7d6" + "0" * 33
MERGED = Merge(COMMIT, "bob", datetime(2026, 2, 17, 10, 30, tzinfo=timezone.utc))
PROBLEM = error("artifact.digest", "ml/artifacts/regime_v2/model.onnx changed after the promotion.")
WAITING = error(
    "separation",
    "waits for 1 more approval of 1a2b3c4",
    remedy="somebody with write permission other than alice approves exactly this commit in a review",
)


def state(plan: Plan, evidence: Evidence = V2, today: Evidence | None = V1, **options: Any) -> CardState:
    merged_at = options.pop("merged_at", {})
    step = Step(MODEL, plan.event, plan.before, plan.digest)
    comment = PlanComment(plan, evidence, today, now=NOW, merged_at=merged_at)
    made = CardState(
        MODEL,
        plan.before,
        plan.after,
        (CardPromotion(step, comment, step),),
        (step,),
        findings=(),
        conclusion="success",
    )
    return replace(made, **options)


def card_of(
    plan: Plan,
    evidence: Evidence = V2,
    today: Evidence | None = V1,
    *,
    context: CommentContext = SETTING,
    **options: Any,
) -> Rendered:
    return render_card(state(plan, evidence, today, **options), context)


def headline(rendered: Rendered) -> str:
    return rendered.body.splitlines()[1].removeprefix("### ").replace("&#58;", ":")


def risk(rendered: Rendered) -> str:
    return rendered.body.splitlines()[3]


def test_the_first_line_says_what_changes_for_production(accepted: Plan) -> None:
    rendered = card_of(accepted)
    assert rendered.body.startswith("<!-- promotebot:regime_classifier -->\n")
    assert headline(rendered) == "⬆️ `regime_classifier` → ACTIVE · ready for review"
    assert rendered.title == "regime_classifier → ACTIVE · ready for review"
    assert risk(rendered) == (
        "ACTIVE moves from `regime_v1_prod` (41 d) to `regime_v2_prod`: different dataset, same inputs and outputs, "
        "shadow 10 d, staging 1 d 4 h."
    )


def test_the_facts_name_who_asked_what_stands_there_today_and_the_way_back(accepted: Plan) -> None:
    body = card_of(accepted).body
    assert "- **Merging** makes **`regime_v2_prod`** the ACTIVE model in place of `regime_v1_prod`." in body
    assert f"- **Requested by** `alice` in [this comment](<{SETTING.request_url}>)" in body
    assert "- **Reason:** Shadow evaluation passed" in body
    assert "- **ACTIVE today:** `regime_v1_prod`, promoted on 2026-01-06 09&#58;00 UTC by `alice`" in body
    assert f"- **Checked** on [`1a2b3c4`](<{SERVER}/acme/models/commit/{HEAD}>) in [this run]" in body
    [back] = re.findall(
        r"To roll back after the merge:\*\* `(.*?)` restores `regime_v1_prod` \(its bytes were ver", body
    )
    [parsed] = parse_comment(back)
    assert isinstance(parsed, ChangeCommand)
    assert (parsed.arguments.action, parsed.arguments.to) == (Action.ROLLBACK, "regime_v1_prod")


def test_the_way_back_does_not_claim_bytes_that_nobody_looked_at(accepted: Plan) -> None:
    assert "(its bytes were not verified here)" in card_of(accepted, today=None).body


def test_no_way_back_is_offered_to_what_is_in_quarantine(accepted: Plan) -> None:
    shown = state(accepted)
    [one] = shown.promotions
    assert one.plan
    held = Quarantined(digest=f"sha256:{'1' * 64}", reason="wrong labels")
    body = render_card(
        replace(shown, promotions=(replace(one, plan=replace(one.plan, quarantined=held)),)), SETTING
    ).body
    assert "- **No way back:** `regime_v1_prod` is in quarantine: wrong labels" in body.replace("&#58;", ":")
    assert "To roll back" not in body


def test_where_nothing_was_active_the_way_back_leaves_it_empty() -> None:
    decision = decide(EMPTY, request(Stage.SHADOW, V1, "v1"), V1)
    before = decision.after
    first = decide(before, request(Stage.ACTIVE, V1, "v1", new_model=False), V1)
    body = card_of(first, V1, None).body
    assert 'ACTIVE is empty today; `/demote regime_classifier active --reason "v1 failed"`' in body


HEADINGS = [
    ({}, "⬆️ `regime_classifier` → ACTIVE · ready for review", Phase.READY),
    (
        {"conclusion": "action_required", "waiting": (WAITING,)},
        "⏳ `regime_classifier` → ACTIVE · waiting for 1 more approval of 1a2b3c4",
        Phase.WAITING,
    ),
    (
        {"conclusion": "failure", "findings": (PROBLEM, error("gate.request", "comment:9#1 is answered twice."))},
        "⛔ `regime_classifier` → ACTIVE · blocked: `ml/artifacts/regime_v2/model.onnx` changed after the promotion "
        "(and 1 more)",
        Phase.BLOCKED,
    ),
    (
        {"merge": MERGED},
        "✅ `regime_classifier` → ACTIVE · merged by bob in 9f8e7d6 on 2026-02-17 10:30 UTC",
        Phase.MERGED,
    ),
    (
        {"merge": replace(MERGED, problems=(PROBLEM,))},
        "🔴 `regime_classifier` → ACTIVE · merged by bob in 9f8e7d6 on 2026-02-17 10:30 UTC, but it does not verify",
        Phase.MERGED,
    ),
    ({"is_closed": True}, "⚪ `regime_classifier` → ACTIVE · closed without a merge", Phase.CLOSED),
    ({"promotions": (), "every": ()}, "↩️ `regime_classifier` · withdrawn", Phase.WITHDRAWN),
]


@pytest.mark.parametrize(("options", "heading", "phase"), HEADINGS)
def test_the_heading_says_what_merging_does(
    accepted: Plan, options: dict[str, Any], heading: str, phase: Phase
) -> None:
    assert headline(card_of(accepted, **options)) == heading
    assert state(accepted, **options).phase is phase


def test_no_card_is_ready_whose_verdict_is_not_green(accepted: Plan) -> None:
    for conclusion in ("failure", "action_required", "", "neutral"):
        assert state(accepted, conclusion=conclusion).phase is not Phase.READY


def test_what_nobody_can_tell_is_blocked_and_not_withdrawn(accepted: Plan) -> None:
    unknown: dict[str, Any] = {
        "promotions": (),
        "every": (),
        "is_unknown": True,
        "conclusion": "failure",
        "findings": (PROBLEM,),
    }
    rendered = card_of(accepted, **unknown)
    assert "· blocked: " in headline(rendered)
    assert "❌ **`artifact.digest`**" in rendered.body


def test_a_card_that_is_blocked_starts_with_the_errors_and_does_not_ask_to_merge(accepted: Plan) -> None:
    body = card_of(accepted, conclusion="failure", findings=(PROBLEM, passed("gate.replay", "as it should be"))).body
    assert body.index("❌ **`artifact.digest`**") < body.index("- **Requested by**")
    assert "approve and merge" not in body
    assert "Do not merge" in body


def test_approvals_that_are_missing_and_given_are_named(accepted: Plan) -> None:
    waits = card_of(accepted, conclusion="action_required", waiting=(WAITING,)).body
    assert "- **Approvals:** waits for 1 more approval of 1a2b3c4; somebody with write permission other than" in waits
    given = passed("separation", "1a2b3c4 is approved by carol, who neither requested nor pushed it")
    approved = card_of(accepted, findings=(given,)).body
    assert "- **Approvals:** 1a2b3c4 is approved by carol" in approved
    assert "**Next:** merge. To stop it: `/hold`." in approved


def test_a_held_card_says_how_to_lift_the_hold_and_not_how_to_hold(accepted: Plan) -> None:
    held = error("gate.hold", "Held by carol since 2026-02-17 09:00 UTC. Wait")
    body = card_of(accepted, conclusion="failure", findings=(held,)).body
    assert "To lift the hold: `/unhold`. To withdraw it: `/withdraw regime_classifier`." in body
    assert "`/hold`" not in body


def test_leaving_production_without_a_model_is_the_heading(accepted: Plan) -> None:
    asked = request(Stage.ACTIVE, V1, "regime_v1_prod", action=Action.DEMOTE, reason="it fails")
    rendered = card_of(decide(accepted.before, asked, V1), V1, None)
    assert headline(rendered) == "🛑 `regime_classifier` · ACTIVE is left without a model · ready for review"
    assert risk(rendered) == (
        "**Production is left without a model:** `regime_v1_prod` (41 d) is removed from ACTIVE, "
        "and nothing replaces it."
    )
    assert "`/rollback regime_classifier --to regime_v1_prod" in rendered.body


def test_a_merged_card_keeps_what_it_said_and_speaks_of_the_past(accepted: Plan) -> None:
    rendered = card_of(accepted, merge=MERGED)
    assert risk(rendered).startswith("ACTIVE moved from `regime_v1_prod` (41 d) to `regime_v2_prod`: ")
    assert row(rendered.body, "dataset") == ["`market_regime_v1`", "`market_regime_v2`"]
    assert "Registry diff" in rendered.body
    assert "**Next:**" not in rendered.body
    assert (
        "To roll back in a comment on any open issue or pull request:** `/rollback regime_classifier --to"
        in rendered.body
    )


def test_a_model_that_nobody_opened_is_told_in_the_first_line(accepted: Plan) -> None:
    waived = warning("artifact.waived", "it was not opened", where="ml/artifacts/regime_v2/model.onnx", remedy="try it")
    rendered = card_of(replace(accepted, findings=(*accepted.findings, waived)), replace(V2, card=None))
    assert risk(rendered).startswith("**Not opened. Nothing of this model was run.** ACTIVE moves from ")


def test_an_opaque_model_is_told_first_by_its_kind_and_its_header_is_shown(accepted: Plan) -> None:
    opaque = warning("artifact.opaque", "Not opened: it is a GGUF file.", where="ml/artifacts/regime_v2/model.gguf")
    manifest = V2.manifest and V2.manifest.model_copy(update={"model_file": "model.gguf"})
    told = Header(
        "model.gguf",
        "GGUF",
        2,
        7 * 10**9,
        (("Q4_K", 2),),
        4 * 10**9,
        (("name", "a|b <b>"),),
        (Largest("blk.0", "Q4_K", (4096, 4096)),),
    )
    unopened = replace(
        V2, card=None, manifest=manifest, unopened=Unopened("a GGUF file", 4 * 10**9), headers=(told,) * 6
    )
    rendered = card_of(replace(accepted, findings=(*accepted.findings, opaque)), unopened)
    body = rendered.body
    assert risk(rendered).startswith("**Not opened: a GGUF file. Nothing of this model was run.** ACTIVE moves from ")
    assert row(body, "model")[1].startswith("**not opened** · GGUF · 2 tensors · 7 billion parameters · Q4\\_K · 4 GB")
    assert "<details><summary>Weights (6 files), as their headers say</summary>" in body
    assert "| `blk.0` | Q4\\_K | `4096×4096` |" in body
    assert "… and 2 more files." in body
    assert "a|b" not in body
    assert "<b>" not in body


def test_the_size_of_an_opaque_model_without_a_header_is_shown(accepted: Plan) -> None:
    pickled = replace(V2, card=None, unopened=Unopened("a pickle, code that runs when it is loaded", 1234))
    opaque = warning("artifact.opaque", "Not opened: it is a pickle.")
    rendered = card_of(replace(accepted, findings=(*accepted.findings, opaque)), pickled)
    body = rendered.body
    assert risk(rendered).startswith(
        "**Not opened: a pickle, code that runs when it is loaded. Nothing of this model was"
    )
    assert row(body, "model")[1] == "**not opened** · 1.23 KB"
    assert "Weights (" not in body


def test_other_bytes_under_the_same_id_are_said(accepted: Plan) -> None:
    decision = decide(accepted.before, request(Stage.ACTIVE, V2, "regime_v1_prod", new_model=False), V2)
    assert "**same id, different bytes**" in risk(card_of(decision))


def test_spans_that_only_a_terminal_tells_are_marked() -> None:
    def body(**values: Any) -> str:
        before = promoted(EMPTY, request(Stage.SHADOW, V1, "v1", **values), V1, 2026, 1, 1)
        asked = request(Stage.ACTIVE, V1, "v1", new_model=False, **values)
        return card_of(decide(before, asked, V1), V1, None).body

    assert "(self-asserted)" not in body()  # asked for on GitHub
    at_a_terminal = body(actor=Actor("alice@example.com", Source.CLI), ref=None)
    assert "shadow 46 d 9 h (self-asserted)" in at_a_terminal
    assert "`alice@example.com` at a terminal (self-asserted)" in at_a_terminal


def test_renamed_symbolic_sizes_are_no_difference() -> None:
    one = [Tensor(name="x", type="float32", shape=["unk__214", 15, "unk__214"])]
    same = [Tensor(name="x", type="float32", shape=["unk__318", 15, "unk__318"])]
    other = [Tensor(name="x", type="float32", shape=["unk__318", 15, "n"])]
    assert same_tensors(one, same)
    assert not same_tensors(one, other)


def test_many_promotions_of_one_pull_request_are_listed(accepted: Plan) -> None:
    step = Step(MODEL, accepted.event, accepted.before, accepted.digest)
    body = card_of(accepted, every=(step,) * 25).body
    assert "**This pull request contains 25 promotions; merging applies all of them:**" in body
    assert "- … and 5 more" in body


@examples(60)
@given(
    merge=st.sampled_from([None, MERGED, replace(MERGED, by="", at=None)]),
    is_closed=st.booleans(),
    conclusion=st.sampled_from(["success", "action_required", "failure"]),
    errors=st.lists(st.sampled_from([PROBLEM, WAITING]), max_size=2),
    carried=st.booleans(),
    is_unknown=st.booleans(),
    warned=st.booleans(),
)
def test_heading_advice_and_phase_always_agree(
    merge: Merge | None,
    is_closed: bool,
    conclusion: str,
    errors: list[Finding],
    carried: bool,
    is_unknown: bool,
    warned: bool,
) -> None:
    before = promoted(EMPTY, request(Stage.SHADOW, V1, "v1"), V1, 2026, 1, 1)
    decision = decide(before, request(Stage.ACTIVE, V1, "v1", new_model=False), V1)
    findings = (*errors, *([warning("soak.shadow", "short")] if warned else []))
    waiting = (WAITING,) if conclusion == "action_required" else ()
    options: dict[str, Any] = {
        "merge": merge,
        "is_closed": is_closed,
        "conclusion": conclusion,
        "findings": findings,
        "waiting": waiting,
        "is_unknown": is_unknown,
    }
    options |= {} if carried else {"promotions": (), "every": ()}
    rendered, phase = card_of(decision, V1, None, **options), state(decision, V1, None, **options).phase
    first = headline(rendered)
    words = {
        Phase.READY: "ready for review",
        Phase.WAITING: "waiting",
        Phase.BLOCKED: "blocked",
        Phase.MERGED: "merged",
        Phase.WITHDRAWN: "withdrawn",
        Phase.CLOSED: "closed without a merge",
    }
    assert [word for word in words.values() if f"· {word}" in first] == [words[phase]]
    assert ("approve and merge" in rendered.body) is (phase is Phase.READY)
    assert len(rendered.body) < MAX_COMMENT


def test_the_table_sets_today_beside_after_merging(accepted: Plan) -> None:
    body = card_of(accepted).body
    assert row(body, "artifact") == [
        "`regime_v1_prod` in `ml/artifacts/regime_v1`",
        "`regime_v2_prod` in `ml/artifacts/regime_v2` *(staging pointer)*",
    ]
    assert row(body, "dataset") == ["`market_regime_v1`", "`market_regime_v2`"]
    assert row(body, "time in stages") == ["active 41 d", "shadow 10 d, staging 1 d 4 h"]
    assert row(body, "inputs → outputs") == ["`float32[n,15] → float32[n,3]`", "same"]
    assert row(body, "model") == ["131 KB · opset 17", "131 KB · opset 17"]
    assert row(body, "accuracy") == ["0.865 holdout, in commit 1a2b3c400000"] * 2
    before, after = row(body, "trained at")
    assert "`1111111`" in before
    assert "*(manifest)*" in after
    assert f"/compare/{'1' * 40}...{'2' * 40}" in after


def test_time_in_a_stage_counts_from_the_merge_where_it_is_known(accepted: Plan) -> None:
    merged = dict.fromkeys(accepted.before.history[MODEL], datetime(2026, 2, 15, 21, tzinfo=timezone.utc))
    assert row(card_of(accepted, merged_at=merged).body, "time in stages")[1] == "shadow 12 h, staging 12 h"


def test_a_changed_interface_or_feature_order_catches_the_eye(registry: ModelRegistry) -> None:
    ordered = examined("regime_v1", seed="1", feature_order=("a", "b"))
    before = promoted(EMPTY, request(Stage.SHADOW, ordered, "v1"), ordered, 2026, 1, 1)
    wider = examined("regime_v2", seed="2", outputs=4, feature_order=("b", "a"))
    decision = decide(before, request(Stage.SHADOW, wider, "v2"), wider)
    body = card_of(decision, wider, ordered).body
    assert row(body, "inputs → outputs")[1].startswith("**same inputs, different outputs**: ")
    assert "**same inputs, different outputs**, **different feature order**" in body
    assert "**order differs" in row(body, "features")[1]


def test_rules_are_counted_warnings_shown_and_the_rest_folded(accepted: Plan) -> None:
    rendered = card_of(accepted)
    rules = {finding.rule for finding in accepted.findings} - {"soak.staging"}
    assert f"**{len(rules)} rules passed, 1 warning.**\n- ⚠️ **`soak.staging`**" in rendered.body
    summaries = re.findall(r"<details><summary>(.*?)</summary>", rendered.body)
    assert summaries == [
        "Checklist of the runbook: 4 of 7",
        "Every rule",
        "Registry diff (+41 −8)",
        "Stages",
        "Timeline",
        "History (5)",
        "Request exactly these bytes again",
    ]
    assert rendered.body.count("| ✅ |") == len(accepted.findings) - 1
    assert "```diff\n--- a/ml/registry/models.json" in rendered.body
    assert '+          "reason": "Shadow evaluation passed",' in rendered.body


def test_the_closing_command_is_pinned_to_the_commit_that_is_now_the_head(accepted: Plan) -> None:
    body = card_of(accepted).body
    command = re.search(r"```text\n(/promote .*)\n```", body)
    assert command
    [parsed] = parse_comment(command[1])
    assert isinstance(parsed, ChangeCommand)
    assert (parsed.arguments.stage, parsed.arguments.model, parsed.arguments.sha) == (Stage.ACTIVE, MODEL, HEAD)
    assert "**Next:** approve and merge." in body
    assert "Press *Approve workflows to run* below" in body


def test_what_an_app_pushed_is_checked_at_once_and_nobody_is_told_to_approve_it(accepted: Plan) -> None:
    assert "Approve workflows" not in card_of(accepted, context=replace(SETTING, by_actions=False)).body


def test_a_rollback_is_recognisable(accepted: Plan) -> None:
    asked = request(Stage.ACTIVE, V1, "regime_v1_prod_rollback", reason="incident 123")
    back = decide(accepted.after, asked, V1)
    body = card_of(back, V1, V2).body
    assert body.splitlines()[1] == "### ⏪ `regime_classifier` → ACTIVE · ready for review"
    assert "ACTIVE moves back from `regime_v2_prod` (0 min) to `regime_v1_prod_rollback`" in body
    assert "bytes that were ACTIVE before, for 41 d." in body
    assert "| ⏪ ACTIVE | `regime_v1_prod_rollback` *(this one)* |" in body


def test_a_first_promotion_has_one_column_and_says_that_nothing_goes_live() -> None:
    decision = decide(EMPTY, request(Stage.SHADOW, V1, "regime_v1_candidate"), V1)
    body = card_of(decision, V1, None).body
    assert "|  | SHADOW after merging |" in body
    assert row(body, "time in stages") == ["in no stage yet"]
    assert (
        "Production does not change (ACTIVE stays empty). SHADOW holds nothing and gets `regime_v1_candidate`." in body
    )


def test_a_lower_stage_says_what_stays_active(registry: ModelRegistry) -> None:
    v3 = examined("regime_v3", seed="3")
    decision = decide(registry, request(Stage.SHADOW, v3, "regime_v3"), v3)
    body = card_of(decision, v3, V2).body
    assert "Production does not change (ACTIVE stays `regime_v1_prod`). SHADOW moves from `regime_v2_candidate`" in body


def test_a_long_diff_and_history_are_cut_at_rows(accepted: Plan) -> None:
    model = dict(accepted.before.raw_entry(MODEL))
    model["history"] = [{**event, "note": "x" * 900} for event in model["history"] * 40]
    before = ModelRegistry({**accepted.before.document, "models": {MODEL: {**model, "extra": ["y" * 400] * 400}}})
    rendered = card_of(replace(accepted, before=before), base=before)
    assert len(rendered.body.encode()) <= MAX_COMMENT
    assert re.search(r"```\n\n… and \d+ more lines\.", rendered.body)
    assert "more lines" not in rendered.full
    assert len(rendered.full) > MAX_COMMENT


def test_a_card_of_other_bytes_than_the_pointer_names_is_not_card_of(accepted: Plan) -> None:
    changed = replace(examined("regime_v1", seed="9"), artifact_dir=V1.artifact_dir)
    body = card_of(accepted, V2, changed).body
    assert row(body, "inputs → outputs")[0] == "—"


def _output(name: str, **values: Any) -> OutputDifference:
    return OutputDifference(name, **{"values": 4, "largest": 0.25, "mean": 0.1, **values})


CLASSES, SUM = _output("scores", classes=8, agreeing=6), _output("sum", largest=4.5)
BROKEN, NAN = OutputDifference("label", "no such output"), _output("odd", apart=3)


@pytest.mark.parametrize(
    ("outputs", "former", "told"),
    [
        ((CLASSES, SUM), "", "same class in 75 % of golden rows"),
        ((_output("y", classes=8, agreeing=8), CLASSES), "", "same class in 75 % of golden rows"),
        ((SUM,), "", "golden outputs differ by up to 4.5"),
        (
            (CLASSES,),
            "the last ACTIVE (until 2026-02-15)",
            "same class as the last ACTIVE (until 2026-02-15) in 75 % of",
        ),
        ((SUM, NAN), "", "golden outputs differ by up to 4.5, **3 golden values finite in one model only**"),
        ((CLASSES, BROKEN), "", "**not all outputs compared**"),
        ((BROKEN,), "", "**outputs not compared**"),
        ((), "", "**outputs not compared**"),
    ],
)
def test_the_first_line_says_what_was_computed(
    accepted: Plan, outputs: tuple[OutputDifference, ...], former: str, told: str
) -> None:
    found = Comparison("ml/artifacts/regime_v1", 1, outputs, "" if outputs else "no golden data", former)
    line = risk_line(PlanComment(accepted, replace(V2, comparison=found), V1, NOW))
    assert told in line
    assert ("not compared" in line) is (told == "**outputs not compared**")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (CASES["better"], "accuracy 0.93125 against 0.91 on eval_2026_q3, "),
        (
            CASES["worse"],
            "**accuracy 0.85 against 0.91 on eval_2026_q3 (at least 0.9 and at most 0.01 below ACTIVE asked for)**, "
            "**log_loss 0.4 against 0.25 on eval_2026_q3 (at most 0.3 and not above ACTIVE asked for)**, ",
        ),
        (
            CASES["no probabilities"],
            "**log_loss not known against 0.25 on eval_2026_q3 (at most 0.3 and not above ACTIVE asked for)**, ",
        ),
        (replace(CASES["better"], former="the last ACTIVE"), "0.93125 against 0.91 of the last ACTIVE on eval_2026_q3"),
        (Evaluation("eval_2026_q3", problem="no such dataset"), "**not measured on eval_2026_q3**"),
        (CASES["no labels"], ""),
    ],
)
def test_the_first_line_says_what_was_measured_and_first_what_is_missed(
    accepted: Plan, found: Evaluation, told: str
) -> None:
    line = risk_line(PlanComment(accepted, replace(V2, evaluation=found), V1, NOW)).replace("\\", "")
    assert told in line
    assert ("eval_2026_q3" in line) is bool(told)


def test_below_active_the_first_line_names_what_it_was_compared_with(registry: ModelRegistry) -> None:
    found = Comparison("ml/artifacts/regime_v1", 1, (CLASSES,))
    evidence = replace(examined("regime_v3", seed="3"), comparison=found)
    decision = decide(registry, request(Stage.SHADOW, evidence, "v3"), evidence)
    line = risk_line(PlanComment(decision, evidence, None, NOW))
    assert "same class as ACTIVE in 75 % of golden rows" in line
