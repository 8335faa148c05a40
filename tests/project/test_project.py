"""What the project promises about itself: locks, layers, purity, imports, the test command."""

from __future__ import annotations

import ast
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MACHINE = (ROOT, Path.home())
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PURE = [
    *(ROOT / "bot/promotebot/promotion").rglob("*.py"),
    *(p for p in (ROOT / "bot/promotebot/registry").glob("*.py") if p.name not in ("files.py", "store.py")),
    *(p for p in (ROOT / "bot/promotebot/doctor").glob("*.py") if p.name != "read.py"),
]
IMPURE = {"os", "subprocess", "socket", "time", "random", "secrets", "tempfile", "shutil", "git", "github", "requests"}
READS_A_CLOCK = re.compile(r"\b(date|datetime)\.(now|utcnow|today)$")
OWNERS = {
    "github": {"bot/promotebot/github/rest.py"},
    "git": {
        f"bot/promotebot/git/{name}.py"
        for name in ("branch", "checkout", "commands", "partial", "process", "repository")
    },
    "requests": {f"bot/promotebot/{name}.py" for name in ("git/lfs_http", "git/lfs_server", "github/rest")},
    "onnxruntime": {f"bot/promotebot/artifact/{name}.py" for name in ("child", "golden_values")},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_with_a_hash_and_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9][^\n]*?==[^\n]*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    names = re.findall(r"^[a-zA-Z0-9]", text, re.MULTILINE)
    assert pins
    assert len(pins) == len(names)
    assert not re.search(r"https?:|file:|^\s*#.*\s/|--index|--find-links", text, re.MULTILINE)


def test_there_are_locks_to_look_at() -> None:
    assert [lock.name for lock in LOCKS] == [
        "azure.txt",
        "bootstrap.txt",
        "dev.txt",
        "gcs.txt",
        "git-lfs.txt",
        "release.txt",
        "runtime.txt",
        "s3.txt",
        "servers.txt",
        "sigstore.txt",
    ]


@pytest.mark.parametrize("path", PURE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_core_touches_no_file_process_network_or_clock(path: Path) -> None:
    assert not IMPURE & set(imports(path))
    attributes = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute))
    assert [text for text in map(ast.unparse, attributes) if READS_A_CLOCK.search(text)] == []


@pytest.mark.parametrize("library", sorted(OWNERS))
def test_a_heavy_library_has_one_owner(library: str) -> None:
    users = {str(path.relative_to(ROOT)) for path in (ROOT / "bot").rglob("*.py") if library in set(imports(path))}
    assert users == OWNERS[library]


def test_importing_the_core_loads_no_heavy_library() -> None:
    edges = [
        "promotebot.artifact",
        "promotebot.artifact.loading",
        "promotebot.storage.buckets",
        "promotebot.artifact.manifest",
        "promotebot.artifact.digest",
        "promotebot.cli.main",
    ]
    names = [".".join(path.relative_to(ROOT / "bot").with_suffix("").parts) for path in PURE]
    modules = [*edges, *(name.removesuffix(".__init__") for name in names)]
    heavy = {"github", "git", "onnxruntime", "onnx", "requests", "fsspec", "s3fs", "botocore", "aiohttp"}
    code = f"""
import importlib, sys
for module in {modules}:
    importlib.import_module(module)
    heavy = {heavy} & set(sys.modules)
    if heavy:
        sys.exit(f"{{module}} loads {{sorted(heavy)}}")
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert {"promotebot.promotion.plan", "promotebot.registry.chain"} < set(modules)


def test_no_test_reaches_beyond_this_machine() -> None:
    with socket.socket() as connection, pytest.raises(RuntimeError, match="Network is disabled"):
        connection.connect(("192.0.2.1", 80))  # an address that RFC 5737 keeps for documentation


def test_no_file_names_the_machine_it_was_written_on() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folders = "|".join(re.escape(str(folder)) for folder in MACHINE if folder != Path("/"))
    machine = re.compile(rf"(?<![\w.])({folders})/".encode())
    files = [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    assert files
    assert [path for path in files if machine.search(path.read_bytes())] == []


def test_no_file_names_the_host_of_a_package_registry() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    hosts = re.compile(rb"p[y]pi\.org|p[y]thonhosted\.org|npmj[s]\.(?:org|com)|deb\.de[b]ian\.org")
    files = [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    assert files
    assert [path for path in files if hosts.search(path.read_bytes())] == []


def test_ci_runs_the_test_command_of_the_readme_and_nothing_else() -> None:
    commands = [
        line
        for line in (ROOT / ".ci/run").read_text().splitlines()
        if line and not line.startswith(("#", "set ", "cd "))
    ]
    assert commands == ["make check"]
    assert re.search(r"^make check\s", (ROOT / "README.md").read_text(), re.MULTILINE)


def test_readme_and_package_name_the_same_python_versions() -> None:
    readme, project = (ROOT / "README.md").read_text(), (ROOT / "pyproject.toml").read_text()
    versions = re.findall(r"Python :: (3\.\d+)", project)
    assert (versions[0], versions[-1]) == ("3.10", "3.14")
    assert "Python 3.10 to 3.14" in readme
    assert 'requires-python = ">=3.10"' in project


@pytest.mark.parametrize("arguments", [[], ["promote"], ["nonsense"], ["verify", "--path"], ["promote", "--mod", "x"]])
def test_a_wrong_command_line_ends_with_two_and_the_next_command(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-m", "promotebot", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert "Next: " in done.stderr
    assert "Traceback" not in done.stderr
