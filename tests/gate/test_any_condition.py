"""What is green is green when it is judged anew: over approvals, labels, freezes and forced branches, in any order."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import currently_in_test_context, event, example, given
from hypothesis import strategies as st

from promotebot.action.pull_request import evaluate_pulls
from promotebot.action.sweep import sweep
from promotebot.github.events import PullChanged, Reviewed, Scheduled
from promotebot.promotion.sections import Permission
from promotebot.pulls.context import JobContext
from promotebot.registry.names import Stage
from tests.fakes import BOT, NOW, POLICY_PATH, FakeGitHub, Review
from tests.gate.test_any_sequence import (
    BRANCH,
    PERSON,
    WRITER,
    Deed,
    asks,
    copies,
    exchanges,
    merges,
    merges_main,
    withdraws,
)
from tests.gate.trees import MODEL, OTHER, base
from tests.gate.world import ROLES, World, events_in
from tests.sampling import examples

HOUR = timedelta(hours=1)
START = base().now + 24 * HOUR
LABEL = "ready"
ADMIN = "dave"
"""Does nothing but put a branch back where it was, and is nobody whose approval or role is in question."""
RULES = {
    "label": "stages: {active: {require_prior_stage: false}, staging: {labels: [ready]}}\n",
    "separation": "stages: {active: {require_prior_stage: false}}\nseparation: {approvals: 1}\n",
    "none": "stages: {active: {require_prior_stage: false}}\n",
}
TIMES = "freezes: [{{start: {:%Y-%m-%dT%H:00}, end: {:%Y-%m-%dT%H:00}, reason: audit, stages: [staging, active]}}]\n"
WINDOW = "models: {risk: {windows: [{hours: '00:00-20:00', stages: [staging]}]}}\n"


@dataclass
class TimedGitHub(FakeGitHub):
    """Its statuses have the time at which the job that posts them looked at the clock."""

    now: datetime = NOW

    def post(
        self, sha: str, context: str, state: str, *, by: str = BOT, description: str = "", at: datetime | None = None
    ) -> None:
        super().post(sha, context, state, by=by, description=description, at=at or self.now)


@dataclass
class Conditional(World):
    """The world with a policy that asks for more than the rules, and a timer."""

    github: TimedGitHub = field(default_factory=lambda: TimedGitHub(roles={**ROLES, ADMIN: Permission.ADMIN}))

    def job(self) -> JobContext:
        made = super().job()
        self.github.now = self.now
        return made

    def set_policy(self, rules: str) -> None:
        text = RULES[rules] + TIMES.format(START + 30 * HOUR, START + 60 * HOUR) + WINDOW
        files = {**self.files("main"), POLICY_PATH: text.encode()}
        self.store.branches["main"] = self.store.commit([self.main], files)
        self.is_behind = True

    def noticed(self, branch: str) -> None:
        """The job of whatever is no push: a review, a label."""
        evaluate_pulls(Reviewed((self.open[branch],)), self.job())

    def is_green_anew(self, sha: str) -> bool:
        """Somebody puts one of the branches back to a commit, and it is judged there, in a copy of the world."""
        at = [branch for branch, head in self.store.branches.items() if head == sha] or [*self.open]
        return any(self._green_on(branch, sha) for branch in at)

    def _green_on(self, branch: str, sha: str) -> bool:
        twin = copy.deepcopy(self, {id(one): one for one in (self.evidence, self.github.git)})
        before, number = twin.store.branches[branch], twin.open[branch]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("promotebot.pulls.snapshot.FetchedRepository.fetched", twin.fetched)
            twin.push(ADMIN, branch, sha)
            evaluate_pulls(PullChanged(number, "synchronize", before=before if before != sha else ""), twin.job())
        return twin.github.verdicts(sha)[-1] == "success"


# What people do, and time


def reviews(world: Conditional, branch: str, login: str, state: str) -> None:
    number, head = world.open[branch], world.store.branches[branch]
    world.github.reviews.setdefault(number, []).append(Review(login, state, head, at=world.now))
    world.noticed(branch)


def dismisses(world: Conditional, branch: str) -> None:
    """Every approval of a pull request is dismissed, of whichever commit."""
    number = world.open[branch]
    old = world.github.reviews.get(number, [])
    world.github.reviews[number] = [Review(one.login, "DISMISSED", one.commit, at=one.at) for one in old]
    world.noticed(branch)


def labels(world: Conditional, branch: str, is_on: bool) -> None:
    number = world.open[branch]
    world.github.labels_on[number] = [LABEL] if is_on else []
    world.noticed(branch)


def waits(world: Conditional, hours: int) -> None:
    """Hours pass, and the timer of each runs."""
    for _ in range(hours):
        world.now += HOUR
        sweep(Scheduled(is_frequent=True), world.job())


def new_rules(world: Conditional, rules: str) -> None:
    world.set_policy(rules)


TO_STAGING = (MODEL, Stage.STAGING, "v3")
SLOT = st.tuples(
    st.sampled_from([MODEL, MODEL, OTHER]),
    st.sampled_from([Stage.STAGING, Stage.STAGING, Stage.SHADOW, Stage.ACTIVE]),
    st.sampled_from(["v1", "v2", "v3"]),
)
INDEX = st.integers(0, 11)
STATE = st.sampled_from(["APPROVED", "APPROVED", "CHANGES_REQUESTED", "COMMENTED"])
DEEDS = st.one_of(
    *[st.tuples(st.just(asks), BRANCH, PERSON, SLOT, st.just(False)) for _ in range(2)],
    st.tuples(st.just(withdraws), BRANCH, PERSON, st.sampled_from([None, MODEL, OTHER])),
    *[st.tuples(st.just(labels), BRANCH, st.booleans()) for _ in range(2)],
    *[st.tuples(st.just(reviews), BRANCH, PERSON, STATE) for _ in range(2)],
    st.tuples(st.just(dismisses), BRANCH),
    *[st.tuples(st.just(copies), BRANCH, WRITER, INDEX, st.just("everything")) for _ in range(2)],
    st.tuples(st.just(waits), st.sampled_from([1, 6, 30])),
    st.tuples(st.just(new_rules), st.sampled_from([*RULES])),
    st.tuples(st.just(exchanges), BRANCH, WRITER, st.just("v3"), st.sampled_from(["v1", "edited", "main"])),
    st.tuples(st.just(merges_main), BRANCH, WRITER),
    st.tuples(st.just(merges), BRANCH, WRITER, INDEX),
)


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def check(world: Conditional) -> None:
    before = events_in(world.files("main"))
    for sha in world.mergeable():
        if events_in(world.store.commits[sha].files).keys() - before.keys():
            if currently_in_test_context():
                event("a promotion is green" if sha in world.store.branches.values() else "green where no branch is")
            assert world.is_green_anew(sha), f"{sha} is green, and would not be if it were judged now"


def is_true(rules: str, deeds: list[Deed]) -> None:
    world = Conditional()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("promotebot.pulls.snapshot.FetchedRepository.fetched", world.fetched)
        world.set_policy(rules)
        world.refresh()
        for deed, *arguments in deeds:
            before = dict(world.store.branches)
            deed(world, *arguments)
            world.start_jobs(before)
            check(world)


PROMOTED: list[Deed] = [(asks, "one", "alice", TO_STAGING, False)]
AWAY: Deed = (copies, "one", "carol", 0, "everything")
"""To the first head of the branch, which promotes nothing."""
LABEL_LOST = [*PROMOTED, (labels, "one", True), AWAY, (labels, "one", False)]
APPROVAL_LOST = [*PROMOTED, (reviews, "one", "bob", "APPROVED"), AWAY, (dismisses, "one")]
FROZEN = [*PROMOTED, AWAY, (waits, 30)]


@examples(60)
@example("label", LABEL_LOST)
@example("separation", APPROVAL_LOST)
@example("none", FROZEN)
@given(rules=st.sampled_from([*RULES]), deeds=st.lists(DEEDS, min_size=4, max_size=14))
def test_what_is_green_is_green_when_it_is_judged_anew(rules: str, deeds: list[Deed]) -> None:
    is_true(rules, deeds)
