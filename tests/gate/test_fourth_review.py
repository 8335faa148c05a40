"""What a fourth hostile review found in the gate: what stands for something else, and other ways of merging."""

from __future__ import annotations

import json

import pytest

from tests.demo.story import REGISTRY
from tests.gate.attacks import copy
from tests.gate.forgery import V2
from tests.office import Office

pytestmark = pytest.mark.thorough


def test_what_was_decided_for_one_model_is_decided_for_no_other(office: Office) -> None:
    """carol moves the bot's event, byte for byte, below the name of another model."""
    number, plain = office.pull(), "ml/artifacts/plain"
    alice = office.person("alice")
    alice.start_branch("evaluation", base="evaluation")
    copy(alice, V2, plain)
    place = alice.clone / plain / "manifest.json"
    manifest = {key: value for key, value in json.loads(place.read_bytes()).items() if key != "model"}
    place.write_text(json.dumps(manifest, indent=2) + "\n")
    alice.commit("feat: Plain")
    alice.push()
    job = office.ask(number, f"/promote shadow one_model --new-model --artifact-dir {plain} --artifact-id first")
    assert job.outputs["decision"] == "promoted", office.comments(number)
    document = office.registry(office.head(number)).document
    document["models"]["other_model"] = document["models"].pop("one_model")
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.write(REGISTRY, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    carol.commit("chore: Tidy")
    carol.push()
    assert office.gate(number).outputs["decision"] == "refused"
