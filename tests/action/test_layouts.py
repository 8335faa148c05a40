"""Changes of layout on GitHub: what was merged meanwhile is not lost; what was lost is found and brought back."""

from __future__ import annotations

import pytest

from promotebot.registry import ModelRegistry
from promotebot.registry.names import ModelName
from tests.action.test_schedule import watch
from tests.cli.test_registry import ANY, MODELS, OTHER, with_other_model
from tests.fake_github.people import Job, Person
from tests.office import Office
from tests.sampling import sampled

pytestmark = pytest.mark.thorough

FRESH = "fresh_model"


def on_main(office: Office, *, split: bool) -> None:
    """bob puts a second model on main, in either layout."""
    bob = office.person("bob")
    with_other_model(bob)
    if split:
        assert bob.promotebot("registry", "split").returncode == 0
        bob.commit("chore: Split the registry")
    bob.git("push", "--quiet", "origin", "HEAD:main")


def converting(office: Office, layout: str) -> int:
    """carol's pull request that changes the layout and nothing else."""
    carol = office.person("carol")
    carol.start_branch(layout)
    done = carol.promotebot("registry", layout)
    assert done.returncode == 0, done.stderr
    carol.commit(f"chore: {layout} the registry")
    carol.push()
    return office.repository.open_pull(author="carol", head=layout, title=layout).number


def fresh(office: Office) -> int:
    """alice's pull request that adds a model."""
    number = office.pull("fresh")
    job = office.ask(number, f"/promote shadow {FRESH} --artifact-dir {ANY} --new-model")
    assert job.outputs["decision"] == "promoted", job.log
    return number


def listed(office: Office, revision: str) -> list[str]:
    return office.repository.git.run("ls-tree", "-r", "--name-only", revision, "ml/registry").split()


def pull_of(office: Office, person: Person, branch: str, message: str) -> int:
    person.commit(message)
    person.push()
    return office.repository.open_pull(author=person.login, head=branch, title=message).number


def scheduled(office: Office, exit_code: int) -> Job:
    job = watch(office)
    assert job.exit_code == exit_code, job.log or job.summary
    return job


@pytest.mark.parametrize("layout", ["join", "split"])
def test_a_conversion_is_judged_again_and_red_when_a_model_was_added_meanwhile(office: Office, layout: str) -> None:
    on_main(office, split=layout == "join")
    conversion, promotes = converting(office, layout), fresh(office)
    assert office.gate(conversion).outputs["decision"] == "passed"
    head = office.head(conversion)
    office.repository.merge(promotes, by="bob")
    assert office.pushed(promotes).succeeded
    assert (office.head(conversion), office.checks(head)) == (head, ["success", "pending", "failure"])
    assert "gate.base" in office.comment(conversion)


def test_a_new_model_is_planned_again_on_the_joined_registry_and_leaves_no_file(office: Office) -> None:
    on_main(office, split=True)
    conversion, promotes = converting(office, "join"), fresh(office)
    office.repository.merge(conversion, by="bob")
    assert office.pushed(conversion).outputs["reason_code"] == "recomputed"
    head = office.head(promotes)
    assert office.checks(head) == ["success"], office.comments(promotes)
    assert listed(office, head) == ["ml/registry/models.json"]
    assert FRESH in office.registry(head)


def lose(office: Office) -> None:
    """Both are merged before any job looks again."""
    on_main(office, split=True)
    conversion, promotes = converting(office, "join"), fresh(office)
    for number in (promotes, conversion):
        office.repository.merge(number, by="bob")
    assert listed(office, "main") == ["ml/registry/models.json", f"{MODELS}/{FRESH}.json"]
    assert FRESH not in office.registry("main")


def test_a_model_that_was_lost_is_found_by_the_schedule_and_brought_back_with_its_history(office: Office) -> None:
    lose(office)
    job = scheduled(office, 1)
    assert "registry.orphan" in job.summary
    (issue,) = (i for n, i in office.repository.issues.items() if n not in office.repository.pulls)
    assert FRESH in (issue.body or "").replace("\\", "")
    carol = office.person("carol")
    carol.start_branch("bring-back")
    assert carol.promotebot("registry", "join").returncode == 0
    number = pull_of(office, carol, "bring-back", "fix: Bring the model back")
    assert office.gate(number).outputs["decision"] == "passed", office.comments(number)
    assert office.merge(number).outputs["decision"] == "ignored", "nothing is announced a second time"
    scheduled(office, 0)
    after = office.registry("main")
    assert [event.actor for event in after.entries[ModelName(FRESH)].history] == ["alice"]


def test_whoever_rolls_another_model_back_need_not_wait_until_it_is_mended(office: Office) -> None:
    lose(office)
    number = office.pull("urgent")
    job = office.ask(number, f"/promote shadow {OTHER} --artifact-dir {ANY}")
    assert job.outputs["decision"] == "promoted", job.log
    assert office.checks(office.head(number)) == ["success"]
    office.ask(number, "/why")
    assert "registry.orphan" in office.comments(number)[-1]


def test_deleting_the_file_of_a_lost_model_is_red(office: Office) -> None:
    lose(office)
    carol = office.person("carol")
    carol.start_branch("tidy")
    (carol.clone / MODELS / f"{FRESH}.json").unlink()
    number = pull_of(office, carol, "tidy", "chore: Tidy up")
    assert office.gate(number).outputs["decision"] == "refused"
    assert "The model was removed; a model may only be demoted." in office.comment(number)


def test_a_pull_request_that_leaves_such_a_file_is_red(office: Office) -> None:
    entry = ModelRegistry.file_bytes(office.registry("main"), "regime_classifier")
    number = office.pull(files={f"{MODELS}/hidden_model.json": entry})
    assert office.gate(number).outputs["decision"] == "refused"
    assert "registry.orphan" in office.comment(number)


@pytest.mark.parametrize("name", sampled(["README.md", ".hidden", "inside/one.json", "Upper.json"], 2))
def test_what_is_no_models_file_is_red_in_the_split_layout(office: Office, name: str) -> None:
    on_main(office, split=True)
    number = office.pull(files={f"{MODELS}/{name}": "{}"})
    assert office.gate(number).outputs["decision"] == "refused"
    assert office.checks(office.head(number)) == ["failure"]
    assert f"{MODELS}/{name.partition('/')[0]}" in office.comment(number)
