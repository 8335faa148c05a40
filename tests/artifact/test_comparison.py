"""A candidate beside the incumbent: the real runtime, pairs of models that differ in every way, and hostile outputs."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper, numpy_helper

from promotebot.artifact.answer import Compared, ComparedOutput, ComparedSet
from promotebot.artifact.compared import MAX_OUTPUTS, PLACE, compare_sets, difference
from promotebot.artifact.comparison import Comparison, copy_golden, summed
from promotebot.artifact.limits import IncumbentArtifact, Terms
from promotebot.artifact.manifest import parse_manifest
from promotebot.artifact.runtime import ChildOpener
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify
from promotebot.findings import Severity

from . import test_stored as stored
from .conftest import DIRECTORY, Place, rules
from .pairs import ACTIVE, ROWS, WEIGHTS, Pair, model, proto
from .test_lfs import Store, commit, in_lfs

TERMS = Terms()


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path / "repository")


class Recorded:
    """A session whose outputs are as they were recorded."""

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="x", type="tensor(float)")]

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name=name, type="tensor(float)") for name in ("scores", "label")]

    def get_overridable_initializers(self) -> list[Any]:
        return []

    def run(self, _: None, feed: dict[str, Any]) -> list[Any]:
        scores = feed["x"] @ WEIGHTS
        return [scores, scores.argmax(axis=1)]


def shown(found: Comparison) -> dict[str, tuple[Any, ...]]:
    return {one.name: (one.agreement, round(one.largest, 4), one.problem) for one in found.outputs}


def test_the_same_outputs_agree_in_every_class_and_differ_by_nothing(pair: Pair) -> None:
    found = pair.compare(model(WEIGHTS + 0))
    assert found.is_whole
    assert (found.incumbent, found.sets) == (ACTIVE, 1)
    assert shown(found) == {"scores": (1.0, 0.0, ""), "label": (1.0, 0.0, "")}


def test_another_model_differs_by_what_its_outputs_differ(pair: Pair) -> None:
    worse = np.array([[0.0, 1.0, 2.5], [0.0, 1.0, 2.0]], "float32")
    found = pair.compare(model(worse))
    assert found.is_whole
    assert shown(found) == {"scores": (0.5, 5.0, ""), "label": (0.5, 0.0, "")}
    (scores,) = [one for one in found.outputs if one.values]
    assert scores.mean == pytest.approx(np.abs(ROWS @ worse - ROWS @ WEIGHTS).mean())


def test_a_quantised_model_differs_a_little(pair: Pair) -> None:
    found = pair.compare(model((WEIGHTS * 1.003).astype("float16").astype("float32")))
    scores, label = found.outputs
    assert (scores.agreement, label.agreement) == (1.0, 1.0)
    assert 0 < scores.largest < 0.05


def test_outputs_are_compared_by_name_and_one_that_is_gone_is_told(pair: Pair) -> None:
    outputs = {"scores": ROWS @ WEIGHTS, "label": (ROWS @ WEIGHTS).argmax(axis=1), "sum": np.ones((1, 1), "float32")}
    every = {f"output_{number}": proto(outputs[name], name) for number, name in enumerate(outputs)}
    pair.write_active(every, made=model(outputs=("scores", "label", "sum")))
    found = pair.compare(model(outputs=("sum", "scores")))
    assert not found.is_whole
    problems = {one.name: one.problem for one in found.outputs}
    assert problems == {"scores": "", "label": "the candidate has no such output", "sum": ""}
    assert found.outputs[0].agreement == 1.0


def test_a_model_with_other_inputs_is_not_compared(pair: Pair) -> None:
    found = pair.compare(model(np.ones((5, 3), "float32")))
    assert (found.outputs, found.is_whole) == ((), False)
    told = "Got invalid dimensions for input: x for the following indices index: 1 Got: 2 Expected: 5"
    assert found.problem == f"test_data_set_0: the candidate does not run on it: {told}"


def test_numbers_that_are_none_are_counted_and_no_difference(pair: Pair) -> None:
    found = pair.compare(model(-WEIGHTS, power=0.5))  # NaN for every negative number
    scores = found.outputs[0]
    assert (scores.values, scores.apart) == (12, int(np.count_nonzero(ROWS @ WEIGHTS)))
    assert np.isfinite(scores.largest)


def test_without_golden_data_nothing_is_compared(pair: Pair) -> None:
    pair.write_active({})
    shutil.rmtree(pair.root / ACTIVE / "test_data_set_0")
    place = Place(pair.root)
    (pair.root / DIRECTORY).parent.mkdir(exist_ok=True)
    (pair.root / ACTIVE).rename(pair.root / DIRECTORY)
    place.write_manifest()
    (pair.root / DIRECTORY).rename(pair.root / ACTIVE)
    assert f"{ACTIVE} has no golden data" in pair.compare(model(WEIGHTS * 2)).problem


def test_inputs_without_outputs_are_told(pair: Pair) -> None:
    pair.write_active({})
    assert pair.compare(model()).problem == "test_data_set_0: there is no output_0.pb"


@pytest.mark.parametrize(
    ("pointer", "words"),
    [
        (IncumbentArtifact(ACTIVE, None, None), "of an older tool"),
        (IncumbentArtifact(ACTIVE, "sha256:" + "0" * 64, None), "is not the manifest that was promoted"),
        (IncumbentArtifact("ml/artifacts/gone", "sha256:" + "0" * 64, None), "there is no ml/artifacts/gone/manifest"),
    ],
)
def test_only_the_data_that_the_pointer_pins_is_used(pair: Pair, pointer: IncumbentArtifact, words: str) -> None:
    assert words in pair.compare(model(), pointer).problem


def test_data_that_was_exchanged_under_its_manifest_is_not_used(pair: Pair) -> None:
    pointer = pair.pointer
    (pair.root / ACTIVE / "test_data_set_0/output_0.pb").write_bytes(proto(np.zeros((4, 3), "float32"), "scores"))
    assert "output_0.pb is sha256:" in pair.compare(model(), pointer).problem


def test_data_that_is_gone_too_large_or_in_git_lfs_is_not_used(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promotebot.artifact.comparison.MAX_DATA", 20)
    assert "it is larger than" in copy_golden(WorkTree(pair.root), pair.pointer, tmp_path / "one", TERMS)
    monkeypatch.undo()
    pointer = pair.pointer
    (pair.root / ACTIVE / "test_data_set_0/input_0.pb").unlink()
    assert "there is no" in copy_golden(WorkTree(pair.root), pointer, tmp_path / "two", TERMS)


def test_golden_data_in_git_lfs_is_fetched_and_what_is_gone_is_told(pair: Pair, tmp_path: Path) -> None:
    pointer, store, place = pair.pointer, Store(), Place(pair.root)
    (pair.root / ACTIVE).rename(place.path)
    in_lfs(place, store, "test_data_set_0/input_0.pb", "test_data_set_0/output_0.pb")
    place.path.rename(pair.root / ACTIVE)
    source = commit(place, store, "ml/artifacts/**/*.pb filter=lfs diff=lfs merge=lfs -text\n")
    assert copy_golden(source, pointer, tmp_path / "one", TERMS) == ""
    assert next(compare_sets(Recorded(), tmp_path / "one" / PLACE))["outputs"]
    assert len(store.fetched) == 2
    asked = copy_golden(source.by_pointers(), pointer, tmp_path / "two", TERMS)
    assert asked == f"the golden data of {ACTIVE} cannot be used: it is in Git LFS, which was not asked"
    store.contents.clear()
    assert copy_golden(source, pointer, tmp_path / "three", TERMS).endswith("its content is gone")


def in_bucket(pair: Pair, store: stored.Store, *names: str) -> IncumbentArtifact:
    """Move files of ACTIVE's golden data into a bucket, and say so in its manifest."""
    path = pair.root / ACTIVE / "manifest.json"
    files = {name: {"size": (pair.root / ACTIVE / name).stat().st_size} for name in names}
    document = json.loads(path.read_bytes()) | {"storage": {"uri": stored.PLACE, "files": files}}
    path.write_text(json.dumps(document))
    for name in names:
        store.contents[f"{stored.PLACE}/{name}"] = (pair.root / ACTIVE / name).read_bytes()
        (pair.root / ACTIVE / name).unlink()
    return pair.pointer


def test_golden_data_in_a_bucket_is_read_where_the_policy_lists_the_place(pair: Pair, tmp_path: Path) -> None:
    store, name = stored.Store(), "test_data_set_0/input_0.pb"
    pointer, tree, allowed = in_bucket(pair, store, name), WorkTree(pair.root), Terms(storage=stored.ALLOWED["storage"])
    assert copy_golden(tree, pointer, tmp_path / "one", allowed, store) == ""
    assert next(compare_sets(Recorded(), tmp_path / "one" / PLACE))["outputs"]
    assert (len(store.opened), store.seconds) == (1, [allowed.storage_seconds])
    told = copy_golden(tree, pointer, tmp_path / "two", TERMS, store)
    assert told.endswith(f"it is in {stored.PLACE}, which `storage` of the policy does not list")
    assert len(store.opened) == 1
    with pytest.raises(CouldNotVerify, match="nothing here reads"):
        copy_golden(tree, pointer, tmp_path / "three", allowed)


def test_golden_data_in_a_bucket_that_is_gone_other_or_too_large_is_told(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, name = stored.Store(), "test_data_set_0/output_0.pb"
    pointer, tree, allowed = in_bucket(pair, store, name), WorkTree(pair.root), Terms(storage=stored.ALLOWED["storage"])
    (url,) = store.contents
    other = bytes([store.contents[url][0] ^ 1]) + store.contents[url][1:]
    for number, (contents, words) in enumerate(
        (
            ({}, f"{url} is not there"),
            ({url: other}, f"{url} is sha256:{hashlib.sha256(other).hexdigest()}, the manifest says sha256:"),
            ({url: other[:-1]}, f"{url} has {len(other) - 1:,} bytes, the manifest says {len(other):,}"),
            ({url: other + b"x"}, f"{url} has {len(other) + 1:,} bytes, the manifest says {len(other):,}"),
        )
    ):
        store.contents = contents
        told = copy_golden(tree, pointer, tmp_path / str(number), allowed, store)
        assert told.startswith(f"the golden data of {ACTIVE} cannot be used: "), told
        assert words in told
    store.opened.clear()
    monkeypatch.setattr(
        "promotebot.artifact.comparison.MAX_DATA", (pair.root / ACTIVE / "test_data_set_0/input_0.pb").stat().st_size
    )
    assert "it is larger than" in copy_golden(tree, pointer, tmp_path / "large", allowed, store)
    assert store.opened == []


def test_golden_data_in_a_bucket_is_not_read_where_nothing_is_to_be_fetched(pair: Pair, tmp_path: Path) -> None:
    store, place = stored.Store(), Place(pair.root)
    in_bucket(pair, store, "test_data_set_0/input_0.pb")
    (pair.root / ACTIVE).rename(place.path)
    source = commit(place, Store(), "")
    digests = parse_manifest((place.path / "manifest.json").read_bytes(), where="manifest.json")
    pointer = IncumbentArtifact(DIRECTORY, digests.digest, digests.full_digest)
    told = copy_golden(source.by_pointers(), pointer, tmp_path / "one", Terms(storage=stored.ALLOWED["storage"]), store)
    assert told.endswith(f"it is in {stored.PLACE}, which was not asked")
    assert copy_golden(source, pointer, tmp_path / "two", Terms(storage=stored.ALLOWED["storage"]), store) == ""


def test_the_same_artifact_is_not_compared_with_itself(pair: Pair) -> None:
    shutil.copytree(pair.root / ACTIVE, pair.root / DIRECTORY)
    evidence = pair.candidate.examine(opener=ChildOpener(), incumbent=pair.pointer)
    assert evidence.digest == pair.pointer.digest
    assert evidence.comparison is None
    assert "artifact.serves" in rules(evidence, Severity.PASS)


def test_a_model_that_runs_too_long_on_the_incumbents_data_is_served_and_not_compared(pair: Pair) -> None:
    """Its own golden data, and what else is known of it, stands."""
    rows = np.ones((60_000, 2), "float32")
    pair.write_active({"output_0": proto(rows @ WEIGHTS, "scores")}, rows)
    slow = model()
    body = [helper.make_node("Concat", [f"raw{n}", f"raw{n}"], [f"raw{n + 1}"], axis=0) for n in range(9)]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["raw0"]), *body]
    nodes += [
        helper.make_node("Softmax", ["raw9"], ["soft"], axis=1),
        helper.make_node("CumSum", ["soft", "axis"], ["sums"]),
        helper.make_node("ReduceMax", ["sums"], ["scores"], keepdims=1),
    ]
    del slow.graph.node[:]
    slow.graph.node.extend(nodes)
    slow.graph.initializer.append(numpy_helper.from_array(np.array(0, "int64"), "axis"))
    del slow.graph.output[:]
    slow.graph.output.append(helper.make_tensor_value_info("scores", TensorProto.FLOAT, None))
    found = pair.compare(slow, open_memory_bytes=300_000_000)
    assert found.outputs == ()
    assert "on these golden inputs the candidate takes more than 300,000,000 bytes of memory" in found.problem


FLOATS = st.floats(width=64)
ARRAYS = arrays.arrays("float64", arrays.array_shapes(max_dims=3, max_side=4), elements=FLOATS)


@given(st.data())
def test_whatever_the_numbers_are_the_difference_is_a_valid_claim(data: st.DataObject) -> None:
    one = data.draw(ARRAYS)
    other = data.draw(arrays.arrays("float64", one.shape, elements=FLOATS) | ARRAYS)
    told = ComparedOutput.model_validate({"name": "y", **difference(one, other)})
    assert told.agreeing <= told.classes
    assert told.apart <= told.values
    same = difference(one, one)
    assert (same["apart"], same["largest"]) == (0, 0.0)


@pytest.mark.parametrize(
    ("have", "want", "told"),
    [
        (np.array(["a", "b"]), np.array(["a", "c"]), {"classes": 2, "agreeing": 1}),
        (np.array([1, 2], "int64"), np.array([1, 2], "int32"), {"classes": 2, "agreeing": 2}),
        (
            np.array([2**63 + 1, 2**53 + 1], "uint64"),
            np.array([1 - 2**63, 2**53], "int64"),
            {"classes": 2, "agreeing": 0},
        ),
        (np.array(["a"]), np.array([1.0]), {"problem": "it is <U1, not float64"}),
        (np.array([1j]), np.array([1.0]), {"problem": "it is complex128, not float64"}),
        ([np.array([1.0])], np.array([1.0]), {"problem": "it is a sequence, a map or an optional value"}),
        (None, np.array([1.0]), {"problem": "it is a sequence, a map or an optional value"}),
        (np.zeros((2, 3)), np.zeros((2, 2)), {"problem": "its shape is [2, 3], not [2, 2]"}),
        (np.zeros((0, 3)), np.zeros((0, 3)), {"values": 0, "apart": 0, "largest": 0.0, "total": 0.0}),
        (np.array([1e308]), np.array([-1e308]), {"values": 1, "apart": 1, "largest": 0.0, "total": 0.0}),
        (
            np.array([np.inf, np.nan]),
            np.array([np.inf, np.nan]),
            {"values": 2, "apart": 0, "largest": 0.0, "total": 0.0},
        ),
        (np.array([3], "uint8"), np.array([2.5]), {"values": 1, "apart": 0, "largest": 0.5, "total": 0.5}),
    ],
)
def test_outputs_of_every_kind_are_compared_or_the_reason_is_told(have: Any, want: Any, told: dict[str, Any]) -> None:
    assert difference(have, want) == told


def test_what_several_sets_show_is_added_up() -> None:
    one = ComparedOutput(name="y", values=2, largest=1.0, total=1.5, classes=2, agreeing=1)
    two = ComparedOutput(name="y", values=2, largest=3.0, total=3.0, classes=2, agreeing=9)  # a lie that is cut
    three = ComparedOutput(name="z", problem="it is a sequence, a map or an optional value")
    sets = (
        ComparedSet(name="test_data_set_0", outputs=[one]),
        ComparedSet(name="test_data_set_1", outputs=[two, three]),
    )
    found = summed(IncumbentArtifact(ACTIVE, None, None), Compared(sets))
    y, z = found.outputs
    assert (y.values, y.largest, y.mean, y.agreement) == (4, 3.0, 1.125, 0.75)
    assert (z.problem, z.mean, z.agreement, found.is_whole) == (
        "it is a sequence, a map or an optional value",
        None,
        None,
        False,
    )
    endless = ComparedOutput(name="y", values=2, largest=1.0, total=None)
    told = summed(
        IncumbentArtifact(ACTIVE, None, None), Compared((ComparedSet(name="test_data_set_0", outputs=[endless, one]),))
    )
    assert told.outputs[0].mean is None


def test_two_outputs_of_one_name_in_a_set_are_not_added_up() -> None:
    """One output that is far away would hide in the many classes of the other."""
    long = "x" * 100
    outputs = [
        ComparedOutput(name=long, classes=99, agreeing=99),
        ComparedOutput(name="y", classes=99, agreeing=99),
        ComparedOutput(name=long, classes=1, agreeing=0),
    ]
    found = summed(
        IncumbentArtifact(ACTIVE, None, None), Compared((ComparedSet(name="test_data_set_0", outputs=outputs),))
    )
    assert not found.is_whole
    assert found.problem == f"test_data_set_0: two outputs are named {long}, in the 100 characters that are kept"


def test_more_outputs_than_are_compared_are_a_reason(tmp_path: Path) -> None:
    class Session:
        def get_outputs(self) -> list[Any]:
            return []

    path = tmp_path / "test_data_set_0"
    path.mkdir()
    for number in range(MAX_OUTPUTS + 1):
        (path / f"output_{number}.pb").write_bytes(b"")
    assert [*compare_sets(Session(), tmp_path)] == [{"name": path.name, "problem": "there are more than 20 outputs"}]
