"""The message of a commit that promotes: a conventional subject, the reason, and trailers that git reads back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promotebot.planning.messages import commit_message
from promotebot.promotion.plan import Plan
from promotebot.promotion.request import Actor, Request
from promotebot.registry.model import Action, Source
from promotebot.registry.names import ArtifactPath, ModelName, Stage
from tests.pulls.promoted import EMPTY, TO_SHADOW, promoted

AFTER = promoted(EMPTY, TO_SHADOW)
EVENT = AFTER.history["regime"][0]
REQUEST = Request(
    model=ModelName("regime"),
    stage=Stage.ACTIVE,
    artifact_dir=ArtifactPath("ml/artifacts/v1"),
    artifact_id="v1_prod",
    actor=Actor("alice", Source.GITHUB),
    reason="Sharpe is up",
)
PLAN = Plan(REQUEST, Action.PROMOTE, None, EVENT.pointer, EVENT, EMPTY, AFTER, ())


@pytest.mark.parametrize(
    ("action", "subject"),
    [
        (Action.PROMOTE, "feat(ml): Promote v1_prod to ACTIVE"),
        (Action.ROLLBACK, "fix(ml): Emergency rollback of regime to v1_prod"),
        (Action.DEMOTE, "fix(ml): Demote v1_prod from ACTIVE of regime"),
    ],
)
def test_the_subject_says_what_is_done(action: Action, subject: str) -> None:
    message = commit_message(replace(PLAN, action=action), title="A change", trailers={})
    assert message.splitlines()[:3] == [subject, "", "Sharpe is up"]


def test_it_is_what_the_plan_decided_and_not_what_was_asked_that_is_named() -> None:
    asked_to_promote = replace(PLAN, action=Action.ROLLBACK, request=replace(REQUEST, action=Action.PROMOTE))
    assert commit_message(asked_to_promote, title="", trailers={}).startswith("fix(ml): Emergency rollback")


@pytest.mark.parametrize("reason", [None, ""])
def test_without_a_reason_the_pull_requests_title_is_the_body(reason: str | None) -> None:
    message = commit_message(replace(PLAN, request=replace(REQUEST, reason=reason)), title="A change", trailers={})
    assert message.splitlines()[2] == "A change"


def test_trailers_stand_last_in_a_paragraph_of_their_own() -> None:
    trailers = {"Promotebot-Request": "comment:1#1", "Requested-by": "alice"}
    assert commit_message(PLAN, title="A change", trailers=trailers) == (
        "feat(ml): Promote v1_prod to ACTIVE\n\nSharpe is up\n\nPromotebot-Request: comment:1#1\nRequested-by: alice\n"
    )


@pytest.mark.parametrize(
    "reason",
    [
        "#7: Evaluation [skip ci]",
        "#7: [CI Skip] Evaluation",
        "#7: [no ci]Evaluation",
        "#7: Evaluation[skip actions] [actions skip]",
        "#7: Evaluation skip-checks: true",
        "#7: Evaluation Skip-Checks:TRUE",
        "#7: Evaluation [skip [skip ci]ci]",
    ],
)
def test_no_title_keeps_the_checks_of_the_commit_from_running(reason: str) -> None:
    decided = replace(PLAN, request=replace(REQUEST, reason=reason))
    message = commit_message(decided, title="", trailers={"Requested-by": "alice"})
    body = message.splitlines()[2]
    assert body.replace(" ", "") == "#7:Evaluation"
    assert message.splitlines()[-1] == "Requested-by: alice"
    by_title = commit_message(replace(PLAN, request=replace(REQUEST, reason=None)), title=reason, trailers={})
    assert by_title.splitlines()[2] == body


def test_words_that_only_look_like_it_stay_in_the_message() -> None:
    decided = replace(PLAN, request=replace(REQUEST, reason="skip ci of [skips ci]"))
    assert commit_message(decided, title="", trailers={}).splitlines()[2] == "skip ci of [skips ci]"
