"""`/help`: by the live policy and registry, what works here first, and every line runs as it is pasted."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from promotebot.comments.comment import CommentContext
from promotebot.comments.help import HelpFacts, commands, render_help
from promotebot.promotion.commands import Command, InvalidCommand, parse_comment
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.standing import freezes_in_force
from promotebot.registry.names import ModelName
from tests.pulls.promoted import EMPTY, KNOWN, TO_SHADOW, promoted

CONTEXT = CommentContext("acme/models", "https://github.example", "1" * 40, "alice", "https://x", "main", None)
NOW = datetime(2026, 2, 16, 9, tzinfo=timezone.utc)
POLICY = parse_policy(
    b"stages: {active: {permission: admin}, staging: {soak: {minimum: 3d, required: true}}}\n"
    b"separation: {approvals: 2}\nrequire_reason: true\n"
    b"freezes: [{start: 2026-02-16T00:00, end: 2026-02-18T00:00, reason: 'expiry <b>week</b>'}]\n"
)
FACTS = HelpFacts(
    "main", KNOWN, POLICY, freezes_in_force(POLICY, NOW), next_lines=["/promote shadow m"], model=ModelName("m")
)


def body(facts: HelpFacts) -> str:
    return render_help(facts, CONTEXT).body


def test_what_can_be_done_here_comes_first_and_the_whole_list_is_folded() -> None:
    shown = body(replace(FACTS, next_lines=["/promote staging m", "/promote active m"]))
    assert shown.index("```text\n/promote staging m\n```") < shown.index("Or: `/promote active m`.")
    assert (
        shown.index("Or: ")
        < shown.index("| stage | who may request |")
        < shown.index("<summary>Every command</summary>")
    )
    assert "Merging into `main` is the approval." in shown


@pytest.mark.parametrize("is_pull", [True, False])
@pytest.mark.parametrize("model", [ModelName("m"), None])
def test_every_line_of_the_list_is_a_command_without_placeholders(is_pull: bool, model: ModelName | None) -> None:
    facts = replace(FACTS, is_pull=is_pull, model=model)
    kinds: set[type[Command]] = set()
    for line, _ in commands(facts):
        [parsed] = parse_comment(line)
        assert not isinstance(parsed, InvalidCommand), line
        assert not re.search(r"[<>…]|[A-Z]{3}", line), line
        assert f"`{line}`" in body(facts)
        kinds.add(type(parsed))
    assert len(kinds) == (9 if is_pull else 5) - (1 if is_pull else 2) * (model is None)


def test_the_policy_says_who_may_what_is_asked_for_and_what_is_frozen() -> None:
    rows = {row.split(" | ")[0].strip("| "): row for row in body(FACTS).splitlines() if row.startswith("| ")}
    assert "role write or higher" in rows["SHADOW"]
    assert "role admin |" in rows["ACTIVE"]
    assert "at least 3 d in STAGING, if it was there (required)" in rows["ACTIVE"]
    assert "a reason" in rows["ACTIVE"]
    assert (
        "2 approvals of the exact head, by others than the requester, the author and the last pusher" in rows["ACTIVE"]
    )
    assert "at least 7 d in SHADOW, if it was there (recommended)" in rows["STAGING"]
    assert "🧊 **Frozen:** ACTIVE until 2026-02-18 00:00 UTC" in body(FACTS)
    assert "<b>" not in body(FACTS)


def test_a_stage_that_needs_a_signature_says_so() -> None:
    signer = {"identity": "ci@example.com", "issuer": "https://accounts.example.com"}
    policy = Policy.model_validate({"signatures": {"identities": [signer], "required": ["active"]}})
    rows = [row for row in body(replace(FACTS, policy=policy)).splitlines() if "a signature by one of" in row]
    assert [row.split(" | ")[0].strip("| ") for row in rows] == ["ACTIVE"]


def test_the_models_are_shown_with_what_each_stage_holds() -> None:
    assert "| `regime` | `v1_shadow` | — | — |" in body(replace(FACTS, registry=promoted(EMPTY, TO_SHADOW)))
    assert "The registry holds no model yet." in body(replace(FACTS, registry=EMPTY))
    assert "has no registry yet" in body(replace(FACTS, registry=None))


def test_a_policy_that_does_not_read_is_said_and_the_commands_are_shown_all_the_same() -> None:
    shown = body(HelpFacts("main", None, None, problem=".github/promotion.yml: soak: unknown key"))
    assert "is not valid, so nothing can be promoted" in shown
    assert "unknown key" in shown
    assert "`/status`" in shown
    assert "who may request" not in shown


def test_on_an_issue_only_what_works_there_is_offered() -> None:
    shown = body(replace(FACTS, is_pull=False, next_lines=()))
    assert "On an issue you can use `/status`" in shown
    assert "/promote" not in shown
    assert "`/rollback m --reason" in shown


def test_what_the_pull_request_promotes_already_is_named_with_what_can_be_asked_about_it() -> None:
    from promotebot.promotion.replay import Replayed, replay

    replayed = replay(EMPTY, promoted(EMPTY, TO_SHADOW))
    assert isinstance(replayed, Replayed)
    shown = body(replace(FACTS, carried=replayed.steps))
    assert shown.index("This pull request promotes `regime`") < shown.index("`/withdraw` withdraws the promotion")
