"""The benchmark measures what it says; what must not be loaded is not. No clock is judged here."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import promotebot
from promotebot.cli.parser import COMMANDS

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


SLOW = HEAVY | {"pydantic", "typing", "dataclasses", "logging", "pathlib", "datetime", "urllib", "secrets", "hashlib"}
"""What takes a large part of the time in which bare Python starts, or more."""


def program(words: list[str]) -> str:
    """Return code that runs a command line, which has to end well, and prints nothing."""
    return f"""
import contextlib, io
from promotebot.cli.main import main
with contextlib.redirect_stdout(io.StringIO()):
    try:
        code = main({words!r})
    except SystemExit as ended:
        code = ended.code
assert not code
"""


@pytest.mark.parametrize("words", [["--help"], ["--version"]], ids=" ".join)
def test_help_loads_the_parser_and_no_log_no_clock_and_no_module_of_a_command(words: list[str]) -> None:
    loaded = loaded_after(program(words))
    assert {name for name in loaded if name.startswith("promotebot.")} == {
        *("promotebot.cli", "promotebot.cli.main", "promotebot.cli.parser", "promotebot.errors"),
    }
    assert SLOW & loaded == set()


PROMOTE = [
    "promote",
    *("--model", "regime_classifier", "--stage", "shadow", "--artifact-dir", "ml/artifacts/regime_v2"),
]
PACKAGES = HEAVY | {
    "pydantic",
    "cryptography",
    "sigstore",
    "fsspec",
    "aiohttp",
    "google.protobuf",
    "importlib.metadata",
}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--help"], set()),
        (["promote", "--help"], {"pydantic", "importlib.metadata", "git", "yaml"}),
        (["status"], {"pydantic", "importlib.metadata"}),
        (["show", "--model", "regime_classifier"], {"pydantic", "importlib.metadata"}),
        (["history", "--model", "regime_classifier"], {"pydantic", "importlib.metadata"}),
        (["verify"], {"pydantic", "importlib.metadata", "git", "jsonschema", "yaml"}),
        (["verify", "--without-git"], {"pydantic", "importlib.metadata", "jsonschema", "yaml"}),
        ([*PROMOTE, "--dry-run"], {"pydantic", "importlib.metadata", "git", "jsonschema", "yaml"}),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_each_command_loads_what_it_needs_and_no_more(words: list[str], wanted: set[str]) -> None:
    code = f"""
import contextlib, io, os
from promotebot.cli.main import main
os.environ["ML_PROMOTION_ACTOR"] = "alice@example.com"
os.chdir({str(ROOT)!r})
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main({words!r})
"""
    assert PACKAGES & loaded_after(code) == wanted


TEXT_ALONE, NO_GIT = ("history", "show", "status", "verify"), ("fetch", "bundle", "policy", "schemas", "completion")
LOADS = {name: {"git", "yaml"} for name in COMMANDS}
LOADS |= {name: {"yaml"} for name in NO_GIT} | {name: set[str]() for name in TEXT_ALONE}
"""Command → the libraries that its module loads beside pydantic; what more it needs is loaded where it is used."""


@pytest.mark.thorough
@pytest.mark.parametrize("name", COMMANDS)
def test_the_module_of_a_command_loads_what_the_table_says(name: str) -> None:
    assert (PACKAGES & loaded_after(program([name, "--help"]))) - {"pydantic", "importlib.metadata"} == LOADS[name]


@pytest.mark.parametrize(
    "body", ["Looks good to me", "see https://example.com/a/b, and `/promote`", "Promoted /it/ did"]
)
def test_an_ignored_comment_loads_the_standard_library_alone_and_of_that_little(tmp_path: Path, body: str) -> None:
    startup = import_module("startup")
    event = startup.EVENT | {"comment": startup.EVENT["comment"] | {"body": body}}
    (tmp_path / "event.json").write_text(json.dumps(event))
    loaded = loaded_after(f"import os\nos.environ |= {startup.environment(tmp_path)!r}\n{program([])}")
    assert {name for name in loaded if name.startswith("promotebot.")} == {
        *("promotebot.cli", "promotebot.cli.main", "promotebot.action", "promotebot.action.first_look"),
        *("promotebot.action.output_file", "promotebot.environment", "promotebot.errors", "promotebot.promotion"),
        *("promotebot.promotion.first_words", "promotebot.promotion.comment_lines", "promotebot.registry"),
        *("promotebot.registry.codec", "promotebot.github", "promotebot.github.event_names"),
    }
    assert SLOW & loaded == set()
    assert "\nignored\n" in (tmp_path / "output").read_text()


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


def commands(*words: tuple[str, str]) -> dict[str, Any]:
    comparison = import_module("comparison")
    return {name: comparison.Command([sys.executable, "-I", "-c", code], ROOT) for name, code in words}


def test_a_process_is_measured_with_all_that_it_started_and_one_that_fails_ends_everything() -> None:
    child = "import subprocess, sys\nsubprocess.run([sys.executable, '-Ic', 'bytearray(300_000_000)'])"
    cases = commands(("large", child), ("wrong", "raise SystemExit('no such model')"))
    cost = cases["large"]()
    assert cost.wall > 0
    assert cost.processor > 0
    assert cost.peak > 300_000_000
    with pytest.raises(SystemExit, match="no such model"):
        cases["wrong"]()


def measured(limit: float, **costs: list[tuple[float, float]]) -> Any:
    comparison = import_module("comparison")
    described = comparison.Comparison("key", "title", "unit", {}, {"ours": limit}, {"ours": 3})
    rows = {name: [comparison.Cost(*one, 2**20) for one in costs[name]] for name in costs}
    return comparison.Measured(described, rows)


@pytest.mark.parametrize(("limit", "verdict"), [(2.0, "met"), (1.9, "not met")])
def test_a_row_gives_the_median_of_each_rounds_ratio_and_judges_the_time_on_the_clock(
    limit: float, verdict: str
) -> None:
    found = measured(limit, unit=[(1, 1), (2, 1), (9, 1)], ours=[(2, 3), (4, 3), (36, 3)])
    *_, row = found.table().splitlines()
    told = f"≤ {limit:g}: {verdict}, memory ≤ 3: met"
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "ours", "4.000", "2.00", "2.00 to 4.00", "3.00", "1", told,
    ]  # fmt: skip


@pytest.mark.parametrize(("now", "code"), [(2.69, 0), (2.71, 1), (None, 1)])
def test_a_ratio_beyond_the_committed_one_by_more_than_the_tolerance_fails(
    capsys: pytest.CaptureFixture[str], now: float | None, code: int
) -> None:
    bench = import_module("bench")
    today = {} if now is None else {"one file": {"show": now}}
    assert bench.compare({"one file": {"show": 2.0}}, today) == code
    out = capsys.readouterr().out
    assert ("slower by more than 35%: one file, show\nNext: " in out) is bool(code)


def test_the_committed_ratios_are_those_of_every_comparison_that_has_a_limit() -> None:
    committed = json.loads((ROOT / "benchmarks/ratios.json").read_text())
    registries = import_module("registries")
    assert [*committed] == [
        *("start", "small", "one file", "gto", "split show", "split history --model", "split promote --dry-run"),
        *("large files", "small files"),
        *("one model file", "external data", "many models", "streaming"),
    ]
    assert [*committed["one file"]] == [f"`promotebot {name}`" for name in registries.LIMITS]


@pytest.mark.parametrize(("power", "shown"), [(1, 1.0), (2, 2.0), (0.5, 0.5)])
def test_the_exponent_is_that_of_what_a_step_takes_beyond_the_first(power: float, shown: float) -> None:
    steps = [0, 10, 100, 1000]
    seconds = [0.2 + step**power if step else 0.2 for step in steps]
    assert import_module("growth").exponent(steps, seconds) == pytest.approx(shown, abs=0.01)


def test_a_cost_that_stays_has_the_exponent_zero_and_one_point_has_none() -> None:
    exponent = import_module("growth").exponent
    assert exponent([10, 100, 1000], [1.0, 0.9, 1.2]) == 0
    assert math.isnan(exponent([10, 100, 1000], [1.0, 1.0, 1.5]))
