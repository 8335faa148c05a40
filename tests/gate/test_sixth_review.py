"""What a request rested on is exchanged under it, evidence or ACTIVE: then it is asked for again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.action.test_confirmation import LOOK, thumbs_up
from tests.action.test_signature_rule import ALLOW, ASK, FREE, artifact
from tests.fake_github.faults import Fault
from tests.gate.forgery import MODEL, V1, V2
from tests.gate.test_evidence import POLICY, asked, evidence, words
from tests.office import Office

pytestmark = pytest.mark.thorough

STAGE = "stages: {active: {require_prior_stage: false, hold_after_rollback: false%s}}\n"


def meanwhile(office: Office, act: Callable[[], object]) -> None:
    office.hub.faults.append(Fault("GET", LOOK, times=1, meanwhile=lambda: None))
    office.hub.faults.append(Fault("GET", LOOK, meanwhile=act))


def another_active(office: Office) -> None:
    """Another pull request is merged, by which something else is ACTIVE on the base."""
    other = office.pull("other", {"notes-other.txt": "other\n"})
    assert asked(office, other, f"/promote active {MODEL} --artifact-dir {V2} --artifact-id other") == "committed", (
        words(office, other)
    )
    office.merge(other)
    office.pushed(other)


def on_branch(office: Office, branch: str, files: dict[str, str | bytes]) -> None:
    """carol pushes files to somebody's branch, upon what the bot committed there."""
    carol = office.person("carol")
    carol.git("fetch", "--quiet", "origin", branch)
    carol.git("checkout", "--quiet", "-B", branch, f"origin/{branch}")
    for path, text in files.items():
        carol.write(path, str(text))
    carol.commit("docs: Other numbers")
    carol.push()


def state(office: Office, number: int) -> str:
    return office.checks(office.head(number))[-1]


def test_evidence_that_was_exchanged_is_not_pinned_when_the_base_moves(office: Office) -> None:
    office.policy(POLICY)
    number = office.pull("one", evidence(office, V2, "0.95"))
    assert asked(office, number) == "committed"
    on_branch(office, "one", evidence(office, V2, "0.91"))
    first = office.pull("first")
    assert asked(office, first, f"/promote shadow {MODEL} --artifact-dir {V1}") == "committed"
    office.merge(first)
    office.pushed(first)
    assert state(office, number) == "failure", words(office, number)
    assert "differs from what was requested: evidence changed" in words(office, number)
    assert office.gate(number).outputs["decision"] == "refused"


def test_evidence_that_the_base_takes_back_does_not_count(office: Office) -> None:
    office.push("bob", "main", evidence(office, V2, "0.95"), "docs: Evidence")
    office.policy(POLICY)
    number = office.pull("one")
    assert asked(office, number) == "committed"
    office.push("bob", "main", evidence(office, V2, "0.1"), "docs: It was wrong")
    second = office.pull("two")
    office.push("bob", "main", evidence(office, V2, "0.2"), "docs: It was wrong again")
    assert asked(office, second) == "rules"
    assert "accuracy 0.2, at least 0.9: missed by 0.7" in words(office, second)
    third = office.pull("three")
    on_branch(office, "three", evidence(office, V2, "0.99"))
    office.push("bob", "main", evidence(office, V2, "0.3"), "docs: It was wrong again")
    assert asked(office, third) == "rules"
    assert "branch and base changed it" in words(office, third)
    assert office.gate(number).outputs["decision"] == "refused", words(office, number)


def test_a_signature_is_allowed_to_differ_from_the_active_of_that_day_alone(office: Office) -> None:
    office.policy(FREE)
    number = artifact(office)
    assert asked(office, number, f"{ASK} {ALLOW}") == "committed"
    another_active(office)
    assert state(office, number) == "failure", words(office, number)
    told = "was allowed to change the signature while regime_v1_prod was ACTIVE; now other is"
    assert told in words(office, number)
    assert asked(office, number, f"/withdraw {MODEL}") == "withdrawn"
    assert asked(office, number, f"{ASK} {ALLOW}") == "committed"
    assert state(office, number) == "success"


def test_a_confirmation_is_of_the_dry_run_that_was_shown(office: Office) -> None:
    office.policy("stages: {active: {confirm: 2m, require_prior_stage: false}}\nsignature: allow\n")
    number = artifact(office)
    meanwhile(office, lambda: thumbs_up(office, "alice"))
    assert asked(office, number, ASK) == "committed"
    other = office.pull("other", {"notes-other.txt": "other\n"})
    meanwhile(office, lambda: thumbs_up(office, "alice"))
    assert asked(office, other, f"/promote active {MODEL} --artifact-dir {V2}") == "committed", words(office, other)
    office.merge(other)
    office.pushed(other)
    assert state(office, number) == "failure", words(office, number)
    assert "was confirmed while regime_v1_prod was ACTIVE" in words(office, number)


def test_an_exception_beside_one_active_is_none_beside_another(office: Office) -> None:
    grant = "{rule: evidence.metric, people: [alice], start: 2020-01-01T00:00, end: 2199-01-01T00:00, uses: 9}"
    office.policy(f"{POLICY}{FREE}overrides: [{grant}]\nsignature: allow\n")
    number = office.pull("one", evidence(office, V2, "0.5"))
    line = f'/promote active {MODEL} --artifact-dir {V2} --override "evidence.metric: the data is old"'
    assert asked(office, number, line) == "committed", words(office, number)
    other = office.pull("other", evidence(office, V1, "0.99"))
    again = f"/promote active {MODEL} --artifact-dir {V1} --artifact-id other"
    assert asked(office, other, again) == "committed", words(office, other)
    office.merge(other)
    office.pushed(other)
    assert state(office, number) == "success", words(office, number)  # the same bytes under another id
    out = office.pull("out", {"notes-out.txt": "out\n"})
    assert asked(office, out, f"/demote {MODEL} active --reason gone") == "committed"
    office.merge(out)
    office.pushed(out)
    assert state(office, number) == "failure", words(office, number)
    assert "was allowed an exception while other was ACTIVE; now nothing is" in words(office, number)


def test_what_was_allowed_beside_one_last_active_is_not_beside_another(office: Office) -> None:
    office.policy(FREE)
    out = office.pull("out", {"notes-out.txt": "out\n"})
    assert asked(office, out, f"/demote {MODEL} active --reason gone") == "committed"
    office.merge(out)
    number = artifact(office)
    assert asked(office, number, f"{ASK} {ALLOW}") == "committed", words(office, number)
    another_active(office)
    again = office.pull("again", {"notes-again.txt": "again\n"})
    assert asked(office, again, f"/demote {MODEL} active --reason gone") == "committed"
    office.merge(again)
    office.pushed(again)
    assert state(office, number) == "failure", words(office, number)
    told = "allowed to change the signature beside regime_v1_prod, the last ACTIVE then; now that is other"
    assert told in words(office, number)


def test_a_run_that_is_started_by_hand_waits_for_the_confirmation_too(office: Office) -> None:
    office.repository.actions_may_open_pulls = True
    office.policy("stages: {active: {confirm: 2m, require_prior_stage: false}}\n")
    meanwhile(office, lambda: thumbs_up(office, "bob"))
    job = office.dispatch(f"/promote active {MODEL} --artifact-dir {V2} --dataset-id market_data_2026_q1_multi")
    assert job.outputs["reason_code"] == "committed", job.summary


def test_why_says_nothing_of_a_confirmation_that_is_asked_for_later(office: Office) -> None:
    office.policy("stages: {active: {confirm: 2m, require_prior_stage: false}}\nrequire_reason: true\n")
    number = office.pull()
    assert asked(office, number, "/promote active") == "rules"
    office.ask(number, "/why")
    assert "Nobody confirmed" not in words(office, number), words(office, number)


def test_deleting_the_last_active_does_not_get_rid_of_the_comparison(office: Office) -> None:
    office.policy(FREE)
    out = office.pull("out")
    assert asked(office, out, f"/demote {MODEL} active --reason gone") == "committed"
    office.merge(out)
    number = artifact(office)
    alice = office.person("alice")
    alice.git("checkout", "--quiet", "-B", "new", "origin/new")
    alice.git("rm", "-rq", V1)
    alice.commit("chore: Tidy up")
    alice.push()
    assert asked(office, number, ASK) == "rules", words(office, number)
    assert "Differs from regime_v1_prod, the last ACTIVE (until 20" in words(office, number)
