"""Whatever comes to a branch in whatever way, and whenever jobs run: each event is announced once, if green."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from promotebot.action.announce import FINAL
from promotebot.action.merged import announce_branch
from promotebot.action.result import Outcome
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.limits import Limits
from promotebot.artifact.source import FileSource
from promotebot.errors import CouldNotVerify
from promotebot.gate.attestation import attest
from promotebot.github.checks import GATE
from promotebot.promotion.replay import Replayed, replay
from promotebot.registry.model import Action
from promotebot.registry.names import ArtifactPath, Digest, GitSha, Stage
from promotebot.registry.registry import DEFAULT_PATH
from tests import fakes
from tests.fakes import TRAINED, Commit, FakeExaminer, FakeGitHub, FakeRepository, push
from tests.gate.sequences import MODEL, MOVES, OTHER, Desk, Move, started

pytestmark = pytest.mark.thorough

WAYS = ["merge", "squash", "rebase", "merged against a red gate", "pushed directly"]
SHADOW = (MODEL, Action.PROMOTE, Stage.SHADOW, "v3")
OTHER_SHADOW = (OTHER, Action.PROMOTE, Stage.SHADOW, "fresh")
FAULTS = ["", "", "models are not opened", "dispatch", "publish_status"]


@dataclass
class Branch:
    """main with what people bring to it, and the jobs that announce it."""

    desk: Desk
    github: FakeGitHub = field(default_factory=FakeGitHub)
    commits: dict[str, Commit] = field(default_factory=dict)
    tips: list[GitSha] = field(default_factory=list)
    green: set[Digest] = field(default_factory=set)
    red: set[Digest] = field(default_factory=set)

    def commit(self, *parents: str) -> GitSha:
        sha = GitSha(f"{len(self.commits) + 1:040x}")
        self.commits[sha] = Commit((*parents, TRAINED), {DEFAULT_PATH: self.desk.registry.to_bytes()})
        return sha

    def move(self, sha: GitSha) -> None:
        before = self.tips[-1] if self.tips else "0" * 40
        self.github.pushed.setdefault("main", []).append(push(sha, before=before, creates=not self.tips))
        self.tips.append(sha)

    def bring(self, moves: list[Move], way: str) -> None:
        """Somebody promotes in a pull request, or without one, and it comes to main."""
        number, before = len(self.github.pulls) + 1, self.desk.registry
        self.desk.pull = number
        for move in moves:
            self.desk.make(move)
        if self.desk.registry is before:
            return
        replayed = replay(before, self.desk.registry)
        assert isinstance(replayed, Replayed)
        head = self.commit(self.tips[-1])
        if way != "pushed directly":
            attest(replayed.steps, self.github, "")
            self.github.post(head, GATE, "failure" if "red" in way else "success")
            merged = fakes.pull_request(number, state="closed", merged=True, merged_at=fakes.NOW, head_sha=head)
            self.github.pulls[number] = merged
        self.move(self.commit(self.tips[-1], *([head] if way == "merge" else [])))
        if way != "pushed directly":
            self.github.brought[self.tips[-1]] = [number]
        let_through = way in ("merge", "squash", "rebase")
        (self.green if let_through else self.red).update(step.digest for step in replayed.steps)

    def run(self, arrival: int, fault: str = "") -> None:
        """The job that the push of one of the arrivals starts, by now or only now."""
        self.github.failing.clear()
        if fault and fault != "models are not opened":
            self.github.fail(fault)
        job = replace(
            fakes.job_context(self.github),
            examine=unknown if fault == "models are not opened" else FakeExaminer(),
            clock=lambda: self.desk.now,
        )
        before = self.tips[max(0, arrival % len(self.tips) - 1)]
        try:
            announce_branch(FakeRepository(self.commits), "main", self.tips[-1], lambda _: before, job)
        except CouldNotVerify:
            assert fault in self.github.failing
        self.github.failing.clear()

    def announced(self) -> Iterator[tuple[str, bool]]:
        """Each event that a settled deployment carries, and whether it is that deployment's own."""
        for made in self.github.deployments:
            if FINAL.intersection(made.states):
                yield made.payload["event"], True
                yield from ((event, False) for event in made.payload["older_events"])


def unknown(source: FileSource, directory: ArtifactPath, limits: Limits) -> Evidence:
    raise CouldNotVerify("the process that opens models does not start")


Arrivals = list[tuple[list[Move], str, list[tuple[int, str]]]]
"""What comes, in which way, and the jobs that run then: the arrival that started each, and what fails in it."""
ARRIVALS = st.lists(
    st.tuples(
        st.lists(MOVES, min_size=2, max_size=6),
        st.sampled_from(WAYS),
        st.lists(st.tuples(st.integers(0, 9), st.sampled_from(FAULTS)), max_size=1),
    ),
    min_size=2,
    max_size=4,
)


def branch() -> Branch:
    """main as it was when the first job ran, which announced nothing and remembered that."""
    made = Branch(replace(started()[0]))
    made.commits[TRAINED] = Commit()
    made.move(made.commit())
    made.run(0)
    return made


def announces_each_once(arrivals: Arrivals) -> None:
    main = branch()
    for moves, way, jobs in arrivals:
        main.bring(moves, way)
        for arrival, fault in jobs:
            main.run(arrival, fault)
    for arrival in range(len(main.tips)):
        main.run(arrival)
    own = Counter(event for event, is_own in main.announced() if is_own)
    every = Counter(event for event, _ in main.announced())
    assert every.keys() == main.green | main.red
    assert set(own.values()) <= {1}, "each is sent once"
    if not any(fault for _, _, jobs in arrivals for _, fault in jobs):
        # After a job that was not recorded, the next deployment of a stage names what is older again.
        assert set(every.values()) <= {1}
    assert main.red <= set(own)
    states = {made.payload["event"]: set(made.states) for made in main.github.deployments}
    assert all(states[event] == {"failure"} for event in main.red)
    assert all("failure" not in states[event] for event in main.green & set(own))
    sent = [payload for _, payload in main.github.dispatches]
    assert len(sent) == len(main.green & set(own))
    assert len(main.github.issues) == bool(main.red)


NEVER_SMALLER = [Phase.explicit, Phase.reuse, Phase.generate]  # that takes minutes


@settings(max_examples=10, phases=NEVER_SMALLER)
@given(ARRIVALS)
def test_each_event_is_announced_once_and_only_what_was_green_is_sent(arrivals: Arrivals) -> None:
    announces_each_once(arrivals)


@pytest.mark.exhaustive
@settings(max_examples=100, phases=NEVER_SMALLER)
@given(ARRIVALS)
def test_each_event_of_many_branches_is_announced_once(arrivals: Arrivals) -> None:
    announces_each_once(arrivals)


def test_what_could_not_be_looked_at_is_tried_again_and_then_announced() -> None:
    main = branch()
    main.bring([Move(*SHADOW)], "merge")
    main.run(1, "models are not opened")
    (made,) = main.github.deployments
    assert (made.states, main.github.dispatches) == (["error"], [])
    main.run(1)
    assert (made.states, len(main.github.dispatches)) == (["error", "success"], 1)


def test_what_is_wrong_with_one_model_keeps_no_other_from_being_announced() -> None:
    main = branch()
    main.bring([Move(*SHADOW), Move(*OTHER_SHADOW)], "merge")
    job = replace(
        fakes.job_context(main.github),
        examine=FakeExaminer(digests={"ml/artifacts/v3": fakes.DIGEST}),
        clock=lambda: main.desk.now,
    )
    answer = announce_branch(FakeRepository(main.commits), "main", main.tips[-1], lambda _: None, job)
    states = {made.environment: made.states for made in main.github.deployments}
    assert states == {f"{SHADOW[0]}/shadow": ["failure"], f"{OTHER_SHADOW[0]}/shadow": ["success"]}
    assert (answer.outcome, len(main.github.dispatches)) == (Outcome.REFUSED, 1)
