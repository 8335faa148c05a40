"""A command that is pinned with --sha stands for what it meant on that commit, and for nothing else."""

from __future__ import annotations

import json

import pytest

from promotebot.registry.chain import sealed
from tests.demo.story import REGISTRY
from tests.fake_github.people import Job
from tests.office import Office

MODEL = "regime_classifier"


def exchanged(office: Office, number: int, command: str, *, head_sha: str, artifact: str = "regime_v1") -> Job:
    """alice asks; before the bot does, bob pushes an event that says it answers her, and the gate looks at it."""
    comment = office.repository.comment(number, author="alice", body=command)
    bob = office.person("bob")
    bob.git("fetch", "--quiet", "origin", "evaluation")
    bob.git("switch", "--quiet", "evaluation")
    place = ["--artifact-dir", f"ml/artifacts/{artifact}", "--artifact-id", artifact]
    assert bob.promotebot("promote", "--model", MODEL, "--stage", "staging", *place).returncode == 0
    path = bob.clone / REGISTRY
    document = json.loads(path.read_bytes())
    entry = document["models"][MODEL]
    who = {"source": "github", "actor": "alice"}
    event = {**entry["history"][0], **who, "pointer": {**entry["history"][0]["pointer"], **who}}
    ref = {"repo": "acme/models", "pull": number, "id": f"comment:{comment.id}#1", "login": "alice"}
    event["request"] = {**ref, "head_sha": head_sha}
    entry["history"], entry["history_digest"] = sealed([event, *entry["history"][1:]])
    entry["staging"] = event["pointer"]
    path.write_text(json.dumps(document, indent=2) + "\n")
    bob.commit("chore: In her name")
    bob.push()
    return office.gate(number)


def test_what_a_pinned_command_meant_cannot_be_exchanged(office: Office) -> None:
    number = office.pull()
    head = office.head(number)
    job = exchanged(office, number, f"/promote staging --sha {head}", head_sha=head)
    assert (job.exit_code, office.checks(office.head(number))) == (1, ["failure"])
    assert f"on {head[:7]} the command means another artifact_dir, artifact_id" in office.comment(number)


@pytest.mark.parametrize(
    ("pinned", "claimed", "says"),
    [("a" * 40, "b" * 40, "the event is not"), ("a" * 40, "a" * 40, "is not in this branch any more")],
)
def test_an_event_is_held_to_the_commit_its_command_is_pinned_to(
    office: Office, pinned: str, claimed: str, says: str
) -> None:
    number = office.pull()
    job = exchanged(office, number, f"/promote staging --sha {pinned}", head_sha=claimed)
    assert job.exit_code == 1
    assert f"pinned to {pinned[:7]}" in office.comment(number) or pinned[:7] in office.comment(number)
    assert says in office.comment(number)


def test_a_command_that_was_not_clear_on_its_commit_stands_for_nothing(office: Office) -> None:
    bob = office.person("bob")
    path = bob.clone / REGISTRY
    document = json.loads(path.read_bytes())
    document["models"]["other"] = {"shadow": None, "staging": None, "active": None}
    path.write_text(json.dumps(document, indent=2) + "\n")
    bob.commit("chore: Another model")
    bob.push()
    number = office.pull()
    head = office.head(number)
    job = exchanged(office, number, f"/promote staging --sha {head}", head_sha=head)
    assert job.exit_code == 1
    assert "the command is not clear" in office.comment(number)


@pytest.mark.parametrize(
    "command",
    [
        "/promote active",
        '/rollback regime_classifier shadow --reason "x"',
        '/demote regime_classifier shadow --reason "x"',
    ],
)
def test_a_pinned_command_that_is_carried_out_passes(office: Office, command: str) -> None:
    number = office.pull()
    assert office.ask(number, f"{command} --sha {office.head(number)}").exit_code == 0
    assert office.checks(office.head(number)) == ["success"]
    assert office.gate(number).outputs["decision"] == "passed"


def test_a_pinned_command_means_the_same_when_the_base_has_moved(office: Office) -> None:
    """What `/promote active` took from the shadow pointer is what it takes when shadow holds another by now."""
    other, number = office.pull("other"), office.pull()
    assert office.ask(number, f"/promote active --sha {office.head(number)}").exit_code == 0
    assert office.ask(other, "/promote shadow --artifact-dir ml/artifacts/regime_v1").exit_code == 0
    office.merge(other)
    assert office.pushed(other).outputs["reason_code"] == "recomputed"
    assert office.checks(office.head(number)) == ["success"]
    assert office.pointer(office.head(number), "active") == "regime_v2_candidate"
