"""Trains the sample `regime_classifier` on seeded synthetic market data and writes a complete artifact.

    python ml/train.py --version v2 --git-sha "$(git rev-parse HEAD)" --created-at 2026-11-23T08:00:00Z

v1 is multinomial logistic regression; v2 puts one hidden layer in front of it. Both are trained by plain gradient
descent in numpy and written with onnx.helper: input `input` float32 (n, 15), output `regime_probs` float32 (n, 3).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]

FEATURES = (
    "return_1m",
    "return_5m",
    "return_15m",
    "return_60m",
    "volatility_5m",
    "volatility_60m",
    "volatility_ratio",
    "spread_bps",
    "depth_imbalance",
    "trade_imbalance",
    "volume_zscore",
    "autocorrelation",
    "trend_strength",
    "range_position",
    "funding_rate",
)
REGIMES = ("range", "trend", "volatile")
OPSET, IR_VERSION, GOLDEN_ROWS = 17, 8, 16


@dataclass(frozen=True)
class Recipe:
    """What makes one version: its data, its size, its seed."""

    dataset_id: str
    samples: int
    hidden: int
    seed: int
    steps: int
    notes: str


RECIPES = {
    "v1": Recipe("market_data_2026_q1_btcusdt", 4000, 0, 11, 400, "Logistic regression on one market"),
    "v2": Recipe("market_data_2026_q1_multi", 8000, 32, 12, 1500, "One hidden layer, several markets"),
}


def draw(samples: int, seed: int) -> tuple[Array, Array]:
    """Synthetic rows: features float64 (n, 15) and regime numbers int64 (n,).

    A regime follows from products of features (trend × autocorrelation, the size of volatility), so that
    a linear model sees only a part of it.
    """
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(samples, len(FEATURES)))
    momentum = rows[:, 12] * rows[:, 11] + 0.6 * rows[:, 3]
    stress = 1.1 * rows[:, 5] + 0.5 * rows[:, 6] ** 2 + 0.4 * rows[:, 7]
    scores = np.stack([np.full(samples, 0.55), 1.6 * momentum, 1.4 * stress - 0.6], axis=1)
    regimes = np.argmax(scores + 0.25 * rng.gumbel(size=scores.shape), axis=1)
    return rows, regimes


def softmax(scores: Array) -> Array:
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def train(recipe: Recipe) -> list[tuple[Array, Array]]:
    """Layers of (weights, bias), float32, trained with full-batch gradient descent and momentum."""
    rows, regimes = draw(recipe.samples, recipe.seed)
    sizes = [len(FEATURES), *([recipe.hidden] if recipe.hidden else []), len(REGIMES)]
    rng = np.random.default_rng(recipe.seed + 1000)
    layers: list[tuple[Array, Array]] = [
        (rng.normal(size=(a, b)) / np.sqrt(a), np.zeros(b)) for a, b in pairwise(sizes)
    ]
    speed = [(np.zeros_like(w), np.zeros_like(b)) for w, b in layers]
    wanted = np.eye(len(REGIMES))[regimes]
    for _ in range(recipe.steps):
        gradients = _gradients(layers, rows, wanted)
        speed = [(0.9 * vw + gw, 0.9 * vb + gb) for (vw, vb), (gw, gb) in zip(speed, gradients, strict=True)]
        layers = [(w - 0.05 * vw, b - 0.05 * vb) for (w, b), (vw, vb) in zip(layers, speed, strict=True)]
    return [(w.astype(np.float32), b.astype(np.float32)) for w, b in layers]


def _gradients(layers: list[tuple[Array, Array]], rows: Array, wanted: Array) -> list[tuple[Array, Array]]:
    activations = [rows]
    for weights, bias in layers[:-1]:
        activations.append(np.maximum(activations[-1] @ weights + bias, 0))
    error = (softmax(activations[-1] @ layers[-1][0] + layers[-1][1]) - wanted) / len(rows)
    gradients: list[tuple[Array, Array]] = []
    for index in reversed(range(len(layers))):
        gradients.insert(0, (activations[index].T @ error + 1e-4 * layers[index][0], error.sum(axis=0)))
        error = (error @ layers[index][0].T) * (activations[index] > 0)
    return gradients


def predict(layers: list[tuple[Array, Array]], rows: Array) -> Array:
    """Probabilities float32 (n, 3), as the ONNX model computes them."""
    values = rows.astype(np.float32)
    for weights, bias in layers[:-1]:
        values = np.maximum(values @ weights + bias, 0)
    return softmax(values @ layers[-1][0] + layers[-1][1])


def build(layers: list[tuple[Array, Array]]) -> onnx.ModelProto:
    """Gemm, Relu, Gemm, Softmax: standard operators only, checked by onnx."""
    nodes, tensors, value = [], [], "input"
    for index, (weights, bias) in enumerate(layers):
        tensors += [numpy_helper.from_array(weights, f"w{index}"), numpy_helper.from_array(bias, f"b{index}")]
        nodes.append(helper.make_node("Gemm", [value, f"w{index}", f"b{index}"], [f"gemm{index}"]))
        value = f"gemm{index}"
        if index < len(layers) - 1:
            nodes.append(helper.make_node("Relu", [value], [f"relu{index}"]))
            value = f"relu{index}"
    nodes.append(helper.make_node("Softmax", [value], ["regime_probs"], axis=1))
    graph = helper.make_graph(
        nodes,
        "regime_classifier",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", len(FEATURES)])],
        [helper.make_tensor_value_info("regime_probs", TensorProto.FLOAT, ["n", len(REGIMES)])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="promotebot-sample")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


def write_artifact(version: str, directory: Path, *, git_sha: str, created_at: str) -> dict[str, float]:
    """Train, write model, golden data, report and manifest; returns train and holdout accuracy (0 to 1)."""
    recipe = RECIPES[version]
    layers = train(recipe)
    golden = directory / "test_data_set_0"
    golden.mkdir(parents=True, exist_ok=True)
    (directory / "model.onnx").write_bytes(build(layers).SerializeToString(deterministic=True))
    rows = draw(GOLDEN_ROWS, recipe.seed + 2000)[0].astype(np.float32)
    (golden / "input_0.pb").write_bytes(numpy_helper.from_array(rows, "input").SerializeToString())
    outputs = predict(layers, rows).astype(np.float32)
    (golden / "output_0.pb").write_bytes(numpy_helper.from_array(outputs, "regime_probs").SerializeToString())
    scores = {
        "train_accuracy": accuracy(layers, *draw(recipe.samples, recipe.seed)),
        "holdout_accuracy": accuracy(layers, *draw(4000, 99)),
    }
    _write_json(directory / "train_report.json", _report(recipe, directory, scores, created_at))
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != "manifest.json")
    _write_json(
        directory / "manifest.json",
        {
            "$schema": "../../../schemas/manifest.schema.json",
            "schema_version": "v1.1",
            "model": "regime_classifier",
            "model_file": "model.onnx",
            "sha256": {str(path.relative_to(directory)): _sha256(path) for path in files},
            "created_at": created_at,
            "git_sha": git_sha,
            "dataset_id": recipe.dataset_id,
            "feature_order": list(FEATURES),
            "notes": recipe.notes,
        },
    )
    return scores


def accuracy(layers: list[tuple[Array, Array]], rows: Array, regimes: Array) -> float:
    return round(float((predict(layers, rows).argmax(axis=1) == regimes).mean()), 4)


def _report(recipe: Recipe, directory: Path, scores: dict[str, float], created_at: str) -> dict[str, Any]:
    regimes = draw(recipe.samples, recipe.seed)[1]
    return {
        "dataset_id": recipe.dataset_id,
        "n_samples": recipe.samples,
        "seed": recipe.seed,
        "n_features": len(FEATURES),
        **scores,
        "regime_distribution": {name: int((regimes == index).sum()) for index, name in enumerate(REGIMES)},
        "created_at": created_at,
        "model_sha256": _sha256(directory / "model.onnx"),
        "onnx_opset_version": OPSET,
        "notes": recipe.notes,
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Train the sample model and write its artifact.")
    parser.add_argument("--version", choices=sorted(RECIPES), required=True)
    parser.add_argument("--git-sha", required=True, help="the commit of this code, 40 hex digits")
    parser.add_argument("--created-at", required=True, help="UTC time such as 2026-11-23T08:00:00Z")
    parser.add_argument("--out", type=Path, help="the directory to write (ml/artifacts/regime_<version>)")
    options = parser.parse_args()
    directory = options.out or Path(__file__).parent / "artifacts" / f"regime_{options.version}"
    scores = write_artifact(options.version, directory, git_sha=options.git_sha, created_at=options.created_at)
    sys.stdout.write(f"{directory}: {json.dumps(scores)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
