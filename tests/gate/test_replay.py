"""What once was valid and is put back with git: an old registry is no rollback, an old policy is not read."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from promotebot.promotion.policy import Policy, parse_policy
from tests.action.test_pull_request import at_a_terminal, branch
from tests.fake_github.people import Person
from tests.office import Office

pytestmark = pytest.mark.thorough

MODEL = "regime_classifier"
POLICY = ".github/promotion.yml"
LAX = "stages: {active: {permission: read, require_prior_stage: false}}\n"
PATIENT = "stages: {shadow: {soak: {minimum: 9000d, required: true}}}\n"
CONTACTS = "contacts: [someone@example.com]\n"


def on_the_base(office: Office, *policies: str) -> dict[str, Any]:
    """A maintainer sets one policy after the other; the payload of that push."""
    bob, before = office.person("bob"), office.repository.git.branch("main") or ""
    for policy in policies:
        bob.write(POLICY, policy)
        bob.commit("chore: The policy")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    return office.repository.push_event("main", before=before, sender="bob")


def said(office: Office, number: int) -> str:
    return html.unescape("\n".join(office.comments(number)).replace("\\", ""))


def newest(office: Office, revision: str) -> Any:
    return office.registry(revision).history[MODEL][0]


def promoted(office: Office) -> None:
    """A pull request that made regime_v2 ACTIVE, merged."""
    number = office.pull()
    office.ask(number, "/promote active")
    office.repository.merge(number, by="bob")


def reverted(office: Office) -> int:
    promoted(office)
    alice = office.person("alice")
    alice.start_branch("revert")
    alice.git("revert", "--no-edit", "--mainline", "1", "HEAD")
    alice.push()
    return office.repository.open_pull(author="alice", head="revert", title="Revert").number


def test_a_reverted_promotion_is_refused_and_the_way_back_is_named(office: Office) -> None:
    number = reverted(office)
    assert (office.gate(number).exit_code, office.checks(office.head(number))) == (1, ["failure"])
    assert "History holds 3 events, the base's holds 4. History only grows." in said(office, number)
    assert f"/rollback {MODEL} --reason" in said(office, number)


def test_the_way_back_is_a_new_event_over_bytes_that_were_proven_again(office: Office) -> None:
    promoted(office)
    number = office.pull("back")
    job = office.ask(number, f"/rollback {MODEL} --reason 'drift'")
    assert job.outputs["decision"] == "promoted"
    before, after = office.registry("main").history[MODEL], office.registry(office.head(number)).history[MODEL]
    assert after[1:] == before
    assert (after[0].action.value, after[0].pointer.digest) == ("rollback", before[-1].pointer.digest)
    assert {"artifact.digest", "artifact.opens"} <= set(re.findall(r"artifact\.\w+", said(office, number)))


def test_an_old_policy_put_back_is_not_read(office: Office) -> None:
    on_the_base(office, LAX, PATIENT)

    def back(person: Person) -> None:
        person.git("revert", "--no-edit", "HEAD")
        assert (person.clone / POLICY).read_text() == LAX
        at_a_terminal(person)

    number = branch(office, back)
    assert office.gate(number).exit_code == 1
    assert "soak.shadow" in said(office, number)
    old, new = parse_policy(LAX.encode()).digest[:15], parse_policy(PATIENT.encode()).digest[:15]
    assert f"was made under another policy than the base's: {old}, not {new}" in said(office, number)
    assert "restore the registry" in said(office, number)


def test_an_event_carries_the_digest_of_the_bases_policy(office: Office) -> None:
    number = office.pull(files={POLICY: LAX})
    assert office.ask(number, "/promote staging").outputs["decision"] == "promoted"
    assert newest(office, office.head(number)).policy_digest == Policy().digest
    assert office.checks(office.head(number)) == ["success"]


def test_a_new_policy_on_the_base_has_open_promotions_made_anew_under_it(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    job = office.event("push", on_the_base(office, CONTACTS), by="bob")
    assert (job.exit_code, job.outputs["reason_code"]) == (0, "recomputed"), job.log
    assert newest(office, office.head(number)).policy_digest == parse_policy(CONTACTS.encode()).digest
    assert office.checks(office.head(number)) == ["success"]


def test_a_promotion_of_another_policy_is_withdrawn_and_asked_for_again(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    on_the_base(office, CONTACTS)
    assert office.gate(number).exit_code == 1
    assert f"/withdraw {MODEL}" in said(office, number)
    assert office.ask(number, f"/withdraw {MODEL}").outputs["decision"] == "withdrawn"
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    assert office.checks(office.head(number))[-1] == "success"
