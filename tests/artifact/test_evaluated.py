"""Two models on the rows of an evaluation set, in the real runtime: what comes out, and what hostile data does."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from promotebot.artifact.answer import Evaluated
from promotebot.artifact.evaluated import DATA, INCUMBENT
from promotebot.artifact.evaluation import Evaluation
from promotebot.artifact.evaluation_data import MAX_DATA
from promotebot.artifact.evaluation_terms import EvaluationRun, EvaluationTerms
from promotebot.artifact.limits import IncumbentArtifact, Limits
from promotebot.artifact.opening import Bounds
from promotebot.artifact.runtime import ChildOpener
from promotebot.artifact.source import FileSource
from promotebot.artifact.work_tree import WorkTree
from promotebot.errors import CouldNotVerify
from promotebot.registry.lfs import parse_pointer

from .conftest import StandIn
from .evaluation_sets import npy, with_header, write_set
from .pairs import ACTIVE, WEIGHTS, Pair, model
from .test_lfs import Store, commit, pointer_to
from .test_runtime import program

pytestmark = pytest.mark.thorough

SET = "eval_1"
RNG = np.random.default_rng(3)
ROWS = RNG.normal(size=(2500, 2)).astype("float32")
WORSE = WEIGHTS + RNG.normal(size=WEIGHTS.shape).astype("float32")


def classes(weights: Any, rows: Any = ROWS) -> Any:
    return (rows @ weights).argmax(axis=1)


def linear(weights: Any, *, rows: str | int = "n", outputs: Mapping[str, str] | None = None) -> Any:
    """`y` = `x` · weights, with other outputs that are made of it by one operator each."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    graph_outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [rows, weights.shape[1]])]
    for name, operator in (outputs or {}).items():
        if operator == "ZipMap":
            nodes.append(
                helper.make_node("ZipMap", ["y"], [name], domain="ai.onnx.ml", classlabels_strings=["a", "b", "c"])
            )
            kind = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
            graph_outputs.append(helper.make_value_info(name, helper.make_sequence_type_proto(kind)))
        else:
            nodes.append(helper.make_node(operator, ["y"], [name]))
            graph_outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, weights.shape[0]])],
        graph_outputs,
        [numpy_helper.from_array(weights.astype("float32"), "w")],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    made = helper.make_model(graph, opset_imports=imports)
    made.ir_version = 8
    return made


class Measured:
    """A pair of artifacts and a dataset in one repository."""

    def __init__(self, root: Path, incumbent: Any = None) -> None:
        self.pair = Pair(root)
        if incumbent is not None:
            self.pair.write_active({}, made=incumbent)
        self.root = root

    def on(
        self,
        candidate: Any,
        files: Mapping[str, bytes],
        *,
        rows: int = 10_000,
        source: FileSource | None = None,
        pointer: IncumbentArtifact | None = None,
        alone: bool = False,
        **terms: Any,
    ) -> Evaluation:
        write_set(self.root, SET, files)
        self.pair.candidate.write_model(candidate)
        self.pair.candidate.write_manifest()
        evaluation = EvaluationTerms(SET, rows, 60, (), "ml/datasets", None, source or WorkTree(self.root))
        incumbent = None if alone else pointer or self.pair.pointer
        given = {"opener": ChildOpener(), "incumbent": incumbent, "evaluation": evaluation, **terms}
        found = self.pair.candidate.examine(**given).evaluation
        assert found is not None
        return found


@pytest.fixture
def measured(tmp_path: Path) -> Measured:
    return Measured(tmp_path / "repository")


def values(found: Evaluation) -> dict[str, tuple[Any, Any]]:
    assert found.result, found.problem
    assert not found.result.problem
    ours = {one.name: one.value for one in found.result.candidate.metrics}
    theirs = {one.name: one.value for one in found.result.incumbent.metrics} if found.result.incumbent else {}
    return {name: (value, theirs.get(name)) for name, value in ours.items()}


def test_both_models_are_measured_on_the_first_rows_and_compared(measured: Measured) -> None:
    labels = classes(WEIGHTS)
    found = measured.on(model(WORSE), {"x.npy": npy(ROWS), "labels.npy": npy(labels)}, rows=2000)
    assert found.result
    assert (found.result.rows, found.result.total, found.amount) == (2000, 2500, "the first 2,000 of 2,500 rows")
    ours, theirs = values(found)["accuracy"]
    assert theirs == 1.0
    assert ours == pytest.approx((classes(WORSE) == labels)[:2000].mean())
    told = [(one.name, one.rows, one.incumbent) for one in found.by_class]
    assert told == [(str(one), list(labels[:2000]).count(one), Decimal(1)) for one in sorted({*labels[:2000]})]
    assert max(one.candidate for one in found.by_class) < 1
    scores, label = found.outputs
    gaps = np.abs(ROWS[:2000] @ WORSE - ROWS[:2000] @ WEIGHTS)
    assert (scores.values, scores.classes, label.classes) == (6000, 2000, 2000)
    assert scores.largest == pytest.approx(float(gaps.max()), rel=1e-4)
    assert scores.mean == pytest.approx(float(gaps.mean()), rel=1e-4)
    assert label.agreement == pytest.approx(ours)


def test_a_model_with_a_fixed_number_of_rows_gives_the_same(tmp_path: Path) -> None:
    measured = Measured(tmp_path / "fixed", linear(WEIGHTS))
    files = {"x.npy": npy(ROWS[:1030]), "labels.npy": npy(classes(WEIGHTS)[:1030])}
    fixed, free = (measured.on(linear(WORSE, rows=rows), files) for rows in (7, "n"))
    assert values(fixed) == values(free)
    assert fixed.outputs[0].values == free.outputs[0].values == 3090


def test_numbers_are_measured_where_labels_have_fractions(tmp_path: Path) -> None:
    measured = Measured(tmp_path / "numbers", linear(WEIGHTS[:, :1]))
    labels = ROWS @ WEIGHTS[:, :1]
    found = measured.on(linear(WORSE[:, :1]), {"x.npy": npy(ROWS), "labels.npy": npy(labels.astype("float64"))})
    told = values(found)
    gaps = (ROWS @ WORSE[:, :1] - labels).astype("float64")
    assert told["mean_absolute_error"] == (pytest.approx(np.abs(gaps).mean(), rel=1e-4), pytest.approx(0, abs=1e-6))
    assert told["root_mean_squared_error"][0] == pytest.approx(np.sqrt((gaps**2).mean()), rel=1e-4)
    assert set(told) == {"mean_absolute_error", "root_mean_squared_error"}


def test_probabilities_by_name_as_scikit_learn_has_them_are_read(tmp_path: Path) -> None:
    measured = Measured(tmp_path / "maps", linear(WEIGHTS, outputs={"probs": "ZipMap"}))
    labels = np.array(["a", "b", "c"])[classes(WEIGHTS)]
    found = measured.on(linear(WORSE, outputs={"probs": "ZipMap"}), {"x.npy": npy(ROWS), "labels.npy": npy(labels)})
    assert values(found)["accuracy"] == (pytest.approx((classes(WORSE) == classes(WEIGHTS)).mean()), 1.0)
    assert {one.name: one.problem for one in found.outputs} == {"y": "", "probs": ""}
    assert found.outputs[1].classes == 2500


def test_an_output_that_is_not_by_row_is_not_compared_and_counts_for_nothing(tmp_path: Path) -> None:
    measured = Measured(tmp_path / "sums", linear(WEIGHTS, outputs={"sum": "ReduceSum"}))
    files = {"x.npy": npy(ROWS), "labels.npy": npy(classes(WEIGHTS))}
    found = measured.on(linear(WORSE, outputs={"sum": "ReduceSum"}), files)
    assert {one.name: one.problem for one in found.outputs} == {"y": "", "sum": "its first axis is not the rows"}
    assert measured.on(linear(WORSE), files).outputs[1].problem == "the candidate has no such output"


@pytest.mark.parametrize("more", [19, 20])
def test_of_more_outputs_than_are_compared_none_counts_as_close(tmp_path: Path, more: int) -> None:
    many = linear(WEIGHTS, outputs={f"y{number}": "Neg" for number in range(more)})
    found = Measured(tmp_path / "many", many).on(many, {"x.npy": npy(ROWS)})
    assert [output.problem for output in found.outputs if output.problem] == (
        ["there are more than 20 outputs"] if more == 20 else []
    )


def test_inputs_may_be_named_by_number_and_given_as_longer_fractions(measured: Measured) -> None:
    labels = npy(classes(WEIGHTS))
    found = measured.on(model(WORSE), {"input_0.npy": npy(ROWS.astype("float64")), "labels.npy": labels})
    assert values(found)["accuracy"][1] == 1.0


def test_without_labels_only_the_outputs_are_compared(measured: Measured) -> None:
    found = measured.on(model(WORSE), {"x.npy": npy(ROWS)})
    assert found.result
    assert found.result.labels == ""
    assert values(found) == {}
    assert found.outputs[0].values == 7500


def test_without_an_incumbent_the_candidate_is_measured_alone(measured: Measured) -> None:
    found = measured.on(model(WORSE), {"x.npy": npy(ROWS), "labels.npy": npy(classes(WEIGHTS))}, alone=True)
    assert found.result
    assert found.result.incumbent is None
    assert (found.incumbent, found.outputs) == ("", ())
    assert values(found)["accuracy"][0]


X, LABELS = npy(ROWS[:10]), npy(classes(WEIGHTS)[:10])


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"x.npy": npy(np.array([{}] * 10, dtype=object)), "labels.npy": LABELS}, "x.npy: its values are object"),
        ({"x.npy": X, "labels.npy": npy(np.asfortranarray(np.ones((10, 2))))}, "labels.npy: it is in Fortran order"),
        ({"x.npy": X[:-1], "labels.npy": LABELS}, "x.npy: it has 79 bytes of values"),
        ({"x.npy": with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2), }\n")}, "it has no rows"),
        ({"x.npy": X, "labels.npy": npy(np.zeros(9, int))}, "labels.npy has 9 rows, and x.npy has 10"),
        ({"y.npy": X, "labels.npy": LABELS}, "there is no x.npy for the input of that name"),
        ({"labels.npy": LABELS}, "there is no x.npy"),
        ({"x.npy": npy(np.ones((10, 2), "int64"))}, "x.npy has int64, and the input x is float"),
        ({"x.npy": npy(np.array([["a", "b"]]))}, "x.npy has <U1, and the input x is float"),
        ({"x.npy": npy(np.ones((10, 5), "float32"))}, "the candidate does not run on it: InvalidArgument"),
    ],
)
def test_data_that_no_model_can_be_run_on_is_said(tmp_path: Path, files: dict[str, bytes], words: str) -> None:
    found = Measured(tmp_path / "repository").on(model(WORSE), files)
    assert words in found.why_not
    assert found.outputs == ()


def test_labels_that_are_no_numbers_leave_out_the_metrics_alone(measured: Measured) -> None:
    labels = np.zeros(10)
    labels[3] = float("nan")
    found = measured.on(model(WORSE), {"x.npy": X, "labels.npy": npy(labels)})
    assert found.why_not == ""
    assert found.result
    assert {one.problem for one in found.result.candidate.metrics} == {"labels.npy has numbers that are not finite"}
    assert measured.on(model(WORSE), {"x.npy": X, "labels.npy": npy(labels)}, rows=3).result != found.result


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: IncumbentArtifact(ACTIVE, "sha256:" + "0" * 64, None), "does not hold what was promoted"),
        (lambda _: IncumbentArtifact(ACTIVE, None, None), "of an older tool"),
        (lambda pair: pair.pointer._replace(directory="ml/artifacts/gone"), "does not hold the files"),
    ],
)
def test_an_incumbent_that_is_not_what_was_promoted_is_not_run(measured: Measured, change: Any, words: str) -> None:
    files = {"x.npy": npy(ROWS), "labels.npy": npy(classes(WEIGHTS))}
    found = measured.on(model(WORSE), files, pointer=change(measured.pair))
    assert words in found.why_not_beside
    assert values(found)["accuracy"] == (pytest.approx((classes(WORSE) == classes(WEIGHTS)).mean()), None)


def test_an_incumbent_with_other_inputs_is_its_own_problem(tmp_path: Path) -> None:
    measured = Measured(tmp_path / "repository", model(np.ones((5, 3), "float32")))
    found = measured.on(model(WORSE), {"x.npy": npy(ROWS), "labels.npy": npy(classes(WEIGHTS))})
    assert found.why_not == ""
    assert "InvalidArgument" in found.why_not_beside
    assert found.outputs == ()
    other = Measured(tmp_path / "names", model(name="z"))
    found = other.on(model(WORSE), {"x.npy": npy(ROWS), "labels.npy": npy(classes(WEIGHTS))})
    assert found.why_not_beside == "there is no z.npy for the input of that name"


def test_a_dataset_is_used_as_its_manifest_lists_it_or_not_at_all(measured: Measured) -> None:
    files = {"x.npy": npy(ROWS), "labels.npy": npy(classes(WEIGHTS))}
    assert measured.on(model(WORSE), {}).why_not.endswith("lists no evaluation/NAME.npy")
    measured.on(model(WORSE), files)
    place = measured.root / "ml/datasets" / SET

    def problem(files: FileSource | None, dataset: str = SET) -> str:
        terms = EvaluationTerms(dataset, 10, 60, (), "ml/datasets", None, files)
        found = measured.pair.candidate.examine(opener=StandIn(), evaluation=terms).evaluation
        assert found
        return found.why_not

    tree = WorkTree(measured.root)
    assert problem(None) == "the base's files are not known here"
    assert problem(tree, "eval_2") == "the base has no ml/datasets/eval_2"
    assert problem(tree, "one and two") == "the policy names more than one evaluation set for this model (one and two)"
    (place / "evaluation/x.npy").write_bytes(files["x.npy"] + b"x")
    assert "evaluation/x.npy is sha256:" in problem(tree)
    (place / "evaluation/x.npy").unlink()
    assert f"git has no ml/datasets/{SET}/evaluation/x.npy" in problem(tree)
    manifest = json.loads((place / "manifest.json").read_text())
    (place / "manifest.json").write_text(json.dumps({**manifest, "dataset_id": "other"}))
    assert problem(tree) == f"ml/datasets/{SET} cannot be used: it says it is 'other'"
    many = {f"evaluation/{number}.npy": "0" * 64 for number in range(101)}
    (place / "manifest.json").write_text(json.dumps({**manifest, "sha256": {**manifest["sha256"], **many}}))
    assert "lists more than 100 files" in problem(tree)
    (place / "manifest.json").write_text("{")
    assert f"ml/datasets/{SET} cannot be used: " in problem(tree)
    (place / "manifest.json").unlink()
    assert "cannot be used" in problem(tree)


def test_a_model_that_was_not_opened_is_not_measured(measured: Measured) -> None:
    measured.on(model(), {"x.npy": X})
    terms = EvaluationTerms(SET, 10, 60, (), "ml/datasets", None, WorkTree(measured.root))
    measured.pair.candidate.write("model.onnx", b"not a model")
    measured.pair.candidate.write_manifest()
    found = measured.pair.candidate.examine(opener=ChildOpener(), evaluation=terms).evaluation
    assert found
    assert found.why_not == "it was not opened and run as services do"


def test_what_lies_there_for_an_evaluation_gives_no_other_opening_more_memory(tmp_path: Path) -> None:
    for name in ("model.onnx", f"{DATA}/x.npy", f"{INCUMBENT}/model.onnx"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        with (tmp_path / name).open("wb") as file:
            os.truncate(file.fileno(), 2 * 1024**3)
    alone, beside = Bounds.of(Limits(), tmp_path), Bounds.of(Limits(), tmp_path, evaluates=True)
    assert (alone.memory_bytes, beside.memory_bytes) == (6 * 1024**3, 18 * 1024**3)
    assert (alone.load_seconds, beside.load_seconds) == (60, 120)


def ended(tmp_path: Path, body: str, *, seconds: int = 60, **limits: Any) -> Evaluated:
    script = tmp_path / "program.py"
    script.write_text(program(body))
    (tmp_path / "inside").mkdir(exist_ok=True)
    opener = ChildOpener([sys.executable, "-I", str(script)])
    return opener.evaluate(tmp_path / "inside", "model.onnx", Limits(**limits), EvaluationRun(10, seconds, None))


DONE = {"evaluated": {"rows": 1, "total": 1}, "done": True}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (f"os.write(1, json.dumps({DONE!r}).encode() + b'\\n')", ""),
        (
            "os.write(1, b'{\"load_ms\": 1}\\n'); time.sleep(60)",
            "the models run longer than 1 s (evaluation_set.seconds)",
        ),
        ("os.write(1, b'{\"load_ms\": 1}\\n'); os._exit(3)", "ended with 3, while the models ran on it"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "was ended by SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "the models did not load within 120 s (limits.open_seconds)"),
        ("pass", "gave no readable answer"),
        ('os.write(1, b\'{"evaluated": {"rows": -1}, "done": true}\\n\')', "gave no readable answer"),
        ('os.write(1, b\'{"evaluated": {"x": 1}}\\n\')', "gave no readable answer"),
        ("os.write(1, b'nonsense\\n')", "gave no readable answer"),
        ('os.write(1, b\'{"refused": "MemoryError: "}\\n\')', "MemoryError"),
    ],
)
def test_every_way_it_can_end_is_an_answer(tmp_path: Path, body: str, words: str) -> None:
    seconds = 1 if "sleep" in body else 60
    found = ended(tmp_path, body, seconds=seconds)
    assert words in found.problem
    assert bool(found.problem) == bool(words)


def test_both_models_together_are_held_against_the_limit_of_memory(tmp_path: Path) -> None:
    found = ended(tmp_path, "b'x' * 10**9; time.sleep(600)", open_memory_bytes=200_000_000)
    assert found.problem == (
        "with both models it takes more than 200,000,000 bytes of memory (limits.open_memory_bytes)"
    )


def test_a_full_disk_is_nobodys_fault(tmp_path: Path) -> None:
    with pytest.raises(CouldNotVerify, match="could not write its answer"):
        ended(tmp_path, "os._exit(74)")


def test_an_opener_that_runs_no_model_says_so(tmp_path: Path) -> None:
    found = StandIn().evaluate(tmp_path, "model.onnx", Limits(), EvaluationRun(1, 1, None))
    assert found.problem == "models are not run here"


def test_data_in_git_lfs_is_fetched_and_proven_by_its_pointer(measured: Measured) -> None:
    files = {"x.npy": npy(ROWS), "labels.npy": npy(classes(WEIGHTS))}
    measured.on(model(WORSE), files)
    store, place = Store(), measured.root / "ml/datasets" / SET / "evaluation"
    for name, data in files.items():
        (place / name).write_bytes(pointer_to(data))
    tree = commit(measured.pair.candidate, store)

    def found(source: FileSource) -> Evaluation:
        terms = EvaluationTerms(SET, 10, 60, (), "ml/datasets", None, source)
        evaluation = measured.pair.candidate.examine(opener=ChildOpener(), evaluation=terms).evaluation
        assert evaluation
        return evaluation

    assert "its content is gone" in found(tree).why_not
    for data in files.values():
        pointer = parse_pointer(pointer_to(data))
        assert pointer
        store.contents[pointer] = data
    assert values(found(tree))["accuracy"][0]
    assert "it is in Git LFS, which was not asked" in found(tree.by_pointers()).why_not
    before = len(store.fetched)
    size = str(len(files["x.npy"])).encode()
    (place / "x.npy").write_bytes(pointer_to(files["x.npy"]).replace(b"size " + size, b"size 999999999999"))
    assert f"evaluation/ has more than {MAX_DATA:,} bytes" in found(commit(measured.pair.candidate, store)).why_not
    assert len(store.fetched) == before
