"""Pull requests that describe a model: green without a promotion, told in the check, and never beside a promotion."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.demo.story import REGISTRY
from tests.office import Office

NAME = "regime_classifier"
SAID = {"owner": "@acme/ml", "description": "market regimes", "tags": ["fx"], "links": {"doc": "https://example.com"}}


def described(office: Office, **changes: Any) -> int:
    """A pull request that changes these keys of the model."""
    document = json.loads(office.repository.git.run("show", f"main:{REGISTRY}"))
    document["models"][NAME] |= changes
    return office.pull("describe", files={REGISTRY: json.dumps(document, indent=2) + "\n"})


def on_main(office: Office, **changes: Any) -> None:
    number = described(office, **changes)
    office.gate(number)
    office.merge(number)


def test_the_gate_takes_it_and_the_check_says_what_changes(office: Office) -> None:
    number = described(office, **SAID)
    job = office.gate(number)
    assert job.outputs["decision"] == "passed", job.log
    assert office.checks(office.head(number)) == ["success"]
    [report] = office.reports(office.head(number))
    assert "no promotion; changes owner, description, tags, links of regime_classifier" in str(report)


@pytest.mark.parametrize("changes", [{"owner": 7}, {"notes": "x"}, {"owner": "a", "staging": None, "history": []}])
def test_another_form_and_any_other_key_turn_it_red(office: Office, changes: dict[str, Any]) -> None:
    number = described(office, **changes)
    assert office.gate(number).exit_code == 1
    assert office.checks(office.head(number)) == ["failure"]


def test_no_promotion_is_asked_for_beside_it(office: Office) -> None:
    number = described(office, **SAID)
    head = office.head(number)
    job = office.ask(number, "/promote staging")
    assert job.outputs["decision"] == "refused", job.log
    assert "so it takes no promotion" in office.answer(number)
    assert office.head(number) == head
    assert office.gate(number).outputs["decision"] == "passed"


def test_a_promotion_takes_no_description_beside_it(office: Office) -> None:
    number = office.pull()
    assert office.ask(number, "/promote staging").outputs["decision"] == "promoted"
    alice = office.person("alice")
    alice.git("fetch", "--quiet", "origin", "evaluation")
    alice.git("switch", "--quiet", "--detach", "FETCH_HEAD")
    document = json.loads((alice.clone / REGISTRY).read_bytes())
    document["models"][NAME] |= SAID
    alice.write(REGISTRY, json.dumps(document, indent=2) + "\n")
    alice.commit("docs: Describe the model")
    alice.git("push", "--quiet", "origin", "HEAD:evaluation")
    assert office.gate(number).exit_code == 1
    assert "so it takes no promotion" in "\n".join(office.comments(number))
    head = office.head(number)
    assert office.ask(number, f"/withdraw {NAME}").outputs["decision"] == "refused"
    assert office.head(number) == head


def test_status_card_and_help_go_on_with_it(office: Office) -> None:
    on_main(office, **SAID)
    number = office.pull()
    assert office.ask(number, "/promote staging").outputs["decision"] == "promoted"
    assert "- **Owner of the model:** `@acme/ml`" in office.comment(number)
    assert office.gate(number).outputs["decision"] == "passed"
    office.ask(number, "/status")
    told = office.answer(number)
    assert "`regime_classifier`: owner `@acme/ml`; market regimes; `fx`; " in told
    assert json.loads(office.repository.git.run("show", f"{office.head(number)}:{REGISTRY}"))["models"][NAME]["owner"]
    job = office.merge(number)
    assert job.outputs["decision"] in ("announced", "passed", "verified"), job.log
