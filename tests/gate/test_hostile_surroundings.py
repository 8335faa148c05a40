"""Attacks from beside: on registry and policy by renames and spellings, over other bases, forks and directories."""

from __future__ import annotations

import json

import pytest

from promotebot.registry.names import ModelName
from tests.fake_github.people import Person
from tests.fake_github.refusals import HttpError
from tests.gate.attacks import copy, force_push, state
from tests.office import Office

pytestmark = pytest.mark.thorough

MODEL = ModelName("regime_classifier")
SANDBOX = "promotebot/gate (sandbox)"
V2, V3 = "ml/artifacts/regime_v2", "ml/artifacts/regime_v3"


def test_a_promotion_for_one_base_is_none_for_another(office: Office) -> None:
    office.policy("bases: [sandbox]\n")
    office.repository.git.set_ref("refs/heads/sandbox", str(office.repository.git.branch("main")))
    number = office.pull(base="sandbox")
    assert office.ask(number, "/promote active").outputs["decision"] == "promoted"
    head = office.head(number)
    assert (state(office, head, SANDBOX), state(office, head)) == ("success", "none")
    office.repository.change_base(number, "main")  # carol edits the pull request's base
    office.repository.protect("main", required_checks=["promotebot/gate"])
    with pytest.raises(HttpError, match="promotebot/gate"):
        office.repository.merge(number, by="carol")
    assert office.gate(number, "edited").outputs["decision"] == "refused"
    assert state(office, head) == "failure"
    # When sandbox moves now, nobody looks at this pull request; its base may be edited back.
    assert state(office, head, SANDBOX) == "failure"


def test_green_into_one_base_is_not_green_into_another(office: Office) -> None:
    office.policy("bases: [sandbox]\n")
    office.repository.git.set_ref("refs/heads/sandbox", str(office.repository.git.branch("main")))
    office.push(
        "bob",
        "lax",
        {".github/promotion.yml": "stages: {active: {permission: write, require_prior_stage: false}}\n"},
        "chore: Sandbox",
    )
    office.repository.git.set_ref("refs/heads/sandbox", str(office.repository.git.branch("lax")))
    carol = office.person("carol")
    carol.start_branch("mine", base="sandbox")
    copy(carol, V2, V3, threshold="0.99")
    carol.commit("feat: Mine")
    carol.push()
    into_sandbox = office.repository.open_pull(author="carol", head="mine", base="sandbox", title="Sandbox").number
    assert (
        office.ask(into_sandbox, f"/promote active {MODEL} --artifact-dir {V3}", author="carol").outputs["decision"]
        == "promoted"
    )
    into_main = office.repository.open_pull(author="carol", head="mine", base="main", title="Main").number
    assert office.gate(into_main, "opened").outputs["decision"] == "refused"
    assert office.gate(into_sandbox, "edited").outputs["decision"] == "passed"
    head = office.head(into_main)
    assert (state(office, head, SANDBOX), state(office, head)) == ("success", "failure")
    office.repository.protect("main", required_checks=["promotebot/gate"])
    with pytest.raises(HttpError, match="promotebot/gate"):
        office.repository.merge(into_main, by="carol")


def pushed_to_main(office: Office, person: Person) -> None:
    """The job of a push to main by somebody, of what stands in the clone."""
    before = str(office.repository.git.branch("main"))
    person.git("push", "--quiet", "origin", "HEAD:main")
    office.event("push", office.repository.push_event("main", before=before, sender=person.login), by=person.login)


LONG = "".join(f"# line {n} of a long comment that says what the policy is for\n" for n in range(30))


def test_an_edit_that_a_merge_carries_into_the_policy_is_refused(office: Office) -> None:
    bob, carol = office.person("bob"), office.person("carol")
    bob.write("docs/draft.yml", LONG + "separation: {approvals: 1}\n" + LONG)
    bob.commit("docs: A draft of the policy")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    carol.start_branch("draft")
    carol.write(
        "docs/draft.yml", "stages: {active: {permission: write}}\n" + LONG + "separation: {approvals: 1}\n" + LONG
    )
    carol.commit("docs: A remark")
    carol.push()
    number = office.repository.open_pull(author="carol", head="draft", title="A remark").number
    assert office.gate(number).outputs["decision"] == "passed"
    (bob.clone / ".github").mkdir(exist_ok=True)
    bob.git("mv", "docs/draft.yml", ".github/promotion.yml")
    bob.commit("chore: The policy")
    pushed_to_main(office, bob)
    assert state(office, office.head(number)) == "failure", "the job of the push concerns it"
    assert office.gate(number).outputs["decision"] == "refused"
    assert "A merge may apply the change to those files" in office.comment(number)


@pytest.mark.parametrize("path", ["ml/registry/Models.json", "ml/Registry/models.json", ".github/Promotion.yml"])
def test_another_spelling_of_registry_or_policy_is_refused(office: Office, path: str) -> None:
    carol = office.person("carol")
    carol.start_branch("twin")
    document = json.loads((carol.clone / "ml/registry/models.json").read_bytes())
    entry = document["models"][MODEL]
    entry["active"] = {**entry["shadow"]}
    blob = carol.clone / "blob"
    blob.write_text(json.dumps(document))
    oid = carol.git("hash-object", "-w", str(blob))
    carol.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{path}")
    carol.git("commit", "--quiet", "--message", "chore: Twin")
    carol.push()
    number = office.repository.open_pull(author="carol", head="twin", title="Twin").number
    assert office.gate(number).outputs["decision"] == "refused"
    assert "are the same place on macOS and Windows" in office.comment(number)


def test_a_reader_cannot_hold_a_legal_promotion_red(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    head = office.head(number)
    office.hub.fork("acme/models", "mallory")
    from_fork = office.repository.open_pull(author="mallory", head="mallory:evaluation", title="Mine").number
    assert office.head(from_fork) == head
    assert office.gate(from_fork, "opened").outputs["decision"] == "refused"
    assert "comes from a fork" in office.comment(from_fork)
    office.repository.git.set_ref("refs/heads/nowhere", str(office.repository.git.branch("main")))
    elsewhere = office.repository.open_pull(author="carol", head="evaluation", base="nowhere", title="Mine").number
    assert office.gate(elsewhere, "opened").outputs["decision"] == "ignored"
    assert office.checks(head) == ["success"]
    office.repository.close(number, by="alice")
    office.gate(from_fork, "edited")
    assert office.checks(head) == ["success", "failure"], "now it is the head of nothing else"


def test_the_way_out_that_a_refusal_names_takes_out_an_event_without_a_request(office: Office) -> None:
    from promotebot.registry.chain import sealed

    number = office.pull()
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    path = carol.clone / "ml/registry/models.json"
    document = json.loads(path.read_bytes())
    entry = document["models"][MODEL]
    event = json.loads(json.dumps(entry["history"][0]))
    event.update(source="github", actor="alice", to_stage="staging", from_stage=None, request=None)
    entry["history"].insert(0, event)
    entry["staging"] = event["pointer"]
    entry["history"], entry["history_digest"] = sealed(entry["history"])
    path.write_text(json.dumps(document, indent=2) + "\n")
    carol.commit("chore: Forged")
    carol.push()
    assert office.gate(number).outputs["decision"] == "refused"
    assert "/withdraw" in "\n".join(office.comments(number))
    assert office.ask(number, "/withdraw").outputs["decision"] == "withdrawn"


def test_an_edit_that_a_merge_carries_into_the_registry_is_refused(office: Office) -> None:
    """The registry moves to its place on the base, while a branch edits it where nothing guards it."""
    bob, carol = office.person("bob"), office.person("carol")
    bob.git("mv", "ml/registry/models.json", "ml/models.json")
    bob.commit("chore: The registry, elsewhere")
    bob.git("push", "--quiet", "origin", "HEAD:main")
    carol.start_branch("edit")
    place = carol.clone / "ml/models.json"
    document = json.loads(place.read_bytes())
    document["models"][MODEL]["active"]["artifact_id"] = "mine"
    place.write_text(json.dumps(document, indent=2) + "\n")
    carol.commit("chore: A remark")
    carol.push()
    number = office.repository.open_pull(author="carol", head="edit", title="A remark").number
    assert office.gate(number).outputs["decision"] == "passed"
    bob.git("mv", "ml/models.json", "ml/registry/models.json")
    bob.commit("chore: The registry, in its place")
    pushed_to_main(office, bob)
    assert state(office, office.head(number)) == "failure", "the job of the push concerns it"
    assert office.gate(number).outputs["decision"] == "refused"


def test_a_fork_that_changes_the_policy_is_refused_and_told_the_way_out(office: Office) -> None:
    office.policy("separation: {approvals: 1}\n")
    fork = office.hub.fork("acme/models", "mallory")
    mallory = Person.at_work(office.hub, fork, "mallory", office.scratch / "mallory")
    mallory.start_branch("policy")
    mallory.write(".github/promotion.yml", "separation: {approvals: 2}\n")
    mallory.commit("chore: Stricter")
    mallory.push()
    number = office.repository.open_pull(author="mallory", head="mallory:policy", title="Stricter").number
    office.repository.review(number, by="bob")
    job = office.gate(number)
    assert job.outputs["decision"] == "refused"
    assert "Next: push the branch to this repository and open the pull request from there" in office.comment(number)


def test_a_writer_cannot_lower_what_active_asks_for_and_then_promote(office: Office) -> None:
    carol = office.person("carol")
    carol.start_branch("policy")
    carol.write(".github/promotion.yml", "stages: {active: {permission: write}}\n")
    carol.commit("chore: Policy")
    carol.push()
    number = office.repository.open_pull(author="carol", head="policy", title="Policy").number
    office.repository.protect("main", required_checks=["promotebot/gate"])
    assert office.gate(number, "opened").outputs["decision"] == "refused"
    assert "somebody with maintain permission to open it" in office.comment(number)
    with pytest.raises(HttpError, match="promotebot/gate"):
        office.repository.merge(number, by="carol")


def test_a_directory_that_holds_other_artifacts_cannot_be_promoted(office: Office) -> None:
    """Whoever may write could otherwise turn every new artifact red: it changes the directory of this pointer."""
    carol = office.person("carol")
    carol.start_branch("nest")
    assert carol.promotebot("manifest", "ml/artifacts", "--model-file", "regime_v2/model.onnx").returncode == 0
    carol.commit("feat: Nest")
    carol.push()
    nest = office.repository.open_pull(author="carol", head="nest", title="Nest").number
    command = "/promote shadow blocker --artifact-dir ml/artifacts --artifact-id b --new-model"
    assert office.ask(nest, command, author="carol").outputs["decision"] == "refused"
    assert "artifact.nested" in "\n".join(office.comments(nest))
    made = carol.promotebot(
        *("promote", "--model", "blocker", "--new-model", "--stage", "shadow", "--artifact-id", "b"),
        *("--artifact-dir", "ml/artifacts"),
    )
    assert made.returncode == 1
    assert "artifact.nested" in made.stdout + made.stderr


def test_a_merge_with_a_red_gate_is_not_announced_as_live(office: Office) -> None:
    number = office.pull()
    office.ask(number, "/promote active")
    head = office.head(number)
    office.ask(number, "/withdraw")
    force_push(office, number, head)
    assert office.gate(number).outputs["decision"] == "refused"
    office.merge(number)  # an administrator overrides the rule
    states = [s.state for d in office.repository.deployments.values() for s in d.statuses]
    assert "success" not in states


@pytest.mark.parametrize("attribute", ["working-tree-encoding=UTF-16", "export-ignore"])
def test_attributes_by_which_a_checkout_gives_another_registry_are_refused(office: Office, attribute: str) -> None:
    number = office.pull(files={".gitattributes": f"ml/registry/models.json {attribute}\n"})
    assert office.gate(number).outputs["decision"] == "refused"


def test_line_endings_of_registry_and_policy_are_a_checkouts_own_affair(office: Office) -> None:
    number = office.pull(files={".gitattributes": "ml/registry/** text=auto\n.github/*.yml text eol=lf\n"})
    assert office.gate(number).outputs["decision"] == "passed"
