"""The base moves: open promotions are made anew on it, and land one after the other."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.cli.test_registry import ANY, OTHER, with_other_model
from tests.fake_github.people import Person
from tests.office import Office

pytestmark = pytest.mark.thorough


def test_two_promotions_of_one_model_both_land(office: Office) -> None:
    one, two = office.pull("one"), office.pull("two")
    office.ask(one, "/promote staging")
    office.ask(two, "/promote active")
    before = office.head(two)
    office.repository.merge(one, by="bob")
    job = office.pushed(one)
    assert (job.exit_code, job.outputs["reason_code"]) == (0, "recomputed"), job.log
    parents = office.repository.git.run("log", "-1", "--format=%P", office.head(two)).split()
    assert parents == [before, office.repository.git.branch("main")]
    assert office.checks(office.head(two)) == ["success"]
    assert "Updated for the new `main`" in office.comment(two)
    office.repository.merge(two, by="bob")
    assert (office.pointer("main", "staging"), office.pointer("main", "active")) == (
        "regime_v2_candidate",
        "regime_v2_candidate",
    )
    history = office.registry("main").history["regime_classifier"]
    assert [str(event.to_stage) for event in history[:2]] == ["active", "staging"]


def test_two_models_in_one_file_both_land(office: Office) -> None:
    person = office.person("alice")
    with_other_model(person)
    person.git("push", "--quiet", "origin", "HEAD:main")
    one, two = office.pull("one"), office.pull("two")
    office.ask(one, "/promote active regime_classifier")
    office.ask(two, f"/promote staging {OTHER} --artifact-dir {ANY}")
    office.repository.merge(one, by="bob")
    assert office.pushed(one).outputs["reason_code"] == "recomputed"
    office.repository.merge(two, by="bob")
    assert office.registry("main").get_stage_pointer(OTHER, "staging") is not None
    assert office.pointer("main", "active") == "regime_v2_candidate"


def test_what_the_base_holds_already_is_not_promoted_again_when_the_policy_changes(office: Office) -> None:
    parent = office.pull("parent")
    office.ask(parent, "/demote regime_classifier shadow --reason 'the canary is over'")
    alice = office.person("alice")
    alice.git("fetch", "--quiet", "origin", "parent")
    alice.git("switch", "--quiet", "--create", "child", "FETCH_HEAD")
    alice.write("docs/child.md", "child\n")
    alice.commit("docs: Child")
    alice.push()
    child = office.repository.open_pull(author="alice", head="child", title="Child").number
    office.repository.merge(parent, by="bob", method="squash")
    office.policy("drafts: true\n")
    assert office.pushed(parent).succeeded
    on_base = office.registry("main").history["regime_classifier"]
    assert office.registry(office.head(child)).history["regime_classifier"] == on_base
    assert office.checks(office.head(child))[-1] == "success"


def test_two_for_one_slot_the_second_is_told_why(office: Office) -> None:
    one, two = office.pull("one"), office.pull("two")
    office.ask(one, "/promote active")
    office.ask(two, "/demote regime_classifier active --reason 'broken'")
    office.ask(two, "/promote active --artifact-dir ml/artifacts/regime_v1 --reason 'back'")
    office.repository.merge(one, by="bob")
    job = office.pushed(one)
    assert job.succeeded
    assert office.checks(office.head(two))[-1] in ("success", "failure")


def test_a_promotion_that_is_no_longer_legal_turns_red_and_says_why(office: Office) -> None:
    one, two = office.pull("one"), office.pull("two")
    office.ask(one, "/promote staging")
    office.ask(two, "/promote active")
    person = office.person("bob")
    person.write(".github/promotion.yml", "stages: {shadow: {soak: {minimum: 9000d, required: true}}}\n")
    person.commit("chore: A stricter policy")
    person.git("push", "--quiet", "origin", "HEAD:main")
    office.repository.merge(one, by="bob")
    head = office.head(two)
    assert office.pushed(one).succeeded
    assert office.head(two) == head
    assert office.checks(head)[-1] == "failure"
    assert "soak.shadow" in "\n".join(office.comments(two))


def test_a_conflict_elsewhere_is_left_to_the_author(office: Office) -> None:
    one, two = office.pull("one", {"notes.txt": "one\n"}), office.pull("two", {"notes.txt": "two\n"})
    office.ask(one, "/promote staging")
    office.ask(two, "/promote active")
    office.repository.merge(one, by="bob")
    head = office.head(two)
    assert office.pushed(one).succeeded
    assert (office.head(two), office.checks(head)[-1]) == (head, "failure")
    assert "notes.txt" in "\n".join(office.comments(two))


def test_a_base_that_changed_workflow_files_is_left_to_the_author(office: Office) -> None:
    one, two = office.pull("one"), office.pull("two")
    office.ask(one, "/promote staging")
    office.ask(two, "/promote active")
    person = office.person("bob")
    person.write(".github/workflows/ci.yml", "on: push\n")
    person.commit("ci: A workflow")
    person.git("push", "--quiet", "origin", "HEAD:main")
    office.repository.merge(one, by="bob")
    head = office.head(two)
    assert office.pushed(one).succeeded
    assert office.head(two) == head
    assert "the Actions token may not push" in "\n".join(office.comments(two))


def test_what_does_not_conflict_is_left_alone(office: Office) -> None:
    one, two, three = office.pull("one"), office.pull("two"), office.pull("three")
    office.ask(two, "/promote active")
    heads = [office.head(two), office.head(three)]
    office.repository.merge(one, by="bob")
    assert office.pushed(one).outputs["decision"] == "unchanged"
    assert [office.head(two), office.head(three)] == heads


V3 = "ml/artifacts/regime_v3"


def add_v3(person: Person) -> None:
    """alice puts a new artifact on main, which no pointer names yet."""
    shutil.copytree(person.clone / "ml/artifacts/regime_v2", person.clone / V3)
    person.commit("feat: regime_v3")
    person.git("push", "--quiet", "origin", "HEAD:main")


def over_v3(person: Person, branch: str = "over") -> None:
    """Somebody's branch that rewrites the new artifact."""
    person.start_branch(branch)
    manifest = person.clone / V3 / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_bytes()), "threshold": 0.9}))
    person.commit("chore: Another threshold")
    person.push()


def test_what_was_green_over_an_unpromoted_directory_turns_red_when_that_is_promoted(office: Office) -> None:
    add_v3(office.person("alice"))
    over_v3(office.person("carol"))
    over = office.repository.open_pull(author="carol", head="over", title="Over").number
    assert office.gate(over).outputs["decision"] == "passed"
    elsewhere = office.pull("elsewhere")
    promotes = office.pull("promotes")
    assert office.ask(promotes, f"/promote shadow --artifact-dir {V3}").outputs["decision"] == "promoted"
    office.repository.merge(promotes, by="bob")
    assert office.checks(office.head(over)) == ["success"]
    assert office.pushed(promotes).succeeded
    assert office.checks(office.head(over)) == ["success", "pending", "failure"]
    assert "regime_classifier SHADOW (regime_v3)" in office.comment(over)
    assert "manifest.changed" in office.comment(over)
    assert office.checks(office.head(elsewhere)) == []


def test_a_fork_is_judged_again_when_the_base_moves(office: Office) -> None:
    add_v3(office.person("alice"))
    fork = office.hub.fork("acme/models", "mallory")
    over_v3(Person.at_work(office.hub, fork, "mallory", office.scratch / "fork"))
    over = office.repository.open_pull(author="mallory", head="mallory:over", title="Over").number
    assert office.gate(over).outputs["decision"] == "passed"
    promotes = office.pull("promotes")
    office.ask(promotes, f"/promote shadow --artifact-dir {V3}")
    office.repository.merge(promotes, by="bob")
    head = office.head(over)
    assert office.pushed(promotes).succeeded
    assert (office.head(over), office.checks(head)) == (head, ["success", "pending", "failure"])


def test_a_pull_request_that_changes_the_policy_is_judged_again(office: Office) -> None:
    lax = office.pull("lax", {".github/promotion.yml": "require_sha: true\n"})
    one = office.pull("one")
    office.ask(one, "/promote staging")
    office.repository.merge(one, by="bob")
    assert office.pushed(one).succeeded
    assert office.checks(office.head(lax)) == ["pending", "success"]


def test_a_push_to_another_branch_or_a_tag_starts_nothing(office: Office) -> None:
    person = office.person("alice")
    person.start_branch("side")
    person.write("x", "x")
    person.commit("chore: x")
    person.push()
    payload = office.repository.push_event("side", before="0" * 40, sender="alice")
    assert office.event("push", payload).outputs["decision"] == "ignored"
    assert office.event("push", {**payload, "ref": "refs/tags/v1"}).outputs["decision"] == "ignored"


def test_a_stricter_policy_on_the_base_turns_an_open_promotion_red(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    head, before = office.head(number), office.repository.git.branch("main") or ""
    assert office.checks(head) == ["success"]
    person = office.person("bob")
    person.write(".github/promotion.yml", "stages: {shadow: {soak: {minimum: 9000d, required: true}}}\n")
    person.commit("chore: A stricter policy")
    person.git("push", "--quiet", "origin", "HEAD:main")
    job = office.event("push", office.repository.push_event("main", before=before, sender="bob"), by="bob")
    assert job.exit_code == 0
    assert (office.head(number), office.checks(head)) == (head, ["success", "pending", "failure"])
    assert "soak.shadow" in "\n".join(office.comments(number))
