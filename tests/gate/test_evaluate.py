"""The gate as a property: what the product itself plans passes, and every lie about it is refused and named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promotebot.artifact.work_tree import WorkTree
from promotebot.findings import errors_in
from promotebot.gate.evaluate import evaluate_gate
from promotebot.promotion.policy import parse_policy
from promotebot.registry import Stage
from promotebot.registry.model import Action, Source
from tests.gate import lies
from tests.gate.lies import Lie
from tests.gate.sequences import LAX, MODEL, NEW, OTHER, Ends, Move, examine, sequences, started

GROWS = "is not the base's history["
LIES = [
    Lie("an own event dropped", lies.drop_own, "gate.replay", "does not match the model's events"),
    Lie("a merged event dropped", lies.drop_merged, "gate.replay", GROWS),
    Lie("own events reordered", lies.reorder_own, "history.order", "is older than the event below it"),
    Lie("own events reordered and dated anew", lies.reorder_own_and_date, "gate.plan", "from_stage is not what"),
    Lie("merged events reordered", lies.reorder_merged, "gate.replay", GROWS),
    Lie("a merged event's reason edited", lies.edit_merged("reason", "better"), "gate.replay", "reason changed"),
    Lie("a merged event's actor edited", lies.edit_merged("actor", "mallory"), "gate.replay", "actor changed"),
    Lie("a merged event's bytes edited", lies.edit_merged("pointer.digest", None), "gate.replay", "pointer changed"),
    Lie(
        "a merged event's policy edited",
        lies.edit_merged("policy_digest", None),
        "gate.replay",
        "policy_digest changed",
    ),
    Lie(
        "a merged event edited, chain left", lies.edit_merged("notes", "x", whole=False), "gate.replay", "notes changed"
    ),
    Lie(
        "an own event edited, chain left", lies.edit_without_sealing, "gate.replay", "does not match the model's events"
    ),
    *(
        Lie(f"an own event's {field} edited", lies.edit_own(field, value), rule, says)
        for field, value, rule, says in [
            ("action", "rollback", "gate.plan", "action is not what a promotion writes"),
            ("from_stage", None, "gate.plan", "from_stage is not what a promotion writes"),
            ("to_stage", "active", "gate.replay", "staging does not match the model's events"),
            ("actor", "mallory", "gate.plan", "pointer.actor is not what a promotion writes"),
            ("notes", "seen by the board", "gate.plan", "pointer.notes is not what a promotion writes"),
            ("source", None, "gate.plan", "source is not what a promotion writes"),
            ("registry_git_sha", "HEAD", "gate.plan", "registry_git_sha is not what a promotion writes"),
            ("policy_digest", "sha256:" + "0" * 64, "gate.policy", "was made under another policy"),
            ("policy_digest", LAX.digest, "gate.policy", "was made under another policy"),
            ("policy_digest", None, "gate.policy", "was made under another policy"),
            ("approved", True, "gate.plan", "approved is not what a promotion writes"),
            ("approved", None, "gate.plan", "approved is not what a promotion writes"),
            ("pointer.approved", None, "gate.plan", "pointer.approved is not what a promotion writes"),
            ("pointer.artifact_dir", "ml/artifacts/v1", "gate.plan", "pointer.digest"),
            ("pointer.actor", "mallory", "gate.plan", "pointer.actor is not what a promotion writes"),
            ("pointer.source", None, "gate.plan", "pointer.source is not what a promotion writes"),
            ("pointer.git_sha", "0" * 40, "manifest.git_sha", "the manifest says"),
            ("pointer.feature_order_hash", "0" * 16, "gate.plan", "pointer.feature_order_hash is not what"),
            ("pointer.manifest_digest", None, "gate.plan", "pointer.manifest_digest is not what"),
            ("pointer.manifest_digest", "sha256:" + "0" * 64, "manifest.changed", "was promoted with another manifest"),
            ("pointer.promoted_at_utc", "2020-01-01T00:00:00Z", "gate.plan", "pointer.promoted_at_utc is not what"),
        ]
    ),
    Lie("an event dated before its predecessor", lies.date_before, "history.order", "is older than the event below it"),
    Lie("an event dated in the future", lies.date_ahead, "history.clock", "the clock here says"),
    Lie("a pointer without an event", lies.point_by_hand, "gate.replay", "does not match the model's events"),
    Lie(
        "a pointer that says more than its event", lies.edit_pointer, "gate.replay", "does not match the model's events"
    ),
    Lie(
        "an event without a pointer",
        lies.event_alone,
        "gate.replay",
        "shadow does not match the model's events",
    ),
    Lie("a digest swapped", lies.swap_digest, "gate.plan", "pointer.digest is not what a promotion writes"),
    Lie("a digest swapped, by its bytes", lies.swap_digest, "artifact.pinned", "the directory now holds"),
    Lie("a chain of the head's own", lies.own_chain, "gate.replay", "history does not match the model's events"),
    Lie("a chain hashed anew from the middle", lies.rehash_from_the_middle, "gate.replay", "previous changed"),
    Lie("the chain taken off", lies.take_chain_off, "gate.replay", "previous changed"),
    Lie("another model's history touched", lies.touch_other, "gate.replay", "History only grows", OTHER),
    Lie(
        "another model's history cut",
        lies.cut_other,
        "gate.replay",
        "History holds 0 events, the base's holds",
        OTHER,
    ),
    Lie(
        "another model removed",
        lies.remove_other,
        "gate.replay",
        "The model was removed; a model may only be demoted",
        OTHER,
    ),
    Lie("an old registry put back", lies.put_back, "gate.replay", ", the base's holds"),
    Lie("an old registry built upon", lies.put_back_and_promote, "gate.replay", GROWS),
    Lie(
        "promoted by a lax policy",
        lies.promote_by_lax_policy,
        "active.prior_stage",
        "has never been in SHADOW or STAGING",
    ),
    Lie("promoted by a lax policy, the event", lies.promote_by_lax_policy, "gate.plan", "the rules refuse it"),
    Lie(
        "another manifest than stood in staging",
        lies.promote_another_manifest,
        "active.prior_stage",
        ") has never been in SHADOW or STAGING",
    ),
    Lie("a promotion told twice", lies.promote_twice, "gate.plan", "it changes nothing"),
    Lie("a request claimed at a terminal", lies.claim_a_request, "gate.plan", "request is not what a promotion writes"),
    Lie(
        "a request answered twice",
        lies.answer_twice,
        "gate.request",
        "was carried out twice, the second time for v3_staging",
    ),
    Lie("a request written into", lies.write_into_the_request, "gate.plan", "request is not what a promotion writes"),
    Lie("an event dated to the fraction", lies.date_finely, "gate.plan", "ts_utc is not what a promotion writes"),
    Lie("a demotion of something else", lies.demote_something_else, "gate.plan", "pointer."),
    Lie("a new model born ACTIVE", lies.born_active, "request.model", "Unknown model 'newcomer'", NEW),
    Lie(
        "the frame changed", lies.change_the_frame, "gate.replay", "changed; a promotion changes its own model only", ""
    ),
    Lie(
        "an entry's own key added",
        lies.change_the_entry,
        "gate.replay",
        "maintainer does not match the model's events",
    ),
    Lie("a description of another form", lies.describe_in_another_form, "gate.replay", "has another form than it may"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> WorkTree:
    """A repository that holds no dataset."""
    return WorkTree(tmp_path_factory.mktemp("empty"))


@pytest.mark.thorough
@settings(max_examples=25)
@given(data=st.data())
def test_a_legal_sequence_passes(files: WorkTree, data: st.DataObject) -> None:
    legal = data.draw(sequences(files))
    result = legal.judge(legal.head)
    assert result.passes, errors_in(result.findings)
    assert len(result.steps) == sum(legal.new(name) for name in legal.head)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: f"{lie.name} ({lie.rule})")
@settings(max_examples=3)
@given(data=st.data())
def test_every_lie_about_a_legal_sequence_is_refused_and_named(files: WorkTree, lie: Lie, data: st.DataObject) -> None:
    is_refused(lie, files, data)


def is_refused(lie: Lie, files: WorkTree, data: st.DataObject) -> None:
    legal = data.draw(sequences(files))
    result = errors_in(legal.judge(lie.told(legal, lambda many: data.draw(st.sampled_from(many)))).findings)
    named = [f for f in result if f.rule == lie.rule and lie.says in f.message]
    assert any(lie.model in f"{f.where} {f.message}" or f.where.startswith("ml/artifacts/") for f in named), result
    assert all(f.remedy for f in result)


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize(
    ("policy", "move"),
    [
        ("terminal: [staging]", Move(MODEL, Action.PROMOTE, Stage.SHADOW, "v3")),
        ("terminal: []", Move(MODEL, Action.DEMOTE, Stage.STAGING)),
        ("require_sha: true", Move(MODEL, Action.PROMOTE, Stage.ACTIVE, "v2")),
        ("separation: {approvals: 1}", Move(MODEL, Action.DEMOTE, Stage.ACTIVE)),
    ],
)
def test_an_event_made_at_a_terminal_is_refused_for_a_stage_that_takes_none(
    files: WorkTree, policy: str, move: Move, source: Source
) -> None:
    base = started()[0].registry
    desk = replace(started()[0], base=base)
    desk.must(replace(move, source=source))
    result = evaluate_gate(
        Ends(base, desk.registry, parse_policy(policy.encode()), files), examine=examine, now=desk.now
    )
    refused = {finding.rule for finding in errors_in(result.findings)}
    # The event was decided by another policy; that the rule refuses it, too, is what is tested.
    assert refused == {"gate.policy"} | ({"request.terminal", "gate.plan"} if source is Source.CLI else set())


@pytest.mark.exhaustive
@settings(max_examples=1000)
@given(data=st.data())
def test_many_legal_sequences_pass(files: WorkTree, data: st.DataObject) -> None:
    legal = data.draw(sequences(files))
    assert legal.judge(legal.head).passes


@pytest.mark.exhaustive
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: f"{lie.name} ({lie.rule})")
@settings(max_examples=100)
@given(data=st.data())
def test_every_lie_about_many_sequences_is_refused_and_named(files: WorkTree, lie: Lie, data: st.DataObject) -> None:
    is_refused(lie, files, data)
