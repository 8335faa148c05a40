"""Metrics against formulas that are as simple as they are slow, on any labels and outputs, in any blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.artifact.metrics import MAX_CLASSES, MAX_NAME, Classes, Numbers, Output, Outputs, measure_for

COUNT = st.integers(1, 30)


def blocks(count: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def results(labels: Any, outputs: Outputs, size: int = 7) -> dict[str, tuple[float | None, str]]:
    measure = measure_for(labels.dtype)
    for rows in blocks(len(labels), size):
        measure.add(labels[rows], {name: Output(one.values[rows], one.classes) for name, one in outputs.items()})
    return {one["name"]: (one["value"], one.get("problem", "")) for one in measure.results()}


def accuracy(labels: list[Any], seen: list[Any]) -> float:
    return float(sum(a == b for a, b in zip(labels, seen, strict=True))) / len(labels)


def f1(labels: list[Any], seen: list[Any]) -> dict[Any, float]:
    found: dict[Any, float] = {}
    for one in sorted({*labels, *seen}):
        pairs = list(zip(labels, seen, strict=True))
        tp = sum(a == one == b for a, b in pairs)
        fp = sum(a != one == b for a, b in pairs)
        fn = sum(a == one != b for a, b in pairs)
        found[one] = 2 * tp / (2 * tp + fp + fn)
    return found


def macro_f1(labels: list[Any], seen: list[Any]) -> float:
    found = f1(labels, seen)
    return float(sum(found.values())) / len(found)


@given(st.data(), COUNT, st.integers(1, 9), st.sampled_from(["int64", "int8", "uint16", "bool", "U"]))
def test_predicted_classes_are_counted_as_the_formulas_say(
    data: st.DataObject, count: int, size: int, kind: str
) -> None:
    top = 1 if kind == "bool" else 4
    given_ = [data.draw(st.lists(st.integers(0, top), min_size=count, max_size=count)) for _ in range(2)]
    labels, seen = (np.array(one).astype(kind) for one in given_)
    output = seen.astype(object) if kind == "U" else seen.reshape(-1, 1)
    found = results(labels, {"label": Output(output)}, size)
    assert found["accuracy"][0] == pytest.approx(accuracy(*given_))
    assert found["macro_f1"][0] == pytest.approx(macro_f1(*given_))
    assert found["log_loss"] == (None, "no output has a probability of each class")


@given(st.data(), COUNT, st.integers(1, 9), st.sampled_from(["int64", "U"]))
def test_each_class_that_is_a_label_has_its_rows_and_f1(data: st.DataObject, count: int, size: int, kind: str) -> None:
    labels, seen = (data.draw(st.lists(st.integers(0, 5), min_size=count, max_size=count)) for _ in range(2))
    measure = Classes()
    for rows in blocks(count, size):
        measure.add(np.array(labels[rows]).astype(kind), {"label": Output(np.array(seen[rows]).astype(kind))})
    expected = [
        {"name": str(one), "rows": labels.count(one), "f1": pytest.approx(value)}
        for one, value in f1(labels, seen).items()
        if one in labels
    ]
    assert measure.by_class() == expected


@pytest.mark.parametrize(("classes", "told"), [(MAX_CLASSES, MAX_CLASSES), (MAX_CLASSES + 1, 0)])
def test_of_very_many_classes_none_is_told_one_by_one(classes: int, told: int) -> None:
    measure = Classes()
    measure.add(np.arange(classes), {"label": Output(np.arange(classes)[::-1])})
    assert len(measure.by_class()) == told
    wide = Classes()
    wide.add(np.array(["x" * 300]), {"label": Output(np.array(["x" * 300]))})
    assert wide.by_class() == [{"name": "x" * MAX_NAME, "rows": 1, "f1": 1.0}]


FAR = [-(2**63), -(2**63) + 1, -1, 0, 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1]
"""Whole numbers of which some are another one in another type of as many bits."""


@given(st.data(), COUNT, st.integers(1, 9), st.permutations(["int64", "uint64", "int8", "bool"]))
def test_whole_numbers_of_different_types_are_the_same_class_only_if_they_are_equal(
    data: st.DataObject, count: int, size: int, kinds: list[str]
) -> None:
    def drawn(kind: str) -> Any:
        least, most = (0, 1) if kind == "bool" else (np.iinfo(kind).min, np.iinfo(kind).max)
        fits = st.sampled_from([one for one in FAR if least <= one <= most])
        return np.array(data.draw(st.lists(fits, min_size=count, max_size=count)), kind)

    labels, seen = drawn(kinds[0]), drawn(kinds[1])
    given_ = [[int(one) for one in values.tolist()] for values in (labels, seen)]
    found = results(labels, {"label": Output(seen)}, size)
    assert found["accuracy"][0] == pytest.approx(accuracy(*given_))
    assert found["macro_f1"][0] == pytest.approx(macro_f1(*given_))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [(np.array([2**63 + 5], "uint64"), (-(2**63) + 5, 0)), (np.array([2**64 - 1, 0], "uint64"), (-1, 0))],
)
def test_a_label_too_large_for_a_column_with_a_name_is_no_other_column(labels: Any, classes: tuple[int, ...]) -> None:
    shares = np.tile([0.9, 0.1], (len(labels), 1))
    found = results(labels, {"probs": Output(shares, classes)})
    assert found["accuracy"][0] == 0.0
    assert found["log_loss"] == (None, f"the output probs has no column for the class {labels[0]}")


def test_a_label_too_large_for_the_columns_is_said() -> None:
    found = results(np.array([0, 2**64 - 1], "uint64"), {"probs": Output(np.full((2, 2), 0.5))})
    assert {problem for _, problem in found.values()} == {
        "labels.npy has classes that are not 0 to 1, as the columns of the output are counted"
    }


@pytest.mark.parametrize(
    ("labels", "classes", "words"),
    [
        (np.array(["0", "1"]), (0, 1), "the output probs names its columns by numbers, and labels.npy has texts"),
        (np.array([0, 1]), ("0", "1"), "the output probs names its columns by texts, and labels.npy has none"),
    ],
)
def test_a_text_is_no_number_though_it_looks_like_it(labels: Any, classes: tuple[Any, ...], words: str) -> None:
    found = results(labels, {"probs": Output(np.array([[0.9, 0.1], [0.1, 0.9]]), classes)})
    assert set(found.values()) == {(None, words)}


@given(st.data(), COUNT, st.integers(2, 5), st.integers(1, 9))
def test_probabilities_give_class_and_loss(data: st.DataObject, count: int, classes: int, size: int) -> None:
    labels = data.draw(st.lists(st.integers(0, classes - 1), min_size=count, max_size=count))
    row = st.lists(st.floats(0.01, 1), min_size=classes, max_size=classes)
    raw = np.array(data.draw(st.lists(row, min_size=count, max_size=count)))
    shares = raw / raw.sum(axis=1, keepdims=True)
    found = results(np.array(labels), {"probs": Output(shares)}, size)
    seen = [max(range(classes), key=lambda one: (line[one], -one)) for line in shares.tolist()]
    assert found["accuracy"][0] == pytest.approx(accuracy(labels, seen))
    assert found["macro_f1"][0] == pytest.approx(macro_f1(labels, seen))
    loss = -sum(math.log(line[label]) for line, label in zip(shares.tolist(), labels, strict=True)) / count
    assert found["log_loss"][0] == pytest.approx(loss)


@given(st.data(), COUNT, st.integers(1, 3), st.integers(1, 9))
def test_numbers_differ_as_the_formulas_say(data: st.DataObject, count: int, width: int, size: int) -> None:
    value = st.floats(-1e6, 1e6)
    labels, have = (
        np.array(data.draw(st.lists(st.lists(value, min_size=width, max_size=width), min_size=count, max_size=count)))
        for _ in range(2)
    )
    found = results(labels, {"y": Output(have)}, size)
    gaps = [abs(a - b) for a, b in zip(labels.ravel().tolist(), have.ravel().tolist(), strict=True)]
    assert found["mean_absolute_error"][0] == pytest.approx(sum(gaps) / len(gaps))
    assert found["root_mean_squared_error"][0] == pytest.approx(math.sqrt(sum(gap * gap for gap in gaps) / len(gaps)))


def test_a_class_in_an_output_counts_before_scores_and_the_loss_is_of_the_scores() -> None:
    labels = np.array([0, 1])
    outputs = {"probs": Output(np.array([[0.2, 0.8], [0.2, 0.8]])), "label": Output(np.array([0, 1]))}
    measure = Classes()
    measure.add(labels, outputs)
    told = {one["name"]: (one["value"], one["output"]) for one in measure.results()}
    assert told["accuracy"] == (1.0, "label")
    assert told["log_loss"] == (pytest.approx(-(math.log(0.2) + math.log(0.8)) / 2), "probs")


def test_one_number_for_each_row_is_the_probability_of_class_one() -> None:
    found = results(np.array([0, 1, 1]), {"p": Output(np.array([[0.4], [0.9], [0.3]], "float32"))})
    assert found["accuracy"][0] == pytest.approx(2 / 3)
    assert found["log_loss"][0] == pytest.approx(-(math.log(0.6) + math.log(0.9) + math.log(0.3)) / 3, rel=1e-6)
    wide = {"confidence": Output(np.full(3, 0.5)), "probs": Output(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]))}
    assert results(np.array([0, 1, 1]), wide)["accuracy"][0] == 1.0


def test_columns_that_have_names_are_those_classes() -> None:
    shares = Output(np.array([[0.9, 0.1], [0.3, 0.7]]), ("cat", "dog"))
    found = results(np.array(["cat", "dog"]), {"probs": shares})
    assert found["accuracy"][0] == 1.0
    assert found["log_loss"][0] == pytest.approx(-(math.log(0.9) + math.log(0.7)) / 2)
    unseen = results(np.array(["cat", "cow"]), {"probs": shares})
    assert unseen["accuracy"][0] == 0.5
    assert unseen["log_loss"] == (None, "the output probs has no column for the class cow")
    numbered = Output(shares.values, (5, 7))
    assert results(np.array([5, 7]), {"probs": numbered})["accuracy"][0] == 1.0


def test_a_row_that_is_surely_wrong_is_no_endless_loss() -> None:
    found = results(np.array([0]), {"probs": Output(np.array([[0.0, 1.0]]))})
    assert found["log_loss"][0] == pytest.approx(-math.log(1e-15))


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("labels", "outputs", "accurate", "loss"),
    [
        (np.array([0, 1]), {}, "no output has a class", "no output has a probability"),
        (np.array([[0, 1]]), {"label": Output(np.array([0]))}, "more than one label", "more than one label"),
        (np.array([0]), {"p": Output(np.array([[NAN, 1.0]]))}, "no finite numbers", "no probabilities"),
        (np.array([0]), {"p": Output(np.array([[2.0, -1.0]]))}, "", "no probabilities"),
        (np.array([0]), {"p": Output(np.array([[0.5, 0.6]]))}, "", "no probabilities"),
        (np.array([2]), {"p": Output(np.array([[0.5, 0.5]]))}, "not 0 to 1", "not 0 to 1"),
        (np.array([-1]), {"p": Output(np.array([[0.5, 0.5]]))}, "not 0 to 1", "not 0 to 1"),
        (np.array([1]), {"p": Output(np.array([3.5]))}, "no probability", "no probability"),
        (np.array([1]), {"p": Output(np.array([NAN]))}, "no finite numbers", "no probability"),
        (np.array(["a"]), {"p": Output(np.array([[0.5, 0.5]]))}, "no output has a class", "no output has"),
    ],
)
def test_what_cannot_be_computed_is_said(labels: Any, outputs: Outputs, accurate: str, loss: str) -> None:
    found = results(labels, outputs)
    for name, words in (("accuracy", accurate), ("macro_f1", accurate), ("log_loss", loss)):
        value, problem = found[name]
        assert (value is None) == bool(words)
        assert words in problem


@pytest.mark.parametrize(
    ("labels", "have", "words"),
    [
        (np.array([NAN]), np.array([1.0]), "labels.npy has numbers that are not finite"),
        (np.array([INF]), np.array([1.0]), "labels.npy has numbers that are not finite"),
        (np.array([1.0]), np.array([NAN]), "the output y has numbers that are not finite"),
        (np.array([1.0]), np.array([[1.0, 2.0]]), "no output has as many numbers"),
        (np.array([1.0]), np.array([1]), "no output has as many numbers"),
        (np.array([1e308]), np.array([-1e308]), "too far from the labels"),
    ],
)
def test_errors_of_what_are_no_numbers_are_not_known(labels: Any, have: Any, words: str) -> None:
    found = results(labels, {"y": Output(have)})
    assert all(value is None and words in problem for value, problem in found.values())


def test_a_problem_in_a_later_block_counts_too() -> None:
    labels, have = np.ones(20), np.ones(20)
    have[-1] = NAN
    assert results(labels, {"y": Output(have)})["mean_absolute_error"][0] is None
    shares = np.full((20, 2), 0.5)
    shares[-1] = NAN
    assert results(np.zeros(20, "int64"), {"p": Output(shares)})["accuracy"][0] is None
    measure = Classes()
    measure.add(np.zeros(20, "int64"), {"p": Output(shares)})
    assert measure.by_class() == []
    assert isinstance(measure_for(np.dtype("float16")), Numbers)
