"""/withdraw: the base's registry and what remains; a withdrawn request stays withdrawn."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import alice
from tests.cli.test_registry import ANY, OTHER, office_split, with_other_model
from tests.gate.attacks import copy
from tests.office import Office

pytestmark = pytest.mark.thorough

__all__ = ["alice"]
REGISTRY = "ml/registry/models.json"
MODEL = "regime_classifier"


def registry_bytes(office: Office, revision: str) -> str:
    return office.repository.git.run("show", f"{revision}:{REGISTRY}")


def test_withdraw_gives_back_the_bases_registry_byte_for_byte(office: Office) -> None:
    number = office.pull()
    before = registry_bytes(office, office.head(number))
    office.ask(number, "/promote staging")
    office.ask(number, "/promote active")
    job = office.ask(number, "/withdraw")
    assert (job.exit_code, job.outputs["decision"]) == (0, "withdrawn"), office.comments(number)
    assert registry_bytes(office, office.head(number)) == before
    assert office.checks(office.head(number)) == ["success"]
    assert "no longer promotes `regime_classifier`" in office.comment(number)
    assert office.ask(number, "/withdraw").outputs["reason_code"] == "nothing_to_withdraw"


def test_a_withdrawn_request_is_not_carried_out_again_by_running_its_job_again(office: Office) -> None:
    number = office.pull()
    comment = office.repository.comment(number, author="alice", body="/promote active")
    event = office.repository.issue_comment_event(comment.id)
    assert office.job(event).outputs["decision"] == "promoted"
    office.ask(number, "/withdraw")
    head = office.head(number)
    again = office.job(event)
    assert (again.outputs["reason_code"], office.head(number)) == ("withdrawn", head)
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"


def test_withdrawing_needs_the_permission_of_promoting(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    head = office.head(number)
    job = office.ask(number, "/withdraw", author="carol")
    assert (job.exit_code, job.outputs["decision"]) == (0, "refused")
    assert (job.outputs["reason_code"], office.head(number)) == ("permission", head)


def test_withdrawing_one_model_keeps_the_other(office: Office, alice: object) -> None:
    person = office.person("alice")
    with_other_model(person)
    person.git("push", "--quiet", "origin", "HEAD:main")
    number = office.pull()
    office.ask(number, f"/promote staging {OTHER} --artifact-dir {ANY}")
    office.ask(number, "/promote active regime_classifier")
    job = office.ask(number, f"/withdraw {OTHER}")
    assert job.outputs["decision"] == "withdrawn"
    head = office.registry(office.head(number))
    assert head.get_stage_pointer(OTHER, "staging") is None
    assert office.pointer(office.head(number), "active") == "regime_v2_candidate"
    assert office.checks(office.head(number)) == ["success"]
    assert office.gate(number).outputs["decision"] == "passed"


def test_withdrawing_works_on_the_split_layout(office: Office, alice: object) -> None:
    office_split(office, alice)  # type: ignore[arg-type]
    number = office.pull()
    office.ask(number, "/promote active regime_classifier")
    assert office.ask(number, "/withdraw regime_classifier").outputs["decision"] == "withdrawn"
    changed = office.repository.git.run("diff", "--name-only", "main", office.head(number)).split()
    assert changed == ["ml/evaluations/evaluation.json"]


def test_withdrawing_a_new_model_on_the_split_layout_takes_its_file_out_again(office: Office, alice: object) -> None:
    office_split(office, alice)  # type: ignore[arg-type]
    number = office.pull()
    office.ask(number, f"/promote shadow fresh_model --artifact-dir {ANY} --new-model")
    assert "ml/registry/models/fresh_model.json" in office.repository.git.run("ls-tree", "-r", office.head(number))
    job = office.ask(number, "/withdraw fresh_model")
    assert (job.exit_code, job.outputs["decision"]) == (0, "withdrawn"), job.log
    changed = office.repository.git.run("diff", "--name-only", "main", office.head(number)).split()
    assert changed == ["ml/evaluations/evaluation.json"]


def test_an_unknown_model_or_two_words_are_told(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, "/withdraw nope").outputs["reason_code"] == "nothing_to_withdraw"
    assert office.ask(number, "/withdraw a b").outputs["reason_code"] == "unreadable_command"


def base_moved(office: Office) -> None:
    """Another promotion of the model is merged meanwhile."""
    other = office.pull("other")
    command = f"/promote staging {MODEL} --artifact-dir ml/artifacts/regime_v1 --artifact-id again"
    assert office.ask(other, command).outputs["decision"] == "promoted", office.comments(other)
    office.merge(other)


def test_what_is_no_longer_what_was_asked_for_is_withdrawn_and_asked_for_again_as_the_refusal_says(
    office: Office,
) -> None:
    number = office.pull()
    alice, new = office.person("alice"), "ml/artifacts/regime_v3"
    for threshold in ("0.98", "0.99"):  # the second time it exchanges what was promoted
        alice.start_branch("evaluation", base="evaluation")
        copy(alice, "ml/artifacts/regime_v2", new, threshold=threshold)
        alice.commit("feat: Candidate")
        alice.push()
        if threshold == "0.98":
            assert office.ask(number, f"/promote shadow {MODEL} --artifact-dir {new}").outputs["decision"] == "promoted"
    base_moved(office)
    assert office.ask(number, f"/promote staging {MODEL} --artifact-dir {new}").outputs["decision"] == "refused"
    refusal = "\n".join(office.comments(number)).replace("\\", "")
    withdrawal = re.search(r"/withdraw [\w-]+(?=`?, then)", refusal)
    assert withdrawal, refusal
    assert office.ask(number, withdrawal[0]).outputs["decision"] == "withdrawn", office.comments(number)
    again = office.ask(number, f"/promote shadow {MODEL} --artifact-dir {new}")
    assert again.outputs["decision"] == "promoted", office.comments(number)
    assert office.checks(office.head(number)) == ["success"]


def test_where_what_is_to_stay_cannot_be_planned_again_everything_is_withdrawn_as_the_refusal_says(
    office: Office, alice: object
) -> None:
    person = office.person("alice")
    with_other_model(person)
    person.git("push", "--quiet", "origin", "HEAD:main")
    number = office.pull()
    office.ask(number, f"/promote active {MODEL}")
    office.ask(number, f"/promote staging {OTHER} --artifact-dir {ANY}")
    office.policy("freezes: [{start: 2020-01-01T00:00, end: 2040-01-01T00:00, reason: audit}]\n")
    assert office.ask(number, f"/withdraw {OTHER}").outputs["reason_code"] == "rules"
    [refusal] = [comment for comment in office.comments(number) if "nothing was committed" in comment]
    assert "is frozen until" in refusal
    assert "request again what you want to keep&#58;\n  ```text\n  /withdraw\n  ```" in refusal
    assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"


def test_for_somebody_who_may_not_withdraw_no_model_is_opened(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    base_moved(office)
    opened: list[object] = []
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: lambda *asked: opened.append(asked))
    assert office.ask(number, "/withdraw", author="carol").outputs["reason_code"] == "permission"
    assert opened == []


def test_a_newer_request_that_takes_away_what_another_promotion_rests_on_says_so(office: Office) -> None:
    person = office.person("alice")
    with_other_model(person)
    person.git("push", "--quiet", "origin", "HEAD:main")
    number = office.pull()
    assert office.ask(number, f"/promote shadow fresh --artifact-dir {ANY} --new-model").succeeded
    assert office.ask(number, f"/promote staging fresh --artifact-dir {ANY}").succeeded
    head = office.head(number)
    job = office.ask(number, f"/promote shadow fresh --artifact-dir {ANY} --artifact-id again --new-model")
    assert (job.outputs["decision"], office.head(number)) == ("refused", head)
    said = office.answer(number)
    assert "Without SHADOW any_model, which this request replaces, another promotion" in said
    assert "/withdraw fresh" in said
    assert office.ask(number, "/withdraw fresh").outputs["decision"] == "withdrawn"
    assert office.ask(number, f"/promote shadow fresh --artifact-dir {ANY} --artifact-id again --new-model").succeeded
