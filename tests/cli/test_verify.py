"""Verify in full: every finding, parts of a registry, what could not be looked at, and the forms of the report."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from promotebot.artifact.answer import NotOpened, NotServed, Opened
from promotebot.artifact.limits import Limits
from promotebot.artifact.runtime import ChildOpener, ModelOpener
from promotebot.cli.main import main
from promotebot.errors import CouldNotVerify
from promotebot.findings import error, passed, unknown, warning
from promotebot.planning.committed import CommittedModels
from promotebot.registry.chain import sealed
from promotebot.verification.junit import to_junit
from promotebot.verification.report import ModelFinding, ReportScope, VerifyReport, merge_reports, report_of
from promotebot.verification.sarif import to_sarif
from tests.cli.test_promote import DATA, FLAGS, V2, sha
from tests.cli.test_registry import ANY, OTHER, with_other_model
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person
from tests.storage.memory import Memory

pytestmark = pytest.mark.thorough

V1 = "ml/artifacts/regime_v1"
Capture = pytest.CaptureFixture[str]


def report(capsys: Capture, *arguments: str) -> tuple[int, VerifyReport]:
    capsys.readouterr()
    code = main(["verify", "--format", "json", *arguments])
    return code, VerifyReport.model_validate_json(capsys.readouterr().out)


def rules(result: VerifyReport, severity: str) -> list[str]:
    return [finding.rule for finding in result.findings if finding.severity.value == severity]


def edit(person: Person, change: Callable[[Any], object]) -> None:
    path = person.clone / REGISTRY
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document, indent=2) + "\n")


@pytest.mark.parametrize("is_in_shadow_too", [False, True])
def test_an_active_model_that_services_cannot_open_is_an_error_and_a_lower_one_a_warning(
    alice: Person, capsys: Capture, monkeypatch: pytest.MonkeyPatch, opener: ChildOpener, is_in_shadow_too: bool
) -> None:
    class Unserved(ModelOpener):
        def open(self, directory: Path, model_file: str, limits: Limits) -> Opened | NotOpened:
            result = opener.open(directory, model_file, limits)
            return (
                result.model_copy(update={"served": NotServed("it crashes")}) if isinstance(result, Opened) else result
            )

    def copy(document: Any) -> None:
        stages = document["models"]["regime_classifier"]
        stages["shadow"] = stages["active"]

    monkeypatch.setattr("promotebot.planning.examiner.ChildOpener", Unserved)
    if is_in_shadow_too:
        edit(alice, copy)
    code, result = report(capsys)
    told = [(f.severity.value, f.where, f.remedy) for f in result.findings if f.rule == "artifact.serves"]
    assert ("error", f"{V1}/model.onnx") in [(severity, where) for severity, where, _ in told]
    assert all("git checkout" not in remedy for _, _, remedy in told), "the bytes are those that were promoted"
    assert code == 1
    assert "warning" in [severity for severity, _, _ in told]


def test_everything_is_found_at_once_and_each_names_its_model(alice: Person, capsys: Capture) -> None:
    with_other_model(alice)

    def damage(document: Any) -> None:
        one, other = document["models"]["regime_classifier"], document["models"][OTHER]
        one["history"][0]["reason"] = "another"
        one["shadow"]["dataset_id"] = "elsewhere"
        other["active"]["git_sha"] = 7
        other["history"][1]["ts_utc"] = "2026-99-99T00:00:00Z"

    edit(alice, damage)
    (alice.clone / V1 / "model.onnx").write_bytes(b"junk")
    code, result = report(capsys)
    assert (code, result.verdict) == (1, "mismatch")
    wrong = {(f.model, f.rule) for f in result.findings if f.severity.value == "error"}
    assert wrong == {
        ("regime_classifier", "history.chain"),
        ("regime_classifier", "history.pointer"),
        ("regime_classifier", "artifact.digest"),
        ("regime_classifier", "artifact.pinned"),
        ("regime_classifier", "manifest.dataset_id"),
        (OTHER, "registry.schema"),
    }
    schema = next(f for f in result.findings if f.rule == "registry.schema")
    assert "$.models.other_model.active.git_sha" in schema.message
    assert "$.models.other_model.history[1].ts_utc" in schema.message


def test_one_model_of_two_is_verified_alone(alice: Person, capsys: Capture) -> None:
    with_other_model(alice)
    edit(alice, lambda document: document["models"][OTHER]["history"].pop(0))
    assert report(capsys, "--model", "regime_classifier")[0] == 0
    assert report(capsys, "--model", OTHER)[0] == 1
    assert main(["verify", "--model", "nope"]) == 2
    assert f"known models: regime_classifier, {OTHER}" in capsys.readouterr().err


def test_since_looks_only_at_what_changed(alice: Person, capsys: Capture) -> None:
    with_other_model(alice)
    code, result = report(capsys, "--since", "HEAD")
    assert (code, result.models, rules(result, "pass")) == (0, (), ["verify.since"])
    edit(alice, lambda document: document["models"][OTHER].update(owner="ml"))
    assert report(capsys, "--since", "HEAD")[1].models == (OTHER,)
    alice.git("checkout", "--", REGISTRY)
    (alice.clone / V2 / "model.onnx").write_bytes(b"junk")
    code, result = report(capsys, "--since", "HEAD")
    assert code == 1
    assert set(result.models) == {"regime_classifier", OTHER}
    alice.git("checkout", "--", V2)
    (alice.clone / V1 / "new.bin").write_bytes(b"untracked")
    assert report(capsys, "--since", "HEAD")[0] == 1


def test_since_compares_no_model_whose_file_is_the_same(
    alice: Person, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_other_model(alice)
    assert main(["registry", "split"]) == 0
    alice.git("add", "--all")
    alice.git("commit", "--quiet", "--message", "chore: Split")
    compared, read = list[str](), CommittedModels.read

    def counted(self: CommittedModels, file_name: str) -> bytes:
        compared.append(file_name)
        return read(self, file_name)

    monkeypatch.setattr(CommittedModels, "read", counted)
    code, result = report(capsys, "--since", "HEAD")
    assert (code, result.models, compared) == (0, (), [])
    file = alice.clone / "ml/registry/models" / f"{OTHER}.json"
    file.write_text(json.dumps({**json.loads(file.read_bytes()), "owner": "ml"}))
    assert report(capsys, "--since", "HEAD")[1].models == (OTHER,)
    assert compared == [f"{OTHER}.json"]
    file.write_text(json.dumps({**json.loads(file.read_bytes()), "history": 1, "owner": None}))
    code, result = report(capsys, "--since", "HEAD")
    assert (code, rules(result, "error")) == (1, ["registry.schema"])


def test_a_revision_that_is_none_is_a_usage_error(alice: Person, capsys: Capture) -> None:
    assert main(["verify", "--since", "nowhere"]) == 2
    assert main(["verify", "--base", "--help-me"]) == 2
    capsys.readouterr()


def rehash(entry: Any) -> None:
    entry["history"], entry["history_digest"] = sealed(entry["history"])


def test_a_rehashed_history_is_found_with_base_and_named(alice: Person, capsys: Capture) -> None:
    def forge(document: Any) -> None:
        entry = document["models"]["regime_classifier"]
        entry["history"][1]["reason"] = "rewritten"
        rehash(entry)

    edit(alice, forge)
    assert report(capsys)[0] == 0
    code, result = report(capsys, "--base", "HEAD")
    assert code == 1
    (finding,) = [f for f in result.findings if f.severity.value == "error"]
    assert finding.rule == "history.append_only"
    assert finding.message == "history[1] is not the base's history[1]: reason changed."


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda models: models["regime_classifier"]["history"].pop(), "the base's holds 3"),
        (lambda models: models.pop("regime_classifier"), "may only be demoted"),
    ],
)
def test_what_history_lost_is_found_with_base(
    alice: Person, capsys: Capture, change: Callable[[Any], object], says: str
) -> None:
    def forge(document: Any) -> None:
        change(document["models"])
        for entry in document["models"].values():
            rehash(entry)

    edit(alice, forge)
    code, result = report(capsys, "--base", "HEAD")
    assert code == 1
    assert any(says in f.message for f in result.findings if f.rule == "history.append_only")


def test_promotions_only_append(alice: Person, capsys: Capture) -> None:
    assert main([*FLAGS, "--stage", "active", *DATA, *sha(alice), "--reason", "14 days"]) == 0
    code, result = report(capsys, "--base", "HEAD")
    assert code == 0
    assert any(f.message == "the base's 3 events unchanged, 1 added" for f in result.findings)


def test_a_base_without_a_registry_is_unknown_not_verified(alice: Person, capsys: Capture) -> None:
    assert main(["verify", "--base", "HEAD", "--path", "ml/registry/models.json"]) == 0
    root = alice.git("rev-list", "--max-parents=0", "HEAD").split()[0]
    assert main(["verify", "--base", root]) in (0, 4)
    alice.git("rm", "--quiet", "--cached", REGISTRY)
    alice.git("commit", "--quiet", "--message", "chore: Untrack")
    assert main(["verify", "--base", "HEAD"]) == 4
    assert "no registry" in capsys.readouterr().err


def test_an_empty_registry_verifies_and_says_that_there_is_nothing_to_verify(alice: Person, capsys: Capture) -> None:
    edit(alice, lambda document: document.update(models={}))
    assert main(["verify", "-v"]) == 0
    said = capsys.readouterr().out
    assert "The registry is valid and holds no model, so there is nothing to verify" in said
    assert said.endswith("verified: ml/registry/models.json: 1 check passed, 0 warnings, 0 errors (no model)\n")


def test_a_registry_that_was_emptied_does_not_verify_beside_its_base(alice: Person, capsys: Capture) -> None:
    edit(alice, lambda document: document.update(models={}))
    assert main(["verify", "--base", "HEAD"]) == 1
    assert "The model regime_classifier was removed" in capsys.readouterr().out


def test_what_cannot_be_read_is_unknown_and_a_mismatch_outweighs_it(
    alice: Person, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from promotebot.planning.examiner import Examiner

    real = Examiner.__call__

    def flaky(self: Examiner, source: Any, directory: Any, limits: Any) -> Any:
        if directory == V2:
            raise CouldNotVerify("cannot be read: Input/output error", where=directory)
        return real(self, source, directory, limits)

    monkeypatch.setattr(Examiner, "__call__", flaky)
    code, result = report(capsys)
    assert (code, result.verdict, rules(result, "unknown")) == (4, "could_not_verify", ["verify.unknown"])
    assert "artifact.opens" in rules(result, "pass")
    (alice.clone / V1 / "model.onnx").write_bytes(b"junk")
    code, result = report(capsys)
    assert (code, result.verdict) == (1, "mismatch")
    assert rules(result, "unknown") == ["verify.unknown"]


def test_a_training_commit_outside_history_is_a_warning(alice: Person, capsys: Capture) -> None:
    def forge(document: Any) -> None:
        entry = document["models"]["regime_classifier"]
        for place in (entry["active"], entry["history"][1]["pointer"]):
            place["git_sha"] = "0" * 40
            del place["manifest_digest"]  # as an older tool wrote it: the manifest is edited below
        rehash(entry)

    edit(alice, forge)
    manifest = alice.clone / V1 / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"git_sha"', '"trained_at"'))
    code, result = report(capsys)
    assert "git_sha.ancestor" in rules(result, "warning"), [f for f in result.findings if f.severity.value != "pass"]
    assert code == 0


def test_an_older_tools_pointer_is_compared_with_the_commit_that_put_it_there(alice: Person, capsys: Capture) -> None:
    def older(document: Any) -> None:
        entry = document["models"]["regime_classifier"]
        document["models"]["regime_classifier"] = {"active": {**entry["active"], "digest": None, "artifact_id": "old"}}

    edit(alice, older)
    alice.commit("chore: As an older tool left it")
    code, result = report(capsys)
    assert code == 0
    assert any("those of the commit that put it there" in finding.message for finding in result.findings)
    shutil.copytree(alice.clone / V2, alice.clone / V1, dirs_exist_ok=True)
    alice.commit("chore: Other bytes, and a manifest that lists them")
    code, result = report(capsys)
    assert (code, rules(result, "error")) == (1, ["artifact.pinned", "manifest.git_sha", "manifest.dataset_id"])


def test_a_manifest_that_is_not_the_one_promoted_is_an_error_for_each_pointer_that_pins_it(
    alice: Person, capsys: Capture
) -> None:
    path = alice.clone / V1 / "manifest.json"
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps(dict(sorted(document.items()))))
    assert report(capsys)[0] == 0
    path.write_text(json.dumps({**document, "threshold": 0.9}))
    code, result = report(capsys)
    assert (code, rules(result, "error")) == (1, ["manifest.changed"])
    (finding,) = [finding for finding in result.findings if finding.rule == "manifest.changed"]
    assert finding.message.startswith("ACTIVE regime_v1_prod was promoted with the manifest sha256:")
    assert finding.where == f"{V1}/manifest.json"


def test_a_leftover_models_directory_is_named(alice: Person, capsys: Capture) -> None:
    alice.write("ml/registry/models/README.md", "one file per model\n")
    assert "registry.layout" in rules(report(capsys)[1], "warning")


def test_a_model_that_only_a_file_beside_the_registry_holds_does_not_verify_until_it_is_joined(
    alice: Person, capsys: Capture
) -> None:
    whole = json.loads((alice.clone / REGISTRY).read_bytes())
    lost = json.dumps(whole["models"]["regime_classifier"])
    alice.write("ml/registry/models/lost_model.json", lost)
    code, result = report(capsys)
    assert (code, rules(result, "error")) == (1, ["registry.orphan"])
    (finding,) = [finding for finding in result.findings if finding.rule == "registry.orphan"]
    assert (finding.model, finding.where) == ("", "ml/registry/models/lost_model.json")
    assert main(["registry", "split"]) == 1
    assert finding.remedy == "take it into the registry: promotebot registry join"
    assert main(finding.remedy.partition("promotebot ")[2].split()) == 0
    assert "join: 2 models, 6 events" in capsys.readouterr().out
    assert json.loads((alice.clone / REGISTRY).read_bytes()) == {
        **whole,
        "models": {**whole["models"], "lost_model": json.loads(lost)},
    }
    assert not (alice.clone / "ml/registry/models").exists()
    assert report(capsys)[0] == 0


def test_joining_stops_where_a_file_holds_another_history(alice: Person, capsys: Capture) -> None:
    before = (alice.clone / REGISTRY).read_bytes()
    alice.write("ml/registry/models/regime_classifier.json", "{}")
    alice.write("ml/registry/models/lost_model.json", '{"history": 7}')
    assert main(["registry", "join"]) == 1
    assert "is not valid" in capsys.readouterr().err
    assert (alice.clone / REGISTRY).read_bytes() == before


@pytest.mark.parametrize("path", ["README.md", "Upper.json", "inside/one.json"])
def test_what_is_no_models_file_does_not_verify_in_the_split_layout(alice: Person, capsys: Capture, path: str) -> None:
    assert main(["registry", "split"]) == 0
    capsys.readouterr()
    assert report(capsys)[0] == 0
    alice.write(f"ml/registry/models/{path}", "{}")
    code, result = report(capsys)
    assert (code, rules(result, "error")) == (1, ["registry.schema"])
    assert result.findings[0].where == f"ml/registry/models/{path.partition('/')[0]}"


def test_shards_cover_every_model_once_and_merge_into_one_report(
    alice: Person, capsys: Capture, tmp_path: Path
) -> None:
    with_other_model(alice)
    whole = report(capsys)[1]
    parts = [report(capsys, "--shard", f"{number}/3")[1] for number in (1, 2, 3)]
    assert sorted(name for part in parts for name in part.models) == sorted(whole.models)
    files = []
    for part in parts:
        files.append(str(tmp_path / part.about.shard.replace("/", "of")))  # type: ignore[union-attr]
        Path(files[-1]).write_text(part.model_dump_json())
    assert main(["verify", "--merge", *files]) == 0
    assert "verified" in capsys.readouterr().out
    assert main(["verify", "--merge", *files[:2]]) == 4
    assert "not the 3 shards" in capsys.readouterr().err
    assert main(["verify", "--merge", str(tmp_path / "missing")]) == 4
    (tmp_path / "junk").write_text("{}")
    assert main(["verify", "--merge", str(tmp_path / "junk")]) == 1


def test_a_shard_has_as_many_bytes_as_another_and_a_model_that_is_in_none_is_missed(
    alice: Person, capsys: Capture, tmp_path: Path
) -> None:
    with_other_model(alice)
    (alice.clone / ANY / "weights.bin").write_bytes(b"x" * 100_000)
    edit(alice, lambda document: document["models"].update(zero={"history": []}))
    edit(alice, lambda document: document["models"][OTHER]["active"].update(artifact_dir=ANY))
    parts = [report(capsys, "--shard", f"{number}/2")[1] for number in (1, 2)]
    assert [part.models for part in parts] == [(OTHER,), ("regime_classifier", "zero")]
    files = [tmp_path / "1.json", tmp_path / "2.json"]
    for file, part in zip(files, [parts[0], parts[1].model_copy(update={"models": ("zero",)})], strict=True):
        file.write_text(part.model_dump_json())
    assert main(["verify", "--merge", *map(str, files)]) == 4
    assert "not all that were dealt out" in capsys.readouterr().err


@pytest.mark.parametrize("listed", [False, True])
def test_bytes_in_a_bucket_count_for_a_shard_where_they_are_read(
    alice: Person, capsys: Capture, memory: Memory, listed: bool
) -> None:
    with_other_model(alice)
    edit(alice, lambda document: document["models"].update(zero={"history": []}))
    path = alice.clone / ANY / "manifest.json"
    document = json.loads(path.read_bytes())
    document["storage"] = {"uri": "s3://models/prod", "files": {"model.onnx": {"size": 10**9}}}
    path.write_text(json.dumps({**document, "schema_version": "v1.1"}))
    (alice.clone / ANY / "model.onnx").unlink()
    alice.write(".github/promotion.yml", "storage: [s3://models/prod]\n" if listed else "{}\n")
    alice.commit("chore: A bucket")
    edit(alice, lambda document: document["models"][OTHER]["active"].update(artifact_dir=ANY))
    parts = [report(capsys, "--shard", f"{number}/2")[1].models for number in (1, 2)]
    assert parts == ([(OTHER,), ("regime_classifier", "zero")] if listed else [("regime_classifier",), (OTHER, "zero")])
    assert bool(memory.asked) == listed


@pytest.mark.parametrize(("damages", "code"), [(False, 4), (True, 1)])
def test_what_was_verified_until_somebody_stopped_it_is_reported(
    alice: Person, capsys: Capture, monkeypatch: pytest.MonkeyPatch, damages: bool, code: int
) -> None:
    with_other_model(alice)
    if damages:
        edit(alice, lambda document: document["models"]["regime_classifier"].update(active=None))

    @contextmanager
    def stopped(*_: object) -> Iterator[Callable[[str], None]]:
        def told(name: str) -> None:
            if name == OTHER:
                raise KeyboardInterrupt

        yield told

    monkeypatch.setattr("promotebot.cli.registry_report._progress", stopped)
    found, result = report(capsys)
    assert (found, result.models) == (code, ("regime_classifier",))
    assert result.findings[-1].message == "Stopped: 1 of 2 models were verified, and the others were not."


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1/0", "a/b", "1/2\n", "1", "-1/2"])
def test_a_shard_that_is_none_is_a_usage_error(alice: Person, capsys: Capture, shard: str) -> None:
    assert main(["verify", f"--shard={shard}"]) == 2
    assert "is not a shard" in capsys.readouterr().err


FINDINGS = [
    ModelFinding(model="m", **passed("artifact.digest", "4 files", where="ml/a").model_dump()),
    ModelFinding(model="m", **error("history.chain", "broken <&>\x1b", where="r.json $.models.m").model_dump()),
    ModelFinding(model="m", **unknown("verify.unknown", "no answer", where="ml/b c").model_dump()),
    ModelFinding(model="", **warning("registry.layout", "left over", remedy="git rm").model_dump()),
]


def test_sarif_names_every_finding_but_passes_with_file_and_next_command() -> None:
    sarif = json.loads(to_sarif(report_of(ReportScope(registry="r.json"), ["m"], FINDINGS)))
    assert sarif["version"] == "2.1.0"
    (run,) = sarif["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [
        "history.chain",
        "registry.layout",
        "verify.unknown",
    ]
    levels = [(result["ruleId"], result["level"]) for result in run["results"]]
    assert levels == [("history.chain", "error"), ("verify.unknown", "error"), ("registry.layout", "warning")]
    first, _, last = run["results"]
    place = first["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "r.json"
    assert [part["fullyQualifiedName"] for part in place["logicalLocations"]] == ["m", "$.models.m"]
    assert last["message"]["text"] == "left over Next: git rm"
    assert all(run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])


def test_junit_counts_failures_and_errors_and_is_well_formed() -> None:
    root = ElementTree.fromstring(to_junit(report_of(ReportScope(registry="r.json"), ["m"], FINDINGS)))  # noqa: S314 - our own text
    suites = {suite.get("name"): suite for suite in root}
    assert (suites["m"].get("tests"), suites["m"].get("failures"), suites["m"].get("errors")) == ("3", "1", "1")
    failure = suites["m"].find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "broken <&>\\x1b"
    assert suites["r.json"].get("failures") == "0"


@pytest.mark.parametrize("form", ["sarif", "junit"])
def test_each_form_is_printed_with_the_same_exit_code(alice: Person, capsys: Capture, form: str) -> None:
    assert main(["verify", "--format", form]) == 0
    (alice.clone / V1 / "model.onnx").write_bytes(b"junk")
    assert main(["verify", "--format", form]) == 1
    capsys.readouterr()


def test_shards_of_different_commits_do_not_merge() -> None:
    one = report_of(ReportScope(registry="r", commit="a" * 40, shard="1/2"), ["m"], FINDINGS[:1])
    two = report_of(ReportScope(registry="r", commit="b" * 40, shard="2/2"), ["n"], FINDINGS[:1])
    with pytest.raises(CouldNotVerify, match="different registries or commits"):
        merge_reports([one, two])
    with pytest.raises(CouldNotVerify, match="none"):
        merge_reports([])


def dataset(root: Path, name: str, **changes: Any) -> Path:
    place = root / "ml/datasets" / name
    place.mkdir(parents=True)
    (place / "data.parquet").write_bytes(b"PAR1 rows PAR1")
    features = ["a", "b"]
    document = {
        "schema_version": "v1",
        "dataset_id": name,
        "created_at_utc": "2026-02-01T00:00:00Z",
        "source": "export",
        "feature_order": features,
        "feature_order_hash": hashlib.sha256(json.dumps(features).encode()).hexdigest()[:16],
        "label_columns": ["y"],
        "row_count": 10,
        "sha256": {"data.parquet": hashlib.sha256(b"PAR1 rows PAR1").hexdigest()},
        **changes,
    }
    (place / "manifest.json").write_text(json.dumps(document))
    return place


V1_DATA, V2_DATA = "market_data_2026_q1_btcusdt", "market_data_2026_q1_multi"


def test_the_dataset_of_what_is_active_is_verified_where_it_is_present(alice: Person, capsys: Capture) -> None:
    place = dataset(alice.clone, V1_DATA)
    code, result = report(capsys)
    assert code == 0
    assert "dataset.digest" in rules(result, "pass")
    (place / "data.parquet").write_bytes(b"other rows")
    code, result = report(capsys)
    assert (code, rules(result, "error")) == (1, ["dataset.digest"])


def lfs(place: Path) -> None:
    oid = hashlib.sha256(b"PAR1 rows PAR1").hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 14\n"
    (place / "data.parquet").write_text(pointer)


DAMAGES: list[tuple[Callable[[Path], object], str, str]] = [
    (lambda p: (p / "data.parquet").unlink(), "error", "dataset.files"),
    (lambda p: (p / "stray.csv").write_bytes(b""), "error", "dataset.files"),
    (lambda p: (p / "link").symlink_to("data.parquet"), "error", "dataset.files"),
    (lambda p: (p / "manifest.json").write_text("{"), "error", "dataset.manifest"),
    (lambda p: (p / "manifest.json").unlink(), "error", "dataset.manifest"),
    (lfs, "warning", "dataset.digest"),
]


@pytest.mark.parametrize(("damage", "severity", "rule"), DAMAGES)
def test_what_is_wrong_with_a_dataset_is_named(
    alice: Person, capsys: Capture, damage: Callable[[Path], object], severity: str, rule: str
) -> None:
    damage(dataset(alice.clone, V1_DATA))
    result = report(capsys)[1]
    assert rules(result, severity) == [rule] or rule in rules(result, severity)


CHANGES: list[dict[str, Any]] = [
    {"row_count": 9},
    {"row_count": 10_000_001},
    {"row_count": True},
    {"source": "somewhere"},
    {"feature_order_hash": "0" * 16},
    {"sha256": {"other": "0" * 64}},
    {"sha256": {"evaluation/labels.npy": "0" * 64}},
    {"sha256": {"data.parquet": "0" * 64, "../x": "0" * 64}},
    {"dataset_id": "X"},
    {"schema_version": "v2"},
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_dataset_manifest_out_of_its_form_is_refused(alice: Person, capsys: Capture, change: dict[str, Any]) -> None:
    dataset(alice.clone, V1_DATA, **change)
    code, result = report(capsys)
    assert (code, rules(result, "error")) == (1, ["dataset.manifest"])


def test_a_dataset_under_anothers_name_is_refused(alice: Person, capsys: Capture) -> None:
    dataset(alice.clone, V1_DATA, dataset_id="something_else")
    assert rules(report(capsys)[1], "error") == ["dataset.id"]


def test_active_is_refused_when_its_dataset_does_not_verify_and_the_folder_can_be_named(
    alice: Person, capsys: Capture
) -> None:
    place = dataset(alice.clone, V2_DATA)
    (place / "data.parquet").write_bytes(b"other rows")
    alice.commit("chore: A dataset")
    flags = [*FLAGS, "--stage", "active", *DATA, *sha(alice), "--reason", "14 days"]
    assert main(flags) == 1
    assert "dataset.digest" in capsys.readouterr().err
    assert main([*flags, "--datasets-dir", "elsewhere", "--dry-run"]) == 0
    assert main([*FLAGS, "--stage", "staging"]) == 0


def test_the_policy_can_require_the_dataset(alice: Person, capsys: Capture) -> None:
    alice.write(".github/promotion.yml", "require_dataset: true\n")
    alice.commit("chore: Policy")
    flags = [*FLAGS, "--stage", "active", *DATA, *sha(alice), "--reason", "14 days", "--dry-run"]
    assert main(flags) == 1
    assert f"The policy requires the dataset ml/datasets/{V2_DATA}" in capsys.readouterr().err
    dataset(alice.clone, V2_DATA)
    alice.commit("chore: A dataset")
    assert main(flags) == 0


def test_a_dataset_for_evaluations_alone_is_not_the_one_that_the_policy_requires(
    alice: Person, capsys: Capture
) -> None:
    alice.write(".github/promotion.yml", "require_dataset: true\n")
    labels = b"labels"
    place = dataset(alice.clone, V2_DATA, sha256={"evaluation/labels.npy": hashlib.sha256(labels).hexdigest()})
    (place / "data.parquet").unlink()
    (place / "evaluation").mkdir()
    (place / "evaluation/labels.npy").write_bytes(labels)
    alice.commit("chore: A dataset for evaluations alone")
    flags = [*FLAGS, "--stage", "active", *DATA, *sha(alice), "--reason", "14 days", "--dry-run"]
    assert main(flags) == 1
    assert "sha256 does not list data.parquet" in capsys.readouterr().err
