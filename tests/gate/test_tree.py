"""The tree invariant: what a pointer names stays as it is on the base, or is proven against that pointer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from promotebot.artifact.evidence import Evidence
from promotebot.artifact.limits import Terms
from promotebot.artifact.source import FileSource, Kind
from promotebot.findings import Finding, errors_in
from promotebot.gate.tree import check_trees
from promotebot.promotion.policy import parse_policy
from promotebot.promotion.replay import Replayed, replay
from promotebot.pulls.twins import twins
from promotebot.registry import ModelRegistry, Stage
from promotebot.registry.codec import stored_json
from promotebot.registry.names import ArtifactPath, ModelName
from tests.gate import trees
from tests.gate.sequences import Ends, directory
from tests.gate.trees import DATASET, FILES, MODEL, OLD, OTHER, Tree, artifact, at, base, dataset, judge

V0, V1, V2, V3 = (str(directory(name)) for name in ("v0", "v1", "v2", "v3"))
ACTIVE = f"{MODEL} ACTIVE (v1_active)"
Files = dict[str, "bytes | Kind"]
Edit = Callable[[Files], object]


def gone(files: Files, place: str = V1) -> Files:
    """Take a directory out, and return what was in it, by path inside."""
    inside = {path: files.pop(path) for path in [path for path in files if path.startswith(f"{place}/")]}
    return {path.removeprefix(f"{place}/"): item for path, item in inside.items()}


def moved(files: Files, to: str, place: str = V1) -> None:
    files.update({f"{to}/{name}": item for name, item in gone(files, place).items()})


def replaced(files: Files, item: bytes | Kind, place: str = V1) -> None:
    gone(files, place)
    files[place] = item


def manifest(change: Callable[[Any], object], place: str = V1) -> Edit:
    """Change the manifest and nothing else: the digest of the bytes stays what it was."""

    def apply(files: Files) -> None:
        content = files[f"{place}/manifest.json"]
        assert isinstance(content, bytes)
        document = json.loads(content)
        change(document)
        files[f"{place}/manifest.json"] = stored_json(document)

    return apply


def edited(edit: Edit) -> Files:
    files = dict(FILES)
    edit(files)
    return files


def heads() -> list[tuple[str, ModelRegistry]]:
    """The registries that a pull request may bring along with its files: the base's, or one more promotion."""
    more = base().promoted(OTHER, Stage.SHADOW, "v3").registry
    return [("nothing is promoted", base().registry), ("something else is promoted", more)]


def refused(edit: Edit, *, names: str = ACTIVE, where: str = V1) -> list[Finding]:
    """Assert that the gate is red with a finding on the pointer, whatever else is promoted; return the findings."""
    findings: list[Finding] = []
    for case, head in heads():
        findings = errors_in(judge(base(), head, edited(edit)).findings)
        named = [f for f in findings if f.message.startswith(names) and f.where.startswith(where) and f.remedy]
        assert named, (case, findings)
    return findings


def passes(edit: Edit) -> None:
    for case, head in heads():
        result = judge(base(), head, edited(edit))
        assert result.passes, (case, errors_in(result.findings))


def test_a_named_directory_that_is_gone_is_refused() -> None:
    findings = refused(gone)
    assert "names a directory that was deleted or renamed: ml/artifacts/v1." in findings[0].message
    assert f"git checkout {'b' * 12} -- ml/artifacts/v1" in findings[0].remedy


def test_every_pointer_to_a_directory_that_is_gone_is_named() -> None:
    findings = refused(gone)
    assert {
        f.message.partition(" names a directory that was deleted")[0] for f in findings if f.rule == "gate.tree"
    } == {
        ACTIVE,
        f"{OTHER} STAGING (v1_staging)",
    }


def test_a_renamed_directory_is_refused_though_all_bytes_are_there() -> None:
    refused(lambda files: moved(files, f"{V1}_final"))


def test_a_directory_renamed_by_case_only_is_refused() -> None:
    refused(lambda files: moved(files, "ml/artifacts/V1"))


@pytest.mark.parametrize("above", ["ml", "ml/artifacts"])
def test_a_renamed_directory_above_is_refused(above: str) -> None:
    refused(lambda files: moved(files, "models", above))


@pytest.mark.parametrize("item", [Kind.SYMLINK, Kind.SUBMODULE, b"a file"], ids=["link", "submodule", "file"])
@pytest.mark.parametrize("place", [V1, "ml/artifacts"])
def test_what_takes_the_place_of_a_named_directory_is_refused(item: bytes | Kind, place: str) -> None:
    refused(lambda files: replaced(files, item, place))


def test_the_message_says_what_took_the_place() -> None:
    findings = refused(lambda files: replaced(files, Kind.SYMLINK))
    assert "names a path that is now a symbolic link: ml/artifacts/v1." in findings[0].message


def test_bytes_exchanged_while_the_manifest_is_deleted_are_refused() -> None:
    def exchange(files: Files) -> None:
        files[f"{V1}/model.onnx"] = b"other"
        del files[f"{V1}/manifest.json"]

    refused(exchange)


def test_model_and_manifest_exchanged_together_are_refused() -> None:
    findings = refused(lambda files: files.update(at(V1, artifact("other"))))
    assert findings[0].rule == "artifact.pinned"


def test_a_nested_manifest_hides_nothing_of_the_directory_above() -> None:
    def take_over(files: Files) -> None:
        golden = {"input_0.pb": b"other in", "output_0.pb": b"other out"}
        nested = {**golden, "model.onnx": b"other", "manifest.json": artifact("other")["manifest.json"]}
        files.update(at(f"{V1}/test_data_set_0", nested))

    refused(take_over)
    refused(lambda files: files.update(at(f"{V1}/inner", artifact("one"))))


def test_golden_data_that_is_edited_is_refused() -> None:
    refused(lambda files: files.update({f"{V1}/test_data_set_0/output_0.pb": b"edited"}))


@pytest.mark.parametrize("name", ["notes.txt", "test_data_set_1/input_0.pb", ".hidden"])
def test_a_file_added_to_a_named_directory_is_refused(name: str) -> None:
    refused(lambda files: files.update({f"{V1}/{name}": b"added"}))


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["feature_order"].reverse(),
        lambda document: document.update(threshold=0.9),
        lambda document: document.update(threshold=1),
        lambda document: document.update(labels={"0": "storm", "1": "calm"}),
        lambda document: document.update(calibration="none"),
        lambda document: document.pop("threshold"),
        lambda document: document.update(git_sha="6" * 40),
        lambda document: document.pop("git_sha"),
        lambda document: document.update(dataset_id="data_2"),
        lambda document: document.update(notes="seen by the board"),
        lambda document: document.update(schema_version="v1"),
    ],
)
def test_a_manifest_changed_in_any_field_is_refused(change: Callable[[Any], object]) -> None:
    findings = refused(manifest(change))
    assert findings[0].rule == "manifest.changed"


def test_a_pointer_that_pins_no_manifest_is_held_to_the_bases() -> None:
    desk = trees.Desk(trees.without(base().registry, "manifest_digest"), Tree(FILES), base().now)
    files = edited(manifest(lambda document: document.update(threshold=0.9)))
    findings = errors_in(judge(desk, desk.registry, files).findings)
    assert [(f.rule, f.where) for f in findings] == [("manifest.changed", f"{V1}/manifest.json")] * 2
    spaced = edited(lambda files: files.update({f"{V1}/manifest.json": bytes(files[f"{V1}/manifest.json"]) + b"\n"}))  # type: ignore[arg-type]
    assert judge(desk, desk.registry, spaced).passes


def test_what_was_deleted_on_the_base_is_put_back_where_the_pointer_says_all_of_it() -> None:
    broken = Tree(edited(lambda files: files.pop(f"{V1}/manifest.json")))
    assert judge(trees.Desk(base().registry, broken, base().now), base().registry, FILES).passes
    older = trees.without(base().registry, "manifest_digest")
    assert not judge(trees.Desk(older, broken, base().now), older, FILES).passes


def test_a_manifest_that_is_only_written_otherwise_passes() -> None:
    def rewrite(files: Files) -> None:
        content = files[f"{V1}/manifest.json"]
        assert isinstance(content, bytes)
        document = json.loads(content)
        files[f"{V1}/manifest.json"] = json.dumps(dict(sorted(document.items()))).encode()

    passes(rewrite)


def test_a_pointer_of_an_older_tool_keeps_its_whole_tree() -> None:
    for edit in (
        lambda files: files.update(at(V0, artifact("other"))),
        manifest(lambda document: document.update(notes="x"), V0),
        lambda files: files.update({f"{V0}/train_report.json": b"{}"}),
    ):
        findings = refused(edit, names=f"{OLD} ACTIVE (v0_prod)", where=V0)
        assert any("has no digest (an older tool wrote it)" in f.message for f in findings)


def test_the_dataset_of_what_is_active_cannot_be_exchanged() -> None:
    findings = refused(lambda files: files.update(at(DATASET, dataset("other rows"))), where=DATASET)
    assert {f.message.partition(" was trained")[0] for f in findings} == {ACTIVE, f"{OLD} ACTIVE (v0_prod)"}
    refused(lambda files: gone(files, DATASET), where=DATASET)
    refused(lambda files: moved(files, "ml/datasets/Data_1", DATASET), where=DATASET)
    refused(lambda files: replaced(files, Kind.SYMLINK, DATASET), where=DATASET)


def test_a_dataset_that_was_never_there_may_be_added_where_it_is_proven() -> None:
    bare = {path: item for path, item in FILES.items() if not path.startswith(DATASET)}
    desk = trees.Desk(base().registry, Tree(bare), base().now)
    assert judge(desk, desk.registry, FILES).passes
    broken = {**FILES, f"{DATASET}/data.parquet": b"other"}
    findings = errors_in(judge(desk, desk.registry, broken).findings)
    assert any(f.message.startswith(f"{ACTIVE} was trained on {DATASET}, which is not proven") for f in findings)


def test_what_no_pointer_names_may_change_in_any_way() -> None:
    passes(lambda files: files.update(at("ml/artifacts/v9", artifact("other"))))
    passes(lambda files: files.update({"README.md": b"other", "ml/artifacts/v10/model.onnx": b"other"}))
    assert judge(base(), base().registry, edited(lambda files: gone(files, V3))).passes


def test_a_directory_that_is_demoted_goes_in_a_pull_request_of_its_own() -> None:
    """While the base points to it, a merge that fails half way would leave a pointer to nothing."""
    head = base().promoted(MODEL, Stage.SHADOW, "v3").registry
    findings = errors_in(judge(base(), head, edited(lambda files: gone(files, V2))).findings)
    assert [f.message for f in findings if f.rule == "gate.tree"] == [
        f"{MODEL} SHADOW (v2_shadow) names a directory that was deleted or renamed: {V2}."
    ]


def test_bytes_that_are_promoted_anew_from_the_same_directory_pass() -> None:
    files = edited(lambda files: files.update(at(V2, artifact("newer"))))
    desk = trees.Desk(base().registry, Tree(files), base().now, base().registry)
    head = desk.promoted(MODEL, Stage.SHADOW, "v2").registry
    result = judge(base(), head, files)
    assert result.passes, errors_in(result.findings)


@pytest.mark.parametrize(
    ("promoted", "formats"),
    [((OTHER,), ("onnx", "opaque")), ((MODEL,), ("onnx",)), ((OTHER, MODEL), ("onnx",))],
    ids=["the model that may", "another", "both"],
)
def test_a_directory_is_looked_at_as_every_model_that_is_promoted_from_it_may_be(
    promoted: tuple[ModelName, ...], formats: tuple[str, ...]
) -> None:
    policy = parse_policy(f"models: {{{OTHER}: {{formats: [onnx, opaque]}}}}".encode())
    desk = base()
    for model in promoted:
        desk = desk.promoted(model, Stage.SHADOW, "v3")
    seen: dict[str, tuple[str, ...]] = {}

    def look(source: FileSource, place: ArtifactPath, terms: Terms) -> Evidence:
        seen[place] = terms.formats
        return trees.examine(source, place, terms)

    ends = Ends(base().registry, desk.registry, policy, desk.files, other_files=desk.files)
    steps = replay(base().registry, desk.registry)
    assert isinstance(steps, Replayed)
    check_trees(ends, base().registry, desk.registry, steps.steps, look)
    assert seen == {V3: formats}


@pytest.mark.parametrize(
    "path",
    [
        "ml/artifacts/V1/model.onnx",
        "ml/Artifacts/v1/model.onnx",
        "ML",
        "ml/artifacts/v1./model.onnx",
        "ml/artifacts /v1/x",
        "ml/datasets/DATA_1/data.parquet",
        "Ml/artifacts",
    ],
)
def test_a_path_that_is_the_same_on_macos_and_windows_is_refused(path: str) -> None:
    for _, head in heads():
        findings = errors_in(judge(base(), head, edited(lambda files: files.update({path: b"added"}))).findings)
        assert [f.rule for f in findings] == ["gate.tree"], findings
        assert "are the same place on macOS and Windows" in findings[0].message
        assert path.startswith(findings[0].where)
    without_it = Tree(edited(lambda files: files.update({path: b"added"})))
    assert judge(trees.Desk(base().registry, without_it, base().now), base().registry, FILES).passes, "it may go"


def test_another_unicode_form_of_a_path_is_the_same_place() -> None:
    composed, other = "ml/art\u00e9/v1", "ml/arte\u0301/v1"
    assert list(twins({composed}, [f"{other}/x"])) == [(other, composed)]
    assert list(twins({composed}, [f"{composed}/x", "ml/arte/v1/x"])) == []


def test_two_spellings_that_are_both_named_are_refused() -> None:
    assert list(twins({"ml/v1", "ml/V1"}, ["ml/V1/x"])) == [("ml/V1", "ml/v1")]


def test_attributes_that_change_no_named_file_are_nobodys_business() -> None:
    files = edited(lambda files: files.update({".gitattributes": b"*.png filter=lfs"}))
    assert judge(base(), base().registry, files, newly=("docs/logo.png",)).passes
    result = judge(base(), base().registry, files, newly=(f"{V1}/model.onnx", f"{V1}/manifest.json"))
    (finding,) = errors_in(result.findings)
    assert (finding.rule, finding.where) == ("gate.attributes", ".gitattributes")
    assert f"may change the bytes of {V1}/model.onnx and 1 more" in finding.message


def test_what_a_merge_may_carry_into_a_named_directory_is_refused() -> None:
    files = edited(lambda files: files.update({"notes.txt": b"x"}))
    (finding,) = errors_in(judge(base(), base().registry, files, carried="ml/drafts/model.onnx").findings)
    assert (finding.rule, finding.where) == ("gate.tree", "ml/drafts/model.onnx")
    assert "git merge --no-edit bbbbbbbbbbbb" in finding.remedy


def test_a_directory_that_the_base_deleted_while_the_branch_edits_it_is_refused() -> None:
    edit = edited(lambda files: files.update({f"{V1}/model.onnx": b"other"}))
    desk = trees.Desk(base().registry, Tree(edited(gone)), base().now)
    result = judge(desk, base().registry, edit, fork=Tree(FILES))
    assert "names a directory that the base changed since the branch left it" in str(errors_in(result.findings))


def test_a_directory_that_base_and_branch_both_changed_is_for_a_merge_to_show() -> None:
    both = edited(manifest(lambda document: document.update(notes="x"), V3))
    head = base().promoted(MODEL, Stage.STAGING, "v3").registry
    result = judge(base(), head, both, fork=Tree(edited(lambda files: gone(files, V3))))
    assert "names a directory that the base changed since the branch left it" in str(errors_in(result.findings))
