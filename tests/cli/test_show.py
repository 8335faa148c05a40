"""`status`, `show` and `history` on terminals of any width: no word is broken, and nothing is left out."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from promotebot.cli.main import main
from promotebot.registry import ModelRegistry, files
from promotebot.registry.convert import split_files
from promotebot.registry.files import ModelDirectory
from promotebot.registry.names import Timestamp
from tests.comments.plans import registry
from tests.office import ROOT

__all__ = ["registry"]  # a fixture


class Terminal(io.StringIO):
    """A screen."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("command", ["status", "show", "history"])
@pytest.mark.parametrize("columns", [40, 60, 80, 119, 160])
def test_words_stay_whole_at_every_width(
    registry: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, columns: int
) -> None:
    path = tmp_path / "models.json"
    path.write_bytes(registry.to_bytes())
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("COLUMNS", str(columns))
    model = ["--model", "regime_classifier"] if command == "show" else []
    assert main([command, *model, "--registry-path", str(path)]) == 0
    shown = screen.getvalue()
    for word in ("regime_classifier", "regime_v1_prod", "regime_v2_staging", "alice", "sha256:b7bab1c1…"):
        assert word in shown, shown
    if columns < 120:
        assert "artifact" in shown
        assert "model" in shown


def write_split(registry: ModelRegistry, directory: Path, models: int) -> Path:
    """A split registry of this many models more; return its index."""
    entry = registry.raw_entry("regime_classifier")
    for number in range(models):
        registry = registry.with_entry(f"model_{number}", entry)
    (directory / "models").mkdir(parents=True)
    index, files_of_models = split_files(registry, Timestamp("2026-11-01T00:00:00Z"))
    for name, data in files_of_models.items():
        (directory / "models" / Path(name).name).write_bytes(data)
    path = directory / "models.json"
    path.write_bytes(index)
    return path


@dataclass
class Disk:
    """What was asked of the disk."""

    opened: list[str] = field(default_factory=list)
    """The names of files."""
    bytes_read: int = 0
    listed: int = 0
    """Directories, and entries of them."""


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk, read, names = Disk(), files.read_registry_bytes, ModelDirectory.names

    def counted(path: Path) -> bytes:
        data = read(path)
        disk.opened.append(path.name)
        disk.bytes_read += len(data)
        return data

    def listed(directory: ModelDirectory) -> Mapping[str, str | None]:
        found = names(directory)
        disk.listed += 1 + len(found)
        return found

    monkeypatch.setattr(files, "read_registry_bytes", counted)
    monkeypatch.setattr(ModelDirectory, "names", listed)
    return disk


@pytest.fixture
def opened(registry: ModelRegistry, tmp_path: Path, disk: Disk) -> list[str]:
    """A split registry of thirty models in `tmp_path`; the names of its files, as they are opened."""
    write_split(registry, tmp_path, 29)
    return disk.opened


@pytest.mark.parametrize("command", ["show", "history", "status"])
def test_what_is_read_for_one_model_does_not_grow_with_the_others(
    registry: ModelRegistry, tmp_path: Path, disk: Disk, command: str
) -> None:
    asked = dict[int, Disk]()
    for models in (8, 300):
        path = write_split(registry, tmp_path / str(models), models)
        assert main([command, "--model", "model_7", "--registry-path", str(path)]) == 0
        asked[models] = replace(disk, opened=[*disk.opened])
        disk.opened, disk.bytes_read, disk.listed = [], 0, 0
    assert asked[300] == asked[8]
    assert (asked[300].opened, asked[300].listed) == (["models.json", "model_7.json"], 0)


def test_the_other_models_are_listed_for_a_name_that_none_of_them_has(
    registry: ModelRegistry, tmp_path: Path, disk: Disk, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_split(registry, tmp_path / "ml", 2)
    assert main(["show", "--model", "model_8", "--registry-path", str(path)]) == 1
    assert "known models: model_0, model_1" in capsys.readouterr().err
    assert disk.listed == 1 + 3


@pytest.mark.parametrize("command", ["show", "history"])
def test_of_a_split_registry_one_model_costs_one_file(tmp_path: Path, opened: list[str], command: str) -> None:
    assert main([command, "--model", "model_7", "--registry-path", str(tmp_path / "models.json")]) == 0
    assert opened == ["models.json", "model_7.json"]


def test_status_of_a_split_registry_opens_each_file_once(tmp_path: Path, opened: list[str]) -> None:
    assert main(["status", "--registry-path", str(tmp_path / "models.json")]) == 0
    assert len(opened) == len(set(opened)) == 31


@pytest.fixture
def path(registry: ModelRegistry, tmp_path: Path) -> Path:
    path = tmp_path / "models.json"
    path.write_bytes(registry.to_bytes())
    return path


def rows(path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main([*arguments, "--registry-path", str(path), "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    name = "history" if arguments[0] == "history" else "status"
    jsonschema.validate(document, json.loads((ROOT / f"schemas/{name}.schema.json").read_bytes()))
    found: list[dict[str, Any]] = document["events" if name == "history" else "stages"]
    return found


def test_status_shows_one_stage_of_one_model(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(path, capsys, "status", "--model", "regime_classifier", "--stage", "active")
    assert [(row["model"], row["stage"]) for row in found] == [("regime_classifier", "active")]
    assert len(rows(path, capsys, "status", "--stage", "shadow")) == len(rows(path, capsys, "status")) / 3


def test_history_is_filtered_before_it_is_cut_into_pages(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    every = rows(path, capsys, "history")
    times = sorted({row["ts_utc"] for row in every})
    assert len(times) > 1
    day = times[-1][:10]
    assert rows(path, capsys, "history", "--since", day) == [row for row in every if row["ts_utc"] >= day]
    assert rows(path, capsys, "history", "--by", "alice") == [row for row in every if row["actor"] == "alice"]
    assert rows(path, capsys, "history", "--by", "nobody") == []
    pages = [rows(path, capsys, "history", "-n", "1", "--skip", str(number)) for number in range(len(every))]
    assert [row for page in pages for row in page] == every


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("history", "--since", "2026-13-01"), "is not a day"),
        (("history", "-n", "0"), "shows nothing"),
        (("history", "--skip", "-1"), "is less than nothing"),
    ],
)
def test_a_filter_that_is_none_is_refused_with_an_example(
    path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert main([*arguments, "--registry-path", str(path)]) == 2
    shown = capsys.readouterr().err
    assert words in shown
    assert "Next: give a " in shown


@pytest.mark.parametrize("command", ["status --model nope", "history --since never", "show --model nope"])
def test_an_error_is_json_too_where_json_is_asked_for(
    path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    code = main([*command.split(), "--registry-path", str(path), "--format", "json"])
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    jsonschema.validate(document, json.loads((ROOT / "schemas/error.schema.json").read_bytes()))
    assert document["error"]["exit_code"] == code
    assert document["error"]["remedy"]
    assert f"{document['error']['message']}\n" in shown.err
