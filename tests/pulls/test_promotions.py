"""What a pull request promotes so far: as its branch says, planned again where the base moved, and what is void."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.findings import errors_in
from promotebot.promotion.replay import Diverged, Replayed, Step
from promotebot.pulls.changeset import Changeset
from promotebot.pulls.context import JobContext
from promotebot.pulls.promotions import (
    answered,
    is_of_another_policy,
    is_void,
    load_pending,
    own_steps,
    request_id,
    without,
)
from promotebot.pulls.replan import InvalidPromotions, PendingPromotions
from promotebot.registry import ModelRegistry
from promotebot.registry.chain import sealed
from promotebot.registry.codec import stored_json
from promotebot.registry.model import RequestRef, Source
from promotebot.registry.names import Digest, Stage, to_timestamp
from tests.fakes import (
    BASE,
    NOW,
    REPO,
    TRAINED,
    FakeExaminer,
    FakeGitHub,
    diverged,
    job_context,
    pull_request,
    pull_snapshot,
)
from tests.gate.sequences import LAX, MODEL, OTHER
from tests.pulls.promoted import (
    EMPTY,
    KNOWN,
    OTHER_TO_SHADOW,
    OUT_OF_SHADOW,
    TO_ACTIVE,
    TO_SHADOW,
    TO_STAGING,
    ahead,
    files,
    moved_apart,
    promoted,
)

HEAD_REGISTRY = promoted(EMPTY, TO_SHADOW, TO_STAGING)


def loaded(changeset: Changeset, examine: FakeExaminer | None = None) -> PendingPromotions | InvalidPromotions:
    github = FakeGitHub(pulls={7: pull_request()})
    return load_pending(pull_snapshot(changeset), job_context(github, examine=examine))


def pending(changeset: Changeset) -> PendingPromotions:
    result = loaded(changeset)
    assert isinstance(result, PendingPromotions), result
    return result


def invalid(changeset: Changeset) -> InvalidPromotions:
    result = loaded(changeset)
    assert isinstance(result, InvalidPromotions), result
    assert all(finding.remedy for finding in errors_in(result.findings))
    return result


def stages(steps: tuple[Step, ...]) -> list[tuple[str, Stage | None]]:
    return [(step.model, step.event.to_stage) for step in steps]


def rewritten(registry: ModelRegistry, **changes: Any) -> ModelRegistry:
    """The same with something else in the newest event of MODEL, and a chain that fits."""
    document = json.loads(registry.to_bytes())
    entry = document["models"][MODEL]
    entry["history"][0].update(changes)
    entry["history"], entry["history_digest"] = sealed(entry["history"])
    return ModelRegistry.parse(stored_json(document))


def test_a_branch_that_only_adds_promotions_is_taken_as_it_is() -> None:
    result = pending(ahead(EMPTY, HEAD_REGISTRY))
    assert stages(result.steps) == [(MODEL, Stage.SHADOW), (MODEL, Stage.STAGING)]
    assert result.steps == result.own
    assert result.registry.document == HEAD_REGISTRY.document
    assert result.base.document == EMPTY.document
    assert (result.behind, result.needs_replan) == (False, False)


def test_a_branch_that_promotes_nothing_has_nothing_pending() -> None:
    result = pending(ahead(HEAD_REGISTRY, HEAD_REGISTRY))
    assert (result.steps, result.own, result.needs_replan) == ((), (), False)


@pytest.mark.parametrize(
    ("base", "head", "rule", "message"),
    [
        (None, None, "registry.exists", "The base has no registry."),
        (None, EMPTY, "gate.replay", "The base has no registry, so this pull request has nothing to be compared with."),
        (EMPTY, None, "gate.replay", "The pull request removes the registry."),
    ],
)
def test_without_a_registry_on_both_sides_there_is_nothing_to_promote_in(
    base: ModelRegistry | None, head: ModelRegistry | None, rule: str, message: str
) -> None:
    result = invalid(diverged(files(base), files(head)))
    assert [(f.rule, f.message, f.where) for f in result.findings] == [(rule, message, "ml/registry/models.json")]
    assert result.model is None


def test_a_registry_that_the_branch_removed_is_missing_wherever_the_base_went_meanwhile() -> None:
    base = promoted(EMPTY, OTHER_TO_SHADOW, asked=50)
    result = invalid(diverged(files(base), files(None), fork=files(EMPTY)))
    assert [finding.message for finding in result.findings] == ["The pull request removes the registry."]


def test_a_registry_that_was_edited_by_hand_is_not_pending_but_invalid() -> None:
    merged = promoted(EMPTY, TO_SHADOW)
    result = invalid(ahead(merged, rewritten(merged, reason="better")))
    assert [finding.rule for finding in result.findings] == ["gate.replay"]
    assert "reason changed" in result.findings[0].message


def test_where_the_bases_registry_moved_the_branchs_promotions_are_planned_again_on_it() -> None:
    base = promoted(EMPTY, OTHER_TO_SHADOW, asked=50)
    result = pending(moved_apart(base, HEAD_REGISTRY))
    assert (result.behind, result.needs_replan) == (True, True)
    assert stages(result.steps) == stages(result.own) == [(MODEL, Stage.SHADOW), (MODEL, Stage.STAGING)]
    for new, old in zip(result.steps, result.own, strict=True):
        assert new.event.ts_utc == to_timestamp(NOW) > old.event.ts_utc, "a new time"
        assert new.event.registry_git_sha == BASE, "and a new origin"
        assert new.event.request == old.event.request, "for the same request"
        assert new.event.pointer.digest == old.event.pointer.digest
    assert result.base.document == base.document
    assert result.registry.raw_entry(OTHER) == base.raw_entry(OTHER)
    assert [event.request.id for event in result.registry.history[MODEL] if event.request] == [
        "comment:2#1",
        "comment:1#1",
    ]


def test_what_the_base_holds_already_is_left_out() -> None:
    base = promoted(EMPTY, TO_SHADOW, asked=50)
    result = pending(moved_apart(base, HEAD_REGISTRY))
    assert stages(result.steps) == [(MODEL, Stage.STAGING)]
    assert stages(result.own) == [(MODEL, Stage.SHADOW), (MODEL, Stage.STAGING)]
    assert result.needs_replan


def test_what_the_rules_refuse_on_the_new_base_is_invalid_and_names_its_model() -> None:
    head = promoted(KNOWN, TO_ACTIVE, policy=LAX)
    result = invalid(moved_apart(promoted(KNOWN, OTHER_TO_SHADOW, asked=50), head, fork=KNOWN))
    assert "active.prior_stage" in [finding.rule for finding in result.findings]
    assert result.model == MODEL


def test_a_branch_that_rewrote_history_is_not_planned_again_on_a_base_that_moved() -> None:
    fork = promoted(EMPTY, TO_SHADOW)
    base = promoted(fork, OTHER_TO_SHADOW, asked=50)
    result = invalid(moved_apart(base, rewritten(fork, reason="better"), fork=fork))
    assert "reason changed" in result.findings[0].message


def test_what_a_branch_itself_promotes_is_counted_from_where_it_left_the_base() -> None:
    base = promoted(EMPTY, OTHER_TO_SHADOW, asked=50)
    own = own_steps(moved_apart(base, HEAD_REGISTRY))
    assert not isinstance(own, Diverged)
    assert stages(own.steps) == [(MODEL, Stage.SHADOW), (MODEL, Stage.STAGING)]


@pytest.mark.parametrize(("fork", "head"), [(None, HEAD_REGISTRY), (HEAD_REGISTRY, None), (None, None)])
def test_a_branch_without_a_registry_at_either_end_promotes_nothing_of_its_own(
    fork: ModelRegistry | None, head: ModelRegistry | None
) -> None:
    assert own_steps(diverged(files(EMPTY), files(head), fork=files(fork))) == Replayed(())


def test_without_anything_dropped_the_pending_promotions_are_the_same() -> None:
    changeset = ahead(EMPTY, HEAD_REGISTRY)
    before, examine = pending(changeset), FakeExaminer()
    assert without((), before, pull_snapshot(changeset), job_context(examine=examine)) is before
    assert examine.looked_at == []


def test_what_is_dropped_goes_and_the_others_are_planned_again_on_the_base() -> None:
    changeset = ahead(KNOWN, promoted(KNOWN, TO_SHADOW, TO_STAGING))
    before = pending(changeset)
    result = without([before.own[0]], before, pull_snapshot(changeset), with_github())
    assert isinstance(result, PendingPromotions), result
    assert stages(result.steps) == [(MODEL, Stage.STAGING)]
    assert (before.own[1].event.from_stage, result.steps[0].event.from_stage) == (Stage.SHADOW, None)
    assert result.own == before.own
    assert (result.behind, result.needs_replan) == (False, True)
    assert result.registry.get_stage_pointer(MODEL, "shadow") == KNOWN.get_stage_pointer(MODEL, "shadow")


def with_github() -> JobContext:
    return job_context(FakeGitHub(pulls={7: pull_request()}))


def test_when_all_are_dropped_the_registry_is_the_bases_again() -> None:
    changeset = ahead(EMPTY, HEAD_REGISTRY)
    before = pending(changeset)
    result = without(before.own, before, pull_snapshot(changeset), job_context())
    assert isinstance(result, PendingPromotions), result
    assert result.steps == ()
    assert result.registry.document == EMPTY.document
    assert result.needs_replan


def test_without_what_it_rested_on_a_promotion_is_refused() -> None:
    changeset = ahead(EMPTY, HEAD_REGISTRY)
    before = pending(changeset)
    result = without([before.own[0]], before, pull_snapshot(changeset), with_github())
    assert isinstance(result, InvalidPromotions), "a new model begins in SHADOW"
    assert "request.model" in [finding.rule for finding in result.findings]
    assert result.model == MODEL


def test_an_error_of_github_while_planning_again_is_not_a_verdict() -> None:
    base = promoted(EMPTY, TO_SHADOW, OTHER_TO_SHADOW, asked=50)
    snapshot = pull_snapshot(moved_apart(base, HEAD_REGISTRY, "v1"))
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        load_pending(snapshot, job_context(FakeGitHub().fail("pull")))


def test_a_promotion_is_void_when_the_bytes_it_promoted_have_changed() -> None:
    changeset = diverged(files(EMPTY), files(HEAD_REGISTRY, "v1=changed"))
    step = pending(changeset).own[0]
    other = Digest("sha256:" + "9" * 64)
    assert is_void(step, changeset, job_context(examine=FakeExaminer())) is False
    assert is_void(step, changeset, job_context(examine=FakeExaminer({"ml/artifacts/v1": other}))) is True
    assert is_void(step, changeset, job_context(examine=FakeExaminer({"ml/artifacts/v1": None}))) is True


def test_an_artifact_that_the_pull_request_does_not_touch_is_not_opened_to_say_that_nothing_is_void() -> None:
    changeset, examine = ahead(EMPTY, HEAD_REGISTRY, "v1"), FakeExaminer({"ml/artifacts/v1": None})
    assert is_void(pending(changeset).own[0], changeset, job_context(examine=examine)) is False
    assert examine.looked_at == []


def test_a_demotion_is_never_void() -> None:
    base = promoted(EMPTY, TO_SHADOW)
    head = promoted(base, OUT_OF_SHADOW, asked=10)
    changeset = diverged(files(base, "v1"), files(head, "v1=changed"))
    examine = FakeExaminer({"ml/artifacts/v1": None})
    assert is_void(pending(changeset).own[0], changeset, job_context(examine=examine)) is False


def test_a_promotion_names_the_policy_it_was_decided_by() -> None:
    changeset = ahead(EMPTY, HEAD_REGISTRY)
    step = pending(changeset).own[0]
    assert is_of_another_policy(step, changeset) is False
    stricter = diverged(files(EMPTY, policy="require_reason: true\n"), files(HEAD_REGISTRY))
    assert is_of_another_policy(step, stricter) is True
    none = replace(step, event=step.event.model_copy(update={"policy_digest": None}))
    assert is_of_another_policy(none, changeset) is True
    own = diverged(files(EMPTY), files(HEAD_REGISTRY, policy="require_reason: true\n"))
    assert is_of_another_policy(step, own) is False, "the branch's own copy is never read"


def ref(request_id: str, **changes: Any) -> RequestRef:
    """A request on pull request 7 of this repository."""
    named = {"repo": REPO, "pull": 7, "id": request_id, "login": "alice", "head_sha": TRAINED}
    return RequestRef.model_validate({**named, **changes})


def test_an_event_made_at_a_terminal_answers_no_request() -> None:
    head = promoted(EMPTY, TO_SHADOW, replace(TO_STAGING, source=Source.CLI))
    by_comment, at_a_terminal = pending(ahead(EMPTY, head)).own
    assert (request_id(by_comment), request_id(at_a_terminal)) == ("comment:1#1", "")


def test_a_request_is_answered_by_the_branchs_own_event() -> None:
    changeset = ahead(EMPTY, HEAD_REGISTRY)
    result = pending(changeset)
    assert answered(result, changeset, ref("comment:2#1")) is result.own[1]
    for other in ("comment:3#1", "comment:2#2", "run:2#1"):
        assert answered(result, changeset, ref(other)) is None


@pytest.mark.parametrize("changed", [{"repo": "acme/others"}, {"pull": 8}])
def test_an_event_of_another_place_answers_no_request_whatever_its_id(changed: dict[str, Any]) -> None:
    changeset = ahead(EMPTY, HEAD_REGISTRY)
    assert answered(pending(changeset), changeset, ref("comment:2#1", **changed)) is None


def test_a_request_is_answered_when_its_event_is_on_the_base_already() -> None:
    base = promoted(EMPTY, TO_SHADOW)
    changeset = ahead(base, base)
    step = answered(pending(changeset), changeset, ref("comment:1#1"))
    assert step is not None
    assert (step.model, step.event) == (MODEL, base.history[MODEL][0])


@pytest.mark.parametrize("moved", [True, False])
def test_in_the_split_layout_only_files_that_the_base_changed_since_are_read(moved: bool) -> None:
    start, later = promoted(EMPTY, OTHER_TO_SHADOW, asked=50), promoted(EMPTY, OTHER_TO_SHADOW, TO_SHADOW, asked=50)
    base, fork = files(later, split=True), files(start if moved else later, split=True)
    changeset = diverged(base, fork, fork=fork)
    result = pending(changeset)
    step = answered(result, changeset, ref("comment:52#1"))
    assert (step is not None) is moved
    assert answered(result, changeset, ref("comment:51#1")) is None, "that one stood there before the branch began"
