"""docs/smoke.md: what it has people commit and ask leads on the embedded GitHub where the page says that it leads."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from promotebot.planning.examiner import Examiner
from tests.fake_github.http import EmbeddedGitHub
from tests.fake_github.people import Job
from tests.fake_github.refusals import HttpError
from tests.office import Office

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/smoke.md").read_text(encoding="utf-8")
STEPS = {int(number): text for number, text in re.findall(r"(?ms)^(\d+)\. (.*?)(?=^\d+\. |^## |^Then )", PAGE)}
ACTION = f"acme/promotebot@{'c0' * 20}"


def commands(step: int) -> list[str]:
    """What a step has people write into a comment, or into the box of a run."""
    return re.findall(r"(?m)(?:`|^ +)(/[a-z]+(?: [^`\n]*)?)(?:`|$)", STEPS[step])


@pytest.fixture
def smoke(tmp_path: Path, examiner: Examiner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """The repository after step 1, by the page's own lines."""
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: examiner)
    with EmbeddedGitHub(root=tmp_path / "hub") as hub:
        hub.add_user("alice")
        repository = hub.create_repository("alice/smoke", private=True)
        for login, role in (("alice", "admin"), ("bob", "write")):
            hub.add_user(login)
            repository.set_role(login, role)
        (tmp_path / "scratch").mkdir()
        office = Office(hub, repository, tmp_path / "scratch")
        alice = office.person("alice")
        (block,) = re.findall(r"(?s)```\n(.*?)```", STEPS[1])
        lines = [line.strip() for line in block.splitlines() if not line.strip().startswith("gh ")]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**alice.environment, "PATH": path, "ACTION": ACTION, "CLONE": str(ROOT)}
        bash = shutil.which("bash") or "bash"
        script = "set -e -o pipefail\n" + "\n".join(lines)
        subprocess.run([bash, "-c", script], cwd=alice.clone, env=environment, check=True, capture_output=True)
        repository.refresh(hub.user("alice"))
        yield office


def touch(office: Office, branch: str) -> str:
    """Push an empty commit to a branch."""
    alice = office.person("alice")
    alice.start_branch(branch, base=branch)
    alice.git("commit", "--quiet", "--allow-empty", "--message", "chore: Touch")
    return alice.push()


def is_green(office: Office, number: int) -> bool:
    return office.checks(office.head(number))[-1:] == ["success"]


def cards(office: Office, number: int) -> list[str]:
    return [body for body in office.comments(number) if body.startswith("<!-- promotebot:regime_classifier -->")]


def reviewed(office: Office, number: int, state: str) -> None:
    """The second account reviews, and the gate's job runs after it."""
    office.repository.review(number, by="bob", state=state)
    assert office.gate(number).exit_code == 0


def heads_and_late_answers(office: Office, one: int) -> None:
    """Steps 4 to 7."""
    before = office.head(one)
    assert office.ask(one, "\n".join(commands(4))).outputs["decision"] == "promoted"
    assert office.repository.git.commit(office.repository.git.commit(office.head(one)).parents[0]).parents == (before,)
    assert (len(cards(office, one)), is_green(office, one)) == (1, True)

    touched = touch(office, "one")
    assert office.ask(one, *commands(5)).outputs["decision"] == "promoted"
    assert office.repository.git.commit(office.head(one)).parents == (touched,)

    comment = office.repository.comment(one, author="alice", body=commands(6)[0])
    event = office.repository.issue_comment_event(comment.id)
    touched = touch(office, "one")
    job = office.job(event)
    assert job.outputs["decision"] == "promoted", job.summary
    assert office.repository.git.commit(office.head(one)).parents == (touched,)

    for _ in range(2):
        answers = len(office.comments(one)) - len(cards(office, one))
        assert office.ask(one, *commands(7)).outputs["decision"] == "refused"
    assert len(office.comments(one)) - len(cards(office, one)) == answers, "the older refusal is folded"


def rules_and_reviews(office: Office, one: int) -> None:
    """Steps 9 to 12."""
    office.repository.protect("main", required_checks=["promotebot/gate"], signed_commits=True)
    assert office.ask(one, *commands(9)).outputs["decision"] == "promoted"
    assert office.head(one) in office.repository.verified

    for state in ("CHANGES_REQUESTED", "APPROVED"):
        reviewed(office, one, state)
    hold, unhold = commands(10)
    assert office.ask(one, hold, author="bob").outputs["decision"] == "held"
    assert not is_green(office, one)
    assert office.repository.git.run("for-each-ref", "refs/promotebot/")
    office.ask(one, unhold)
    assert is_green(office, one), office.answer(one)
    assert not office.repository.git.run("for-each-ref", "refs/promotebot/")

    office.repository.protect(
        "main",
        required_checks=["promotebot/gate"],
        dismisses_approvals=True,
        last_push_approval=True,
        required_reviews=1,
    )
    reviewed(office, one, "APPROVED")
    assert office.ask(one, *commands(11)).outputs["decision"] == "promoted"
    assert office.repository.pull(one).reviews[-1].state == "DISMISSED"
    assert "pprove" in "".join(office.comments(one))
    with pytest.raises(HttpError, match="review"):
        office.repository.merge(one, by="alice")
    reviewed(office, one, "APPROVED")

    office.repository.protect("main", required_checks=["promotebot/gate"], linear_history=True)
    office.repository.merge_methods = {"rebase"}
    other = office.pull("other")
    asked = "/promote shadow regime_classifier --artifact-dir ml/artifacts/regime_v1"
    assert office.ask(other, asked).outputs["decision"] == "promoted"
    office.repository.merge(other, by="alice", method="rebase")
    assert office.pushed(other).outputs["reason_code"] == "recomputed"
    assert office.repository.git.commit(office.head(one)).parents == (office.repository.git.branch("main"),)
    assert is_green(office, one)
    office.repository.merge(one, by="alice", method="rebase")
    office.repository.merge_methods = {"merge", "squash", "rebase"}
    office.repository.protect("main", required_checks=["promotebot/gate"])


def tokens_and_runs(office: Office, one: int) -> None:
    """Steps 14, 15, 17 and 18."""
    two = office.pull("two")
    again = "/promote shadow regime_classifier --artifact-dir ml/artifacts/regime_v2"
    assert office.ask(two, again).outputs["decision"] == "promoted"
    (by_hand,) = [line for line in commands(15) if line.startswith("/demote")]
    job = office.dispatch(by_hand, by="alice")
    assert (job.exit_code, len(office.repository.pulls)) == (4, 3), job.summary
    office.repository.actions_may_open_pulls = True
    assert office.dispatch(by_hand, by="alice").outputs["decision"] == "promoted"

    other, *slips = commands(17)
    assert office.ask(two, other).outputs["decision"] == "ignored"
    slips += re.findall(r"then `([^/`]+)` without the slash", STEPS[17])
    assert len(slips) == 2
    for slip in slips:
        assert office.ask(two, slip).exit_code == 0
        assert "did you mean" in office.answer(two).lower()

    announced: list[Job] = [office.merge(two), office.pushed(two, PROMOTEBOT_COMMAND="announce")]
    assert [job.exit_code for job in announced] == [0, 0]
    assert len(office.repository.dispatches) >= 1
    assert one != two


def test_the_walk_leads_where_the_page_says(smoke: Office) -> None:
    assert sorted(STEPS) == [*range(1, 23)]
    pushed = smoke.repository.push_event("main", before="0" * 40, sender="alice")
    for command in ("auto", "announce", "verify"):
        job = smoke.event("push", pushed, PROMOTEBOT_COMMAND=command)
        assert job.exit_code == 0, job.summary
    one = smoke.pull("one", {"notes.md": "notes\n"})
    assert smoke.gate(one).outputs["decision"] == "passed"
    assert smoke.ask(one, *commands(3)).exit_code == 0
    heads_and_late_answers(smoke, one)
    rules_and_reviews(smoke, one)
    tokens_and_runs(smoke, one)


def test_the_sections_make_an_hour() -> None:
    assert sum(map(int, re.findall(r"(?m)^## .*\((\d+) minutes\)$", PAGE))) == 60
