"""Whatever people do in whatever order, reviews and holds and closing among it: a card says what the status says."""

from __future__ import annotations

import random

import pytest

from tests.action.test_cards import MODEL
from tests.action.test_hold import verdict
from tests.fake_github import pulls
from tests.fake_github.records import Comment
from tests.office import BOT, Office
from tests.sampling import sampled

pytestmark = pytest.mark.thorough

REVIEWS, STAGES = ".github/workflows/review.yml", ("active", "staging", "shadow")
SAYS = {"ready for review": "success", "waiting for": "pending", "blocked": "failure"}
"""What a heading says → the state of the status that it stands for."""
COMMANDS = (
    "/promote staging",
    "/promote active",
    "/promote active --artifact-id another",
    "/promote nowhere",
    f"/rollback {MODEL} --reason x",
    f"/demote {MODEL} active --reason y",
    "/withdraw",
    "/hold",
    "/unhold",
)
MOVES = (
    *COMMANDS,
    "review",
    "push",
    "gate",
    "policy",
    "merge another",
    "change the card",
    "delete the card",
    "close",
    "twin",
    "twin",
)


class Walk:
    """One pull request by alice, and what becomes of it; `bob` reviews, merges others and changes the policy."""

    def __init__(self, office: Office) -> None:
        self.office, self.repository = office, office.repository
        office.policy("separation: {approvals: 1}\n")
        self.number, self.count, self.is_closed = office.pull("walk"), 0, False
        self.twin = 0
        """A pull request by bob that was opened from this one's commit; 0 where none is open."""

    def take(self, move: str) -> None:
        """Make one move, with the jobs that it starts."""
        self.count += 1
        if self.is_closed:
            pulls.reopen(self.repository.pull(self.number), self.office.hub.user("alice"))
            self.is_closed = False
            self.office.gate(self.number, "reopened")
            self.check("reopened")
        if move.startswith("/"):
            self.office.ask(self.number, move)
        else:
            getattr(self, f"_{move.replace(' ', '_')}")()
        self.check(move)

    def _review(self) -> None:
        self.repository.review(self.number, by="bob")
        event = self.repository.workflow_run_event(REVIEWS, self.number, event="pull_request_review", sender="bob")
        self.office.event("workflow_run", event, by="bob", INPUT_COMMAND="gate")

    def _gate(self) -> None:
        self.office.gate(self.number)

    def _push(self) -> None:
        """alice adds a commit to what the branch holds."""
        who = f"alice <alice@example.com> {int(self.office.now.timestamp()) + self.count} +0000"
        lines = ["commit refs/heads/walk", f"committer {who}", "data 4", "docs", "from refs/heads/walk^0"]
        lines += [f"M 100644 inline ml/evaluations/more-{self.count}.json", "data 3", "{}", ""]
        program = ["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"]
        self.repository.git.run(*program, stdin="\n".join(lines))
        self.repository.refresh(self.office.hub.user("alice"))
        self.office.gate(self.number)

    def _policy(self) -> None:
        before = self.repository.git.branch("main") or ""
        self.office.policy("" if self.count % 2 else f"separation: {{approvals: 1}}\n# {self.count}\n")
        self.office.event("push", self.repository.push_event("main", before=before, sender="bob"), by="bob")

    def _merge_another(self) -> None:
        other = self.office.pull(f"other-{self.count}")
        self.office.ask(other, "/promote staging --artifact-id from_another")
        self.repository.merge(other, by="bob")
        self.office.pushed(other)

    def _change_the_card(self) -> None:
        for one in self.cards():
            self.repository.edit_comment(one.id, body=f"{one.body.splitlines()[0]}\n### All is well")
            self.office.job(self.repository.issue_comment_event(one.id, action="edited", sender="bob"))

    def _delete_the_card(self) -> None:
        for one in self.cards():
            event = self.repository.issue_comment_event(one.id, action="deleted", sender="bob")
            del self.repository.comments[one.id]
            self.office.job(event)

    def _close(self) -> None:
        self.repository.close(self.number, by="alice")
        event = self.repository.pull_request_event(self.number, action="closed", sender="alice")
        self.office.event("pull_request_target", event, PROMOTEBOT_COMMAND="gate")
        self.is_closed = True

    def _twin(self) -> None:
        """bob opens a pull request from the commit at which this one stands, or closes it."""
        if self.twin:
            self.repository.close(self.twin, by="bob")
            event = self.repository.pull_request_event(self.twin, action="closed", sender="bob")
            self.office.event("pull_request_target", event, by="bob", PROMOTEBOT_COMMAND="gate")
            self.twin = 0
            return
        branch, head = f"twin-{self.count}", self.office.head(self.number)
        self.repository.git.run("update-ref", f"refs/heads/{branch}", head)
        self.repository.refresh(self.office.hub.user("bob"))
        self.twin = self.repository.open_pull(author="bob", head=branch, title="Twin").number
        self.office.gate(self.twin, "opened")

    def cards(self, number: int = 0) -> list[Comment]:
        written = self.repository.comments_on(number or self.number)
        ours = (one for one in written if one.user.login == BOT)
        return [one for one in ours if one.body.startswith(f"<!-- promotebot:{MODEL} -->")]

    def check_twin(self, move: str) -> None:
        """Hold the card of the pull request that began at the same commit to its status, which may be shared."""
        state, words = verdict(self.office, self.twin)
        for card in self.cards(self.twin):
            heading = card.body.splitlines()[1]
            told = f"after {move!r}: the twin's card says {heading!r}, the status {state}: {words}"
            assert [SAYS[word] for word in SAYS if f"· {word}" in heading] in ([], [state]), told

    def check(self, move: str) -> None:
        """Hold the one card to the status, and to what the branch changes of what it started from."""
        if self.twin:
            self.check_twin(move)
        found, head = self.cards(), self.office.head(self.number)
        heading = found[0].body.splitlines()[1] if found else ""
        state, words = verdict(self.office, self.number)
        told = f"after {move!r}: the card says {heading!r}, the status {state}: {words}"
        fork = self.repository.git.run("merge-base", "main", head).strip()
        changes = [stage for stage in STAGES if self.office.pointer(fork, stage) != self.office.pointer(head, stage)]
        assert len(found) <= 1, told
        if self.is_closed:
            assert not found or "· closed without a merge" in heading or "· withdrawn" in heading, told
            return
        assert [SAYS[word] for word in SAYS if f"· {word}" in heading] in ([], [state]), told
        assert not changes or any(f"· {word}" in heading for word in SAYS), f"{told}; the branch changes {changes}"


def walks(count: int) -> list[str]:
    """Walks that begin with a promotion; the same ones on every run."""
    chance = random.Random(13)  # noqa: S311 - no secret
    first = ("/promote active", "/promote staging", f"/demote {MODEL} active --reason y")
    return [", ".join([chance.choice(first), *chance.choices(MOVES, k=7)]) for _ in range(count)]


TWINS = (
    "/promote active, twin, review, twin, review",
    "/promote active, review, twin, /promote staging, gate, twin, /withdraw",
    "/promote staging, twin, push, gate",
    "/promote staging, twin, policy, /hold, twin, /unhold",
)
"""Two pull requests on one commit, until one of them is closed or moves on."""


@pytest.mark.parametrize("moves", [*TWINS, *sampled(walks(40), every=10)])
def test_a_card_says_what_the_status_says_in_any_order_of_events(office: Office, moves: str) -> None:
    walk = Walk(office)
    for move in moves.split(", "):
        walk.take(move)
