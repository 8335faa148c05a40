"""The check run beside the verdict: its title says what merging does, its remarks stand on the very lines."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from promotebot.findings import Finding, error, passed, warning
from promotebot.gate.evaluate import GateResult
from promotebot.gate.report import annotate, report_title
from promotebot.promotion.replay import Replayed, replay
from promotebot.pulls.changeset import Changeset
from promotebot.registry import ModelRegistry
from promotebot.registry.codec import stored_json
from promotebot.registry.registry import DEFAULT_PATH
from tests.fakes import HEAD, POLICY_PATH, FakeRepository, diverged
from tests.gate.sequences import MODEL, OTHER
from tests.pulls.promoted import (
    EMPTY,
    KNOWN,
    OTHER_TO_SHADOW,
    OUT_OF_SHADOW,
    TO_SHADOW,
    TO_STAGING,
    files,
    promoted,
)

SHA, LAST = "require_sha: true", "permission: admin"
POLICY = f"# ours\n{SHA}\nstages:\n  shadow:\n    permission: read\n  active:\n    {LAST}\n"
REGISTRY = promoted(EMPTY, TO_SHADOW, TO_STAGING, OTHER_TO_SHADOW)
MANIFEST = "ml/artifacts/v1/manifest.json"


def pull(*, split: bool = False) -> Changeset:
    """A pull request with two models, three events, a policy and an artifact."""
    artifact = {
        MANIFEST: b'{\n "git_sha": "5",\n "sha256": {\n  "m.onnx": "0"}\n}\n',
        "ml/artifacts/v1/m.onnx": b"\0\xff",
    }
    return diverged({}, files(REGISTRY, policy=POLICY, split=split) | artifact)


def line(changeset: Changeset, path: str, number: int) -> str:
    repository = changeset.repository
    assert isinstance(repository, FakeRepository)
    return repository.commits[HEAD].files[path].decode("utf-8", "replace").splitlines()[number - 1].strip()


def remark(finding: Finding, changeset: Changeset) -> tuple[str, str] | None:
    """The file and the text of the line that a finding is shown at."""
    shown = annotate([finding], changeset)
    return (shown[0].path, line(changeset, shown[0].path, shown[0].line)) if shown else None


IN_SINGLE = f"{DEFAULT_PATH} $.models.{MODEL}"
OWN_FILE = f"ml/registry/models/{MODEL}.json"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("staging does not match the model's events.", '"staging": {'),
        ("SHADOW holds v9, its newest event says v1.", '"shadow": {'),
        ("history_digest does not match the model's events.", '"history_digest":'),
        ("history[1]: a promotion names no to_stage.", "{"),
        ("history[1] is not the base's history[0]: reason, notes changed. History only grows.", '"reason":'),
        (f"promotion of v1_shadow ({MODEL} STAGING): promotebot did not decide it.", '"staging": {'),
    ],
)
@pytest.mark.parametrize("split", [False, True])
def test_what_is_wrong_in_a_registry_is_shown_at_its_pointer_or_event(message: str, text: str, split: bool) -> None:
    changeset = pull(split=split)
    where = OWN_FILE if split else IN_SINGLE
    shown = remark(error("gate.replay", message, where=where), changeset)
    assert shown is not None
    assert shown[0] == (OWN_FILE if split else DEFAULT_PATH)
    assert shown[1].startswith(text)


def test_the_right_one_of_several_events_is_shown() -> None:
    changeset = pull()
    document = json.loads(files(REGISTRY)[DEFAULT_PATH])
    for index, event in enumerate(document["models"][MODEL]["history"]):
        [shown] = annotate([error("history.event", f"history[{index}]: x.", where=IN_SINGLE)], changeset)
        below = [line(changeset, DEFAULT_PATH, shown.line + more) for more in range(1, len(event) + 1)]
        assert f'"to_stage": "{event["to_stage"]}",' in below


@pytest.mark.parametrize("split", [False, True])
def test_a_finding_on_the_whole_registry_that_names_a_model_is_shown_at_that_models_stage(split: bool) -> None:
    message = f"promotion of v2_shadow ({OTHER} SHADOW): pointer.actor is not what a promotion writes."
    changeset = pull(split=split)
    [shown] = annotate([error("gate.plan", message, where=DEFAULT_PATH)], changeset)
    assert shown.path == (f"ml/registry/models/{OTHER}.json" if split else DEFAULT_PATH)
    assert line(changeset, shown.path, shown.line) == '"shadow": {'
    assert line(changeset, shown.path, shown.line - 1) == ("{" if split else f'"{OTHER}": {{')


@pytest.mark.parametrize(
    ("finding", "place"),
    [
        (
            error("gate.unreadable", f"$.models.{MODEL}.active: x", where=DEFAULT_PATH),
            (DEFAULT_PATH, '"active": null,'),
        ),
        (error("gate.unreadable", "not JSON: x at line 3 column 5", where=DEFAULT_PATH), (DEFAULT_PATH, '"models": {')),
        (
            error("manifest.git_sha", "git_sha is a, the manifest says b.", where=MANIFEST),
            (MANIFEST, '"git_sha": "5",'),
        ),
        (error("artifact.manifest", "$.sha256.x: not hex", where=MANIFEST), (MANIFEST, '"sha256": {')),
        (error("artifact.pinned", f"{MODEL} SHADOW (v1) was promoted.", where="ml/artifacts/v1"), (MANIFEST, "{")),
        (
            error("gate.tree", f"{MODEL} SHADOW (v9) has lost its directory.", where="ml/artifacts/v9"),
            (DEFAULT_PATH, '"shadow": {'),
        ),
        (
            error("gate.permission", f"promotion of v1 ({MODEL} STAGING): carol has read permission."),
            (DEFAULT_PATH, '"staging": {'),
        ),
        (error("policy.changed", "`require_sha` becomes weaker: x → y.", where=POLICY_PATH), (POLICY_PATH, SHA)),
        (error("policy.changed", "`stages.active.permission` becomes weaker.", where=POLICY_PATH), (POLICY_PATH, LAST)),
        (error("policy.changed", "`stages.active.soak` becomes weaker.", where=POLICY_PATH), (POLICY_PATH, "active:")),
        (error("policy.changed", "$.stages.active.permission: x", where=POLICY_PATH), (POLICY_PATH, LAST)),
        (error("policy.changed", "`separation` becomes weaker: x → y.", where=POLICY_PATH), (POLICY_PATH, "# ours")),
        (error("gate.draft", "The pull request is a draft."), None),
        (error("gate.tree", "x has lost its directory.", where="ml/artifacts/v9"), None),
        (error("gate.unreadable", "broken", where="environment"), None),
        (passed("gate.replay", "fine", where=DEFAULT_PATH), None),
    ],
)
def test_a_finding_is_shown_in_its_file_of_the_head_or_nowhere(finding: Finding, place: tuple[str, str] | None) -> None:
    assert remark(finding, pull()) == place


def test_a_finding_on_a_model_is_shown_at_the_model() -> None:
    [shown] = annotate([error("artifact.digest", "It is not what is listed.", where="ml/artifacts/v1/m.onnx")], pull())
    assert (shown.path, shown.line) == ("ml/artifacts/v1/m.onnx", 1)


def test_errors_come_first_with_their_next_step_and_no_more_than_github_takes() -> None:
    many: list[Finding] = [warning("history.chain", "no chain yet", where=DEFAULT_PATH, remedy="wait")] * 70
    shown = annotate([*many, error("gate.replay", "staging is wrong", where=IN_SINGLE, remedy="restore it")], pull())
    assert len(shown) == 50
    assert (shown[0].level, shown[0].title, shown[0].message) == (
        "failure",
        "gate.replay",
        "staging is wrong\nNext: restore it",
    )
    assert {remark.level for remark in shown[1:]} == {"warning"}


def result(before: ModelRegistry, after: ModelRegistry, **changes: Any) -> GateResult:
    replayed = replay(before, after)
    assert isinstance(replayed, Replayed)
    return replace(GateResult(replayed.steps, (passed("gate.replay", "fine"),)), **changes)


def test_the_title_says_what_moves_where_with_directory_and_digest() -> None:
    one = result(EMPTY, promoted(EMPTY, TO_SHADOW))
    digest = str(one.steps[0].event.pointer.digest).removeprefix("sha256:")[:8]
    assert report_title(one) == f"{MODEL} SHADOW → v1_shadow (ml/artifacts/v1, {digest})"
    two = result(KNOWN, promoted(KNOWN, TO_SHADOW, OTHER_TO_SHADOW))
    assert report_title(two).endswith(" and 1 more")
    waits = error("separation", "waits for 1 more approval of ccccccc")
    assert report_title(replace(one, waiting=(waits,))) == report_title(one)
    out = result(KNOWN, promoted(KNOWN, OUT_OF_SHADOW))
    assert report_title(out).startswith(f"{MODEL} SHADOW → nothing, was v2_shadow (ml/artifacts/v2, ")


def test_the_title_of_anything_else_is_the_verdicts() -> None:
    problem = error("gate.replay", "staging does not match the model's events.")
    red = result(EMPTY, promoted(EMPTY, TO_SHADOW), findings=(problem,))
    assert report_title(red) == red.title == f"refused: {problem.message[:-1]}"
    none = result(KNOWN, KNOWN)
    assert report_title(none) == none.title == "no promotion in this pull request"


def test_a_registry_that_does_not_read_is_shown_where_it_breaks_off() -> None:
    broken = stored_json({"schema_version": "v1", "models": {MODEL: {"active": 1}}})[:-6]
    changeset = diverged({}, {DEFAULT_PATH: broken})
    finding = error("gate.unreadable", f"$.models.{MODEL}.active: not an object", where=DEFAULT_PATH)
    assert remark(finding, changeset) == (DEFAULT_PATH, '"active": 1')
