"""The runtime decides what opens: models that it loads and onnx's checker refuses, and what is missing here.

All of them are opened by the child's own functions in one process, as each would cost an import of the runtime.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from promotebot.artifact.answer import NotOpened, Problem
from promotebot.findings import Severity, errors_in, warnings_in

from .conftest import DIRECTORY, Place, StandIn, external_tensor, opened

ASK = """
import json
from pathlib import Path
from promotebot.artifact.child import answer, asked_for
from promotebot.artifact.onnx_parts import load_onnx
import onnxruntime
onnxruntime.set_default_logger_severity(4)
load_onnx()
told, served = {}, {"golden": True, "compares": False}
for path in Path().glob("*/model.onnx"):
    first = answer(path)
    told[path.parent.name] = {**first, "served": first["opened"] and [*asked_for(path, served)]}
print(json.dumps(told))
"""
X, Y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "xy")
W = numpy_helper.from_array(np.ones(4, "float32"), "w")
ADD = helper.make_node("Add", ["x", "w"], ["y"])


def model(
    nodes: list[onnx.NodeProto], outputs: Any = (Y,), weights: Any = (W,), *, opset: int = 17, ir: int = 8
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "g", [X], list(outputs), list(weights))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


def shapeless() -> onnx.ModelProto:
    shape = numpy_helper.from_array(np.array([-1]), "s")
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    return model([helper.make_node("Reshape", ["x", "s"], ["y"])], [output], [shape])


def typeless() -> onnx.ModelProto:
    result = model([ADD])
    result.graph.output[0].ClearField("type")
    return result


def nameless() -> onnx.ModelProto:
    result = model([ADD])
    result.graph.name = ""
    return result


def inside(domain: str, operator: str, **attributes: Any) -> onnx.ModelProto:
    result = model([helper.make_node(operator, ["x"], ["y"], domain=domain, **attributes)], weights=[])
    if domain:
        result.opset_import.append(helper.make_opsetid(domain, 1))
    return result


def without_import() -> onnx.ModelProto:
    return model([helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")], weights=[])


def normalising(locale: str) -> onnx.ModelProto:
    texts = [helper.make_tensor_value_info(name, TensorProto.STRING, [1]) for name in "xy"]
    node = helper.make_node("StringNormalizer", ["x"], ["y"], case_change_action="LOWER", locale=locale)
    graph = helper.make_graph([node], "g", texts[:1], texts[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def of_another_processor() -> onnx.ModelProto:
    places = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, [1, 3, 3, 1]) for name in "xwy"]
    node = helper.make_node("NhwcConv", ["x", "w"], ["y"], domain="com.microsoft")
    graph = helper.make_graph([node], "g", places[:2], places[2:])
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


OPENED = {
    "an input without shape": model([ADD], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]),
    "an output without shape": shapeless(),
    "an output without type": typeless(),
    "LayerNormalization below 17": model([helper.make_node("LayerNormalization", ["x", "w"], ["y"])], opset=14),
    "SimplifiedLayerNormalization": model([helper.make_node("SimplifiedLayerNormalization", ["x", "w"], ["y"])]),
    "com.microsoft without import": without_import(),
    "IR 3 with initializers that are no inputs": model([ADD], opset=8, ir=3),
    "unsorted nodes": model([helper.make_node("Add", ["a", "w"], ["y"]), helper.make_node("Add", ["x", "w"], ["a"])]),
    "no name": nameless(),
    "a domain written out": model([helper.make_node("Add", ["x", "w"], ["y"], domain="ai.onnx")]),
}
"""What onnx's checker refuses."""
AGREED = {
    "data beside the model": model([ADD], weights=[external_tensor({"location": "./w.bin"}, dims=[4])]),
    "a domain of the runtime": inside("com.microsoft.nchwc", "ReorderInput", channels_last=0),
}
REFUSED = {
    "operators": inside("my.ops", "Relu2"),
    "locales": normalising("xx_YY"),
    "kernels": of_another_processor(),
    "": inside("", "Relu2"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    root = tmp_path_factory.mktemp("models")
    for name, made in {**OPENED, **AGREED, **{f"lacks {what}": m for what, m in REFUSED.items()}}.items():
        (root / name).mkdir()
        (root / name / "model.onnx").write_bytes(made.SerializeToString())
    (root / "data beside the model/w.bin").write_bytes(np.ones(4, "float32").tobytes())
    done = subprocess.run([sys.executable, "-I", "-c", ASK], cwd=root, capture_output=True, check=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("name", OPENED)
def test_what_onnxs_checker_refuses_and_the_runtime_opens_is_opened(told: Mapping[str, Any], name: str) -> None:
    assert told[name]["opened"], told[name]
    assert told[name]["served"][-1]["done"], told[name]
    is_fine = name == "a domain written out" and not told[name]["checker"]  # newer versions of onnx know it
    assert told[name]["checker"] or is_fine or name == "an input without shape", told[name]


def test_external_data_beside_the_model_may_be_written_so(told: Mapping[str, Any]) -> None:
    assert told["data beside the model"]["external_files"] == ["w.bin"]
    assert told["data beside the model"]["served"][-1]["done"]


def test_the_runtime_is_asked_which_domains_it_has(told: Mapping[str, Any]) -> None:
    """Its own optimised models have operators of such a domain; whether this one is right is for the runtime to say."""
    result = told["a domain of the runtime"]
    assert result["opened"] or "artifact.graph" not in {problem["rule"] for problem in result["problems"]}


@pytest.mark.parametrize("lacks", REFUSED)
def test_what_the_runtime_lacks_here_is_told_apart_from_a_broken_model(told: Mapping[str, Any], lacks: str) -> None:
    (problem,) = told[f"lacks {lacks}"]["problems"]
    assert problem["lacks"] == lacks
    assert problem["rule"] == ("artifact.graph" if lacks == "operators" else "artifact.opens")


@pytest.mark.parametrize("lacks", ["operators", "kernels", "locales"])
def test_what_the_runtime_lacks_here_is_told_apart_and_can_be_waived(place: Place, lacks: Any) -> None:
    opener = StandIn(NotOpened((Problem(message="no such thing", lacks=lacks),)))
    (refused,) = errors_in(place.examine(opener=opener).findings)
    assert f"limits.may_lack: [{lacks}]" in refused.remedy
    assert "no such thing" in refused.message
    evidence = place.examine(opener=opener, may_lack=(lacks,))
    assert errors_in(evidence.findings) == []
    (shown,) = warnings_in(evidence.findings)
    assert (shown.rule, shown.where) == ("artifact.waived", f"{DIRECTORY}/model.onnx")
    assert "was not opened, and nothing of it was run" in shown.message
    assert (evidence.card, evidence.digest is None) == (None, False)


def test_a_broken_model_is_never_waived(place: Place) -> None:
    problems = (Problem(message="broken"), Problem(message="no kernel", lacks="kernels"))
    evidence = place.examine(opener=StandIn(NotOpened(problems)), may_lack=("kernels", "operators", "locales"))
    assert [finding.rule for finding in errors_in(evidence.findings)] == ["artifact.opens"]


def test_what_onnxs_checker_says_is_a_warning(place: Place) -> None:
    evidence = place.examine(opener=StandIn(opened(checker="No Op registered")))
    assert errors_in(evidence.findings) == []
    (finding,) = warnings_in(evidence.findings)
    assert finding.rule == "artifact.checker"
    assert "No Op registered" in finding.message
    assert finding.severity is Severity.WARNING
