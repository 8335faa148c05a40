"""Who stands behind each event of a pull request: every way in which it can be somebody else's word."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.findings import Finding, Severity
from promotebot.gate.attestation import attest, attestation_context, revoke
from promotebot.gate.requests import RequestCheck
from promotebot.github.ports import PullRequest
from promotebot.promotion.policy import Policy
from promotebot.promotion.replay import Step
from promotebot.promotion.sections import Permission
from promotebot.registry.model import Action, Event, Pointer, RequestRef, Source
from promotebot.registry.names import ArtifactPath, Digest, ModelName, Stage
from tests.fakes import (
    BASE,
    BOT,
    FORK,
    HEAD,
    REPO,
    TRAINED,
    FakeGitHub,
    diverged,
    job_context,
    pull_request,
    pull_snapshot,
    push,
)
from tests.pulls.promoted import EMPTY, files

MODEL = ModelName("regime")
POINTER = Pointer(
    artifact_dir=ArtifactPath("ml/artifacts/v1"), artifact_id="v1_prod", git_sha=TRAINED, dataset_id="data_1"
)
OURS, OTHER = (Digest("sha256:" + digit * 64) for digit in ("1", "2"))
SUBJECT = "promotion of v1_prod (regime ACTIVE): "
OLDER = "d" * 40


def step(request: dict[str, Any] | None = None, *, digest: Digest = OURS, **changes: Any) -> Step:
    """alice's promotion of v1 to ACTIVE in pull request 7, through GitHub; `request` changes what it answers."""
    ref = {"repo": REPO, "pull": 7, "id": "comment:1#1", "login": "alice", "head_sha": HEAD, **(request or {})}
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
    return Step(MODEL, Event(**{**values, **changes}), EMPTY, digest)


def at_a_terminal(**changes: Any) -> Step:
    return _without_request(step(source=Source.CLI, **changes))


def _without_request(made: Step) -> Step:
    return replace(made, event=made.event.model_copy(update={"request": None}))


@dataclass
class Case:
    """Pull request 7 by bob (maintain), pushed by bob."""

    github: FakeGitHub = field(
        default_factory=lambda: FakeGitHub(
            roles={
                "alice": Permission.MAINTAIN,
                "bob": Permission.MAINTAIN,
                "carol": Permission.WRITE,
                "mallory": Permission.READ,
            },
            pulls={7: pull_request(author="bob")},
            pushed={"change": [push(HEAD, "bob", creates=True)]},
        )
    )
    pull: PullRequest = field(default_factory=lambda: pull_request(author="bob"))
    decided: frozenset[Digest] = frozenset()
    bot: str = BOT
    policy: str = ""

    def findings(self, *steps: Step) -> list[Finding]:
        ends = files(EMPTY, policy=self.policy)
        snapshot = pull_snapshot(diverged(ends, ends), self.pull, trusted=Policy())
        job = job_context(self.github, bot_login=self.bot)
        return RequestCheck(snapshot, snapshot.changeset, job, self.decided).findings(steps)

    def refused(self, made: Step, rule: str = "gate.attestation") -> str:
        """The one problem with an event."""
        [problem] = [result for result in self.findings(made) if result.severity is not Severity.PASS]
        assert (problem.rule, problem.severity) == (rule, Severity.ERROR)
        assert problem.remedy
        return problem.message

    def passes(self, *steps: Step) -> bool:
        result = self.findings(*steps)
        assert result, "zero checks are never a pass"
        return all(finding.severity is Severity.PASS for finding in result)


@pytest.fixture
def case() -> Case:
    """The bot decided the event of `step()`."""
    made = Case()
    attest([step()], made.github, "")
    made.github.calls.clear()
    return made


def test_what_the_bot_decided_for_this_pull_request_stands(case: Case) -> None:
    [result] = case.findings(step())
    assert (result.rule, result.severity) == ("gate.attestation", Severity.PASS)
    assert result.message == f"{SUBJECT}requested by alice, decided by promotebot"


def test_no_event_needs_nobody(case: Case) -> None:
    assert case.findings() == []
    assert case.github.calls == []


def test_an_attestation_says_what_it_is_about_and_names_the_event(case: Case) -> None:
    [posted] = case.github.posted
    assert posted.sha == HEAD
    assert posted.status.context == f"promotebot/event/{'1' * 64}" == attestation_context(OURS)
    assert (posted.status.state, posted.status.description) == ("success", "#7 comment:1#1 regime → ACTIVE")


def test_an_event_that_the_bot_did_not_decide_is_refused(case: Case) -> None:
    assert case.refused(step(digest=OTHER)) == f"{SUBJECT}promotebot did not decide it."


def test_what_the_bot_took_back_stands_no_longer(case: Case) -> None:
    revoke([step()], case.github, "", why="withdrawn")
    assert case.refused(step()) == f"{SUBJECT}promotebot withdrew it (#7 comment:1#1 withdrawn)."


def test_a_revocation_stands_where_the_attestation_did_and_says_why(case: Case) -> None:
    revoke([step(), at_a_terminal()], case.github, "", why="withdrawn")
    attested, revoked = case.github.posted
    assert (revoked.sha, revoked.status.context) == (attested.sha, attested.status.context)
    assert (revoked.status.state, revoked.status.description) == ("failure", "#7 comment:1#1 withdrawn")


def test_what_is_attested_again_stands_again(case: Case) -> None:
    revoke([step()], case.github, "", why="withdrawn")
    attest([step()], case.github, "")
    assert case.passes(step())


@pytest.mark.parametrize("by", ["carol", "alice", "bob", "ghost", "other-app[bot]", "github-actions"])
def test_an_attestation_by_anybody_else_counts_for_nothing(case: Case, by: str) -> None:
    case.github.post(HEAD, attestation_context(OURS), "success", by=by)
    assert case.refused(step()) == f"{SUBJECT}its status was set by {by}, not by {BOT}."


@pytest.mark.parametrize("state", ["failure", "pending", "error"])
def test_only_success_attests(case: Case, state: str) -> None:
    case.github.post(HEAD, attestation_context(OURS), state)
    assert "promotebot withdrew it" in case.refused(step())


def test_an_app_of_ones_own_is_the_one_that_attests(case: Case) -> None:
    case.bot = "promoter[bot]"
    assert "not by promoter[bot]" in case.refused(step())
    said = case.github.posted[-1].status.description
    case.github.post(HEAD, attestation_context(OURS), "success", by="promoter[bot]", description=said)
    assert case.passes(step())


def test_what_the_bot_decided_for_one_model_is_decided_for_no_other(case: Case) -> None:
    """The event is the same to the byte, and its digest, too: no event names its model."""
    other = replace(step(), model=ModelName("risk"))
    said = "promotebot decided it for something else (#7 comment:1#1 regime → ACTIVE)"
    assert said in " ".join(finding.message for finding in case.findings(other))


@pytest.mark.parametrize("name", ["a_copy", "z_copy"])
def test_a_copy_below_another_model_is_refused_beside_the_event_itself_too(case: Case, name: str) -> None:
    """One context stands for both, whichever of the two models comes first."""
    steps = sorted([step(), replace(step(), model=ModelName(name))], key=lambda one: one.model)
    wrong = [finding.message for finding in case.findings(*steps) if finding.severity is not Severity.PASS]
    assert len(wrong) == 1
    assert f"({name} ACTIVE): promotebot decided it for something else" in wrong[0]


def test_what_was_decided_for_one_base_is_decided_for_no_other(case: Case) -> None:
    case.pull = pull_request(author="bob", base_ref="sandbox")
    assert "promotebot did not decide it" in " ".join(finding.message for finding in case.findings(step()))
    attest([step()], case.github, "sandbox")
    assert case.github.posted[-1].status.context == f"{attestation_context(OURS)} (sandbox)"
    assert {f.rule for f in case.findings(step()) if f.severity is not Severity.PASS} == {"gate.base_ref"}


def test_an_attestation_on_another_commit_counts_for_nothing(case: Case) -> None:
    assert "did not decide it" in case.refused(step({"head_sha": OLDER}))


@pytest.mark.parametrize(
    ("request_", "actor", "says"),
    [
        (
            {"repo": "acme/others"},
            "alice",
            "its request was made by alice in acme/others#7, not by alice in acme/models#7.",
        ),
        ({"pull": 8}, "alice", "its request was made by alice in acme/models#8, not by alice in acme/models#7."),
        (
            {"login": "mallory"},
            "alice",
            "its request was made by mallory in acme/models#7, not by alice in acme/models#7.",
        ),
        ({}, "carol", "its request was made by alice in acme/models#7, not by carol in acme/models#7."),
        ({}, None, "its request was made by alice in acme/models#7, not by None in acme/models#7."),
    ],
)
def test_a_request_of_another_place_or_person_is_not_this_events(
    case: Case, request_: dict[str, Any], actor: str | None, says: str
) -> None:
    attest([step(request_, actor=actor)], case.github, "")
    assert says in case.refused(step(request_, actor=actor))


def test_an_event_that_names_no_request_is_not_githubs(case: Case) -> None:
    assert case.refused(_without_request(step())) == f"{SUBJECT}it claims to come from GitHub, but names no request."


def test_what_this_very_job_decided_is_not_asked_about_again(case: Case) -> None:
    case.decided = frozenset({OTHER})
    assert [(one.rule, one.severity) for one in case.findings(step(digest=OTHER))] == [
        ("gate.attestation", Severity.PASS)
    ]
    assert case.github.calls == ["permission"]  # who asked may have lost the role meanwhile
    assert case.refused(step(digest=Digest("sha256:" + "3" * 64))).endswith("promotebot did not decide it.")


def test_all_events_of_one_head_are_asked_for_together(case: Case) -> None:
    attest([step(digest=OTHER)], case.github, "")
    case.github.calls.clear()
    assert case.passes(step(), step(digest=OTHER))
    assert case.github.calls.count("statuses") == 1


@pytest.mark.parametrize("method", ["statuses", "permission"])
def test_a_github_that_does_not_answer_confirms_nothing(case: Case, method: str) -> None:
    case.github.fail(method)
    with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
        case.findings(step())


def test_who_asked_must_still_be_allowed_to(case: Case) -> None:
    case.github.roles["alice"] = Permission.WRITE
    problem = case.refused(step(), "gate.permission")
    assert problem == f"{SUBJECT}alice has write permission; promoting to ACTIVE needs maintain."


# What was made at a terminal


def test_an_author_who_may_and_pushed_alone_answers_for_the_branch(case: Case) -> None:
    [result] = case.findings(at_a_terminal())
    assert (result.rule, result.severity) == ("gate.request", Severity.PASS)
    assert "made at a terminal, as the branch says by alice; opened by bob" in result.message


def test_everybody_who_pushed_must_hold_the_permission(case: Case) -> None:
    case.github.pushed["change"] = [push(OLDER, "carol", creates=True), push(HEAD, "bob")]
    assert case.refused(at_a_terminal(), "gate.permission").startswith(f"{SUBJECT}carol has write permission")
    assert case.passes(at_a_terminal(from_stage=None, to_stage=Stage.SHADOW)), "carol may do that"


def test_the_others_who_pushed_are_named(case: Case) -> None:
    case.github.pushed["change"] = [push(OLDER, "alice", creates=True), push(HEAD, "bob"), push(HEAD, "alice")]
    case.github.roles["dave"] = Permission.ADMIN
    case.github.pushed["change"].insert(1, push(OLDER, "dave"))
    [result] = case.findings(at_a_terminal(actor=None))
    assert result.message.endswith(
        "made at a terminal, as the branch says by nobody; opened by bob, pushed by alice, dave, too"
    )
    case.github.pushed["change"] = [push(HEAD, "bob", creates=True)]
    [result] = case.findings(at_a_terminal())
    assert result.message.endswith("as the branch says by alice; opened by bob")


def test_an_author_who_may_not_is_refused_though_others_pushed(case: Case) -> None:
    case.pull = pull_request(author="mallory")
    assert case.refused(at_a_terminal(), "gate.permission").startswith(f"{SUBJECT}mallory has read permission")


def test_who_pushed_before_the_branch_left_the_base_is_not_asked(case: Case) -> None:
    case.github.pushed["change"] = [push(FORK, "carol", creates=True), push(BASE, "carol"), push(HEAD, "bob")]
    assert case.passes(at_a_terminal())


def test_a_push_that_was_forced_away_counts_all_the_same(case: Case) -> None:
    case.github.pushed["change"] = [push(BASE, "bob", creates=True), push(OLDER, "carol"), push(HEAD, "bob")]
    assert "carol has write permission" in case.refused(at_a_terminal(), "gate.permission")


def test_the_bots_own_pushes_are_nobodys(case: Case) -> None:
    case.github.pushed["change"] += [push(HEAD, BOT)]
    assert case.passes(at_a_terminal())


def test_another_apps_push_has_nobody_who_could_be_asked(case: Case) -> None:
    case.github.pushed["change"] = [push(OLDER, "helper[bot]", creates=True), push(HEAD, "bob")]
    assert case.refused(at_a_terminal(), "gate.permission") == (
        "helper[bot], an App, pushed to change, and GitHub does not say for whom."
    )


@pytest.mark.parametrize("pushes", [[], [push(OLDER, "bob", creates=True)], [push(HEAD, "bob")]])
def test_a_list_that_does_not_lead_from_this_head_to_the_branchs_beginning_shows_nobody(
    case: Case, pushes: list[Any]
) -> None:
    case.github.pushed["change"] = pushes
    assert "does not list everybody who pushed to change" in case.refused(at_a_terminal(), "gate.permission")


def test_a_fork_hides_who_pushed_to_it(case: Case) -> None:
    case.pull = pull_request(author="bob", is_fork=True)
    rules = {finding.rule for finding in case.findings(at_a_terminal()) if finding.severity is Severity.ERROR}
    assert rules == {"gate.fork", "gate.permission"}


# Where the door refuses every request, the gate refuses every event


@pytest.mark.parametrize(
    ("pull", "rule"),
    [({"is_fork": True}, "gate.fork"), ({"draft": True}, "gate.draft"), ({"base_ref": "side"}, "gate.base_ref")],
)
def test_a_pull_request_that_may_carry_no_promotion_is_refused_with_one(
    case: Case, pull: dict[str, Any], rule: str
) -> None:
    case.pull = pull_request(author="bob", **pull)
    attest([step()], case.github, pull.get("base_ref", ""))
    assert case.refused(step(), rule)
    assert case.findings() == [], "without one, nothing speaks against it"


@pytest.mark.parametrize(
    ("pull", "says"),
    [
        ({"state": "closed"}, "The pull request is closed."),
        ({"state": "closed", "merged": True}, "The pull request is merged."),
        ({"merged": True}, "The pull request is merged."),
    ],
)
def test_a_pull_request_that_is_not_open_takes_no_event(case: Case, pull: dict[str, Any], says: str) -> None:
    case.pull = pull_request(author="bob", **pull)
    assert case.refused(step(), "gate.request") == says
