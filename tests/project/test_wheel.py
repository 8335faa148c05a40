"""The wheel that the Action and users install holds the package, and nothing of the repository beside it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = "import sys\nfrom setuptools.build_meta import build_wheel\nbuild_wheel(sys.argv[1])"


def kept_files(*paths: str) -> list[str]:
    """Return the files below some paths that git keeps or would keep."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Build the wheel from a copy of the repository with the locked build backend; file name → bytes."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in kept_files("."):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    done = subprocess.run(
        [sys.executable, "-I", "-c", BUILD, str(built)], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (path,) = built.iterdir()
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_is_the_package_as_it_stands_and_nothing_else(wheel: dict[str, bytes]) -> None:
    package = {name.removeprefix("bot/"): (ROOT / name).read_bytes() for name in kept_files("bot")}
    assert {name: data for name, data in wheel.items() if ".dist-info/" not in name} == package
    assert {"promotebot/py.typed", "promotebot/templates/gate.yml", "promotebot/__main__.py"} < package.keys()


def test_the_wheel_has_one_program_and_names_the_runtime_dependencies_only(wheel: dict[str, bytes]) -> None:
    information = {name.partition("/")[2]: data.decode() for name, data in wheel.items() if ".dist-info/" in name}
    assert re.findall(r"^(\w+) = (.*)$", information["entry_points.txt"], re.MULTILINE) == [
        ("promotebot", "promotebot.cli.main:main")
    ]
    assert information["top_level.txt"].split() == ["promotebot"]
    required = re.findall(r"^Requires-Dist: ([^;\n]*)$", information["METADATA"], re.MULTILINE)
    declared = re.search(
        r"^dependencies = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL
    )
    assert declared
    assert required == re.findall(r'"(.*)"', declared[1])


def test_the_action_copies_all_that_the_wheel_is_built_from() -> None:
    copied = re.search(r"^ +cp -R ([\w. ]+) \"\$home/source\"$", (ROOT / "action.yml").read_text(), re.MULTILINE)
    assert copied
    assert set(copied[1].split()) == {"bot", "pyproject.toml", "README.md", "requirements"}
