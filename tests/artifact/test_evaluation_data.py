"""Evaluation data outside of git, over a store that is a dictionary: what is read, proven, and never used."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from promotebot.artifact.dataset import DatasetManifest, examine_dataset
from promotebot.artifact.evaluation_data import MAX_DATA, copy_evaluation
from promotebot.artifact.evaluation_terms import EvaluationTerms
from promotebot.artifact.limits import Terms
from promotebot.artifact.source import FileSource
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.findings import Severity, errors_in
from promotebot.planning.examiner import Examiner
from promotebot.storage.uri import StoredFile

from .conftest import DIRECTORY, Place, StandIn
from .evaluation_sets import moved_out, write_set
from .test_stored import Store, There

SET = "eval_1"
URI = f"s3://data/evaluations/{SET}"
X, LABELS = f"{URI}/evaluation/x.npy", f"{URI}/evaluation/labels.npy"
ALLOWED = Terms(storage=("s3://data/evaluations",))
FILES = {"x.npy": b"the rows", "labels.npy": b"what is right"}


class Elsewhere:
    """A dataset whose evaluation files are in a store."""

    def __init__(self, root: Path, files: dict[str, bytes] = FILES, **versions: str) -> None:
        self.root, self.place = root, write_set(root, SET, files)
        self.store = Store(moved_out(self.place, URI, **versions))
        self.copies = 0

    def terms(self, source: FileSource | None = None) -> EvaluationTerms:
        return EvaluationTerms(SET, 10, 60, (), "ml/datasets", None, source or WorkTree(self.root))

    def copy(self, policy: Terms = ALLOWED, source: FileSource | None = None) -> dict[str, bytes]:
        """What is copied of it."""
        self.copies += 1
        target = self.root / f"copy{self.copies}"
        copy_evaluation(self.terms(source), target, policy, self.store)
        return {path.name: path.read_bytes() for path in target.iterdir()}

    def refused(self, policy: Terms = ALLOWED) -> InvalidInput:
        with pytest.raises(InvalidInput) as told:
            self.copy(policy)
        return told.value

    def edit(self, **changes: Any) -> None:
        path = self.place / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))

    def entry(self, name: str, **changes: Any) -> None:
        """Change what the manifest says of one file outside of git."""
        storage = json.loads((self.place / "manifest.json").read_bytes())["storage"]
        storage["files"][name].update(changes)
        self.edit(storage=storage)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    return Elsewhere(tmp_path)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_files_in_a_bucket_are_read_once_and_proven(elsewhere: Elsewhere) -> None:
    assert elsewhere.copy(Terms(storage=ALLOWED.storage, storage_seconds=7)) == FILES
    assert sorted(elsewhere.store.opened) == sorted([X, LABELS])
    assert elsewhere.store.seconds == [7], "the seconds of the policy, for all files together"


def test_what_git_has_is_not_asked_of_the_bucket(elsewhere: Elsewhere) -> None:
    (elsewhere.place / "evaluation/x.npy").write_bytes(FILES["x.npy"])
    assert elsewhere.copy() == FILES
    assert elsewhere.store.looked == [LABELS]
    (elsewhere.place / "evaluation/x.npy").write_bytes(b"THE ROWS")
    assert f"evaluation/x.npy is sha256:{sha256(b'THE ROWS')}, the manifest says" in elsewhere.refused().message


@pytest.mark.parametrize("data", [b"THE ROWS", b"the row", b"the rows!", b""])
def test_other_bytes_are_never_used_and_told_with_both_sizes_or_digests(elsewhere: Elsewhere, data: bytes) -> None:
    elsewhere.store.contents[X] = data
    told = elsewhere.refused()
    wanted = (
        f"{X} is sha256:{sha256(data)}, the manifest says sha256:{sha256(FILES['x.npy'])}"
        if len(data) == len(FILES["x.npy"])
        else f"{X} has {len(data)} bytes, the manifest says 8"
    )
    assert told.message == f"ml/datasets/{SET} cannot be used: {wanted}"
    assert str(told.remedy).startswith("upload the listed file there again")
    assert str(told.remedy).endswith("then ask again: the same command")


@pytest.mark.parametrize(("data", "words"), [(b"the rows!", "has more than the 8 bytes"), (b"the", "ended after 3 ")])
def test_a_store_that_gives_another_length_than_it_says_is_not_believed(
    elsewhere: Elsewhere, data: bytes, words: str
) -> None:
    elsewhere.store.contents[X], elsewhere.store.sizes[X] = data, 8
    assert words in elsewhere.refused().message


def test_a_file_that_is_not_there_is_told(elsewhere: Elsewhere) -> None:
    del elsewhere.store.contents[X]
    told = elsewhere.refused()
    assert told.message == f"ml/datasets/{SET} cannot be used: {X} is not there"
    assert "--storage" not in told.remedy, "that option writes the manifest of an artifact"


@pytest.mark.parametrize("places", [(), ("s3://data/evaluation",), ("s3://data/evaluations/eval_10",)])
def test_nothing_is_asked_of_a_place_that_the_policy_does_not_list(
    elsewhere: Elsewhere, places: tuple[str, ...]
) -> None:
    told = elsewhere.refused(Terms(storage=places))
    assert f"it is in {URI}, which `storage` of the policy does not list" in told.message
    assert "add the place to `storage`" in told.remedy
    assert elsewhere.store.seconds == []


def test_more_bytes_than_the_limit_are_not_read(elsewhere: Elsewhere) -> None:
    elsewhere.entry("evaluation/x.npy", size=MAX_DATA - len(FILES["labels.npy"]) + 1)
    assert elsewhere.refused().message == f"ml/datasets/{SET}/evaluation/ has more than {MAX_DATA:,} bytes"
    assert elsewhere.store.seconds == []


def test_files_in_git_count_in_the_same_limit(elsewhere: Elsewhere) -> None:
    (elsewhere.place / "evaluation/labels.npy").write_bytes(FILES["labels.npy"])
    elsewhere.entry("evaluation/x.npy", size=MAX_DATA - len(FILES["labels.npy"]))
    assert "has 8 bytes, the manifest says" in elsewhere.refused().message
    elsewhere.entry("evaluation/x.npy", size=MAX_DATA - len(FILES["labels.npy"]) + 1)
    assert "has more than" in elsewhere.refused().message


def test_without_an_answer_it_is_not_known(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CouldNotVerify, match="nothing here reads"):
        copy_evaluation(elsewhere.terms(), elsewhere.root / "copy", ALLOWED, None)

    def silent(*_: object) -> None:
        raise CouldNotVerify("the store does not answer")

    monkeypatch.setattr(Store, "look", silent)
    with pytest.raises(CouldNotVerify, match="does not answer"):
        elsewhere.copy()


def test_a_source_of_which_nothing_is_downloaded_says_so(elsewhere: Elsewhere) -> None:
    place = Place(elsewhere.root)
    place.write("model.onnx", b"")
    with pytest.raises(InvalidInput, match=f"it is in {URI}, which was not asked"):
        elsewhere.copy(source=place.commit().by_pointers())
    assert elsewhere.store.seconds == []


def test_the_version_that_the_manifest_pins_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere, asked = Elsewhere(tmp_path, x="3L4k"), list[tuple[str, str | None]]()
    look = Store.look

    def looked(store: Store, file: StoredFile) -> There:
        asked.append((file.name, file.version))
        return look(store, file)

    monkeypatch.setattr(Store, "look", looked)
    assert elsewhere.copy() == FILES
    assert sorted(asked) == [("evaluation/labels.npy", None), ("evaluation/x.npy", "3L4k")]


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ("s3://data/evaluations", "storage: "),
        ({"uri": URI, "files": {"evaluation/y.npy": {"size": 1}}}, "is not among the files of sha256"),
        ({"uri": URI, "files": {"data.parquet": {"size": 4}}}, "only files in evaluation/ may be outside of git"),
        ({"uri": "s3://data/../x", "files": {"evaluation/x.npy": {"size": 8}}}, "is no place outside of git"),
        ({"uri": URI, "files": {"evaluation/x.npy": {"size": -1}}}, "size"),
        ({"uri": URI, "files": {"evaluation/x.npy": {"size": 8, "version": "a\nb"}}}, "version"),
        ({"uri": URI, "files": {}}, "files"),
    ],
)
def test_a_place_is_read_as_strictly_as_that_of_an_artifact(elsewhere: Elsewhere, storage: Any, words: str) -> None:
    elsewhere.edit(storage=storage)
    assert words in elsewhere.refused().message
    assert elsewhere.store.looked == []


def test_what_was_proven_is_kept_for_a_tree_and_what_was_not_is_looked_at_again(elsewhere: Elsewhere) -> None:
    place = Place(elsewhere.root)
    place.write("model.onnx", b"model")
    place.write_manifest()
    source, right = place.commit(), elsewhere.store.contents[X]
    elsewhere.store.contents[X] = b"THE ROWS"
    evaluation = elsewhere.terms(source)
    terms = ALLOWED.model_copy(update={"evaluation": evaluation})
    examine = Examiner(StandIn(), elsewhere.store)

    def found() -> Any:
        told = examine(source, DIRECTORY, terms).evaluation
        assert told
        return told

    assert "cannot be used" in found().problem
    elsewhere.store.contents[X] = right
    assert found().problem == ""
    reads = len(elsewhere.store.opened)
    assert found().problem == ""
    assert len(elsewhere.store.opened) == reads


def test_the_dataset_of_a_model_is_proven_without_the_files_that_only_an_evaluation_reads(
    elsewhere: Elsewhere,
) -> None:
    (finding,) = examine_dataset(WorkTree(elsewhere.root), SET)
    assert (finding.rule, finding.severity) == ("dataset.digest", Severity.PASS)
    assert finding.message == (
        f"{SET}: 1 file, every sha256 as listed, 100 rows; 2 files for evaluations, in {URI}, not read here"
    )
    (elsewhere.place / "evaluation/x.npy").write_bytes(FILES["x.npy"])
    (finding,) = examine_dataset(WorkTree(elsewhere.root), SET)
    assert "2 files, every sha256 as listed, 100 rows; 1 file for evaluations" in finding.message
    (elsewhere.place / "evaluation/x.npy").write_bytes(b"THE ROWS")
    (finding,) = errors_in(examine_dataset(WorkTree(elsewhere.root), SET))
    assert "evaluation/x.npy is sha256:" in finding.message
    (elsewhere.place / "data.parquet").unlink()
    assert {one.rule for one in errors_in(examine_dataset(WorkTree(elsewhere.root), SET))} == {
        "dataset.digest",
        "dataset.files",
    }


def test_a_manifest_without_a_place_names_no_file_outside_of_git(elsewhere: Elsewhere) -> None:
    document = json.loads((elsewhere.place / "manifest.json").read_bytes())
    del document["storage"]
    (elsewhere.place / "manifest.json").write_text(json.dumps(document))
    assert "and its manifest does not say in `storage` where it is" in elsewhere.refused().message
    for key in ("feature_order", "label_columns"):
        document[key] = tuple(document[key])
    assert DatasetManifest.model_validate(document).stored_files == {}
