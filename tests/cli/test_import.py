"""Another tool's registry becomes promotebot's: what it says of stages, with its source, or why it cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promotebot.cli.main import main
from promotebot.foreign import mlflow, read
from tests.cli.shapes import NAME, SHAPES, V1, V2
from tests.demo.story import EMPTY_REGISTRY, REGISTRY
from tests.fake_github.people import Person
from tests.storage.memory import Memory

pytestmark = pytest.mark.thorough

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def newcomer(alice: Person) -> Person:
    """alice in a clone whose registry is as `init` leaves it, and whose artifacts are there."""
    alice.git("config", "user.name", "alice")
    alice.git("config", "user.email", "alice@example.com")
    (alice.clone / REGISTRY).write_text(EMPTY_REGISTRY)
    alice.commit("chore: An empty registry")
    return alice


def entry(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((person.clone / REGISTRY).read_bytes())["models"][NAME]
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_imported_judged_verified_and_promoted(newcomer: Person, capsys: Capture, shape: str) -> None:
    write, options = SHAPES[shape]
    base = newcomer.git("rev-parse", "HEAD").strip()
    file = write(newcomer.clone)
    newcomer.commit("chore: The registry of the team")
    before = (newcomer.clone / REGISTRY).read_bytes()
    assert main(["import", file, *options, "--dry-run"]) == 0, capsys.readouterr().err
    assert (newcomer.clone / REGISTRY).read_bytes() == before
    assert f'+        "artifact_dir": "{V1}"' in capsys.readouterr().out
    assert main(["import", file, *options]) == 0
    told = capsys.readouterr().err
    after = entry(newcomer)
    assert (after["active"]["artifact_dir"], after["shadow"]["artifact_dir"]) == (V1, V2)
    assert {event["action"] for event in after["history"]} == {"imported"}
    assert {event["imported"]["file"] for event in after["history"]} == {file}
    assert after["active"]["digest"].startswith("sha256:")
    known = all(after["active"][key] for key in ("git_sha", "dataset_id", "promoted_at_utc"))
    # `verify` would fail before `adopt` completes it, and nothing after it in the line would run.
    assert f"imported: 2 pointers of 1 model. Next: {'promotebot verify && ' if known else ''}git add" in told
    newcomer.commit("feat(ml): Import the registry")
    if file != REGISTRY:  # in place, there is nothing that the gate could compare with
        assert main(["gate", "--base", base]) == 0, capsys.readouterr().out
    assert main(["promote", "--stage", "staging", "--model", NAME, "--artifact-dir", V2]) == 0
    newcomer.commit("feat(ml): Promote regime_v2 to STAGING")
    assert main(["gate", "--base", "HEAD~1"]) == 0
    assert entry(newcomer)["staging"]["digest"] == after["shadow"]["digest"]
    capsys.readouterr()
    assert main(["import", file, *options]) == 0, capsys.readouterr().err
    assert "nothing to import: " in capsys.readouterr().err
    assert newcomer.git("status", "--porcelain") == ""


def test_what_nobody_could_tell_stands_in_the_event(newcomer: Person, capsys: Capture) -> None:
    (newcomer.clone / "r.json").write_text(
        json.dumps({NAME: {"production": {"path": V1, "deployed_at": "2026-01-05 10:00"}}})
    )
    newcomer.commit("chore: r")
    assert main(["import", "r.json", "--timezone", "Europe/Berlin"]) == 0
    assert "2026-01-05 10:00 names no time zone; read as Europe/Berlin" in capsys.readouterr().err
    event = entry(newcomer)["history"][0]
    assert event["pointer"]["promoted_at_utc"] == "2026-01-05T09:00:00Z"
    assert event["imported"]["place"] == f"$.{NAME}.production"
    assert "actor" in event["imported"]["unknown"]


OPEN: dict[str, tuple[Any, str]] = {
    "a word that may be a stage": (
        {NAME: {"production": {"path": V1}, "canary": {"path": V2}}},
        f"cannot map $.{NAME}.canary: 'canary' may be a stage; say which it is: --stage canary=staging",
    ),
    "a pointer under any other name": (
        {NAME: {"production": {"path": V1}, "blue_one": {"artifact_dir": V2}}},
        f"cannot map $.{NAME}.blue_one: looks like what a stage holds",
    ),
    "two of one stage": (
        {NAME: {"production": {"path": V1}, "champion": {"path": V2}}},
        "ACTIVE of regime_classifier is also at $.regime_classifier.production; say which: --stage champion=none",
    ),
    "an artifact elsewhere": (
        {NAME: {"production": {"path": "s3://bucket/model"}}},
        "s3://bucket/model is outside of this repository; copy it into the repository, and name its directory: "
        f"--artifact {NAME}/active=ml/artifacts/{NAME}",
    ),
    "an artifact that is gone": ({NAME: {"production": {"path": "ml/gone"}}}, "ml/gone is not there"),
    "a stage beside the models": (
        {"models": {NAME: {"production": {"path": V1}}}, "staging": {"path": V2}},
        "cannot map $.staging: stands beside the models, and no model is named for it",
    ),
    "an artifact without a manifest": (
        {NAME: {"production": {"path": "ml/artifacts/bare"}}},
        f"cannot import {NAME} ACTIVE ← $.{NAME}.production: ml/artifacts/bare",
    ),
}


@pytest.mark.parametrize("case", OPEN)
def test_what_cannot_be_mapped_is_told_line_by_line_and_nothing_is_written(
    newcomer: Person, capsys: Capture, case: str
) -> None:
    document, says = OPEN[case]
    (newcomer.clone / "ml/artifacts/bare").mkdir()
    (newcomer.clone / "ml/artifacts/bare/model.onnx").write_bytes((newcomer.clone / V1 / "model.onnx").read_bytes())
    (newcomer.clone / "r.json").write_text(json.dumps(document))
    newcomer.commit("chore: r")
    assert main(["import", "r.json"]) == 1
    told = capsys.readouterr().err
    assert says in told
    assert "Nothing was written." in told
    assert (newcomer.clone / REGISTRY).read_text() == EMPTY_REGISTRY


def test_the_rest_is_imported_where_somebody_says_so(newcomer: Person, capsys: Capture) -> None:
    (newcomer.clone / "r.json").write_text(json.dumps(OPEN["a word that may be a stage"][0]))
    newcomer.commit("chore: r")
    assert main(["import", "r.json"]) == 1
    assert "or import the rest: promotebot import r.json --partial" in capsys.readouterr().err
    assert main(["import", "r.json", "--partial"]) == 1
    assert entry(newcomer)["active"]["artifact_dir"] == V1


NONE: dict[str, tuple[str, str]] = {
    "a list of numbers": ("[1, 2]", "is no registry"),
    "a package's file": ('{"name": "left-pad", "version": "1.0.0", "dependencies": {}}', "is no registry"),
    "an empty one": ("{}", "is no registry"),
    "no JSON": ("{", "not JSON"),
}


@pytest.mark.parametrize("case", NONE)
def test_a_file_that_is_no_registry_is_told_as_such(newcomer: Person, capsys: Capture, case: str) -> None:
    text, says = NONE[case]
    (newcomer.clone / "r.json").write_text(text)
    newcomer.commit("chore: r")
    assert main(["import", "r.json"]) == 1
    assert says in capsys.readouterr().err
    assert (newcomer.clone / REGISTRY).read_text() == EMPTY_REGISTRY


def test_a_registry_of_promotebots_own_is_left_alone(alice: Person, capsys: Capture) -> None:
    assert main(["import", REGISTRY]) == 0
    assert "nothing to import: promotebot reads ml/registry/models.json as it is" in capsys.readouterr().err
    assert alice.git("status", "--porcelain") == ""


def test_a_model_that_the_registry_has_is_promoted_not_imported(alice: Person, capsys: Capture) -> None:
    (alice.clone / "r.json").write_text(json.dumps({NAME: {"staging": {"path": V2}}}))
    alice.git("config", "user.name", "alice")
    alice.git("config", "user.email", "alice@example.com")
    alice.commit("chore: r")
    assert main(["import", "r.json"]) == 1
    assert f"import.model: The registry has {NAME} already" in capsys.readouterr().err
    assert alice.git("status", "--porcelain") == ""


Forge = Callable[[dict[str, Any]], object]
FORGERIES: dict[str, tuple[Forge, str]] = {
    "another digest": (lambda e: e["pointer"].update(digest="sha256:" + "0" * 64), "gate.plan"),
    "an import that names no source": (lambda e: e.pop("imported"), "gate.plan"),
    "a promotion that claims to be an import": (lambda e: e.update(from_stage="staging"), "gate.plan"),
    "less unknown than is": (lambda e: e["imported"].update(unknown=[]), "imported is not what a promotion writes"),
}


@pytest.mark.parametrize("lie", FORGERIES)
def test_the_gate_refuses_an_import_that_the_rules_do_not_produce(newcomer: Person, capsys: Capture, lie: str) -> None:
    from promotebot.registry.chain import sealed

    base = newcomer.git("rev-parse", "HEAD").strip()
    (newcomer.clone / "r.json").write_text(json.dumps({NAME: {"production": {"path": V1}}}))
    newcomer.commit("chore: r")
    assert main(["import", "r.json"]) == 0
    path = newcomer.clone / REGISTRY
    document = json.loads(path.read_bytes())
    model = document["models"][NAME]
    forge, says = FORGERIES[lie]
    forge(model["history"][0])
    model["active"] = model["history"][0]["pointer"]
    model["history"], model["history_digest"] = sealed(model["history"])
    path.write_text(json.dumps(document, indent=2) + "\n")
    newcomer.commit("feat(ml): Import")
    capsys.readouterr()
    assert main(["gate", "--base", base]) == 1
    assert says in capsys.readouterr().out


def test_nobody_imports_into_a_model_that_promotebot_promotes(alice: Person, capsys: Capture) -> None:
    """A maintainer's promotion without its rules, dressed as an import: for a stage of a model that the base has."""
    from promotebot.registry import ModelRegistry
    from promotebot.registry.names import ModelName, Stage

    base = alice.git("rev-parse", "HEAD").strip()
    path = alice.clone / REGISTRY
    registry = ModelRegistry.load(path)
    model = registry.raw_entry(NAME)
    pointer = {**model["shadow"], "promoted_at_utc": None, "actor": None, "source": None}
    place = {"file": "r.json", "format": "JSON", "place": "$", "unknown": ["promoted_at_utc", "actor"]}
    event = {**model["history"][0], "action": "imported", "to_stage": "staging", "pointer": pointer, "imported": place}
    changed = registry.with_event(ModelName(NAME), event, pointer, Stage.STAGING)
    path.write_bytes(changed.to_bytes())
    alice.git("config", "user.name", "alice")
    alice.git("config", "user.email", "alice@example.com")
    alice.commit("feat(ml): Import")
    assert main(["gate", "--base", base]) == 1
    assert "import.model: The registry has regime_classifier already" in capsys.readouterr().out


def test_a_path_outside_of_the_repository_is_never_followed(newcomer: Person, tmp_path: Path, capsys: Capture) -> None:
    (newcomer.clone / "r.json").write_text(json.dumps({NAME: {"production": {"path": str(tmp_path)}}}))
    newcomer.commit("chore: r")
    assert main(["import", "r.json"]) == 1
    assert "is not there" in capsys.readouterr().err


def test_the_tags_of_gto_are_imported_with_their_commits_and_people(newcomer: Person, capsys: Capture) -> None:
    base = newcomer.git("rev-parse", "HEAD").strip()
    (newcomer.clone / "artifacts.yaml").write_text(f"{NAME}:\n  type: model\n  path: {V1}/model.onnx\n")
    newcomer.commit("chore: GTO")
    first = newcomer.git("rev-parse", "HEAD").strip()
    for tag in (f"{NAME}@v1.0.0", f"{NAME}#dev#1", f"{NAME}#prod#2", f"{NAME}#staging#3", f"{NAME}#staging!#4"):
        newcomer.git("tag", "--annotate", tag, "--message", "by gto")
    assert main(["import", "artifacts.yaml"]) == 1
    assert "'dev' may be a stage; say which: --stage dev=staging" in capsys.readouterr().err
    assert main(["import", "artifacts.yaml", "--stage", "dev=none"]) == 0
    active = entry(newcomer)["active"]
    assert (active["artifact_dir"], active["artifact_id"]) == (V1, "regime_classifier_v1.0.0")
    assert active["actor"] == "alice@example.com"
    assert entry(newcomer)["staging"] is None
    newcomer.commit("feat(ml): Import")
    assert main(["gate", "--base", base]) == 0, capsys.readouterr().out
    newcomer.git("checkout", base, "--", REGISTRY)
    newcomer.commit("revert: Import")
    (newcomer.clone / V1 / "model.onnx").write_bytes((newcomer.clone / V2 / "model.onnx").read_bytes())
    newcomer.commit("fix: Another model at the same path")
    assert main(["import", "artifacts.yaml", "--stage", "dev=none"]) == 1
    told = capsys.readouterr().err
    assert f"has changed since then; bring its files of {first[:12]} into a directory of their own" in told


def test_the_tags_of_this_repository_say_nothing_of_a_file_outside_of_it(
    newcomer: Person, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "artifacts.yaml"
    file.write_text(f"fraud: {{type: model, path: {V1}}}\n")
    newcomer.git("tag", "fraud#prod#1")
    assert main(["import", str(file)]) == 1
    told = capsys.readouterr().err
    assert f"{file}: is outside of this repository, whose tags say at which commit it counts" in told
    assert "Next: run the command in the repository of the file" in told


def _damaged(root: Path) -> dict[str, str]:
    """What cannot be read, by its name: nothing of it is a traceback, and nothing is written."""
    (root / "bad.db").write_bytes(b"SQLite format 3\0" + b"x" * 200)
    (root / "bad.yaml").write_bytes(b"models: [\xff")
    (root / "twice.yaml").write_text("a: &a {production: {path: ml}}\nb: *a\n")
    (root / "same.yaml").write_text("fraud:\n  production: {path: ml/a}\n  production: {path: ml/b}\n")
    (root / "bom.json").write_bytes(b"\xef\xbb\xbf{}")
    (root / "deep.json").write_text("[" * 5000)
    version = root / "mlruns" / "models" / "fraud" / "version-1"
    version.mkdir(parents=True)
    (version / "meta.yaml").write_text("current_stage: [")
    return {
        "bad.db": "is no registry of MLflow",
        "bad.yaml": "not YAML",
        "twice.yaml": "aliases are not read",
        "same.yaml": "key 'production' is given twice",
        "bom.json": "byte order mark",
        "deep.json": "nested deeper",
        "mlruns": "not YAML",
        "ml/artifacts": "holds no registry of MLflow",
        "gone.json": "is not there",
    }


def test_what_does_not_read_is_told_and_nothing_is_written(newcomer: Person, capsys: Capture) -> None:
    for file, says in _damaged(newcomer.clone).items():
        assert main(["import", file]) == 1, file
        told = capsys.readouterr().err
        assert says in told, file
        assert "Next: " in told, file
        assert (newcomer.clone / REGISTRY).read_text() == EMPTY_REGISTRY


def test_an_import_in_place_needs_the_old_file_in_git(newcomer: Person, capsys: Capture) -> None:
    text = json.dumps({"models": [{"name": NAME, "production": {"path": V1}}]})
    (newcomer.clone / REGISTRY).write_text(text)
    assert main(["import", REGISTRY]) == 1
    told = capsys.readouterr().err
    assert "is not committed, and importing it in place would lose what it says" in told
    assert "git commit --message 'chore(ml): The registry as it is'" in told
    assert (newcomer.clone / REGISTRY).read_text() == text


def test_an_import_goes_into_the_split_layout_one_file_for_each_model(newcomer: Person, capsys: Capture) -> None:
    assert main(["registry", "split"]) == 0
    newcomer.commit("chore: Split")
    base = newcomer.git("rev-parse", "HEAD").strip()
    (newcomer.clone / "r.json").write_text(json.dumps({NAME: {"production": {"path": V1}, "shadow": {"path": V2}}}))
    newcomer.commit("chore: r")
    capsys.readouterr()
    assert main(["import", "r.json"]) == 0
    assert f"+++ b/ml/registry/models/{NAME}.json" in capsys.readouterr().out
    newcomer.commit("feat(ml): Import")
    assert main(["gate", "--base", base]) == 0, capsys.readouterr().out


def test_what_an_import_could_not_know_is_completed_in_the_same_pull_request(newcomer: Person, capsys: Capture) -> None:
    base = newcomer.git("rev-parse", "HEAD").strip()
    (newcomer.clone / "r.json").write_text(json.dumps({NAME: {"production": {"path": V1}}}))
    newcomer.commit("chore: r")
    assert main(["import", "r.json"]) == 0
    told = capsys.readouterr().err
    assert "promoted_at_utc not known, so that it does not verify yet" in told
    assert f"promotebot registry adopt --model {NAME}" in told
    assert main(["verify"]) == 1
    assert main(["registry", "adopt", "--model", NAME]) == 1
    assert "say when it went live with --promoted-at" in capsys.readouterr().err
    assert main(["registry", "adopt", "--model", NAME, "--promoted-at", "2026-01-05T10:00:00Z"]) == 0
    assert [event["action"] for event in entry(newcomer)["history"]] == ["imported", "imported"]
    newcomer.commit("feat(ml): Import")
    capsys.readouterr()
    assert main(["verify"]) == 0
    assert main(["gate", "--base", base]) == 0, capsys.readouterr().out


def test_what_is_in_a_bucket_is_proven_by_an_import_and_an_adoption(
    newcomer: Person, memory: Memory, capsys: Capture
) -> None:
    place = "s3://models/prod/v2"
    model = newcomer.clone / V2 / "model.onnx"
    memory.files["models/prod/v2/model.onnx"] = model.read_bytes()
    newcomer.write(".github/promotion.yml", "storage: [s3://models/prod]\n")
    assert main(["manifest", V2, "--storage", place]) == 0
    newcomer.git("rm", "--quiet", "--cached", f"{V2}/model.onnx")
    model.unlink()
    (newcomer.clone / "r.json").write_text(json.dumps({NAME: {"production": {"path": V2}}}))
    newcomer.commit("chore: The model is in a bucket")
    assert main(["import", "r.json"]) == 0, capsys.readouterr().err
    newcomer.commit("feat(ml): Import the registry")
    values = ("--git-sha", newcomer.git("rev-parse", "HEAD").strip(), "--dataset-id", "d")
    assert main(["registry", "adopt", *values, "--promoted-at", "2026-01-05T09:00:00Z"]) == 0, capsys.readouterr().err
    assert [event["action"] for event in entry(newcomer)["history"]] == ["imported", "imported"]


@pytest.mark.parametrize("name", ["r.yaml", "mlruns"])
def test_a_document_over_the_limit_is_refused_and_not_read_as_far_as_it_goes(
    newcomer: Person, capsys: Capture, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(read, "MAX_BYTES", 40)
    monkeypatch.setattr(mlflow, "MAX_META", 40)
    version = newcomer.clone / "mlruns/models/fraud/version-1"
    version.mkdir(parents=True)
    for file in (newcomer.clone / "r.yaml", version / "meta.yaml"):
        file.write_text(f"fraud: {{production: {V1}}}\nother: {{production: {V2}}}\n")
    assert main(["import", name]) == 1
    assert "is over the limit of 40 bytes" in capsys.readouterr().err


@pytest.mark.parametrize(("flag", "form"), [("--stage", "WORD=STAGE"), ("--artifact", "MODEL/STAGE=DIR")])
def test_half_of_a_pair_is_answered_with_the_form_of_its_flag(
    newcomer: Person, capsys: Capture, flag: str, form: str
) -> None:
    assert main(["import", "r.json", flag, "canary"]) == 2
    assert f"error: {flag}: 'canary' is no pair\nNext: write {flag} {form}\n" in capsys.readouterr().err
