"""What a candidate is compared with, and what the policy asks of the pull request, cannot be chosen by its author."""

from __future__ import annotations

import pytest

from tests.action.test_signature_rule import ALLOW, ASK, FREE, V3, artifact
from tests.gate.forgery import MODEL, V2
from tests.gate.test_evidence import asked, words
from tests.office import Office

pytestmark = pytest.mark.thorough


def without(office: Office, branch: str, directory: str) -> None:
    """alice takes a directory out on her branch."""
    alice = office.person("alice")
    alice.git("fetch", "--quiet", "origin", branch)
    alice.git("checkout", "--quiet", "-B", branch, f"origin/{branch}")
    alice.git("rm", "-rq", directory)
    alice.commit("chore: Tidy up")
    alice.push()


def last_active_with_another_signature(office: Office) -> None:
    """V3 was ACTIVE after V1, with an output of another name, and nothing is now."""
    office.policy(FREE)
    number = artifact(office)
    assert asked(office, number, f"{ASK} {ALLOW}") == "committed", words(office, number)
    office.merge(number)
    out = office.pull("out", {"notes-out.txt": "out\n"})
    assert asked(office, out, f"/demote {MODEL} active --reason gone") == "committed", words(office, out)
    office.merge(out)


def test_a_branch_that_deletes_the_last_active_is_not_compared_with_an_earlier_one(office: Office) -> None:
    last_active_with_another_signature(office)
    ask = f"/promote active {MODEL} --artifact-dir {V2} --artifact-id two"
    number = office.pull("two", {"notes-two.txt": "two\n"})
    assert asked(office, number, ask) == "rules"
    assert "the last ACTIVE" in words(office, number)
    without(office, "two", V3)
    assert asked(office, number, ask) == "rules", words(office, number)


def test_a_branch_that_deletes_the_last_active_is_not_spared_the_comparison_of_outputs(office: Office) -> None:
    office.policy(f"signature: allow\ncomparison: {{max_difference: 1000}}\n{FREE}")
    for number, line in (
        (office.pull("two", {"notes-two.txt": "two\n"}), f"/promote active {MODEL} --artifact-dir {V2}"),
        (office.pull("out", {"notes-out.txt": "out\n"}), f"/demote {MODEL} active --reason gone"),
    ):
        assert asked(office, number, line) == "committed", words(office, number)
        office.merge(number)
    number = artifact(office)
    without(office, "new", V2)
    assert asked(office, number, ASK) == "rules", words(office, number)
    told = words(office, number)
    assert "Not compared with regime_v2_candidate, the last ACTIVE" in told, told
