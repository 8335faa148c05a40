"""An artifact whose files Git LFS keeps: proven by its pointers, opened from the content, in a commit of real git."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from promotebot.artifact.dataset import examine_dataset
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.formats import Unopened
from promotebot.artifact.limits import Limits, Terms
from promotebot.artifact.source import GitTree, Held
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import InvalidInput
from promotebot.findings import Severity, errors_in, warnings_in
from promotebot.planning.examiner import Examiner
from promotebot.registry.lfs import LFS_HEADER, LfsPointer, is_pointer, parse_pointer
from tests.cli.test_verify import dataset

from .conftest import DIRECTORY, GitReader, Place, StandIn, git, refusal, rules
from .test_copied import WEIGHTS, reading
from .weights import llama

MODEL = f"{DIRECTORY}/model.onnx"
DATA = "market_data_2026_q1_multi"
LINE = "ml/artifacts/**/*.onnx filter=lfs diff=lfs merge=lfs -text\n"


@dataclass
class Store:
    """Contents by their pointers (`promotebot.artifact.source.LfsStore`); what was asked for is remembered."""

    contents: dict[LfsPointer, bytes] = field(default_factory=dict)
    fetched: list[LfsPointer] = field(default_factory=list)
    asked: list[LfsPointer] = field(default_factory=list)

    def missing(self, pointers: Collection[LfsPointer]) -> Mapping[LfsPointer, InvalidInput]:
        self.asked += pointers
        return {p: InvalidInput("its content is gone", remedy="push it") for p in pointers if p not in self.contents}

    def fetch(self, targets: Mapping[Path, LfsPointer], seconds: float) -> Mapping[LfsPointer, InvalidInput]:
        assert seconds == Limits().storage_seconds
        self.fetched += targets.values()
        for path, pointer in targets.items():
            if pointer in self.contents:
                with path.open("xb") as file:
                    file.write(self.contents[pointer])
        return {
            p: InvalidInput("its content is gone", remedy="push it") for p in targets.values() if p not in self.contents
        }


def pointer_to(data: bytes) -> bytes:
    return LFS_HEADER + f"oid sha256:{hashlib.sha256(data).hexdigest()}\nsize {len(data)}\n".encode()


def in_lfs(place: Place, store: Store, *names: str) -> None:
    """Put pointers in the place of files, and their contents into the store."""
    for name in names:
        data = (place.path / name).read_bytes()
        pointer = parse_pointer(place.write(name, pointer_to(data)).read_bytes())
        assert pointer is not None
        store.contents[pointer] = data


def commit(place: Place, store: Store, attributes: str = LINE) -> GitTree:
    (place.root / ".gitattributes").write_text(attributes)
    place.commit()
    sha = git(place.root, "rev-parse", "HEAD").decode().strip()
    reader = GitReader(place.root)
    reader.store = store
    return GitTree(reader, sha)


@pytest.fixture
def store() -> Store:
    return Store()


def passed(evidence: Evidence, rule: str) -> str:
    assert errors_in(evidence.findings) == []
    return next(f.message for f in evidence.findings if f.rule == rule and f.severity is Severity.PASS)


def test_a_promotion_opens_the_content_that_a_pointer_stands_for(place: Place, store: Store) -> None:
    model, opener = (place.path / "model.onnx").read_bytes(), StandIn()
    before = place.examine().digest
    in_lfs(place, store, "model.onnx")
    evidence = place.examine(commit(place, store), opener=opener)
    assert opener.seen[0]["model.onnx"] == model
    assert evidence.digest == before
    assert evidence.card is not None
    assert evidence.card.size == len(model)
    assert passed(evidence, "artifact.digest") == "4 files, every sha256 as listed (1 by a Git LFS pointer)"
    assert f"1 file of Git LFS, {len(model):,} bytes, fetched" in passed(evidence, "artifact.content")


def test_bytes_are_proven_by_pointers_without_a_download(place: Place, store: Store) -> None:
    before, opener = place.examine().digest, StandIn()
    in_lfs(place, store, "model.onnx")
    evidence = place.examine(commit(place, store).by_pointers(), opener=opener)
    assert evidence.digest == before
    assert (store.fetched, [*store.asked], opener.seen) == ([], [*store.contents], [])
    assert "it was not downloaded, so no model was opened here" in passed(evidence, "artifact.content")


def test_without_files_in_lfs_models_are_opened_by_pointers_too(place: Place, store: Store) -> None:
    evidence = place.examine(commit(place, store).by_pointers())
    assert evidence.card is not None
    assert "artifact.content" not in rules(evidence, Severity.PASS)
    assert (store.asked, store.fetched) == ([], [])


@pytest.mark.parametrize("by_pointers", [False, True])
def test_a_pointer_to_other_content_than_the_listed_is_refused_and_nothing_is_fetched(
    place: Place, store: Store, by_pointers: bool
) -> None:
    place.write("model.onnx", pointer_to(b"another model"))
    tree = commit(place, store)
    finding = refusal(evidence := place.examine(tree.by_pointers() if by_pointers else tree), "artifact.digest")
    other = hashlib.sha256(b"another model").hexdigest()
    assert f"{MODEL} is a Git LFS pointer to sha256:{other}, the manifest says sha256:" in finding.message
    assert evidence.digest is None
    assert (store.fetched, store.asked) == ([], [])


def test_a_manifest_that_lists_the_pointer_itself_proves_nothing(place: Place, store: Store) -> None:
    place.write("model.onnx", pointer_to(b"anything"))
    place.write_manifest()
    assert place.examine(commit(place, store)).digest is None
    assert store.fetched == []


@pytest.mark.parametrize("by_pointers", [False, True])
def test_content_that_is_not_there_is_an_error_with_its_own_remedy(
    place: Place, store: Store, by_pointers: bool
) -> None:
    in_lfs(place, store, "model.onnx")
    store.contents.clear()
    tree, opener = commit(place, store), StandIn()
    evidence = place.examine(tree.by_pointers() if by_pointers else tree, opener=opener)
    finding = refusal(evidence, "artifact.content")
    assert finding.message == f"{MODEL}: its content is gone."
    assert finding.remedy == "push it"
    assert (evidence.card, opener.seen) == (None, [])


def test_a_pointer_that_a_checkout_would_leave_there_is_refused(place: Place, store: Store) -> None:
    in_lfs(place, store, "model.onnx")
    finding = refusal(evidence := place.examine(commit(place, store, "*.bin filter=lfs\n")), "artifact.lfs")
    assert "a checkout leaves the pointer there" in finding.message
    assert f"/{MODEL} filter=lfs diff=lfs merge=lfs -text" in finding.remedy
    assert evidence.digest is None


@pytest.mark.parametrize(
    "text",
    [
        b"oid sha256:%s\n",
        b"oid sha256:%s\nsize -1\n",
        b"oid sha256:%s\nsize 012\n",
        b"oid sha256:%s\r\nsize 12\r\n",
        b"oid sha256:%s\nsize 12",
        b"oid sha256:%s\nsize 12\nmore 1\n",
        b"size 12\noid sha256:%s\n",
        b"ext-0-gzip sha256:%s\noid sha256:%s\nsize 12\n",
        b"oid md5:%s\nsize 12\n",
    ],
)
def test_a_pointer_that_git_lfs_would_not_write_names_no_content(place: Place, store: Store, text: bytes) -> None:
    digest = hashlib.sha256(b"x").hexdigest().encode()
    data = LFS_HEADER + text.replace(b"%s", digest)
    assert (is_pointer(data), parse_pointer(data)) == (True, None)
    place.write("model.onnx", data)
    finding = refusal(place.examine(commit(place, store)), "artifact.lfs")
    assert "not written as git-lfs writes one" in finding.message


def test_a_longer_file_is_no_pointer_however_it_begins() -> None:
    data = pointer_to(b"x")
    assert parse_pointer(data) == LfsPointer(hashlib.sha256(b"x").hexdigest(), 1)
    assert not is_pointer(data + b"\n" * 1024)
    assert parse_pointer(data + b"\n" * 1024) is None


def test_the_size_that_a_pointer_names_counts_before_anything_is_downloaded(place: Place, store: Store) -> None:
    place.write("train_report.json", b" " * 5000)
    place.write_manifest()
    in_lfs(place, store, "train_report.json")
    tree = commit(place, store, "*.json filter=lfs\n")
    finding = refusal(place.examine(tree, file_bytes=4999), "artifact.limits")
    assert finding.message == f"{DIRECTORY}/train_report.json is over the limit of 4,999 bytes."
    finding = refusal(place.examine(tree, artifact_bytes=5000), "artifact.limits")
    assert finding.message == f"{DIRECTORY} is over the limit of 5,000 bytes."
    assert store.fetched == []


def test_golden_data_and_the_report_come_from_lfs_as_well(place: Place, store: Store) -> None:
    golden, opener = (place.path / "test_data_set_0/input_0.pb").read_bytes(), StandIn()
    in_lfs(place, store, "test_data_set_0/input_0.pb", "train_report.json")
    evidence = place.examine(commit(place, store, "ml/artifacts/** filter=lfs\n"), opener=opener)
    assert opener.seen[0]["test_data_set_0/input_0.pb"] == golden
    assert evidence.report == {"train_accuracy": 0.91}


def test_an_lfsconfig_is_named_and_not_followed(place: Place, store: Store) -> None:
    in_lfs(place, store, "model.onnx")
    (place.root / ".lfsconfig").write_text("[lfs]\n\turl = https://elsewhere.example/lfs\n")
    evidence = place.examine(commit(place, store))
    assert errors_in(evidence.findings) == []
    warning = next(f for f in warnings_in(evidence.findings) if f.rule == "artifact.content")
    assert ".lfsconfig is not followed" in warning.message


def test_a_clone_gives_the_content_that_git_lfs_has_brought(place: Place, store: Store) -> None:
    model, opener = (place.path / "model.onnx").read_bytes(), StandIn()
    in_lfs(place, store, "model.onnx")
    tree = commit(place, store)
    tree = place.commit_at("HEAD")
    finding = refusal(place.examine(tree, opener=opener), "artifact.content")
    assert "is not in this clone" in finding.message
    commit_id = git(place.root, "rev-parse", "HEAD").decode().strip()
    assert finding.remedy == f"fetch it: git lfs fetch origin {commit_id}"
    (pointer,) = store.contents
    kept = place.root / ".git/lfs/objects" / pointer.sha256[:2] / pointer.sha256[2:4] / pointer.sha256
    kept.parent.mkdir(parents=True)
    for damaged in (b"X" + model[1:], model + b"more", model[:-1]):
        kept.write_bytes(damaged)
        assert "is not in this clone" in refusal(place.examine(tree), "artifact.content").message
    kept.write_bytes(model)
    assert place.examine(tree, opener=opener).card is not None
    assert opener.seen[-1]["model.onnx"] == model


@pytest.mark.parametrize("by_pointers", [False, True])
def test_a_model_that_goes_on_unopened_is_told_with_and_without_a_download(
    place: Place, store: Store, by_pointers: bool
) -> None:
    (place.path / "model.onnx").rename(place.path / "model.gguf")
    place.write("model.gguf", llama())
    place.write_manifest(model_file="model.gguf")
    in_lfs(place, store, "model.gguf")
    tree = commit(place, store, LINE.replace("onnx", "gguf"))
    evidence = place.examine(tree.by_pointers() if by_pointers else tree, formats=("onnx", "opaque"))
    (told,) = warnings_in(evidence.findings)
    assert (told.rule, errors_in(evidence.findings)) == ("artifact.opaque", [])
    assert evidence.unopened == Unopened("a GGUF file", len(llama()))
    assert bool(evidence.headers) is not by_pointers


@pytest.mark.parametrize("by_pointers", [False, True])
def test_a_model_that_goes_on_unopened_is_told_where_only_files_beside_it_are_in_lfs(
    place: Place, store: Store, by_pointers: bool
) -> None:
    """Though nothing of it is copied."""
    place.write("model.weights", bytes(100))
    place.write_manifest(model_file="model.weights")
    in_lfs(place, store, "model.onnx")
    tree = commit(place, store)
    evidence = place.examine(tree.by_pointers() if by_pointers else tree, formats=("onnx", "opaque"))
    assert errors_in(evidence.findings) == []
    assert evidence.unopened == Unopened("", 100)


@pytest.mark.parametrize("away", [["model.onnx"], ["w.bin"], ["model.onnx", "w.bin"]])
def test_weights_are_beside_their_model_whichever_of_them_is_in_lfs(
    place: Place, store: Store, away: list[str]
) -> None:
    place.write_model(reading("w.bin"))
    place.write("w.bin", WEIGHTS)
    place.write_manifest()
    in_lfs(place, store, *away)
    opener = StandIn()
    attributes = "*.onnx filter=lfs diff=lfs merge=lfs -text\n*.bin filter=lfs diff=lfs merge=lfs -text\n"
    assert errors_in(place.examine(commit(place, store, attributes), opener=opener).findings) == []
    assert opener.seen[0]["w.bin"] == WEIGHTS


def test_a_work_tree_whose_files_git_holds_otherwise_is_not_what_is_promoted(place: Place) -> None:
    listed = place.document()["sha256"]
    other = {f"{DIRECTORY}/model.onnx": Held("0" * 64, True)}
    finding = refusal(evidence := place.examine(WorkTree(place.root, held=lambda _: other)), "artifact.stored")
    assert f"its Git LFS pointer stands for sha256:{'0' * 64}, the manifest says" in finding.message
    assert f"git add -- {MODEL} && git commit" in finding.remedy
    assert evidence.digest is None
    line = {f"{DIRECTORY}/train_report.json": Held("0" * 64, False)}
    finding = refusal(place.examine(WorkTree(place.root, held=lambda _: line)), "artifact.stored")
    assert "git holds sha256:" in finding.message
    assert "-text' >> .gitattributes" in finding.remedy
    same = {f"{DIRECTORY}/model.onnx": Held(listed["model.onnx"], True), f"{DIRECTORY}/manifest.json": Held("1", False)}
    assert "artifact.stored" in rules(place.examine(WorkTree(place.root, held=lambda _: same)), Severity.PASS)


def test_what_was_proven_by_its_pointer_is_opened_where_that_is_asked_for_and_not_the_other_way_round(
    place: Place, store: Store
) -> None:
    in_lfs(place, store, "model.onnx")
    tree, opener = commit(place, store), StandIn()
    examine = Examiner(opener)
    by_pointer = examine(tree.by_pointers(), DIRECTORY, Terms())
    assert (by_pointer.by_pointers, by_pointer.card, len(opener.seen)) == (True, None, 0)
    opened = examine(tree, DIRECTORY, Terms())
    assert (opened.by_pointers, opened.card is None, len(opener.seen)) == (False, False, 1)
    assert examine(tree.by_pointers(), DIRECTORY, Terms()) == opened
    assert (len(store.asked), len(store.fetched)) == (1, 1)


def test_without_files_in_lfs_a_directory_is_opened_once_however_it_is_asked_for(place: Place, store: Store) -> None:
    tree, opener = commit(place, store), StandIn()
    examine = Examiner(opener)
    assert examine(tree.by_pointers(), DIRECTORY, Terms()) == examine(tree, DIRECTORY, Terms())
    assert len(opener.seen) == 1


def test_a_dataset_in_git_lfs_is_proven_by_its_pointers_where_the_server_has_the_content(
    place: Place, store: Store
) -> None:
    file = dataset(place.root, DATA) / "data.parquet"
    pointer = parse_pointer(pointer_to(content := file.read_bytes()))
    assert pointer is not None
    file.write_bytes(pointer_to(content))
    tree = commit(place, store)
    (finding,) = examine_dataset(tree, DATA)
    path = f"ml/datasets/{DATA}/data.parquet"
    assert (finding.rule, finding.severity) == ("dataset.files", Severity.ERROR)
    assert finding.message == f"{path}: its content is gone."
    assert finding.remedy == "push it"
    store.contents[pointer] = content
    assert [found.severity for found in examine_dataset(tree, DATA)] == [Severity.PASS]
    assert store.fetched == []
    (finding,) = examine_dataset(WorkTree(place.root), DATA)
    assert (finding.rule, finding.severity) == ("dataset.digest", Severity.WARNING)
