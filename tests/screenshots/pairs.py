"""What a reviewer reads of some thirty pairs of models: what is ACTIVE, and a candidate that differs in one way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from promotebot.artifact.manifest import parse_manifest
from tests.artifact.conftest import external_tensor
from tests.artifact.evaluation_sets import npy, write_set
from tests.screenshots.scene import Scene, Situation

Files = dict[str, str | bytes]
Outputs = Sequence[str]
ROWS = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [1.0, 3.0], [3.0, 1.0], [0.5, 0.25], [0.0, 2.0], [1.5, 1.0]], "f4")
WEIGHTS = np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]], "f4")
CERTAIN = np.array([[1.0, 0.0, -1.0], [0.5, -0.5, 1.5]], "f4")
FREE = "stages: {active: {require_prior_stage: false}}\n"
POLICY = f"{FREE}comparison: {{agreement: 0.9, max_difference: 1}}\n"
FEATURES = ["price", "volume"]


def scores(
    weights: Any = WEIGHTS,
    outputs: Outputs = ("scores", "label"),
    *,
    rows: str = "n",
    kind: int = TensorProto.FLOAT,
    opset: int = 17,
    last: str = "Identity",
) -> onnx.ModelProto:
    """Two features in, and out: scores of three classes, their label, its name, the sum, a sequence of scores."""
    nodes = [
        helper.make_node("Cast", ["w"], ["weights"], to=kind),
        helper.make_node("MatMul", ["x", "weights"], ["raw"]),
        helper.make_node(last, ["raw"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
        helper.make_node("ReduceSum", ["scores"], ["sum"], keepdims=1),
        helper.make_node("Gather", ["names", "label"], ["name"]),
        helper.make_node("SequenceConstruct", ["scores", "raw"], ["steps"]),
    ]
    values = {
        "scores": helper.make_tensor_value_info("scores", kind, [rows, 3]),
        "label": helper.make_tensor_value_info("label", TensorProto.INT64, [rows]),
        "sum": helper.make_tensor_value_info("sum", kind, [1, 1]),
        "name": helper.make_tensor_value_info("name", TensorProto.STRING, [rows]),
        "steps": helper.make_tensor_sequence_value_info("steps", kind, None),
    }
    names = numpy_helper.from_array(np.array(["calm", "trend", "volatile"], object), "names")
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", kind, [rows, weights.shape[0]])],
        [values[name] for name in outputs],
        [numpy_helper.from_array(weights, "w"), names],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 8
    return made


def quantised() -> onnx.ModelProto:
    """The model with weights of eight bits, as dynamic quantisation leaves it."""
    made, scale = scores(), np.array(2 / 127, "f4")
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["x8", "x_scale", "x_zero"]),
        helper.make_node("MatMulInteger", ["x8", "w", "x_zero"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["product"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["x_scale", "w_scale"], ["scale"]),
        helper.make_node("Mul", ["product", "scale"], ["raw"]),
        *made.graph.node[2:],
    ]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    made.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.rint(WEIGHTS / scale).astype("i1"), "w"))
    made.graph.initializer.append(numpy_helper.from_array(scale, "w_scale"))
    return made


def artifact(scene: Scene, directory: str, made: onnx.ModelProto, *, golden: bool = True, **manifest: Any) -> Files:
    """The files of an artifact by their paths, golden data as the model itself gives it."""
    files = {"model.onnx": made.SerializeToString()}
    if golden:
        kind = helper.tensor_dtype_to_np_dtype(made.graph.input[0].type.tensor_type.elem_type)
        rows = ROWS.astype(kind)
        files["test_data_set_0/input_0.pb"] = numpy_helper.from_array(rows, "x").SerializeToString()
        values = ReferenceEvaluator(made).run(None, {"x": rows})
        for number, (output, value) in enumerate(zip(made.graph.output, values, strict=True)):
            files[f"test_data_set_0/output_{number}.pb"] = _proto(value, output.name)
    document = {
        "schema_version": "v1.1",
        "model_file": "model.onnx",
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "created_at": "2027-01-02T09:00:00Z",
        "git_sha": scene.repository.git.run("rev-parse", "main").strip(),
        "dataset_id": "market_2026_q4",
        "feature_order": FEATURES,
        **manifest,
    }
    files["manifest.json"] = json.dumps(document, indent=2).encode()
    return {f"ml/artifacts/{directory}/{name}": data for name, data in files.items()}


def _proto(value: Any, name: str) -> bytes:
    if isinstance(value, list):
        return bytes(numpy_helper.from_list(value, name).SerializeToString())
    return bytes(numpy_helper.from_array(np.asarray(value), name).SerializeToString())


def evidence(files: Files, values: Mapping[str, str], *, of: Files | None = None) -> Files:
    """A file of claimed accuracies, by slice, of an artifact; `of` are the files of the one that it speaks of."""
    path, digest = (_digest(one) for one in (files, of or files))
    period = {"start": "2026-12-01", "end": "2026-12-31"}
    metrics = [
        {"name": "accuracy", "value": value, "dataset": "market_2026_q4", "rows": 12000, "period": period}
        | ({"slice": part} if part else {})
        for part, value in values.items()
    ]
    document = {"schema_version": "v1", "artifact": digest, "claimed_by": "alice@example.com", "metrics": metrics}
    return {f"ml/evidence/{path.removeprefix('sha256:')}.json": json.dumps(document, indent=2)}


def _digest(files: Files) -> str:
    manifest = next(data for path, data in files.items() if path.endswith("/manifest.json"))
    return str(parse_manifest(bytes(manifest), where="manifest.json").digest)  # type: ignore[arg-type]  # bytes here


def active(scene: Scene, model: str, files: Files) -> None:
    """Make an artifact the ACTIVE one of a new model."""
    number = scene.office.pull(f"{model}-v1", files)
    where = f"{model} --artifact-dir ml/artifacts/{model}_v1 --artifact-id {model}_v1"
    job = scene.office.ask(number, f"/promote shadow {where} --new-model\n/promote active {where}", author="bob")
    assert job.outputs["reason_code"] == "committed", scene.office.comments(number)
    scene.office.merge(number)
    scene.forget()


def asked(scene: Scene, name: str, model: str, files: Files, more: str = "") -> Situation:
    """Somebody brings a candidate, and wants it to be ACTIVE."""
    number = scene.office.pull(name, files)
    where = f"--artifact-dir ml/artifacts/{name.removeprefix('pair-')} --artifact-id {name.removeprefix('pair-')}"
    return scene.asks(name, number, f"/promote active {model} {where}{more}")


Candidate = Callable[[], onnx.ModelProto]
WORSE = np.array([[0.0, 1.0, 2.5], [0.0, 1.0, 2.0]], "f4")
NEAR = (WEIGHTS * np.float32(1.001)).astype("f4")
OUTPUTS: Mapping[str, tuple[Candidate, Mapping[str, Any]]] = {
    "pair-worse": (lambda: scores(WORSE), {}),
    "pair-quantised": (quantised, {}),
    "pair-other-dataset": (lambda: scores(NEAR), {"dataset_id": "market_2027_q1"}),
    "pair-opset": (lambda: scores(NEAR, opset=13), {}),
    "pair-constant": (lambda: scores(WEIGHTS * 0), {}),
    "pair-not-finite": (lambda: scores(NEAR - 1, last="Sqrt"), {"golden": False}),
}
"""Name → a model with the signature of ACTIVE, and what else its manifest says."""
SIGNATURES: Mapping[str, tuple[Candidate, Mapping[str, Any]]] = {
    "pair-renamed-dimensions": (lambda: scores(NEAR, rows="batch"), {}),
    "pair-more-outputs": (lambda: scores(NEAR, ("scores", "label", "sum")), {}),
    "pair-two-of-three": (lambda: scores(NEAR, ("scores",)), {}),
    "pair-more-inputs": (lambda: scores(np.ones((5, 3), "f4")), {"feature_order": list("abcde"), "golden": False}),
    "pair-feature-order": (lambda: scores(NEAR), {"feature_order": FEATURES[::-1]}),
    "pair-double": (lambda: scores(NEAR, kind=TensorProto.DOUBLE), {}),
    "pair-float16": (lambda: scores(NEAR, kind=TensorProto.FLOAT16), {}),
}
"""Name → a model with another signature."""


def outputs(scene: Scene) -> Iterator[Situation]:
    """Candidates that take and give what ACTIVE does."""
    scene.office.policy(POLICY)
    active(scene, "market", artifact(scene, "market_v1", scores()))
    scene.pass_days(41)
    for name, (made, manifest) in OUTPUTS.items():
        yield asked(scene, name, "market", artifact(scene, name.removeprefix("pair-"), made(), **manifest))


def signatures(scene: Scene) -> Iterator[Situation]:
    """Candidates that take or give something else, some of them with a reason."""
    scene.office.policy(POLICY)
    active(scene, "market", artifact(scene, "market_v1", scores()))
    scene.pass_days(41)
    for name, (made, given) in SIGNATURES.items():
        yield asked(scene, name, "market", artifact(scene, name.removeprefix("pair-"), made(), **given))
    files = artifact(scene, "allowed", scores(NEAR, ("scores", "label", "sum")))
    yield asked(scene, "pair-allowed", "market", files, ' --allow-signature-change "the service reads sum since #42"')


THREE = ("scores", "label", "sum")


def values(scene: Scene) -> Iterator[Situation]:
    """What is compared in models that give other things than scores."""
    scene.office.policy(FREE)
    given = {"pair-string-labels": ("name",), "pair-sequence": ("steps",), "pair-no-labels": ("sum",)}
    models = {name: f"model{number}" for number, name in enumerate(given)}
    for name, names in given.items():
        active(scene, models[name], artifact(scene, f"{models[name]}_v1", scores(outputs=names)))
    scene.pass_days(41)
    for name, names in given.items():
        files = artifact(scene, name.removeprefix("pair-"), scores(WORSE, names))
        yield asked(scene, name, models[name], files)


def without(scene: Scene) -> Iterator[Situation]:
    """Where there is nothing to compare with, or nothing is ACTIVE."""
    scene.office.policy(FREE)
    active(scene, "bare", artifact(scene, "bare_v1", scores(), golden=False))
    active(scene, "market", artifact(scene, "market_v1", scores(outputs=THREE)))
    scene.pass_days(41)
    yield asked(scene, "pair-no-golden-data", "bare", artifact(scene, "no-golden-data", scores(NEAR)))
    number = scene.office.pull("pair-first", artifact(scene, "first", scores()))
    yield scene.asks("pair-first", number, "/promote shadow newcomer --artifact-dir ml/artifacts/first --new-model")
    yield asked(scene, "pair-many-outputs", "market", artifact(scene, "many-outputs", scores(WORSE, THREE)))
    out = scene.office.pull("out")
    scene.office.ask(out, '/demote market active --reason "incident 42"', author="bob")
    scene.office.merge(out)
    scene.pass_days(3)
    scene.forget()
    files = artifact(scene, "after-demotion", scores(WORSE, THREE))
    yield asked(scene, "pair-after-demotion", "market", files)


TABLE_ROWS = 89_478_486
TABLE_BYTES = 12 * TABLE_ROWS
"""1 GiB, and 8 bytes: three numbers in each row."""


def large(scene: Scene) -> Iterator[Situation]:
    """A candidate whose weights, in Git LFS, are 1 GB: they are fetched, hashed, opened as services do, and run."""
    scene.office.policy(POLICY)
    active(scene, "market", artifact(scene, "market_v1", scores()))
    scene.pass_days(41)
    yield asked(scene, "pair-large", "market", with_table(scene, artifact(scene, "large", scores(NEAR)), scores(NEAR)))


def with_table(scene: Scene, files: Files, made: onnx.ModelProto) -> Files:
    """The files of an artifact whose model also looks up the label of each row in a table of zeros of 1 GB."""
    table = external_tensor({"location": "table.bin", "length": str(TABLE_BYTES)}, name="t", dims=[TABLE_ROWS, 3])
    made.graph.initializer.append(table)
    (last,) = (node for node in made.graph.node if node.output == ["scores"])
    looked_up = [
        helper.make_node("ArgMax", ["raw"], ["row"], axis=1, keepdims=0),
        helper.make_node("Gather", ["t", "row"], ["found"]),
        helper.make_node("Add", ["raw", "found"], ["scores"]),
    ]
    others = [node for node in made.graph.node if node is not last]
    del made.graph.node[:]
    made.graph.node.extend([*others[:2], *looked_up, *others[2:]])
    (path,) = (path for path in files if path.endswith("/manifest.json"))
    place, manifest = path.removesuffix("/manifest.json"), json.loads(files[path])
    oid, pointer = scene.office.hub.lfs.add_zeros("acme/models", TABLE_BYTES)
    model = made.SerializeToString()
    manifest["sha256"] |= {"model.onnx": hashlib.sha256(model).hexdigest(), "table.bin": oid}
    attributes = f"{place}/*.bin filter=lfs diff=lfs merge=lfs -text\n"
    changed: Files = {path: json.dumps(manifest), f"{place}/model.onnx": model, f"{place}/table.bin": pointer}
    return files | changed | {".gitattributes": attributes}


def claims(scene: Scene) -> Iterator[Situation]:
    """Candidates with claimed evidence, beside an ACTIVE that has some, too."""
    scene.office.policy(
        f"{FREE}evidence: {{active: {{duration: 14d, rows: 1000, metrics: {{accuracy: "
        "{minimum: 0.9, max_drop: 0.005}}}}\n"
    )
    before = artifact(scene, "market_v1", scores())
    active(scene, "market", before | evidence(before, {"": "0.93", "eu": "0.94", "us": "0.92", "asia": "0.91"}))
    scene.pass_days(41)
    told = {
        "pair-better": {"": "0.951", "eu": "0.962", "us": "0.939", "asia": "0.91"},
        "pair-claimed-worse": {"": "0.928", "eu": "0.951", "us": "0.901", "asia": "0.897"},
        "pair-claimed-nothing": {},
    }
    for number, (name, claimed) in enumerate(told.items()):
        files = artifact(scene, name.removeprefix("pair-"), scores(NEAR + np.float32(number / 1000)))
        yield asked(scene, name, "market", files | (evidence(files, claimed) if claimed else {}))
    files = artifact(scene, "other-bytes", scores(NEAR - np.float32(0.001)))
    yield asked(scene, "pair-other-bytes", "market", files | evidence(files, {"": "0.99"}, of=before))


EVALUATION = "eval_2026_q4"
LIMITS = "accuracy: {minimum: 0.9, max_drop: 0.01}, log_loss: {maximum: 0.5}"


def measured(scene: Scene) -> Iterator[Situation]:
    """Candidates that are measured beside ACTIVE on the policy's evaluation set, with labels and without."""
    start, end = (f"{scene.office.now + timedelta(days=days):%Y-%m-%dT%H:%M}" for days in (40, 60))
    exception = f"overrides: [{{rule: evaluation.metric, people: [alice], start: {start}, end: {end}}}]\n"
    policy = f"{FREE}evaluation_set: {{dataset: {EVALUATION}, rows: 400, metrics: {{LIMITS}}}}\n{exception}"
    scene.office.policy(FREE)
    active(scene, "market", soft(scene, "market_v1", CERTAIN))
    scene.office.push("bob", "main", evaluation_set(scene), "feat(ml): Evaluation set")
    scene.office.policy(policy.replace("LIMITS", ""))
    scene.pass_days(41)
    yield asked(scene, "pair-measured-class", "market", soft(scene, "measured-class", CERTAIN * (1, 0.6, 1)))
    scene.office.policy(policy.replace("LIMITS", LIMITS))
    unsure = {name: soft(scene, name, CERTAIN / 8) for name in ("measured-worse", "override")}
    yield asked(scene, "pair-measured", "market", soft(scene, "measured", CERTAIN * 1.25))
    yield asked(scene, "pair-measured-worse", "market", unsure["measured-worse"])
    why = ' --override "evaluation.metric: the service reads the label alone, see #42"'
    yield asked(scene, "pair-override", "market", unsure["override"], why)
    scene.office.push("bob", "main", evaluation_set(scene, labels=False), "fix(ml): Without labels")
    yield asked(scene, "pair-unknown-metric", "market", soft(scene, "unknown-metric", CERTAIN * 1.25))
    scene.office.policy(policy.replace("LIMITS", ""))
    yield asked(scene, "pair-measured-no-labels", "market", soft(scene, "measured-no-labels", CERTAIN * 1.25))


def soft(scene: Scene, directory: str, weights: Any) -> Files:
    """An artifact that gives probabilities."""
    return artifact(scene, directory, scores(weights, last="Softmax"))


def evaluation_set(scene: Scene, *, labels: bool = True) -> Files:
    """500 rows of the two features; with labels, one in ten is not what ACTIVE says."""
    number = np.arange(500)
    rows = np.stack([number % 7 - 3 + 0.25, number % 5 - 2 + 0.1], axis=1).astype("f4")
    right = np.where(number % 12 == 0, 1, (rows @ CERTAIN).argmax(axis=1))
    data = {"x.npy": npy(rows)} | ({"labels.npy": npy(right)} if labels else {})
    place = write_set(scene.office.scratch / f"set-{labels}", EVALUATION, data)
    return {str(path.relative_to(place.parents[2])): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def canary(scene: Scene) -> Iterator[Situation]:
    """A candidate that gets a share of production, and what people tick of the runbook's checklist."""
    scene.office.policy(f"{POLICY}monitoring: [{{name: Canary, url: 'https://grafana.example.com/canary'}}]\n")
    active(scene, "market", artifact(scene, "market_v1", scores()))
    scene.pass_days(41)
    number = scene.office.pull("pair-share", artifact(scene, "share", scores(NEAR)))
    where = "market --artifact-dir ml/artifacts/share --artifact-id share"
    yield scene.asks("pair-share", number, f"/promote staging {where} --share 2.5%")
    yield scene.asks("pair-ticked", number, "/check 4 7", by="bob")


PAIRS = (outputs, signatures, values, without, large, claims, measured, canary)
