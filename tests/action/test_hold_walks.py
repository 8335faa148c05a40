"""No sequence of what people and jobs do turns the head of a held pull request green; lifting it always helps."""

from __future__ import annotations

import random

import pytest

from tests.action.test_hold import verdict
from tests.office import Office
from tests.sampling import sampled

pytestmark = pytest.mark.thorough

MOVES = (
    "/hold wait",
    "/unhold by bob",
    "/unhold by mallory",
    "/promote active",
    "/withdraw",
    "gate",
    "push",
    "force",
    "back",
    "main moves",
    "twin",
)


class Walk:
    """One pull request by alice, and what was said of it."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.branch = f"walk-{len(office.repository.pulls)}"
        self.number = office.pull(self.branch)
        self.heads = [office.head(self.number)]
        self.is_held = False

    def take(self, move: str) -> None:
        """Make one move, with the jobs that it starts; look at the head after each of them."""
        office, number = self.office, self.number
        if move.startswith("/"):
            body, _, author = move.partition(" by ")
            job = office.ask(number, body, author=author or "alice")
            assert job.exit_code == 0, job.log
            self.is_held = body.startswith("/hold") or (self.is_held and author != "bob")
        elif move == "push":
            self._commit(f"refs/heads/{self.branch}")
        elif move == "force":
            self._commit("refs/heads/main")
        elif move == "back":
            office.repository.git.set_ref(f"refs/heads/{self.branch}", self.heads[0])
            office.repository.refresh(office.hub.user("alice"))
        elif move == "main moves":
            before = office.repository.git.branch("main") or ""
            office.policy(f"contacts: [team-{before[:7]}]\n")
            self.check("before the job that the push to main starts")
            office.event("push", office.repository.push_event("main", before=before, sender="bob"), by="bob")
        elif move == "twin":
            twin = f"{self.branch}-twin-{len(office.repository.pulls)}"
            office.repository.git.set_ref(f"refs/heads/{twin}", office.head(number))
            office.repository.refresh(office.hub.user("alice"))
            office.gate(office.repository.open_pull(author="alice", head=twin).number)
        self.check(move)
        if move in ("push", "force", "back", "gate"):
            office.gate(number)
            self.check(f"the gate after {move}")
        self.heads.append(office.head(number))

    def check(self, what: str) -> None:
        state, words = verdict(self.office, self.number)
        assert not (self.is_held and state == "success"), (what, words)

    def _commit(self, parent: str) -> None:
        """alice adds a commit, to her branch or to main's tip instead of what her branch holds."""
        office, count = self.office, len(self.heads)
        who = f"alice <alice@example.com> {int(office.now.timestamp()) + count} +0000"
        lines = [f"commit refs/heads/{self.branch}", f"committer {who}", "data 4", "docs", f"from {parent}^0"]
        lines += [f"M 100644 inline ml/evaluations/{self.branch}-{count}.json", "data 3", "{}", ""]
        program = ["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--force"]
        office.repository.git.run(*program, stdin="\n".join(lines))
        office.repository.refresh(office.hub.user("alice"))


def walks(count: int) -> list[str]:
    """Walks that hold somewhere; the same ones on every run."""
    chance = random.Random(13)  # noqa: S311 - no secret
    moves = (["gate", *chance.sample(MOVES, 2), "/hold wait", *chance.choices(MOVES, k=3)] for _ in range(count))
    return [", ".join(walk) for walk in moves]


CHOSEN = [
    "gate, /hold wait, push, back, force, /unhold by mallory, gate",
    "/promote active, /hold wait, main moves, push, /withdraw",
    "/hold wait, twin, /unhold by bob, /hold wait, twin, back",
]


@pytest.mark.parametrize("moves", [*CHOSEN, *sampled(walks(24), every=12)])
def test_no_sequence_of_events_turns_a_held_head_green(office: Office, moves: str) -> None:
    walk = Walk(office)
    for move in moves.split(", "):
        walk.take(move)
    walk.take("/unhold by bob")
    state, words = verdict(office, walk.number)
    assert "eld by " not in words, "who may lifts it in any state"
    assert state in ("success", "failure")
