"""Another signature than ACTIVE has, at every door: refused, or allowed with a reason that the card begins with."""

from __future__ import annotations

import hashlib
import json
import shutil

import onnx
import pytest

from promotebot.registry.chain import sealed
from tests.action.test_cards import MODEL, card, heading
from tests.gate.attacks import state
from tests.gate.forgery import say
from tests.office import Office

pytestmark = pytest.mark.thorough

V2, V3 = "ml/artifacts/regime_v2", "ml/artifacts/regime_v3"
FREE = "stages: {active: {require_prior_stage: false}}\n"
ASK = f"/promote active --artifact-dir {V3} --artifact-id regime_v3"
ALLOW = '--allow-signature-change "the service was changed in #42"'


def artifact(office: Office, branch: str = "new", *, reorder: bool = False) -> int:
    """A pull request by alice with a model whose output has another name, or whose features stand in another order."""
    alice = office.person("alice")
    alice.start_branch(branch)
    directory = alice.clone / V3
    shutil.copytree(alice.clone / V2, directory)
    shutil.rmtree(directory / "test_data_set_0")
    manifest = json.loads((directory / "manifest.json").read_bytes())
    if reorder:
        manifest["feature_order"].reverse()
    else:
        model = onnx.load(directory / "model.onnx")
        renamed = f"{model.graph.output[0].name}_v3"
        for node in model.graph.node:
            node.output[:] = [renamed if name == model.graph.output[0].name else name for name in node.output]
        model.graph.output[0].name = renamed
        onnx.save(model, directory / "model.onnx")
    listed = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != "manifest.json")
    manifest["sha256"] = {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in listed
    }
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    alice.commit("feat: regime_v3")
    alice.push()
    return office.repository.open_pull(author="alice", head=branch, title="New").number


def warnings(body: str) -> str:
    """What a card shows above the folded list of every rule."""
    return body.partition("<details")[0] + body.partition("rules passed")[2].partition("<details")[0]


@pytest.mark.parametrize(("reorder", "rule"), [(False, "signature.outputs"), (True, "signature.features")])
def test_it_is_refused_for_active_and_allowed_with_a_reason_that_the_card_begins_with(
    office: Office, reorder: bool, rule: str
) -> None:
    office.policy(FREE)
    number = artifact(office, reorder=reorder)
    refused = office.ask(number, ASK)
    assert (refused.outputs["decision"], refused.outputs["reason_code"]) == ("refused", "rules")
    assert f"`{rule}`" in refused.summary
    assert office.ask(number, f"{ASK} {ALLOW}").outputs["decision"] == "promoted"
    part = rule.partition(".")[2]
    assert heading(office, number).endswith("· ready for review")
    first = card(office, number).splitlines()[3]
    assert first.startswith(f"⚠️ **Other {part} than ACTIVE has, which the request allows:** the service was changed"), (
        card(office, number)
    )
    event = office.registry(office.head(number)).history[MODEL][0]
    assert event.allows_signature_change == "the service was changed in #42"
    assert office.gate(number).exit_code == 0


def test_below_active_it_is_a_warning(office: Office) -> None:
    number = artifact(office)
    job = office.ask(number, ASK.replace("active", "shadow"))
    assert job.outputs["decision"] == "promoted"
    assert "signature.outputs" in warnings(card(office, number))


def test_a_promotion_that_a_laxer_policy_allowed_turns_red_by_the_gate(office: Office) -> None:
    office.policy("signature: allow\n" + FREE)
    number = artifact(office)
    assert office.ask(number, ASK).outputs["decision"] == "promoted"
    assert state(office, office.head(number)) == "success"
    office.policy(FREE)
    assert "signature.outputs" in office.gate(number).summary
    assert state(office, office.head(number)) == "failure"


def test_an_event_made_at_a_terminal_is_compared_there_and_by_the_gate(office: Office) -> None:
    office.policy("signature: allow\n" + FREE)
    number = artifact(office)
    alice = office.person("alice")
    alice.git("switch", "--quiet", "--create", "new", "--track", "origin/new")
    flags = ("--model", MODEL, "--stage", "active", "--artifact-dir", V3, "--artifact-id", "regime_v3", "--reason", "x")
    alice.git("switch", "--quiet", "main")
    alice.write(".github/promotion.yml", FREE)
    alice.commit("chore: Policy")
    alice.git("push", "--quiet", "origin", "HEAD:main")
    alice.git("switch", "--quiet", "new")
    alice.git("merge", "--quiet", "--no-edit", "origin/main")
    refused = alice.promotebot("promote", *flags)
    assert refused.returncode == 1
    assert "signature.outputs" in refused.stderr + refused.stdout
    allowed = alice.promotebot("promote", *flags, "--allow-signature-change", "the service was changed in #42")
    assert allowed.returncode == 0, allowed.stderr
    alice.commit("feat: regime_v3 is ACTIVE")
    alice.push()
    office.gate(number)
    assert state(office, office.head(number)) == "success"
    registry = alice.clone / "ml/registry/models.json"
    document = json.loads(registry.read_bytes())
    entry = document["models"][MODEL]
    del entry["history"][0]["allows_signature_change"]
    entry["history"], entry["history_digest"] = sealed(entry["history"])
    registry.write_text(json.dumps(document, indent=2) + "\n")
    alice.commit("chore: Without a reason")
    alice.push()
    job = office.gate(number)
    assert state(office, office.head(number)) == "failure"
    assert "signature.outputs" in job.summary


def test_the_way_back_to_another_signature_is_open(office: Office) -> None:
    office.policy(FREE)
    number = artifact(office)
    assert office.ask(number, f"{ASK} {ALLOW}").succeeded
    office.repository.merge(number, by="bob")
    back = office.pull("back")
    asked, job = say(office, back, f'/rollback {MODEL} --reason "incident 7"')
    assert asked
    assert job.outputs["decision"] == "promoted", job.summary
    assert "signature.outputs" in warnings(card(office, back))
    assert heading(office, back).endswith("· ready for review")


def test_taking_active_out_first_changes_nothing_about_it(office: Office) -> None:
    office.policy(FREE)
    number = artifact(office)
    assert office.ask(number, f"/demote {MODEL} active --reason first").outputs["decision"] == "promoted"
    refused = office.ask(number, ASK)
    assert refused.outputs["decision"] == "refused"
    assert "`signature.outputs`" in refused.summary
