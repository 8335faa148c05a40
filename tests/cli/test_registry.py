"""Both layouts through every door: split and join, promote, gate, verify, and pull requests that never conflict."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from promotebot.cli.main import main
from promotebot.registry import ModelRegistry
from tests.cli.test_promote import DATA, FLAGS, V2, sha
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person
from tests.office import Office

pytestmark = pytest.mark.thorough

MODELS = "ml/registry/models"
OTHER = "other_model"
ANY = "ml/artifacts/any_model"


def split(person: Person) -> None:
    """The registry in the split layout, with a second model that has the first one's history."""
    person.git("config", "user.name", person.login)
    person.git("config", "user.email", f"{person.login}@example.com")
    assert main(["registry", "split"]) == 0
    person.commit("chore: Split the registry")


def with_other_model(person: Person) -> None:
    path = person.clone / REGISTRY
    document = json.loads(path.read_bytes())
    document["models"][OTHER] = document["models"]["regime_classifier"]
    path.write_text(json.dumps(document, indent=2) + "\n")
    shutil.copytree(person.clone / V2, person.clone / ANY)
    for_any_model(person.clone / ANY / "manifest.json")
    person.commit("chore: A second model")


def for_any_model(manifest: Path) -> None:
    document = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps({key: value for key, value in document.items() if key != "model"}))


def test_split_and_join_give_back_the_same_bytes_but_for_the_time(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.loads((alice.clone / REGISTRY).read_bytes())
    assert main(["registry", "split"]) == 0
    assert "split: 1 model, 3 events" in capsys.readouterr().out
    index = json.loads((alice.clone / REGISTRY).read_bytes())
    assert index == {**{k: v for k, v in index.items() if k != "models"}, "layout": "split", "schema_version": "v1"}
    assert [path.name for path in (alice.clone / MODELS).iterdir()] == ["regime_classifier.json"]
    assert main(["registry", "split"]) == 0
    assert "unchanged" in capsys.readouterr().out
    assert main(["registry", "join"]) == 0
    after = json.loads((alice.clone / REGISTRY).read_bytes())
    assert {**after, "generated_at_utc": 0} == {**before, "generated_at_utc": 0}
    assert not (alice.clone / MODELS).exists()


def test_a_conversion_is_a_legal_change_for_the_gate_either_way(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    split(alice)
    assert main(["gate", "--base", "origin/main"]) == 0
    assert main(["registry", "join"]) == 0
    alice.commit("chore: Join")
    assert main(["gate", "--base", "HEAD~1"]) == 0
    capsys.readouterr()


def test_a_promotion_opens_and_rewrites_its_own_file_only(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    with_other_model(alice)
    split(alice)
    (alice.clone / MODELS / f"{OTHER}.json").write_text("not JSON at all")
    alice.commit("chore: Another model's file is broken")
    index = (alice.clone / REGISTRY).read_bytes()
    assert main([*FLAGS, "--stage", "active", *DATA, *sha(alice), "--reason", "14 days"]) == 0
    assert f"--- a/{MODELS}/regime_classifier.json" in capsys.readouterr().out
    assert alice.git("status", "--porcelain").split() == ["M", f"{MODELS}/regime_classifier.json"]
    assert (alice.clone / REGISTRY).read_bytes() == index


def test_a_new_model_is_committed_with_its_new_file(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    split(alice)
    flags = [*FLAGS, "--stage", "shadow", "--new-model", "--commit"]
    flags[flags.index("regime_classifier")] = "brand_new"
    for_any_model(alice.clone / V2 / "manifest.json")
    alice.commit("chore: An artifact for any model")
    assert main(flags) == 0
    assert f"+++ b/{MODELS}/brand_new.json" in capsys.readouterr().out
    assert alice.git("show", "--name-only", "--format=", "HEAD").split() == [f"{MODELS}/brand_new.json"]
    assert main(["gate", "--base", "HEAD~1"]) == 0


def test_rollback_history_and_verify_work_on_the_split_layout(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    split(alice)
    assert main([*FLAGS, "--stage", "active", *DATA, *sha(alice), "--reason", "14 days", "--commit"]) == 0
    assert main(["rollback", "--model", "regime_classifier", "--reason", "incident 7", "--commit"]) == 0
    assert main(["history", "--model", "regime_classifier", "--stage", "active"]) == 0
    assert "regime_v1_prod_rollback" in capsys.readouterr().out
    assert main(["verify"]) == 0
    path = alice.clone / MODELS / "regime_classifier.json"
    path.write_text(path.read_text().replace("incident 7", "incident 8"))
    capsys.readouterr()
    assert main(["verify"]) == 1
    assert "history.chain: history[0]" in capsys.readouterr().out


@pytest.mark.parametrize("layout", ["split", "join"])
def test_a_conversion_that_was_asked_for_as_a_dry_run_changes_nothing(
    alice: Person, capsys: pytest.CaptureFixture[str], layout: str
) -> None:
    if layout == "join":
        split(alice)
    assert main(["registry", layout, "--dry-run"]) == 2
    assert f"--dry-run: {layout} has no dry run\nNext: omit --dry-run" in capsys.readouterr().err
    assert alice.git("status", "--porcelain") == ""


def test_split_stops_at_a_file_in_the_way_and_changes_nothing(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (alice.clone / REGISTRY).read_bytes()
    (alice.clone / MODELS).mkdir()
    (alice.clone / MODELS / "regime_classifier.json").write_text("{}")
    assert main(["registry", "split"]) == 1
    assert "in the way" in capsys.readouterr().err
    assert (alice.clone / REGISTRY).read_bytes() == before


def test_an_interrupted_split_is_finished_by_the_next_one(alice: Person, capsys: pytest.CaptureFixture[str]) -> None:
    before = (alice.clone / REGISTRY).read_bytes()
    assert main(["registry", "split"]) == 0
    (alice.clone / REGISTRY).write_bytes(before)  # killed after the models, before the index
    assert list(ModelRegistry.load(alice.clone / REGISTRY)) == ["regime_classifier"]
    assert main(["registry", "split"]) == 0
    capsys.readouterr()
    assert main(["verify"]) == 0


def office_split(office: Office, person: Person) -> None:
    with_other_model(person)
    split(person)
    person.git("push", "--quiet", "origin", "HEAD:main")


def test_a_pull_request_promotes_on_the_split_layout(
    office: Office, alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    office_split(office, alice)
    number = office.pull()
    job = office.ask(number, "/promote active regime_classifier")
    assert job.outputs["decision"] == "promoted", job.log
    assert office.checks(office.head(number)) == ["success"]
    changed = office.repository.git.run("show", "--name-only", "--format=", office.head(number)).split()
    assert changed == [f"{MODELS}/regime_classifier.json"]
    assert office.ask(number, "/promote active regime_classifier").outputs["decision"] == "unchanged"


def test_two_models_pull_requests_never_conflict(
    office: Office, alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    office_split(office, alice)
    one, two = office.pull("one"), office.pull("two")
    assert office.ask(one, "/promote active regime_classifier").succeeded
    office.repository.merge(one, by="bob")
    job = office.ask(two, f"/promote staging other_model --artifact-dir {ANY}")
    assert job.outputs["decision"] == "promoted", office.comments(two)
    assert office.checks(office.head(two)) == ["success"]
    office.repository.merge(two, by="bob")
    alice.git("pull", "--quiet", "origin", "main")
    capsys.readouterr()
    assert main(["verify"]) == 0


def test_one_model_promoted_twice_at_once_is_promoted_on_what_was_merged_first(
    office: Office, alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    office_split(office, alice)
    one, two = office.pull("one"), office.pull("two")
    assert office.ask(one, "/promote active regime_classifier").succeeded
    office.repository.merge(one, by="bob")
    assert office.ask(two, "/promote staging regime_classifier").outputs["decision"] == "promoted"
    assert office.checks(office.head(two)) == ["success"]
    office.repository.merge(two, by="bob")


def test_a_registry_that_a_pull_request_splits_is_judged_on_what_it_holds(
    office: Office, alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    alice.start_branch("convert")
    assert main(["registry", "split"]) == 0
    path = alice.clone / MODELS / "regime_classifier.json"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"regime_v1_prod", b"mine"))
    alice.commit("chore: Split, and something else")
    assert main(["gate", "--base", "origin/main"]) == 1
    assert "gate.replay" in capsys.readouterr().out
    path.write_bytes(whole)
    alice.commit("chore: Split only")
    assert main(["gate", "--base", "origin/main"]) == 0
