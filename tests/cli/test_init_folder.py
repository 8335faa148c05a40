"""`promotebot init --base-dir`: workflow files of its own for one of several registries, beside those of the others."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from promotebot.cli.main import main
from promotebot.workflow_files import Folder, workflow_files
from tests.cli.test_init_workflows import ACTION, BIN, LINTERS
from tests.e2e.expression import holds
from tests.office import ROOT

FOLDER = "teams/fraud"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*options: str) -> int:
    return main(["init", "--action", ACTION, *options])


def workflow(root: Path, name: str) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load((root / f".github/workflows/{name}.yml").read_text())
    return loaded


def test_a_second_registry_gets_files_of_its_own_and_changes_none_of_the_first(root: Path, capsys: Capture) -> None:
    assert init() == 0
    before = {path: path.read_bytes() for path in (root / ".github").rglob("*") if path.is_file()}
    capsys.readouterr()
    assert init("--base-dir", FOLDER) == 0
    told = capsys.readouterr().out
    assert {path: path.read_bytes() for path in before} == before
    assert (root / FOLDER / "ml/registry/models.json").is_file()
    names = {path.stem for path in (root / ".github/workflows").iterdir()}
    assert names == {"promote", "gate", "verify", "review", "promote-fraud", "gate-fraud", "verify-fraud"}
    for name in ("promote-fraud", "gate-fraud", "verify-fraud"):
        steps = [step for job in workflow(root, name)["jobs"].values() for step in job["steps"]]
        assert {(step["with"]["base-dir"], step["with"]["prefix"]) for step in steps} == {(FOLDER, "/fraud")}
    assert workflow(root, "gate-fraud")[True]["workflow_run"]["workflows"] == ["review", "promote"]
    assert "'promote fraud' beside review under `workflow_run: workflows:` in .github/workflows/gate.yml" in told
    assert f"require the status check {FOLDER}: promotebot/gate on main" in told
    assert "gh label create fraud:promote:active" in told
    assert f"promotebot verify --base-dir {FOLDER}" in told
    assert f"{FOLDER}/ml/artifacts/** -text" in (root / ".gitattributes").read_text()
    assert main(["verify", "--base-dir", FOLDER]) == 0


def test_no_two_registries_have_a_group_or_a_name_in_common(root: Path) -> None:
    for options in ([], ["--base-dir", FOLDER], ["--base-dir", "teams/search"]):
        assert init(*options) == 0
    texts = [path.read_text() for path in (root / ".github/workflows").iterdir() if path.stem != "review"]
    groups = [group for text in texts for group in re.findall(r"group: (\S+?)-\$", text)]
    names = [name for text in texts for name in re.findall(r"^name: (.+)$", text, re.MULTILINE)]
    assert len(groups) == len({*groups}) == 12
    assert len(names) == len({*names}) == 9
    assert workflow(root, "gate-search")[True]["workflow_run"]["workflows"] == ["review", "promote fraud", "promote"]


@pytest.mark.parametrize("word", ["/frauds", "/fraud-2", "/fra"])
def test_a_word_that_begins_as_another_registrys_is_refused(root: Path, capsys: Capture, word: str) -> None:
    """The other one's job would start, and answer that nothing was understood."""
    assert init("--base-dir", FOLDER) == 0
    before = sorted(root.rglob("*"))
    assert init("--base-dir", "teams/search", "--prefix", word) == 2
    assert "'/fraud', the word of another registry, begin alike" in capsys.readouterr().err
    assert sorted(root.rglob("*")) == before
    assert init("--base-dir", "teams/search", "--prefix", "/search") == 0


def test_it_may_be_run_twice_and_from_inside_the_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert init("--base-dir", FOLDER, "--code-owners", "@acme/fraud") == 0
    assert f"/{FOLDER}/ml/registry/ @acme/fraud" in (root / ".github/CODEOWNERS").read_text()
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and ".git/" not in str(path)}
    monkeypatch.chdir(root / FOLDER)
    capsys.readouterr()
    assert init("--base-dir", ".", "--code-owners", "@acme/fraud") == 0
    assert "created" not in capsys.readouterr().out
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.thorough
@pytest.mark.parametrize("flags", [[], ["--app"], ["--shards", "3"]], ids=["plain", "app", "shards"])
@pytest.mark.parametrize("linter", sorted(LINTERS))
def test_what_it_lays_passes_the_linters(linter: str, flags: list[str], root: Path) -> None:
    assert init("--base-dir", FOLDER, *flags) == 0
    files = sorted(map(str, (root / ".github/workflows").glob("*.yml")))
    meant = (ROOT / ".github/zizmor.yml").read_text()
    (root / "zizmor.yml").write_text(re.sub(r"(gate|promote|verify)\.yml", r"\1-fraud.yml", meant))
    flags = [flag.replace(str(ROOT / ".github/zizmor.yml"), str(root / "zizmor.yml")) for flag in LINTERS[linter]]
    done = subprocess.run([str(BIN / linter), *flags, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"body": "/fraud promote active"}, True),
        ({"body": "Thanks\n/fraud rollback m"}, True),
        ({"body": "/promote active"}, False),
        ({"body": "/search promote active"}, False),
        ({"body": "hold"}, False),
        ({"body": "/fraud hold", "by": "Bot"}, False),
    ],
)
@pytest.mark.parametrize("app", [False, True], ids=["plain", "app"])
def test_only_its_own_word_starts_the_job(event: dict[str, str], expected: bool, app: bool) -> None:
    files = workflow_files(ACTION, ["main"], app=app, folder=Folder(FOLDER, "/fraud"))
    condition = yaml.safe_load(files[".github/workflows/promote-fraud.yml"])["jobs"]["promote"]["if"]
    by = event.get("by", "User")
    comment = {"body": event["body"], "user": {"type": by}}
    payload = {"action": "created", "comment": comment, "issue": {"state": "open"}, "sender": {"type": by}}
    assert holds(condition, {"event_name": "issue_comment", "event": {**payload, "changes": {}}}) is expected
    for label, starts in (("fraud:promote:active", True), ("promote:active", False)):
        given = {"event_name": "pull_request_target", "event": {"label": {"name": label}}}
        assert holds(condition, given) is starts


@pytest.mark.parametrize("flags", [[], ["--app"], ["--shards", "3"]], ids=["plain", "app", "shards"])
def test_the_only_registry_may_have_a_word_of_its_own_too(flags: list[str], root: Path) -> None:
    assert init("--prefix", "/model", *flags) == 0
    for name in ("promote", "gate", "verify"):
        steps = [step for job in workflow(root, name)["jobs"].values() for step in job["steps"]]
        ours = [step for step in steps if ACTION.startswith(step["uses"])]
        assert ours
        assert {step["with"].get("prefix") for step in ours} == {"/model"}
    condition = workflow(root, "promote")["jobs"]["promote"]["if"]
    for body, starts in (("/model promote active", True), ("Thanks\n/model help", True), ("/promote active", False)):
        comment = {"body": body, "user": {"type": "User"}}
        payload = {"action": "created", "comment": comment, "issue": {"state": "open"}, "sender": {"type": "User"}}
        assert holds(condition, {"event_name": "issue_comment", "event": {**payload, "changes": {}}}) is starts


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--base-dir", "teams/a b"], 2, "cannot be the folder of a registry"),
        (["--base-dir", ".hidden"], 2, "cannot be the folder of a registry"),
        (["--base-dir", "teams/promote"], 2, "cannot be the word of its commands"),
        (["--base-dir", "teams/2024"], 2, "cannot be the word of its commands"),
        (["--base-dir", FOLDER, "--prefix", "fraud"], 2, "'fraud' does not begin with a slash"),
        (["--base-dir", "..", "--prefix", "/x"], 2, "not inside a git repository"),
        (["--prefix", "fraud"], 2, " --prefix /fraud"),
        (["--prefix", "Fraud!"], 2, "such as /model"),
        (["--prefix", "/promote"], 2, "such as /model"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    options: list[str], code: int, says: str, root: Path, capsys: Capture
) -> None:
    assert init(*options) == code
    assert says in capsys.readouterr().err
    assert [path.name for path in root.iterdir()] == [".git"]


def test_a_word_that_another_registry_has_is_told_with_the_line_that_works(root: Path, capsys: Capture) -> None:
    assert init("--base-dir", FOLDER) == 0
    capsys.readouterr()
    assert init("--base-dir", "other/fraud") == 1
    line = re.search(r"promotebot (init .* --prefix /other-fraud)$", capsys.readouterr().err, re.MULTILINE)
    assert line
    assert init("--base-dir", "other/fraud", "--prefix", "/other-fraud") == 0
    assert workflow(root, "promote-other-fraud")["name"] == "promote other-fraud"
