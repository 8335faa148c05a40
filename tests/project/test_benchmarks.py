"""The benchmark measures what it says; what must not be loaded is not. No clock is judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import promotebot

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"onnxruntime", "onnx", "numpy", "github", "git", "requests", "urllib3", "yaml", "jsonschema", "rich"}


@pytest.fixture(autouse=True)
def beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python finds them when one of them is run."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


@pytest.fixture
def imports() -> ModuleType:
    return import_module("imports")


@pytest.mark.parametrize(("ours", "code"), [(1.2, 0), (1.4, 1)])
def test_the_benchmark_of_opening_judges_a_ratio_of_the_same_round(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ours: float, code: int
) -> None:
    opening = import_module("opening")
    ran: list[object] = []

    def seconds(*case: object) -> float:
        ran.append(case)
        busy = float(1 + (len(ran) - 1) // 3)  # each round is slower than the one before
        return busy * (ours if len(ran) % 3 == 0 else 1.0)

    monkeypatch.setattr(sys, "argv", ["opening.py", "2"])
    monkeypatch.setattr(opening, "seconds", seconds)
    assert opening.main() == code
    assert len(ran) == 9
    assert f"{ours:.2f} × import onnxruntime; the limit is 1.3" in capsys.readouterr().out


def loaded_after(code: str) -> set[str]:
    program = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "code",
    ["import promotebot.registry", "import promotebot.artifact", "import promotebot.registry, promotebot.artifact"],
)
def test_the_python_api_loads_no_runtime_no_git_and_no_client(code: str) -> None:
    loaded = loaded_after(code)
    assert HEAVY & loaded == set()
    layers = {name.split(".")[1] for name in loaded if name.startswith("promotebot.")}
    assert layers <= {"registry", "artifact", "errors", "findings", "remedies", "schema", "text", "files"}
    assert "pydantic" not in loaded


def test_the_process_that_opens_models_loads_nothing_of_the_registry_and_no_judge() -> None:
    loaded = loaded_after("import promotebot.artifact.child")
    assert HEAVY & loaded == set()
    assert {"pydantic", "hashlib", "promotebot.registry", "promotebot.errors"} & loaded == set()


def test_the_package_gives_what_a_service_needs_and_loads_nothing_before_it_is_named() -> None:
    assert loaded_after("import promotebot") - loaded_after("") == {"promotebot", "__future__"}
    loaded = loaded_after("from promotebot import ModelRegistry, load_artifact")
    assert HEAVY & loaded == set()
    assert {"promotebot.registry.registry", "promotebot.artifact"} <= loaded
    with pytest.raises(AttributeError, match="has no attribute 'Registry'"):
        promotebot.Registry  # noqa: B018 - naming it is what fails


def test_reading_a_registry_and_proving_an_artifact_loads_only_the_judge_of_manifests() -> None:
    code = f"""
from pathlib import Path
from promotebot.artifact import load_artifact
from promotebot.registry import ModelRegistry
root = Path({str(ROOT)!r})
ModelRegistry.load(root / "ml/registry/models.json")
load_artifact(root / "ml/artifacts/regime_v1")
"""
    assert HEAVY & loaded_after(code) == {"jsonschema"}


def test_a_service_loads_no_runtime_git_or_client_whatever_it_asks_for() -> None:
    code = f"""
from datetime import timedelta
import promotebot
from promotebot.artifact.signature import signature_of
def load(**asked):
    return promotebot.load("regime_classifier", "active", base_dir={str(ROOT)!r}, **asked)
load(max_age=timedelta(days=36500), expect_signature=signature_of(load()).model_dump())
"""
    assert HEAVY & loaded_after(code) == {"jsonschema"}


def test_every_case_is_timed_in_turn_and_printed_in_a_line() -> None:
    rounds, asked = import_module("rounds"), list[str]()

    def counted(name: str) -> float:
        asked.append(name)
        return float(len(asked))

    times = rounds.measure({name: partial(counted, name) for name in ("pydantic", "ours")}, 2)
    assert asked == ["pydantic", "ours"] * 3
    assert times == {"pydantic": [3.0, 5.0], "ours": [4.0, 6.0]}  # the first round does not count
    header, *rows = rounds.table(times, "pydantic").splitlines()
    assert header.split()[:2] == ["median", "ms"]
    assert [row.split() for row in rows] == [
        ["pydantic", "4000.0", "3000.0", "1.00"],
        ["ours", "5000.0", "4000.0", "1.25"],
    ]


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    times = {"pydantic": [1.0, 2.0, 90.0], "ours": [3.0, 4.0, 90.0]}
    assert import_module("rounds").ratio(times, "ours", "pydantic") == 2.0


@pytest.mark.parametrize(("ours", "code"), [(2.4, 0), (2.6, 1)])
def test_the_exit_code_says_whether_the_limit_holds(
    imports: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ours: float,
    code: int,
) -> None:
    monkeypatch.setattr(sys, "argv", ["imports.py", "1"])
    monkeypatch.setattr(imports, "seconds", lambda code: ours if code == imports.CASES[imports.OURS] else 1.0)
    assert imports.main() == code
    assert f"{ours:.2f} × pydantic; the limit is 2.5" in capsys.readouterr().out


def test_one_import_is_really_timed(imports: ModuleType) -> None:
    assert imports.seconds("import json") > 0
