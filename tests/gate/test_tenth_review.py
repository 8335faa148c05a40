"""What was built last, attacked once more: heads that were left, a dry run that waits, and names that are nobody's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from promotebot.artifact.answer import MAX_ANSWER, parse_progress
from promotebot.errors import InvalidInput
from promotebot.planning.examiner import Examiner
from tests.action.test_confirmation import meanwhile, thumbs_up, waiting
from tests.action.test_evaluation import files, prepared
from tests.action.test_outdated import HOUR, MINUTE
from tests.fake_github.state import utc_now
from tests.gate.attacks import force_push, state
from tests.gate.test_eighth_review import ready, reviewed
from tests.gate.test_required import labelled
from tests.office import Office, open_office

pytestmark = pytest.mark.thorough

__all__ = ["ready"]

LOSSES: dict[str, Callable[[Office, int], object]] = {
    "the label is taken off": lambda office, number: labelled(office, number, "risk-approved", action="unlabeled"),
    "the approval is dismissed": lambda office, number: reviewed(office, number, "DISMISSED"),
    "changes are requested": lambda office, number: reviewed(office, number, "CHANGES_REQUESTED"),
}


def undo(office: Office, login: str, branch: str, path: str) -> None:
    """Somebody brings the base's content of a folder back on a branch, in a commit more."""
    person = office.person(login)
    person.start_branch(branch, base=branch)
    person.git("checkout", "--quiet", "origin/main", "--", path)
    person.commit("revert: All")
    person.push()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("how", ["forced away", "undone"])
def test_what_a_promotion_loses_while_its_branch_is_elsewhere_leaves_its_head_not_green(
    office: Office, ready: int, loss: str, how: str
) -> None:
    green = office.head(ready)
    notes: dict[str, str | bytes | None] = {"docs/notes.md": "nothing is promoted"}
    if how == "forced away":
        office.push("carol", "evaluation", notes, "docs: Notes", force=True)
    else:
        undo(office, "carol", "evaluation", "ml/registry")
    office.gate(ready)
    assert office.checks(office.head(ready))[-1] == "success", "it promotes nothing"
    LOSSES[loss](office, ready)
    assert [state(office, green), state(office, office.head(ready))] == ["failure", "success"]


def test_a_head_that_is_another_pull_requests_keeps_what_was_said_of_that(office: Office, ready: int) -> None:
    office.push("carol", "other", {"docs/other.md": "other"}, "docs: Other")
    other = office.repository.open_pull(author="carol", head="other", title="Other").number
    office.gate(other, "opened")
    head, own = office.head(other), office.head(ready)
    force_push(office, ready, head)
    office.gate(ready)
    force_push(office, ready, own)
    office.gate(ready)
    labelled(office, ready, "risk-approved")
    assert [state(office, head), state(office, own)] == ["success", "success"]


FREEZES = {
    "of every model": ("{freezes}", False),
    "of the model": ("models: {{'regime*': {{{freezes}, windows: [{{hours: '00:00-24:00'}}]}}}}", False),
    "of another model": ("models: {{'eu_*': {{{freezes}}}, 'regime*': {{windows: [{{hours: '00:00-24:00'}}]}}}}", True),
}


@pytest.mark.parametrize("whose", FREEZES)
def test_a_dry_run_that_is_confirmed_in_a_freeze_is_not_committed(
    seed: Path, tmp_path: Path, examiner: Examiner, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: examiner)
    started = utc_now().replace(second=0, microsecond=0) + MINUTE
    with open_office(seed, tmp_path, clock=lambda: started) as office:
        start, end = (f"{started + n * HOUR:%Y-%m-%dT%H:%M}" for n in (2, 4))
        policy, is_committed = FREEZES[whose]
        freezes = policy.format(freezes=f"freezes: [{{start: {start}, end: {end}, reason: audit}}]")
        office.policy(f"stages: {{active: {{confirm: 15m}}}}\n{freezes}\n")
        number = office.pull()
        head = office.head(number)
        office.pass_time(2 * HOUR - 5 * MINUTE)

        def late() -> None:
            office.pass_time(10 * MINUTE)
            thumbs_up(office, "alice")

        meanwhile(office, late)
        job = office.ask(number, "/promote active")
        assert job.outputs["reason_code"] == ("committed" if is_committed else "not_confirmed"), job.log
        assert (office.head(number) != head) is is_committed


@pytest.mark.parametrize("is_restored", [False, True])
def test_a_dry_run_that_somebody_edited_is_not_confirmed(office: Office, is_restored: bool) -> None:
    office.policy("stages: {active: {confirm: 2m}}\n")
    number = office.pull()
    head = office.head(number)

    def edit() -> None:
        comment = waiting(office)
        true = comment.body
        office.repository.edit_comment(comment.id, body=true.replace("regime_v2", "regime_v1"))
        thumbs_up(office, "alice")
        if is_restored:
            office.hub.pass_time(1)
            office.repository.edit_comment(comment.id, body=true)

    meanwhile(office, edit)
    job = office.ask(number, "/promote active")
    assert job.outputs["reason_code"] == "not_confirmed", job.log
    assert "somebody edited it" in office.answer(number)
    assert office.head(number) == head


def test_the_word_for_owners_is_nobodys_login_where_an_artifact_is_rejected(office: Office) -> None:
    office.hub.add_user("codeowners")
    office.repository.set_role("codeowners", "read")
    office.policy("stages: {active: {people: [CODEOWNERS]}}\n")
    number = office.pull()
    assert office.ask(number, "/promote active").succeeded
    head = office.head(number)
    job = office.ask(number, '/reject regime_classifier --reason "mine"', author="codeowners")
    assert job.outputs["reason_code"] == "permission", job.outputs
    assert office.head(number) == head


def data_changed_by(office: Office, login: str) -> int:
    """A pull request that promotes nothing, and gives the evaluation set labels that flatter whoever gives class 1."""
    office.push(login, "data", files(office.scratch, first=1), "docs: Tidy up")
    number = office.repository.open_pull(author=login, head="data", title="Tidy up").number
    office.gate(number, "opened")
    return number


def test_the_data_that_measures_candidates_is_changed_by_who_may_change_the_policy(office: Office) -> None:
    prepared(office, "accuracy: {minimum: 0.9}")
    number = data_changed_by(office, "carol")
    assert state(office, office.head(number)) == "failure"
    assert "carol has write permission; weakening the policy" in "".join(office.comments(number))
    office.push("carol", "elsewhere", {"ml/datasets/another/manifest.json": "{}"}, "docs: Other data")
    other = office.repository.open_pull(author="carol", head="elsewhere", title="Other").number
    office.gate(other, "opened")
    assert state(office, office.head(other)) == "success"


def test_the_data_that_measures_candidates_is_approved_like_the_policy(office: Office) -> None:
    prepared(office, "accuracy: {minimum: 0.9}")
    policy = office.repository.git.run("show", "main:.github/promotion.yml")
    office.policy(f"{policy}separation: {{approvals: 1}}\n")
    number = data_changed_by(office, "alice")
    assert state(office, office.head(number)) == "pending"
    reviewed(office, number)
    assert state(office, office.head(number)) == "success"
    green = office.head(number)
    [report] = office.reports(green)[-1:]
    assert "changes the data on which the policy has candidates measured" in report.output["summary"], vars(report)
    undo(office, "alice", "data", "ml/datasets")
    office.gate(number)
    reviewed(office, number, "DISMISSED")
    assert [state(office, green), state(office, office.head(number))] == ["failure", "success"]


@pytest.mark.parametrize("path", ["ml/datasets", "ml/datasets/eval_2026_q3"])
def test_nothing_takes_the_place_of_the_data_that_measures_candidates(office: Office, path: str) -> None:
    prepared(office, "accuracy: {minimum: 0.9}")
    office.push("carol", "data", {**dict.fromkeys(files(office.scratch)), path: "a file"}, "docs: Tidy up")
    number = office.repository.open_pull(author="carol", head="data", title="Tidy up").number
    office.gate(number, "opened")
    assert state(office, office.head(number)) == "failure"


def test_what_is_green_is_judged_again_when_the_policy_names_the_data_that_it_changes(office: Office) -> None:
    office.push("bob", "main", files(office.scratch), "feat(ml): Data")
    number = data_changed_by(office, "carol")
    assert state(office, office.head(number)) == "success", "nothing is measured on it"
    before = office.repository.git.branch("main") or ""
    prepared(office)
    office.event("push", office.repository.push_event("main", before=before, sender="bob"), by="bob")
    assert state(office, office.head(number)) == "failure"


def test_an_answer_of_very_many_empty_lines_is_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    many = b"{}\n" * (MAX_ANSWER // 3)
    with monkeypatch.context() as patch:
        patch.setattr("promotebot.artifact.answer.parse_json", None)
        with pytest.raises(InvalidInput, match="more than 20,000 lines"):
            parse_progress(many)
    assert parse_progress(b"{}\n" * 9 + b'{"load_ms":1}\n').load_ms == 1
