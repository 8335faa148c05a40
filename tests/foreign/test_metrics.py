"""Metrics of other tools, as they are read: tables, JSON, exports of MLflow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from promotebot.errors import InvalidInput
from promotebot.foreign.metrics import MAX_BYTES, metrics_of


def read(data: bytes | str | Any) -> tuple[list[dict[str, Any]], str]:
    if not isinstance(data, (bytes, str)):
        data = json.dumps(data)
    return metrics_of(data if isinstance(data, bytes) else data.encode(), where="m")


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        ({"accuracy": 0.93}, [{"name": "accuracy", "value": 0.93}]),
        ([{"name": "f1", "value": "0.90", "rows": 7, "slice": None}], [{"name": "f1", "value": "0.90", "rows": 7}]),
        ("name,value\nf1,0.90\nloss,1e-3\n", [{"name": "f1", "value": "0.90"}, {"name": "loss", "value": "1e-3"}]),
        ("\ufeffvalue,name,rows,slice\r\n0.90,f1,12,\r\n", [{"name": "f1", "value": "0.90", "rows": 12}]),
        ('name,value,dataset\n"a, b",1,"q ""1"""\n', [{"name": "a, b", "value": "1", "dataset": 'q "1"'}]),
        ([], []),
    ],
)
def test_tables_and_json_are_read_with_numbers_as_they_are_written(data: Any, rows: list[dict[str, Any]]) -> None:
    assert read(data) == (rows, "")


def test_of_a_run_the_newest_value_of_each_metric_counts() -> None:
    metrics = [
        {"key": "f1", "value": 0.8, "step": 2, "timestamp": "1"},
        {"key": "f1", "value": 0.7, "step": 1, "timestamp": 5},
        {"key": "f1", "value": 0.9, "step": "2", "timestamp": 3},
        {"key": "loss", "value": 0.1, "step": "x"},
    ]
    exported = {"run": {"info": {"run_id": "4f2a"}, "data": {"metrics": metrics}}}
    assert read(exported) == ([{"name": "f1", "value": 0.9}, {"name": "loss", "value": 0.1}], "MLflow run 4f2a")
    described = {"info": {"run_name": "calm-owl"}, "data": {"metrics": {"f1": 0.9}}}
    assert read(described) == ([{"name": "f1", "value": 0.9}], "MLflow run calm-owl")
    assert read({"info": {}, "data": {}}) == ([], "a run of MLflow")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("f1;0.9\n", "has no columns name and value"),
        ("", "has no columns name and value"),
        ("name,value\nf1\n", "line 2 has not as many values as columns"),
        ("name,value\nf1,1,2\n", "line 2 has not as many values as columns"),
        ("name,value,weight\nf1,1,2\n", "'weight' is not known"),
        ("name,value,rows\nf1,1,many\n", "is no number of rows"),
        ('name,value\n"f1,1\n', "is not a table"),
        (b"name,value\n\xff,1\n", "is not a table"),
        (b" " * (MAX_BYTES + 1), "file is over"),
        ("{", "not JSON"),
        ('{"a": 0.12345678901234567890123}', "more digits than are kept"),
        ("[1]", "is not a list of objects"),
        ([{"name": "f1", "value": 1, "weight": 2}], "'weight' is not known"),
        ({"info": {}, "data": {"metrics": [1]}}, "not a run as MLflow exports it"),
        ({"info": {}, "data": {"metrics": [{"key": 1, "value": 1}]}}, "not a run as MLflow exports it"),
        ({"info": {}, "data": {"metrics": [{"key": "f1"}]}}, "not a run as MLflow exports it"),
        ({"info": {}, "data": 7}, "not a run as MLflow exports it"),
    ],
)
def test_what_holds_no_metrics_is_refused_with_the_next_step(data: Any, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(data)
    assert says in caught.value.message
