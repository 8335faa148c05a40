"""Each event of a pull request is confirmed by GitHub or refused: every way in which it can be somebody else's word."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.findings import Finding, Severity
from promotebot.gate.pinned_commands import IntentCheck
from promotebot.gate.requests import confirm
from promotebot.github.ports import PullRequest, WorkflowRun
from promotebot.promotion.policy import Permission, Policy, parse_policy
from promotebot.promotion.replay import Step
from promotebot.promotion.request import CommandArguments
from promotebot.registry.model import Action, Event, Pointer, RequestRef, Source
from promotebot.registry.names import ArtifactPath, ModelName, Stage
from tests.fakes import HEAD, NOW, REPO, TRAINED, FakeGitHub, pull_request
from tests.pulls.promoted import EMPTY

MODEL = ModelName("regime")
POINTER = Pointer(
    artifact_dir=ArtifactPath("ml/artifacts/v1"), artifact_id="v1_prod", git_sha=TRAINED, dataset_id="data_1"
)
DEMOTED: dict[str, Any] = {"action": Action.DEMOTE, "from_stage": Stage.ACTIVE, "to_stage": None}


def step(request_id: str = "comment:1#1", request: dict[str, Any] | None = None, **changes: Any) -> Step:
    """alice's promotion of v1 to ACTIVE in pull request 7, through GitHub; `request` changes what it answers."""
    ref = {"repo": REPO, "pull": 7, "id": request_id, "login": "alice", "head_sha": HEAD, **(request or {})}
    values: dict[str, Any] = {
        "ts_utc": "2026-02-16T09:00:00Z",
        "action": Action.PROMOTE,
        "from_stage": Stage.SHADOW,
        "to_stage": Stage.ACTIVE,
        "pointer": POINTER,
        "actor": "alice",
        "source": Source.GITHUB,
        "reason": "A change",
        "request": RequestRef.model_validate(ref),
    }
    return Step(MODEL, Event(**{**values, **changes}), EMPTY)


@dataclass
class Case:
    """Pull request 7 by carol, on which alice (maintain) asked for ACTIVE in comment 1."""

    github: FakeGitHub = field(
        default_factory=lambda: FakeGitHub(
            roles={"alice": Permission.MAINTAIN, "carol": Permission.WRITE, "mallory": Permission.READ},
            pulls={7: pull_request(author="carol")},
        )
    )
    pull: PullRequest = field(default_factory=lambda: pull_request(author="carol"))
    policy: Policy = field(default_factory=Policy)
    intent: IntentCheck = lambda _step, _arguments: ""

    def confirmed(self, *steps: Step) -> list[Finding]:
        return confirm(steps, self.github, REPO, self.pull, self.policy, self.intent)

    def refused(self, event: Step, rule: str = "gate.request") -> str:
        """The one problem with an event."""
        [problem] = [result for result in self.confirmed(event) if result.severity is not Severity.PASS]
        assert (problem.rule, problem.severity) == (rule, Severity.ERROR)
        assert problem.remedy
        return problem.message

    def passes(self, event: Step) -> bool:
        result = self.confirmed(event)
        assert result, "zero checks are never a pass"
        return all(finding.severity is Severity.PASS for finding in result)


@pytest.fixture
def case() -> Case:
    made = Case()
    made.github.say(7, "alice", "/promote active")
    return made


PREFIX = "promote of v1_prod (regime ACTIVE): "


def test_what_was_asked_here_by_somebody_who_may_is_confirmed(case: Case) -> None:
    [result] = case.confirmed(step())
    assert (result.rule, result.severity) == ("gate.request", Severity.PASS)
    assert result.message == f"{PREFIX}asked by alice in this pull request"


def test_no_event_needs_nobody(case: Case) -> None:
    assert case.confirmed() == []
    assert case.github.calls == []


def test_an_event_that_names_no_request_is_not_githubs(case: Case) -> None:
    assert case.refused(replace_request(step(), None)) == (f"{PREFIX}it says it came from GitHub and names no request.")
    assert case.github.calls == [], "and then nobody is asked about permission"


def replace_request(made: Step, request: RequestRef | None) -> Step:
    return replace(made, event=made.event.model_copy(update={"request": request}))


@pytest.mark.parametrize(
    ("request_", "actor", "says"),
    [
        ({"repo": "acme/others"}, "alice", "its request is of alice in acme/others#7, not of alice in this"),
        ({"pull": 8}, "alice", "its request is of alice in acme/models#8, not of alice in this pull request"),
        ({"login": "mallory"}, "alice", "its request is of mallory in acme/models#7, not of alice in this"),
        ({}, "carol", "its request is of alice in acme/models#7, not of carol in this pull request"),
        ({}, None, "its request is of alice in acme/models#7, not of None in this pull request"),
    ],
)
def test_a_request_of_another_place_or_person_is_not_this_events(
    case: Case, request_: dict[str, Any], actor: str | None, says: str
) -> None:
    assert says in case.refused(step(request=request_, actor=actor))
    assert case.github.calls == []


@pytest.mark.parametrize(
    "request_id",
    [
        "comment:1",
        "comment:#1",
        "comment:1#",
        "comment:x#1",
        "comment:1#x",
        "1#1",
        "review:1#1",
        ":1#1",
        "comment:-1#1",
    ],
)
def test_a_request_id_that_no_door_makes_is_none(case: Case, request_id: str) -> None:
    assert case.refused(step(request_id)) == f"{PREFIX}its request {request_id!r} is none."


def test_a_comment_that_was_edited_afterwards_confirms_nothing(case: Case) -> None:
    case.github.edit(1, "/promote active")
    assert case.refused(step()) == f"{PREFIX}comment 1 was edited."


def test_a_comment_by_somebody_else_confirms_nothing(case: Case) -> None:
    case.github.say(7, "mallory", "/promote active")
    assert case.refused(step("comment:2#1")) == f"{PREFIX}comment 2 is by mallory on #7."


def test_a_comment_on_another_pull_request_confirms_nothing(case: Case) -> None:
    case.github.say(8, "alice", "/promote active")
    assert case.refused(step("comment:2#1")) == f"{PREFIX}comment 2 is by alice on #8."


def test_a_comment_that_is_gone_is_unknown_and_never_a_pass(case: Case) -> None:
    with pytest.raises(CouldNotVerify, match="read the comment again: 404"):
        case.confirmed(step("comment:9#1"))


@pytest.mark.parametrize("method", ["comment", "permission"])
def test_a_github_that_does_not_answer_confirms_nothing(case: Case, method: str) -> None:
    case.github.fail(method)
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        case.confirmed(step())


def test_only_the_line_that_the_request_names_is_read(case: Case) -> None:
    case.github.say(7, "alice", "Please\n/promote active\n/promote shadow")
    assert case.passes(step("comment:2#2"))
    for line in (1, 3, 4, 0):
        message = case.refused(step(f"comment:2#{line}"))
        assert message == f"{PREFIX}line {line} of comment 2 does not ask for it."


@pytest.mark.parametrize(
    "command",
    [
        "/promote active",
        "/promote active regime",
        "/promote active regime --artifact-dir ml/artifacts/v1 --artifact-id v1_prod --dataset-id data_1",
        f"/promote active --git-sha {TRAINED}",
        '/promote active --reason "A change"',
    ],
)
def test_a_command_that_says_no_other_than_the_event_confirms_it(case: Case, command: str) -> None:
    case.github.say(7, "alice", command)
    assert case.passes(step("comment:2#1"))


@pytest.mark.parametrize(
    "command",
    [
        "/promote staging",
        "/promote active risk",
        "/promote active --artifact-dir ml/artifacts/v2",
        "/promote active --artifact-id v2_prod",
        "/promote active --dataset-id data_2",
        f"/promote active --git-sha {'6' * 40}",
        '/promote active --reason "Another"',
        '/demote regime active --reason "A change"',
        '/rollback regime --reason "A change"',
        "/withdraw",
        "/why",
        "> /promote active",
        "/promote",
        "Looks good",
        "",
    ],
)
def test_a_command_that_asks_for_something_else_confirms_nothing(case: Case, command: str) -> None:
    case.github.say(7, "alice", command)
    assert case.refused(step("comment:2#1")) == f"{PREFIX}line 1 of comment 2 does not ask for it."


def test_a_promotion_of_bytes_that_were_active_may_have_become_a_rollback(case: Case) -> None:
    assert case.passes(step(action=Action.ROLLBACK))
    case.github.say(7, "alice", '/rollback regime --reason "A change"')
    assert case.passes(step("comment:2#1", action=Action.ROLLBACK))
    case.github.say(7, "alice", '/demote regime active --reason "A change"')
    assert not case.passes(step("comment:3#1", action=Action.ROLLBACK))


def test_a_demotion_is_of_the_stage_that_it_cleared(case: Case) -> None:
    case.github.say(7, "alice", '/demote regime active --reason "A change"')
    assert case.passes(step("comment:2#1", **DEMOTED))
    assert not case.passes(step("comment:2#1", **{**DEMOTED, "from_stage": Stage.STAGING}))
    assert not case.passes(step("comment:1#1", **DEMOTED)), "to promote is not to demote"


def test_what_speaks_against_a_commands_intent_refuses_its_event(case: Case) -> None:
    asked: list[tuple[Step, CommandArguments]] = []

    def intent(event: Step, arguments: CommandArguments) -> str:
        asked.append((event, arguments))
        return "on ccccccc the command means another artifact_dir"

    case.intent = intent
    event = step()
    assert case.refused(event) == f"{PREFIX}on ccccccc the command means another artifact_dir."
    assert asked == [(event, CommandArguments(Stage.ACTIVE))]


def run(case: Case, actor: str = "alice", event: str = "pull_request_target") -> Step:
    case.github.runs[42] = WorkflowRun(actor, event)
    return step("run:42#1")


@pytest.mark.parametrize("label", ["promote:active", "promote:regime:active"])
def test_a_label_that_they_put_on_themselves_confirms_an_event(case: Case, label: str) -> None:
    case.github.put_label(7, label, by="alice")
    assert case.passes(run(case))


def test_a_label_that_was_taken_off_again_was_put_on_all_the_same(case: Case) -> None:
    case.github.put_label(7, "promote:active", by="alice")
    case.github.remove_label(7, "promote:active")
    assert case.passes(run(case))


@pytest.mark.parametrize(
    ("label", "by"),
    [
        ("promote:active", "mallory"),
        ("promote:staging", "alice"),
        ("promote:risk:active", "alice"),
        ("bug", "alice"),
    ],
)
def test_a_label_of_other_people_or_for_something_else_confirms_nothing(case: Case, label: str, by: str) -> None:
    case.github.put_label(7, label, by=by)
    assert case.refused(run(case)) == f"{PREFIX}alice put no label on it that asks for it."


def test_without_any_label_a_labels_run_confirms_nothing(case: Case) -> None:
    assert case.refused(run(case)) == f"{PREFIX}alice put no label on it that asks for it."


def test_a_run_that_somebody_else_started_confirms_nothing(case: Case) -> None:
    case.github.put_label(7, "promote:active", by="alice")
    assert case.refused(run(case, actor="mallory")) == f"{PREFIX}run 42 was started by mallory."


@pytest.mark.parametrize("event", ["push", "pull_request", "schedule", "issue_comment", "repository_dispatch"])
def test_a_run_of_an_event_that_asks_for_nothing_confirms_nothing(case: Case, event: str) -> None:
    case.github.put_label(7, "promote:active", by="alice")
    assert case.refused(run(case, event=event)) == f"{PREFIX}run 42 was started by {event}, which asks for nothing."


def test_a_job_started_by_hand_confirms_only_in_the_pull_request_it_opened(case: Case) -> None:
    by_hand = run(case, event="workflow_dispatch")
    for branch in ("promote/regime/active/41", "promote/regime/active/142", "42", "change"):
        case.pull = replace(case.pull, head_ref=branch)
        assert case.refused(by_hand) == f"{PREFIX}run 42 did not open this pull request."
    case.pull = replace(case.pull, head_ref="promote/regime/active/42")
    assert case.passes(by_hand)


@pytest.mark.parametrize("method", ["run", "labelings"])
def test_a_run_that_github_does_not_tell_of_confirms_nothing(case: Case, method: str) -> None:
    event = run(case)
    case.github.fail(method)
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        case.confirmed(event)


def test_a_run_that_is_gone_is_unknown(case: Case) -> None:
    with pytest.raises(CouldNotVerify, match="read run 43: 404"):
        case.confirmed(step("run:43#1"))


def test_whoever_lost_the_permission_since_does_not_pass(case: Case) -> None:
    case.github.roles["alice"] = Permission.WRITE
    message = case.refused(step(), "gate.permission")
    assert message == f"{PREFIX}alice has write permission; maintain is needed."
    rules = [result.rule for result in case.confirmed(step())]
    assert rules == ["gate.request", "gate.permission"]


def test_the_permission_is_that_of_the_stage_by_the_policy_of_the_base(case: Case) -> None:
    case.github.roles["alice"] = Permission.WRITE
    case.github.say(7, "alice", "/promote staging")
    assert case.passes(step("comment:2#1", to_stage=Stage.STAGING))
    case.policy = parse_policy(b"stages: {staging: {permission: admin}, active: {permission: read}}")
    assert not case.passes(step("comment:2#1", to_stage=Stage.STAGING))
    assert case.passes(step())


@pytest.mark.parametrize("held", Permission)
def test_an_event_made_at_a_terminal_is_judged_by_who_opened_the_pull_request(case: Case, held: Permission) -> None:
    case.github.roles["carol"] = held
    at_a_terminal = step(source=Source.CLI, actor="alice@example.com")
    result = case.confirmed(replace_request(at_a_terminal, None))
    assert result[0].message == (f"{PREFIX}its actor alice@example.com is what the branch says; carol opened this")
    assert case.github.calls == ["permission"], "no comment and no run is asked for"
    refused = [finding.message for finding in result if finding.rule == "gate.permission"]
    if held >= Permission.MAINTAIN:
        assert refused == []
    else:
        assert refused == [f"{PREFIX}carol has {held.name.lower()} permission; maintain is needed."]


@pytest.mark.parametrize("source", [Source.CLI, None])
def test_an_event_that_does_not_say_github_speaks_for_the_author_whatever_request_it_names(
    case: Case, source: Source | None
) -> None:
    case.github.roles = {"alice": Permission.ADMIN, "carol": Permission.NONE}
    assert case.refused(step(source=source), "gate.permission") == (
        f"{PREFIX}carol has none permission; maintain is needed."
    )


def test_an_actor_that_nobody_names_is_called_nobody(case: Case) -> None:
    [remark, *_] = case.confirmed(step(source=Source.CLI, actor=None))
    assert "its actor nobody is what the branch says" in remark.message


def test_an_event_without_a_stage_is_judged_as_the_highest(case: Case) -> None:
    odd = step(source=Source.CLI, to_stage=None)
    message = case.refused(odd, "gate.permission")
    assert message == "promote of v1_prod (regime ?): carol has write permission; maintain is needed."


def test_each_event_is_confirmed_for_itself(case: Case) -> None:
    case.github.edit(1, "/promote active")
    case.github.say(7, "alice", "/promote active")
    result = case.confirmed(step("comment:1#1"), step("comment:2#1"))
    assert [finding.severity for finding in result] == [Severity.ERROR, Severity.PASS]


def test_a_moment_that_differs_is_an_edit_whatever_the_words(case: Case) -> None:
    case.github.comments[1] = replace(case.github.comments[1], updated_at=NOW.replace(second=1))
    assert case.refused(step()) == f"{PREFIX}comment 1 was edited."
