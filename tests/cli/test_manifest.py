"""Writing manifests, laying the first files, and the schemas."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from promotebot.artifact import load_artifact
from promotebot.cli.json_schemas import generate
from promotebot.cli.main import main
from promotebot.registry import ModelRegistry
from tests.office import ROOT, Office

SHA = "5" * 40


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    directory = tmp_path / "regime_v9"
    (directory / "test_data_set_0").mkdir(parents=True)
    (directory / "model.onnx").write_bytes(b"model")
    (directory / "test_data_set_0/input_0.pb").write_bytes(b"input")
    return directory


def read(directory: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((directory / "manifest.json").read_bytes())
    return document


def test_a_manifest_lists_every_file_and_what_was_said(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--model-file", "model.onnx", "--git-sha", SHA, "--dataset-id", "d1", "--model", "m", "--notes", "n"]
    assert main(["manifest", str(artifact), *flags]) == 0
    assert "2 files" in capsys.readouterr().out
    manifest = load_artifact(artifact).manifest
    assert manifest.model_sha256 == hashlib.sha256(b"model").hexdigest()
    assert set(manifest.sha256) == {"model.onnx", "test_data_set_0/input_0.pb"}
    assert (manifest.git_sha, manifest.dataset_id, manifest.model, manifest.notes) == (SHA, "d1", "m", "n")


def test_writing_again_keeps_what_was_known_and_says_what_changed(
    artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["manifest", str(artifact), "--model-file", "model.onnx", "--dataset-id", "d1"])
    document = {**read(artifact), "feature_order": ["a", "b"], "team": {"x": 1}, "created_at": "2026-01-01T00:00:00Z"}
    (artifact / "manifest.json").write_text(json.dumps(document))
    assert main(["manifest", str(artifact)]) == 0
    assert read(artifact) == document
    (artifact / "model.onnx").write_bytes(b"other")
    capsys.readouterr()
    assert main(["manifest", str(artifact)]) == 0
    assert "changed: model.onnx" in capsys.readouterr().out
    again = read(artifact)
    assert again["team"] == {"x": 1}
    assert again["created_at"] != document["created_at"]
    assert load_artifact(artifact).manifest.dataset_id == "d1"


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--model-file", "nope"], "--model-file model.onnx"),
        (["--model-file", "model.onnx", "--git-sha", "x"], "not a commit"),
    ],
)
def test_what_cannot_be_a_manifest_writes_none(
    artifact: Path, capsys: pytest.CaptureFixture[str], flags: list[str], says: str
) -> None:
    assert main(["manifest", str(artifact), *flags]) == 1
    assert says in capsys.readouterr().err
    assert not (artifact / "manifest.json").exists()


def test_the_only_onnx_file_is_the_model_and_of_several_each_is_offered(
    artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["manifest", str(artifact)]) == 0
    assert read(artifact)["model_file"] == "model.onnx"
    (artifact / "manifest.json").unlink()
    (artifact / "decoder.onnx").write_bytes(b"decoder")
    assert main(["manifest", str(artifact)]) != 0
    told = capsys.readouterr().err
    assert "which file of" in told
    assert "--model-file decoder.onnx" in told
    assert "--model-file model.onnx" in told


@pytest.mark.parametrize("versions", [("v1",), ("v1", "v2")])
@pytest.mark.parametrize("model", ["model.onnx", "model.pkl"])
def test_a_folder_above_the_artifacts_is_told_which_of_them_has_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], versions: tuple[str, ...], model: str
) -> None:
    above = tmp_path / "models/fraud"
    for version in versions:
        (above / version).mkdir(parents=True)
        (above / version / model).write_bytes(b"model")
    assert main(["manifest", str(above)]) == 1
    told = capsys.readouterr().err
    assert f"no model is in {above} itself, only in {', '.join(versions)} below it" in told
    for version in versions:
        assert f"promotebot manifest {above / version}" in told
        assert main(["manifest", str(above / version), "--model-file", model]) == 0
    assert not (above / "manifest.json").exists()


def test_a_model_in_a_folder_beside_other_files_is_an_artifacts(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx/model.onnx").write_bytes(b"model")
    (tmp_path / "config.json").write_text("{}")
    assert main(["manifest", str(tmp_path)]) == 0
    assert read(tmp_path)["model_file"] == "onnx/model.onnx"


def test_one_file_is_no_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")
    assert main(["manifest", str(tmp_path)]) == 0
    assert "manifest.json: 1 file\n" in capsys.readouterr().out


def test_a_link_in_an_artifact_is_refused_by_name(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (artifact / "extra").symlink_to("model.onnx")
    assert main(["manifest", str(artifact), "--model-file", "model.onnx"]) == 1
    assert "extra: is a symbolic link" in capsys.readouterr().err


def test_a_directory_that_is_not_there_is_said_in_the_runbooks_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["manifest", str(tmp_path / "nope")]) == 1
    assert "Artifact directory not found" in capsys.readouterr().err


def test_init_lays_what_is_missing_and_overwrites_nothing(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    alice = office.person("alice")
    before = (alice.clone / "ml/registry/models.json").read_bytes()
    assert main(["init", "--base-dir", str(alice.clone)]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "kept    ml/registry/models.json",
        "created .github/promotion.yml",
    ]
    assert (alice.clone / "ml/registry/models.json").read_bytes() == before
    assert main(["init", "--base-dir", str(alice.clone)]) == 0
    assert "created" not in capsys.readouterr().out


def test_init_lays_the_workflows_with_a_pinned_action_and_nothing_else_is_taken(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = office.person("alice")
    monkeypatch.chdir(alice.clone)
    for unpinned in (
        "acme/promotebot@v1",
        "acme/promotebot",
        f"../x@{'0' * 40}",
        f"acme/promotebot@{'0' * 40}\nrun: x",
    ):
        assert main(["init", "--action", unpinned]) == 2
    action = f"acme/promotebot@{'c0' * 20} # v1.2.3"
    assert main(["init", "--action", action]) == 0
    assert (alice.clone / ".github/workflows/review.yml").is_file()
    for name in ("promote", "gate", "verify"):
        text = (alice.clone / f".github/workflows/{name}.yml").read_text()
        assert f"- uses: {action}\n" in text
        assert "OWNER" not in text
    capsys.readouterr()
    assert main(["init"]) == 0
    assert "created" not in capsys.readouterr().out


def test_init_writes_through_no_link_and_over_no_file(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = office.person("alice")
    monkeypatch.chdir(alice.clone)
    (alice.clone / ".github").write_text("a file")
    assert main(["init"]) == 1
    assert alice.git("status", "--porcelain") == "?? .github"
    (alice.clone / ".github").unlink()
    (alice.clone / "elsewhere").mkdir()
    (alice.clone / ".github").symlink_to("elsewhere")
    assert main(["init"]) == 1
    assert list((alice.clone / "elsewhere").iterdir()) == []


def test_what_init_lays_is_enough_for_a_first_promotion(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = office.person("alice")
    monkeypatch.setenv("ML_PROMOTION_ACTOR", "alice@example.com")
    monkeypatch.chdir(alice.clone)
    alice.git("rm", "--quiet", "ml/registry/models.json")
    assert main(["init"]) == 1, "a registry that is committed is not replaced by an empty one"
    alice.commit("chore: Without a registry")
    assert main(["init"]) == 0
    alice.commit("feat(ml): Start")
    flags = ["--model", "m_new", "--stage", "shadow", "--artifact-dir", "ml/artifacts/regime_v2", "--artifact-id", "x"]
    assert main(["promote", *flags, "--new-model"]) == 1, "the artifact's manifest belongs to another model"
    flags[1] = "regime_classifier"
    assert main(["promote", *flags]) == 0


def test_the_committed_schemas_are_what_the_models_say(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert {path.name for path in (ROOT / "schemas").iterdir()} == {f"{name}.schema.json" for name in generate()}
    assert main(["schemas", str(ROOT / "schemas"), "--check"]) == 0
    assert main(["schemas", str(tmp_path), "--check"]) == 1
    assert "promotebot schemas" in capsys.readouterr().err
    assert main(["schemas", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (ROOT / "schemas").iterdir()}


def test_the_schemas_that_init_wrote_are_up_to_date_until_one_changes(
    office: Office, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = office.person("alice")
    monkeypatch.chdir(alice.clone)
    assert main(["init"]) == 0
    written = sorted(path.name for path in (alice.clone / "schemas").iterdir())
    assert 0 < len(written) < len(generate())
    capsys.readouterr()
    assert main(["schemas", "--check"]) == 0
    more = len(generate()) - len(written)
    said = f"up to date: {len(written)} schemas in schemas; {more} others are not there\n"
    assert capsys.readouterr().out == said
    (alice.clone / "schemas" / written[0]).write_text("{}")
    assert main(["schemas", "--check"]) == 1
    assert f"not up to date: schemas/{written[0]}\n" in capsys.readouterr().err


def test_the_schemas_accept_this_projects_own_files() -> None:
    schemas = generate()
    for name, path in (("registry", "ml/registry/models.json"), ("manifest", "ml/artifacts/regime_v2/manifest.json")):
        jsonschema.validate(json.loads((ROOT / path).read_bytes()), schemas[name])
    policy = yaml.safe_load((ROOT / "docs/policy.md").read_text().split("```yaml\n")[1].split("```")[0])
    jsonschema.validate(policy, schemas["policy"])


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("registry", {"schema_version": "v2", "models": {}}),
        ("registry", {"schema_version": "v1", "models": {"Bad": {}}}),
        ("registry", {"schema_version": "v1", "models": {"m": {"active": {"artifact_dir": "/a", "artifact_id": "x"}}}}),
        ("manifest", {"schema_version": "v1"}),
        ("policy", {"stages": {"active": {"permission": "owner"}}}),
        ("policy", {"stagess": {}}),
    ],
)
def test_the_schemas_refuse_what_the_loaders_refuse(name: str, document: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, generate()[name])


def test_a_file_may_name_its_schema(tmp_path: Path) -> None:
    document = {
        "$schema": "../../schemas/registry.schema.json",
        **json.loads((ROOT / "ml/registry/models.json").read_bytes()),
    }
    path = tmp_path / "models.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    assert json.loads(ModelRegistry.load(path).to_bytes())["$schema"] == document["$schema"]


def test_tolerances_are_written_and_kept(artifact: Path) -> None:
    assert main(["manifest", str(artifact), "--rtol", "1e-2"]) == 0
    assert read(artifact)["golden"] == {"rtol": 0.01}
    assert main(["manifest", str(artifact), "--atol", "0"]) == 0
    assert main(["manifest", str(artifact)]) == 0
    assert read(artifact)["golden"] == {"rtol": 0.01, "atol": 0.0}


@pytest.mark.parametrize(
    ("flag", "value", "says"),
    [
        ("--rtol", "1%", "--rtol: '1%' is not a number"),
        ("--atol", "nan", "--atol: 'nan' is not a number"),
        ("--rtol", "inf", "--rtol: 'inf' is not a number"),
        ("--rtol", "2", "$.golden.rtol: expected a number from 0 to 1"),
        ("--atol", "-1", "$.golden.atol: expected a number from 0 to 1,000"),
    ],
)
def test_a_tolerance_that_is_none_is_refused(
    artifact: Path, capsys: pytest.CaptureFixture[str], flag: str, value: str, says: str
) -> None:
    assert main(["manifest", str(artifact), f"{flag}={value}"]) == 1
    assert says in capsys.readouterr().err
    assert not (artifact / "manifest.json").exists()
