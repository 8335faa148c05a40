"""Commands that only look: nobody without write permission has a model opened by them."""

from __future__ import annotations

import pytest

from promotebot.action.queries import answer_query
from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer
from promotebot.action.retry import Attempt
from promotebot.errors import CouldNotVerify
from promotebot.promotion.commands import QueryCommand
from promotebot.promotion.sections import Permission
from promotebot.pulls.changeset import Changeset
from tests.fakes import HEAD, FakeExaminer, FakeGitHub, job_context, pull_request, pull_snapshot
from tests.gate.sequences import MODEL
from tests.pulls.promoted import EMPTY, KNOWN, OTHER_TO_SHADOW, TO_SHADOW, ahead, moved_apart, promoted

GATE = "promotebot/gate"
READERS = [Permission.NONE, Permission.READ, Permission.TRIAGE]


def github(role: Permission) -> FakeGitHub:
    return FakeGitHub(roles={"alice": role, "mallory": role}, pulls={7: pull_request()})


def ask(name: str, fake: FakeGitHub, examine: FakeExaminer, changeset: Changeset) -> Answer:
    """mallory asks on a pull request."""
    job = job_context(fake, examine=examine)
    requester = Requester(7, "mallory", "comment:1", "https://github.com/acme/models/pull/7#issuecomment-1")
    replier = Replier(fake, job.settings, requester)
    snapshot = pull_snapshot(changeset)
    replier.set_pull(snapshot.pull, "main")
    return answer_query(QueryCommand(1, f"/{name}", name), Attempt(requester, job, replier, snapshot))


def promotes() -> Changeset:
    return ahead(EMPTY, promoted(EMPTY, TO_SHADOW), "v1")


@pytest.mark.parametrize("role", READERS)
def test_a_readers_why_tells_what_the_gate_said_last_and_opens_nothing(role: Permission) -> None:
    fake, examine = github(role), FakeExaminer()
    fake.post(HEAD, GATE, "success", description="1 promotion, valid and verified")
    fake.post(HEAD, GATE, "failure", description="refused: v1 <is> *not* what was promoted")
    fake.post(HEAD, GATE, "success", by="carol", description="all is well")
    fake.post(HEAD, "promotebot/event/0123456789abcdef", "success", description="#7 regime → SHADOW")
    answer = ask("why", fake, examine, promotes())
    assert (answer.code, answer.reason.value) == (0, "shown")
    assert answer.message == "Gate: refused: v1 <is> *not* what was promoted"
    body = fake.written[1].body.replace("\\", "")
    assert "`promotebot/gate` is **failure**" in body
    assert f"https://github.com/acme/models/commit/{HEAD}/checks" in body
    assert "<is>" not in fake.written[1].body, "what a branch made the gate say is text"
    assert examine.looked_at == []


def test_before_the_gate_said_anything_a_reader_is_told_so() -> None:
    fake, examine = github(Permission.READ), FakeExaminer()
    fake.post(HEAD, GATE, "success", by="carol", description="all is well")
    assert ask("why", fake, examine, promotes()).message == "The gate has no result yet"
    assert "all is well" not in fake.written[1].body
    assert examine.looked_at == []


def test_why_of_somebody_who_may_write_judges_again() -> None:
    fake, examine = github(Permission.WRITE), FakeExaminer()
    assert ask("why", fake, examine, promotes()).message.startswith("Gate: ")
    assert examine.looked_at == ["ml/artifacts/v1", "ml/artifacts/v1"]
    assert "Every rule" in fake.written[1].body


@pytest.mark.parametrize("role", READERS)
def test_verify_is_refused_to_a_reader_and_opens_nothing(role: Permission) -> None:
    fake, examine = github(role), FakeExaminer()
    assert ask("verify", fake, examine, promotes()).reason.value == "permission"
    assert "/verify opens models" in fake.written[1].body
    assert examine.looked_at == []


def test_status_opens_nothing_also_where_the_base_moved_under_a_promotion() -> None:
    fake, examine = github(Permission.READ), FakeExaminer()
    conflict = moved_apart(promoted(KNOWN, OTHER_TO_SHADOW), promoted(KNOWN, TO_SHADOW), "v1", "v2", fork=KNOWN)
    assert conflict.has_conflict
    assert ask("status", fake, examine, conflict).code == 0
    body = fake.written[1].body.replace("\\", "")
    assert f"- `{MODEL}`: `v1_shadow` promoted to SHADOW" in body
    assert examine.looked_at == []


def test_a_question_about_permission_that_github_does_not_answer_opens_nothing() -> None:
    fake, examine = github(Permission.ADMIN).fail("permission"), FakeExaminer()
    for name in ("why", "verify"):
        with pytest.raises(CouldNotVerify, match="GitHub does not answer"):
            ask(name, fake, examine, promotes())
    assert examine.looked_at == []
