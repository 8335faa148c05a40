"""Where an event came from: which pull request brought it, and whether the gate was green on what was merged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from promotebot.errors import CouldNotVerify
from promotebot.gate.attestation import attest, revoke
from promotebot.gate.origin import Origin, origin_of
from promotebot.github.checks import GATE
from promotebot.promotion.replay import Replayed, Step, replay
from promotebot.pulls.mainline import Mainline
from promotebot.registry.codec import stored_json
from promotebot.registry.model import Action, Source
from promotebot.registry.names import GitSha, Stage
from promotebot.registry.registry import DEFAULT_PATH, ModelRegistry
from tests.fakes import BASE, BOT, FORK, HEAD, NOW, Commit, FakeGitHub, FakeRepository, job_context, pull_request
from tests.gate.sequences import MODEL, Desk, Move, started

NUMBER = 7
MERGED = pull_request(NUMBER, state="closed", merged=True, merged_at=NOW)


def an_event(source: Source = Source.GITHUB) -> tuple[Step, Desk]:
    """A promotion to shadow on top of a registry with some history, asked for in pull request 7."""
    desk = replace(started()[0], pull=NUMBER)
    before = desk.registry
    desk.must(Move(MODEL, Action.PROMOTE, Stage.SHADOW, "fresh", source))
    replayed = replay(before, desk.registry)
    assert isinstance(replayed, Replayed)
    return replayed.steps[0], desk


def origin(step: Step, desk: Desk, github: FakeGitHub, *, head: bytes | None = None, **changes: Any) -> Origin:
    """The answer for an event that came to main with one commit, BASE."""
    files = {DEFAULT_PATH: desk.registry.to_bytes()}
    before = {DEFAULT_PATH: step.before.to_bytes()}
    commits: dict[str, Commit] = {
        FORK: Commit(files=before),
        HEAD: Commit((FORK,), files if head is None else {DEFAULT_PATH: head}),
        BASE: Commit((FORK,), files),
    }
    mainline = Mainline(FakeRepository(commits), "main", BASE, DEFAULT_PATH)
    return origin_of(step, mainline, job_context(github, **changes))


def green(step: Step, **changes: Any) -> FakeGitHub:
    """GitHub after a green pull request with the event was merged."""
    github = FakeGitHub(pulls={NUMBER: replace(MERGED, **changes)})
    attest([step], github, "")
    github.post(HEAD, GATE, "success")
    return github


def test_a_green_merge_is_let_through_and_named() -> None:
    step, desk = an_event()
    assert origin(step, desk, green(step)) == Origin(step, BASE, MERGED)


def test_an_event_made_at_a_terminal_is_found_by_the_commit_that_brought_it() -> None:
    step, desk = an_event(Source.CLI)
    github = green(step)
    assert origin(step, desk, github) == Origin(step, BASE, None, "no pull request contained it")
    github.brought[BASE] = [NUMBER]
    assert origin(step, desk, github) == Origin(step, BASE, MERGED)


def test_of_several_pull_requests_with_the_commit_a_green_one_counts() -> None:
    step, desk = an_event(Source.CLI)
    github = green(step)
    github.pulls[8] = pull_request(8, state="closed", merged=True, merged_at=NOW, head_sha=FORK)
    github.brought[BASE] = [8, NUMBER]
    assert origin(step, desk, github) == Origin(step, BASE, MERGED)
    github.brought[BASE] = [8]
    assert origin(step, desk, github).problem == "#8 was merged without it"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"merged": False, "state": "open"}, "#7 was not merged into main"),
        ({"merged": False}, "#7 was not merged into main"),
        ({"base_ref": "release"}, "#7 was not merged into main"),
        ({"head_sha": FORK}, "#7 was merged without it"),
    ],
)
def test_a_pull_request_that_did_not_bring_it_here_does_not_count(changes: dict[str, Any], problem: str) -> None:
    step, desk = an_event()
    assert origin(step, desk, green(step, **changes)).problem == problem


@pytest.mark.parametrize("state", ["failure", "pending", "error"])
def test_only_success_is_green(state: str) -> None:
    step, desk = an_event()
    github = green(step)
    github.post(HEAD, GATE, state)
    assert origin(step, desk, github).problem == f"#7 was merged while promotebot/gate was {state} on ccccccc"


@pytest.mark.parametrize(("state", "others"), [("success", "failure"), ("failure", "success")])
def test_the_bots_own_newest_verdict_counts_whatever_anybody_else_posts(state: str, others: str) -> None:
    step, desk = an_event()
    github = green(step)
    github.post(HEAD, GATE, state)
    github.post(HEAD, GATE, others, by="carol")
    assert (origin(step, desk, github).problem == "") == (state == "success")


@pytest.mark.parametrize(("before", "after"), [("success", "failure"), ("failure", "success")])
def test_a_verdict_that_came_after_the_merge_changes_nothing_about_it(before: str, after: str) -> None:
    step, desk = an_event()
    github = green(step)
    github.post(HEAD, GATE, before)
    github.post(HEAD, GATE, after, at=NOW + timedelta(seconds=1))
    assert (origin(step, desk, github).problem == "") == (before == "success")


def test_a_head_that_the_gate_never_judged_is_not_green() -> None:
    step, desk = an_event()
    github = green(step)
    github.posted[:] = [posted for posted in github.posted if posted.status.context != GATE]
    assert origin(step, desk, github).problem.startswith(f"{BOT} never set promotebot/gate on ccccccc")


def test_an_event_that_the_bot_did_not_decide_is_believed_no_pull_request() -> None:
    step, desk = an_event()
    github = FakeGitHub()  # it names one that does not exist
    assert origin(step, desk, github) == Origin(step, BASE, None, "promotebot did not decide it")
    taken_back = green(step)
    revoke([step], taken_back, "", why="withdrawn")
    assert origin(step, desk, taken_back).problem == "promotebot withdrew it (#7 comment:7#1 withdrawn)"


def test_a_request_of_another_repository_stands_for_nothing_here() -> None:
    step, desk = an_event()
    found = origin(step, desk, green(step), repository="acme/others")
    assert found.problem == "it claims to come from GitHub, but names no request of this repository"


@pytest.mark.parametrize("head", [b"{", stored_json({"schema_version": "v1", "models": {MODEL: 3}})])
def test_a_head_that_does_not_read_holds_no_event(head: bytes) -> None:
    step, desk = an_event()
    assert origin(step, desk, green(step), head=head).problem == "#7 was merged without it"


@pytest.mark.parametrize("method", ["statuses", "pull"])
def test_a_github_that_does_not_answer_lets_nothing_through(method: str) -> None:
    step, desk = an_event()
    with pytest.raises(CouldNotVerify):
        origin(step, desk, green(step).fail(method))


def test_the_commit_that_brought_an_event_is_the_oldest_in_a_row_that_has_it() -> None:
    step, desk = an_event()
    without, with_it = ({DEFAULT_PATH: registry.to_bytes()} for registry in (step.before, desk.registry))
    other = {**ModelRegistry.parse(desk.registry.to_bytes()).document, "remark": "another key"}
    shas = [GitSha(f"{number:040x}") for number in range(5)]
    states = [without, with_it, {DEFAULT_PATH: b"{"}, with_it, {DEFAULT_PATH: stored_json(other)}]
    commits: dict[str, Commit] = {
        sha: Commit((shas[index - 1],) if index else (), files)
        for index, (sha, files) in enumerate(zip(shas, states, strict=True))
    }
    line = Mainline(FakeRepository(commits), "main", shas[4], DEFAULT_PATH)
    assert line.commit_that_brought(step) == shas[3], "what does not read has no event"
    assert Mainline(line.repository, "main", shas[0], DEFAULT_PATH).commit_that_brought(step) is None
