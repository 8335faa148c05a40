"""What a candidate is compared with, and what the policy asks of the pull request, cannot be chosen by its author."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from promotebot.registry.chain import sealed
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


def on_branch(office: Office, branch: str, change: Callable[[dict[str, Any]], None]) -> None:
    """carol edits the registry on somebody's branch by hand, with a whole chain."""
    carol = office.person("carol")
    carol.git("fetch", "--quiet", "origin", branch)
    carol.git("checkout", "--quiet", "-B", branch, f"origin/{branch}")
    path = carol.clone / "ml/registry/models.json"
    document = json.loads(path.read_bytes())
    entry = document["models"][MODEL]
    change(entry)
    entry["history"], entry["history_digest"] = sealed(entry["history"])
    path.write_text(json.dumps(document, indent=2) + "\n")
    carol.commit("chore: Registry")
    carol.push()


@pytest.mark.parametrize(
    "share", ["5 %", "05%", "5.0%", "\uff15%", 5, 0.05, "101%", "0%", "", None, ["5%"], "3%", "50%"]
)
def test_a_share_that_somebody_writes_by_hand_turns_the_gate_red(office: Office, share: Any) -> None:
    number = office.pull("one")
    assert asked(office, number, f"/promote staging {MODEL} --share 2%") == "committed", words(office, number)

    def write(entry: dict[str, Any]) -> None:
        entry["staging"]["share"] = entry["history"][0]["pointer"]["share"] = share

    on_branch(office, "one", write)
    job = office.gate(number)
    assert job.outputs["decision"] in ("refused", "failed"), job.summary
    assert office.checks(office.head(number))[-1] == "failure"
    assert "Traceback" not in job.log + words(office, number)


def test_active_is_given_no_share_by_hand(office: Office) -> None:
    office.policy(FREE)
    number = office.pull("one")
    assert asked(office, number, f"/promote active {MODEL} --artifact-dir {V2}") == "committed", words(office, number)

    def write(entry: dict[str, Any]) -> None:
        entry["active"]["share"] = entry["history"][0]["pointer"]["share"] = "5%"

    on_branch(office, "one", write)
    assert office.gate(number).outputs["decision"] == "refused"


def test_a_policy_that_is_a_link_is_not_rejected_into(office: Office) -> None:
    bob = office.person("bob")
    (bob.clone / ".github").mkdir(exist_ok=True)
    (bob.clone / "policy.yml").write_text("require_reason: false\n")
    (bob.clone / ".github/promotion.yml").symlink_to("../policy.yml")
    bob.commit("chore: Policy")
    bob.push()
    number, before = office.pull("one"), office.repository.git.branch("one")
    job = office.ask(number, f'/reject {MODEL} --artifact {V2} --reason "it is worse"', author="bob")
    assert job.outputs["decision"] in ("refused", "failed"), job.summary
    assert "Traceback" not in job.log + words(office, number)
    assert office.repository.git.branch("one") == before
