"""One cause first: what follows from another finding is folded below it, and nothing is lost by that."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from promotebot.comments.findings import inline, problems
from promotebot.comments.notices import extended_issue, report_issue
from promotebot.findings import Finding, Severity, error, passed, unknown, warning
from promotebot.promotion.causes import CAUSES, by_cause

V1, V2 = "ml/artifacts/regime_v1", "ml/artifacts/regime_v2"
RULES = re.findall(r"(?m)^### (\S+)$", (Path(__file__).resolve().parents[2] / "docs/rules.md").read_text())


def grouped(*findings: Finding) -> list[tuple[str, list[str]]]:
    return [(cause.finding.rule, [one.rule for one in cause.follows]) for cause in by_cause(findings)]


def test_an_artifact_that_is_missing_explains_what_could_not_be_shown_of_it() -> None:
    found = grouped(
        passed("request.actor", "alice"),
        error("active.dataset_id", "no dataset", where=V2),
        error("active.prior_stage", "no digest"),
        error("artifact.exists", "not there", where=V2),
        warning("soak.shadow", "too short"),
    )
    assert found == [("artifact.exists", ["active.dataset_id", "active.prior_stage"]), ("soak.shadow", [])]


def test_bytes_that_changed_explain_why_the_model_does_not_open_and_the_pointer_does_not_hold() -> None:
    found = grouped(
        error("artifact.digest", "other bytes", where=f"{V2}/model.onnx"),
        error("artifact.opens", "not a model", where=f"{V2}/model.onnx"),
        error("artifact.pinned", "not what was promoted", where=V2),
        error("gate.tree", "changed", where=V2),
    )
    assert found == [("artifact.digest", ["artifact.opens", "artifact.pinned", "gate.tree"])]


def test_what_follows_from_a_consequence_stands_below_the_same_cause() -> None:
    found = grouped(
        error("artifact.golden", "other answers", where=V2),
        error("artifact.opens", "does not open", where=f"{V2}/model.onnx"),
        error("artifact.digest", "other bytes", where=f"{V2}/model.onnx"),
        passed("artifact.exists", "there", where=V2),
    )
    assert found == [("artifact.digest", ["artifact.golden", "artifact.opens"])]


def test_another_artifacts_finding_follows_from_nothing_here() -> None:
    found = grouped(
        error("artifact.exists", "not there", where=V1),
        error("artifact.digest", "other bytes", where=f"{V2}/model.onnx"),
        error("artifact.pinned", "not what was promoted", where=V2),
        passed("artifact.exists", "there", where=V2),
        error("active.prior_stage", "of which?"),
    )
    assert found == [("artifact.exists", []), ("artifact.digest", ["artifact.pinned"]), ("active.prior_stage", [])]


def test_what_only_warns_explains_no_error() -> None:
    found = grouped(warning("artifact.files", "a report", where=V2), error("artifact.pinned", "changed", where=V2))
    assert found == [("artifact.files", []), ("artifact.pinned", [])]


def test_what_nobody_could_look_at_is_a_cause() -> None:
    found = grouped(unknown("artifact.manifest", "no answer", where=V2), error("artifact.pinned", "?", where=V2))
    assert found == [("artifact.manifest", ["artifact.pinned"])]


def test_the_gate_names_the_rule_that_refuses_an_event_as_its_cause() -> None:
    found = grouped(
        error("active.prior_stage", "never in shadow"),
        error("gate.plan", "promotion of v2: the rules refuse it."),
        error("gate.plan", "promotion of v3: notes is not what a promotion writes."),
    )
    assert found == [("active.prior_stage", ["gate.plan"]), ("gate.plan", [])]


def test_causes_are_rules_that_exist_and_go_in_no_circle() -> None:
    assert {*CAUSES, *(cause for causes in CAUSES.values() for cause in causes)} <= {*RULES}
    seen: set[str] = set()

    def walk(rule: str, path: tuple[str, ...]) -> None:
        assert rule not in path, (*path, rule)
        for cause in () if rule in seen else CAUSES.get(rule, ()):
            walk(cause, (*path, rule))
        seen.add(rule)

    for rule in CAUSES:
        walk(rule, ())


PLACES = st.sampled_from(["", V1, V2, f"{V2}/model.onnx", f"{V2}/manifest.json", "ml/registry/models.json"])
FINDINGS = st.builds(
    Finding, rule=st.sampled_from(RULES), severity=st.sampled_from(Severity), message=st.just("m"), where=PLACES
)


@given(st.lists(FINDINGS, max_size=12))
def test_every_finding_that_did_not_pass_stands_in_exactly_one_place(findings: list[Finding]) -> None:
    causes = by_cause(findings)
    shown = [one for cause in causes for one in (cause.finding, *cause.follows)]
    wanted = [finding for finding in findings if finding.severity is not Severity.PASS]
    assert sorted(map(repr, shown)) == sorted(map(repr, wanted))
    assert all(cause.finding.severity in (Severity.ERROR, Severity.UNKNOWN) for cause in causes if cause.follows)
    assert [c.finding for c in causes] == [f for f in wanted if any(f is c.finding for c in causes)], (
        "their order stays"
    )


def test_what_was_found_twice_in_the_same_words_is_said_once() -> None:
    twice = error("artifact.digest", "other bytes", where=f"{V2}/model.onnx")
    shown = problems(
        [twice, error("gate.plan", "refused"), twice.model_copy(), passed("gate.replay", "ok")], limit=None
    )
    assert shown.count("other bytes") == 1
    assert "Follows from artifact.digest: gate.plan" in shown, "what came right after it still follows from it"
    assert "1 other rule passed." in shown


STEPS = st.sampled_from(["ask alice", "/withdraw churn", "run it again", ""])


@given(st.lists(STEPS, max_size=9), st.sampled_from([None, 3, 25]))
def test_a_next_step_of_several_findings_in_a_row_stands_once_below_the_last_of_them(
    steps: list[str], limit: int | None
) -> None:
    findings = [error("limits", f"no {number}", remedy=step) for number, step in enumerate(steps)]
    shown, wanted = problems(findings, limit=limit), list[str]()
    for step, run in groupby(findings[:limit], key=lambda finding: str(finding.remedy)):
        told = [f"- ❌ **`limits`**: {finding.message}" for finding in run]
        begins = {1: "Next:", 2: "Next, for both:"}.get(len(told), f"Next, for all {len(told)}:")
        wanted += [*told, *([f"  {begins}"] if step else [])]
    lines = [re.sub(r"^(  Next.*?:).*", r"\1", line) for line in shown.split("\n")]
    assert [line for line in lines if line.startswith(("- ❌", "  Next"))] == wanted


def test_warnings_and_what_something_follows_from_keep_their_own_next_step() -> None:
    causes = [error("artifact.exists", f"{at} is gone", where=at, remedy="git add it") for at in (V1, V2)]
    warned = [warning("soak.shadow", f"too short {number}", remedy="wait") for number in range(2)]
    shown = problems([*causes, error("artifact.pinned", "?", where=V1), *warned], limit=None)
    assert (shown.count("  Next:\n"), shown.count(" Next: wait"), shown.count("both")) == (2, 2, 0)


def test_an_issue_is_not_told_again_what_it_says_with_a_next_step_for_several() -> None:
    findings = [error("artifact.digest", f"other bytes {number}", where=V1, remedy="restore it") for number in range(3)]
    _, body = report_issue("x", "Fails", findings, {})
    assert body.count("restore it") == 1
    assert extended_issue(body, findings)[1] == ""
    assert "other bytes 9" in extended_issue(body, [*findings, error("artifact.digest", "other bytes 9", where=V1)])[1]
    assert "other" in extended_issue(body, [error("artifact.digest", "other", where=V1)])[1], "a part of a line is none"


@pytest.mark.parametrize("limit", [None, 25])
def test_what_follows_is_folded_below_its_cause_with_its_own_next_step(limit: int | None) -> None:
    shown = problems(
        [
            error(
                "artifact.exists",
                "ml/artifacts/regime_v2 is not there.",
                where=V2,
                remedy="git add ml/artifacts/regime_v2",
            ),
            error("active.prior_stage", "no earlier stage", where=V2, remedy="/promote shadow"),
            error("request.reason", "no reason", remedy="/promote active --reason why"),
        ],
        limit=limit,
    )
    assert shown.index("Follows from artifact.exists: active.prior_stage") < shown.index("request.reason")
    html = MarkdownIt("commonmark").render(shown)
    item = html[: html.index("request.reason")]
    assert item.count("<li>") == 3, "the cause, what follows inside of it, and the next cause"
    assert "<details><summary>Follows from artifact.exists: active.prior_stage</summary>" in html
    assert html.index("</details>") < html.index("request.reason")
    assert '<code class="language-text">/promote shadow\n</code>' in html


def test_to_export_a_model_is_no_command_and_to_export_a_variable_is_one() -> None:
    assert inline("export it with standard operators; or wait") == "export it with standard operators; or wait"
    assert inline('export ML_PROMOTION_ACTOR="a"') == '`export ML_PROMOTION_ACTOR="a"`'
