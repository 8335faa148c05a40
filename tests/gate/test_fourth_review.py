"""What a fourth hostile review found in the gate: what stands for something else, and other ways of merging."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from tests.action.test_second_review import moved
from tests.demo.story import REGISTRY
from tests.fake_github.refusals import HttpError
from tests.gate.attacks import copy, state
from tests.gate.forgery import V2
from tests.office import Office

pytestmark = pytest.mark.thorough
PLAIN = "ml/artifacts/plain"


def plain(office: Office, branch: str) -> None:
    """alice adds an artifact to a branch whose manifest names no model, so that it may become any."""
    alice = office.person("alice")
    alice.start_branch(branch, base=branch)
    copy(alice, V2, PLAIN)
    place = alice.clone / PLAIN / "manifest.json"
    manifest = {key: value for key, value in json.loads(place.read_bytes()).items() if key != "model"}
    place.write_text(json.dumps(manifest, indent=2) + "\n")
    alice.commit("feat: Plain")
    alice.push()


def test_what_was_decided_for_one_model_is_decided_for_no_other(office: Office) -> None:
    """carol moves the bot's event, byte for byte, below the name of another model."""
    number = office.pull()
    plain(office, "evaluation")
    job = office.ask(number, f"/promote shadow one_model --new-model --artifact-dir {PLAIN} --artifact-id first")
    assert job.outputs["decision"] == "promoted", office.comments(number)
    document = office.registry(office.head(number)).document
    document["models"]["other_model"] = document["models"].pop("one_model")
    carol = office.person("carol")
    carol.start_branch("evaluation", base="evaluation")
    carol.write(REGISTRY, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    carol.commit("chore: Tidy")
    carol.push()
    assert office.gate(number).outputs["decision"] == "refused"


def docs_that_undo(office: Office, number: int, *, base: str = "main") -> int:
    """carol's pull request: one commit changes the registry as another pull request does, the next one undoes that."""
    before, promoted = (office.registry(sha).to_bytes() for sha in (base, office.head(number)))
    carol = office.person("carol")
    carol.start_branch("docs")
    carol.write(REGISTRY, promoted)
    carol.commit("chore: One")
    carol.write(REGISTRY, before)
    carol.write("docs/mine.md", "mine\n")
    carol.commit("docs: Mine")
    carol.push()
    return office.repository.open_pull(author="carol", head="docs", title="Docs").number


def rebased(office: Office, number: int) -> None:
    """carol presses *Rebase and merge*, where the required status lets her."""
    verdict = [one for one in office.repository.statuses if one.sha == office.head(number)][-1]
    assert str(verdict.description).startswith("refused: Rebasing the commits of this branch would give")
    office.repository.protect("main", required_checks=["promotebot/gate"], source="github-actions")
    with suppress(HttpError):
        office.repository.merge(number, by="carol", method="rebase")


@pytest.mark.parametrize("opened", ["before", "after"])
def test_a_commit_that_undoes_what_another_pull_request_promotes_is_not_rebased_onto_it(
    office: Office, opened: str
) -> None:
    """A merge sees no change of the registry; a rebase applies the second commit alone, and takes ACTIVE back."""
    number = office.pull("release")
    office.ask(number, "/promote active")
    mine = docs_that_undo(office, number)
    old = office.repository.git.branch("main") or ""
    if opened == "before":
        assert office.gate(mine, "opened").outputs["decision"] == "passed"
    office.repository.merge(number, by="bob")
    promoted = office.pointer("main", "active")
    if opened == "before":
        moved(office, old)
    else:
        office.gate(mine, "opened")
    rebased(office, mine)
    assert office.pointer("main", "active") == promoted


def test_merging_the_base_into_such_a_branch_hides_nothing(office: Office) -> None:
    """A rebase leaves merges out; what carol promotes herself makes the registry's change look like her own."""
    number = office.pull("release")
    office.ask(number, "/promote active")
    mine = docs_that_undo(office, number)
    plain(office, "docs")
    other = f"/promote shadow other_model --new-model --artifact-dir {PLAIN} --artifact-id first"
    assert office.ask(mine, other, author="carol").outputs["decision"] == "promoted"
    old = office.repository.git.branch("main") or ""
    office.repository.merge(number, by="bob")
    promoted = office.pointer("main", "active")
    moved(office, old)
    assert office.pointer(office.head(mine), "active") == promoted, "the bot has merged the base"
    rebased(office, mine)
    assert office.pointer("main", "active") == promoted


def test_a_promotion_that_is_planned_again_for_the_new_base_can_be_merged(office: Office) -> None:
    """Rebasing would bring the event of before, which promotes the same."""
    number, other = office.pull(), office.pull("other")
    office.ask(number, "/promote active")
    plain(office, "other")
    job = office.ask(other, f"/promote shadow other_model --new-model --artifact-dir {PLAIN} --artifact-id first")
    assert job.outputs["decision"] == "promoted", office.comments(other)
    old = office.repository.git.branch("main") or ""
    office.repository.merge(other, by="bob")
    moved(office, old)
    assert state(office, office.head(number)) == "success"
