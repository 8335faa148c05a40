"""What a fifth hostile review found in the gate: what is believed because something beside it is believed."""

from __future__ import annotations

import json

import pytest

from tests.demo.story import REGISTRY
from tests.gate.attacks import state
from tests.gate.test_fourth_review import PLAIN, plain
from tests.office import Office

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("name", ["a_copy", "z_copy"])
def test_a_copy_of_an_event_is_not_taken_over_when_its_model_is_promoted_anew(office: Office, name: str) -> None:
    """carol copies what alice promoted below another model, and alice asks for another artifact in its place."""
    number = office.pull()
    plain(office, "evaluation")
    ask = f"/promote shadow my_model --new-model --artifact-dir {PLAIN} --artifact-id"
    assert office.ask(number, f"{ask} first").outputs["decision"] == "promoted"
    document = office.registry(office.head(number)).document
    document["models"][name] = document["models"]["my_model"]
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.write(REGISTRY, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    carol.commit("chore: Tidy")
    carol.push()
    assert office.gate(number).outputs["decision"] == "refused"
    job = office.ask(number, f"{ask} second")
    assert (job.outputs["decision"], job.outputs["reason_code"]) == ("refused", "hand_edit")
    assert state(office, office.head(number)) == "failure"
