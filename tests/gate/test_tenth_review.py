"""What was built last, attacked once more: heads that were left, a dry run that waits, and names that are nobody's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from promotebot.planning.examiner import Examiner
from tests.action.test_confirmation import meanwhile, thumbs_up
from tests.action.test_outdated import HOUR, MINUTE
from tests.fake_github.state import utc_now
from tests.gate.attacks import state
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
        carol = office.person("carol")
        carol.start_branch("evaluation", base="evaluation")
        carol.git("checkout", "--quiet", "origin/main", "--", "ml/registry")
        carol.commit("revert: All")
        carol.push()
    office.gate(ready)
    assert office.checks(office.head(ready))[-1] == "success", "it promotes nothing"
    LOSSES[loss](office, ready)
    assert [state(office, green), state(office, office.head(ready))] == ["failure", "success"]


def test_a_dry_run_that_is_confirmed_in_a_freeze_is_not_committed(
    seed: Path, tmp_path: Path, examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: examiner)
    started = utc_now().replace(second=0, microsecond=0) + MINUTE
    with open_office(seed, tmp_path, clock=lambda: started) as office:
        start, end = (f"{started + n * HOUR:%Y-%m-%dT%H:%M}" for n in (2, 4))
        freeze = f"freezes: [{{start: {start}, end: {end}, reason: audit}}]\n"
        office.policy(f"stages: {{active: {{confirm: 15m}}}}\n{freeze}")
        number = office.pull()
        head = office.head(number)
        office.pass_time(2 * HOUR - 5 * MINUTE)

        def late() -> None:
            office.pass_time(10 * MINUTE)
            thumbs_up(office, "alice")

        meanwhile(office, late)
        job = office.ask(number, "/promote active")
        assert job.outputs["reason_code"] == "not_confirmed", job.log
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
