"""Artifacts with files outside of git, over a store that is a dictionary: what is asked for, and found wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promotebot.artifact.digest import CHUNK
from promotebot.artifact.evidence import Evidence
from promotebot.artifact.examination import examine
from promotebot.artifact.limits import Terms
from promotebot.artifact.manifest import parse_manifest
from promotebot.artifact.source import FileSource, GitTree
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify, InvalidInput
from promotebot.findings import Severity, errors_in, warnings_in
from promotebot.planning.examiner import Examiner
from promotebot.storage.uri import StoredFile
from tests.storage.test_uri import NAMED

from .conftest import DIRECTORY, Place, StandIn, refusal, rules
from .test_copied import WEIGHTS, reading
from .weights import safetensors

PLACE = "s3://models/prod/regime_v2"
ALLOWED = {"storage": ("s3://models/prod",)}


@dataclass(frozen=True)
class There:
    size: int
    version: str | None = None


@dataclass
class Store:
    """Contents by address (`promotebot.artifact.stored.ObjectStore`); what was asked for is remembered."""

    contents: dict[str, bytes] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    """What it says instead of a content's size."""
    looked: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @contextmanager
    def session(self, seconds: float) -> Iterator[Store]:
        self.seconds.append(seconds)
        yield self

    def look(self, file: StoredFile) -> There:
        self.looked.append(file.url)
        if file.url not in self.contents:
            raise InvalidInput(f"{file.url} is not there", remedy="upload it")
        return There(self.sizes.get(file.url, len(self.contents[file.url])), self.versions.get(file.url))

    @contextmanager
    def open(self, file: StoredFile) -> Iterator[BytesIO]:
        self.opened.append(file.url)
        yield BytesIO(self.contents[file.url])


@pytest.fixture
def store() -> Store:
    return Store()


def outside(place: Place, store: Store, *names: str, uri: str = PLACE, keep: bool = False, **entry: Any) -> None:
    """Move files into the store, and say so in the manifest."""
    files = {}
    for name in names:
        data = (place.path / name).read_bytes()
        store.contents[f"{uri}/{name}"] = data
        files[name] = {"size": len(data), **entry}
        if not keep:
            (place.path / name).unlink()
    place.edit_manifest(lambda document: document.update(storage={"uri": uri, "files": files}))


def look(place: Place, store: Store | None, source: FileSource | None = None, **terms: Any) -> Evidence:
    opener = terms.pop("opener", None) or StandIn()
    source = source or place.commit()
    return examine(source, DIRECTORY, opener=opener, terms=Terms(**{**ALLOWED, **terms}), store=store)


def said(evidence: Evidence, rule: str = "artifact.storage") -> str:
    assert errors_in(evidence.findings) == []
    return next(f.message for f in evidence.findings if f.rule == rule and f.severity is Severity.PASS)


def test_a_model_in_a_bucket_is_read_once_hashed_and_opened(place: Place, store: Store) -> None:
    before, opener, model = place.examine().digest, StandIn(), (place.path / "model.onnx").read_bytes()
    outside(place, store, "model.onnx")
    evidence = look(place, store, opener=opener)
    assert evidence.digest == before, "where the bytes are does not change what they are"
    assert opener.seen[0]["model.onnx"] == model
    assert store.opened == [f"{PLACE}/model.onnx"]
    assert evidence.card is not None
    assert evidence.card.size == len(model)
    assert said(evidence) == f"1 file in {PLACE}, {len(model):,} bytes, read: every sha256 as listed"
    assert said(evidence, "artifact.digest") == "3 files, every sha256 as listed"
    assert store.seconds == [600]


def test_by_pointers_the_store_is_only_asked(place: Place, store: Store) -> None:
    before, opener = place.examine().digest, StandIn()
    outside(place, store, "model.onnx")
    evidence = look(place, store, place.commit().by_pointers(), opener=opener)
    assert (evidence.digest, evidence.unread) == (before, True)
    assert (store.looked, store.opened, opener.seen) == ([f"{PLACE}/model.onnx"], [], [])
    assert "not read, so no model was opened here" in said(evidence)


def test_what_a_verification_reads_is_read_although_git_lfs_is_not(place: Place, store: Store) -> None:
    outside(place, store, "model.onnx")
    tree = place.commit()
    evidence = look(place, store, GitTree(tree._reader, tree._commit, fetches_lfs=False))
    assert store.opened == [f"{PLACE}/model.onnx"]
    assert evidence.card is not None


def test_a_store_may_hold_every_file(place: Place, store: Store) -> None:
    outside(place, store, *place.files())
    evidence = look(place, store)
    assert "4 files in" in said(evidence)
    assert evidence.report, "the train report is read from the copy"


@pytest.mark.parametrize("by_pointers", [False, True])
@pytest.mark.parametrize("terms", [{"storage": ()}, {"storage": ("s3://models/production", "gs://models/prod")}])
def test_a_place_that_the_policy_does_not_list_is_never_asked(
    place: Place, store: Store, terms: dict[str, Any], by_pointers: bool
) -> None:
    outside(place, store, "model.onnx")
    tree = place.commit()
    finding = refusal(
        evidence := look(place, store, tree.by_pointers() if by_pointers else tree, **terms), "artifact.storage"
    )
    assert f"names {PLACE}, which the policy of the base branch does not list" in finding.message
    assert evidence.digest is None
    assert (store.looked, store.opened, store.seconds) == ([], [], [])


def test_a_place_is_refused_even_where_git_has_every_file(place: Place, store: Store) -> None:
    outside(place, store, "model.onnx", keep=True)
    assert rules(look(place, store, storage=()), Severity.ERROR) == {"artifact.storage"}


def test_what_git_has_is_read_there(place: Place, store: Store) -> None:
    outside(place, store, "model.onnx", keep=True)
    assert said(look(place, store), "artifact.digest") == "4 files, every sha256 as listed"
    assert (store.looked, store.opened) == ([], [])


def test_a_terminal_reads_the_store_where_git_does_not_track_the_file_that_is_here(place: Place, store: Store) -> None:
    outside(place, store, "model.onnx", keep=True)
    tracked = {f"{DIRECTORY}/{name}" for name in [*place.files(), "manifest.json"] if name != "model.onnx"}
    evidence = look(place, store, WorkTree(place.root, lambda _: tracked))
    assert "read: every sha256 as listed" in said(evidence)
    assert store.opened == [f"{PLACE}/model.onnx"]


def damaged(store: Store) -> None:
    url = f"{PLACE}/model.onnx"
    store.contents[url] = b"X" + store.contents[url][1:]


def longer_than_it_says(store: Store) -> None:
    url = f"{PLACE}/model.onnx"
    store.sizes[url] = len(store.contents[url])
    store.contents[url] += b"more"


def shorter_than_it_says(store: Store) -> None:
    url = f"{PLACE}/model.onnx"
    store.sizes[url] = len(store.contents[url])
    store.contents[url] = store.contents[url][:-1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda store: store.contents.clear(), "is not there"),
        (lambda store: store.sizes.update({f"{PLACE}/model.onnx": 7}), "has 7 bytes, the manifest says"),
        (damaged, "the manifest says sha256:"),
        (longer_than_it_says, "has more than the"),
        (shorter_than_it_says, "ended after"),
    ],
)
def test_what_is_not_there_as_listed_is_named_with_what_to_do(
    place: Place, store: Store, change: Any, words: str
) -> None:
    outside(place, store, "model.onnx")
    change(store)
    opener = StandIn()
    finding = refusal(evidence := look(place, store, opener=opener), "artifact.content")
    assert words in finding.message
    assert finding.where == f"{DIRECTORY}/model.onnx"
    assert (evidence.card, evidence.report, opener.seen) == (None, {}, [])


def test_the_sizes_of_the_manifest_count_before_anything_is_asked(place: Place, store: Store) -> None:
    outside(place, store, "model.onnx")
    size = len(store.contents[f"{PLACE}/model.onnx"])
    finding = refusal(look(place, store, file_bytes=size - 1), "artifact.limits")
    assert finding.message == f"{DIRECTORY}/model.onnx is over the limit of {size - 1:,} bytes."
    assert store.looked == []


def test_nothing_of_it_is_a_pass_without_a_store(place: Place, store: Store) -> None:
    outside(place, store, "model.onnx")
    with pytest.raises(CouldNotVerify):
        look(place, None)


def test_versions_are_told_and_missing_ones_warned_of(place: Place, store: Store) -> None:
    outside(place, store, "model.onnx")
    store.versions[f"{PLACE}/model.onnx"] = "v7"
    evidence = look(place, store)
    assert "(model.onnx in version v7)" in said(evidence)
    (told,) = (f for f in warnings_in(evidence.findings) if f.rule == "artifact.storage")
    assert "the manifest names none of model.onnx" in told.message
    place.edit_manifest(lambda document: document["storage"]["files"]["model.onnx"].update(version="v7"))
    assert not warnings_in(look(place, store).findings)


def test_a_model_that_nobody_read_may_be_opaque_by_its_name(place: Place, store: Store) -> None:
    place.write("weights.bin", b"anything")
    (place.path / "model.onnx").unlink()
    place.write_manifest(model_file="weights.bin")
    outside(place, store, "weights.bin")
    evidence = look(place, store, place.commit().by_pointers(), formats=("onnx", "opaque"))
    assert evidence.unopened is not None
    assert evidence.unopened.size == 8


def test_an_examiner_reads_what_it_only_asked_for_before(place: Place, store: Store) -> None:
    outside(place, store, "model.onnx")
    tree, examiner, terms = place.commit(), Examiner(StandIn(), store), Terms(**ALLOWED)  # type: ignore[arg-type]
    assert examiner(tree.by_pointers(), DIRECTORY, terms).unread
    assert store.opened == []
    assert not examiner(tree, DIRECTORY, terms).unread
    assert not examiner(tree.by_pointers(), DIRECTORY, terms).unread
    assert store.opened == [f"{PLACE}/model.onnx"]


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ({"uri": "s3://models/../x", "files": {"model.onnx": {"size": 1}}}, "is no place outside of git"),
        ({"uri": "s3://models/x"}, "files"),
        ({"uri": "s3://models/x", "files": {}}, "files"),
        ({"uri": "s3://models/x", "files": {"other.onnx": {"size": 1}}}, "storage lists 'other.onnx'"),
        ({"uri": "s3://models/x", "files": {"model.onnx": {"size": -1}}}, "size"),
        ({"uri": "s3://models/x", "files": {"model.onnx": {"size": 1.0}}}, "size"),
        ({"uri": "s3://models/x", "files": {"model.onnx": {"size": 1, "version": "a b"}}}, "version"),
        ({"uri": "s3://models/x", "files": {"model.onnx": {"size": 1, "url": "x"}}}, "url"),
        ({"uri": "gs://models/x", "files": {"model.onnx": {"size": 1, "version": "1/../2"}}}, "is no version of gs"),
        ({"uri": "s3://models/x", "files": {"a?b": {"size": 1}}}, "cannot be stored outside of git"),
        ({"uri": "s3://models/x", "files": {"model.onnx": {"size": 1}}, "endpoint": "http://x"}, "endpoint"),
        ("s3://models/x", "storage"),
    ],
)
def test_what_a_manifest_says_of_a_place_is_read_strictly(place: Place, storage: Any, words: str) -> None:
    place.edit_manifest(lambda document: document.update(storage=storage))
    with pytest.raises(InvalidInput, match=r"\$\.?") as told:
        parse_manifest((place.path / "manifest.json").read_bytes(), where="m")
    assert words in told.value.message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(uri=NAMED, allowed=st.lists(NAMED, max_size=3))
def test_no_manifest_makes_anything_be_asked_outside_of_the_listed_places(
    place: Place, uri: str, allowed: list[str]
) -> None:
    """The whole way, from any text in a manifest and in a policy to the address that a store is asked for."""
    data = (place.path / "model.onnx").read_bytes()
    entry = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    store, kept = Store(), list[str]()
    for prefix in allowed:
        try:
            kept += Terms(storage=(prefix,)).storage
        except ValueError:  # noqa: PERF203 - each for itself
            continue
    place.edit_manifest(
        lambda document: document.update(storage={"uri": uri, "files": {"model.onnx": {"size": entry["size"]}}})
    )
    (place.path / "model.onnx").rename(place.root / "model.onnx")
    try:
        look(place, store, WorkTree(place.root), storage=tuple(kept))
    finally:
        (place.root / "model.onnx").rename(place.path / "model.onnx")
    for address in store.looked + store.opened:
        assert any(address.startswith(f"{prefix}/") for prefix in kept)
        assert "/../" not in address


def test_what_no_model_may_read_is_hashed_and_not_copied(place: Place, store: Store) -> None:
    """Whichever of model and weights git has; the manifest may list them in any order."""
    place.write_model(reading("w.bin"))
    place.write("a/weights.safetensors", safetensors([("w", "F32", (1024, 1024))]))
    place.write("w.bin", WEIGHTS)
    place.write("a/notes.txt", b"words")
    place.write_manifest()
    whole = {"model.onnx", "w.bin", "train_report.json", "test_data_set_0/input_0.pb", "test_data_set_0/output_0.pb"}
    outside(place, store, *place.files())
    opener = StandIn()
    evidence = look(place, store, opener=opener)
    assert errors_in(evidence.findings) == []
    assert set(opener.seen[0]) == {*whole, "a/weights.safetensors"}
    assert len(opener.seen[0]["a/weights.safetensors"].rstrip(b"\0")) < 1000, "of weights the header is kept"
    assert [header.parameters for header in evidence.headers] == [1024 * 1024]


@pytest.mark.parametrize("in_git", ["model.onnx", "w.bin"])
def test_weights_are_copied_wherever_the_model_is(place: Place, store: Store, in_git: str) -> None:
    place.write_model(reading("w.bin"))
    place.write("w.bin", WEIGHTS)
    place.write("v.bin", WEIGHTS)
    place.write_manifest()
    outside(place, store, *({"model.onnx", "w.bin", "v.bin"} - {in_git}))
    opener = StandIn()
    assert errors_in(look(place, store, opener=opener).findings) == []
    assert opener.seen[0]["w.bin"] == WEIGHTS
    assert "v.bin" not in opener.seen[0]


def test_a_program_in_a_bucket_is_found_by_its_bytes(place: Place, store: Store) -> None:
    place.write("extra.bin", b"X" + (2 * CHUNK).to_bytes(4, "little") + b"a" * 2 * CHUNK + b"0cos\nsystem\n(tR.")
    place.write_manifest()
    outside(place, store, "extra.bin")
    assert "extra.bin is a pickle" in refusal(look(place, store), "artifact.executable").message


def test_what_goes_on_unopened_is_told_by_its_bytes_in_a_bucket_too(place: Place, store: Store) -> None:
    place.write("model.safetensors", safetensors([("w", "F32", (4096, 4096))]))
    place.write_manifest(model_file="model.safetensors")
    outside(place, store, "model.safetensors")
    evidence = look(place, store, formats=("onnx", "opaque"))
    assert errors_in(evidence.findings) == []
    assert evidence.headers[0].parameters == 4096 * 4096
