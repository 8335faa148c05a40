"""Each line that a refusal at a terminal gives is pasted into a shell as it stands, and its finding is gone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promotebot.artifact.evidence import Evidence
from promotebot.cli.main import main
from promotebot.planning.examiner import Examiner
from tests.cli.test_verify import dataset
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person
from tests.office import Office

from .sites import Recorder

pytestmark = pytest.mark.thorough

MODEL, V1, V2, V3 = "regime_classifier", "ml/artifacts/regime_v1", "ml/artifacts/regime_v2", "ml/artifacts/regime_v3"
SHADOW = ("promote", "--model", MODEL, "--stage", "shadow", "--artifact-dir", V3, "--allow-dirty", "--dry-run")
ACTIVE = ("promote", "--model", MODEL, "--stage", "active", "--reason", "it's time")
ROLLBACK = ("rollback", "--model", MODEL, "--reason", "incident #123")


def fresh(alice: Person, *, commit: bool = True, **changes: str | None) -> Path:
    """Return a new artifact; a value of None takes a key out of its manifest."""
    place = alice.clone / V3
    shutil.copytree(alice.clone / V2, place)
    path = place / "manifest.json"
    document = {**json.loads(path.read_bytes()), **changes}
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))
    if commit:
        alice.commit("feat: A third model")
    return place


def empty_directory(alice: Person) -> None:
    (fresh(alice) / "empty").mkdir()


def unlisted(alice: Person) -> None:
    (fresh(alice, commit=False) / "it's more.txt").write_text("x")
    alice.commit("feat: A third model with more")


def untracked(alice: Person) -> None:
    fresh(alice)
    alice.git("rm", "--quiet", "--cached", f"{V3}/train_report.json")
    alice.write(".gitignore", "train_report.json\n")
    alice.git("add", ".gitignore")
    alice.git("commit", "--quiet", "--message", "chore: Leave the reports out")


def no_manifest(alice: Person) -> None:
    (fresh(alice, commit=False) / "manifest.json").unlink()
    alice.commit("feat: A third model without a manifest")


def broken_manifest(alice: Person) -> None:
    (fresh(alice, commit=False) / "manifest.json").write_text("[]")
    alice.commit("feat: A third model with a broken manifest")


def sparse(alice: Person) -> None:
    alice.git("sparse-checkout", "set", "ml/artifacts")


def no_remote(alice: Person) -> None:
    alice.git("remote", "remove", "origin")


def detached(alice: Person) -> None:
    alice.git("switch", "--quiet", "--detach")


def damaged(alice: Person) -> None:
    model = alice.clone / V2 / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\x00")


def promoted(_alice: Person) -> None:
    assert main([*ACTIVE, "--commit"]) == 0


def rolled_back(alice: Person) -> None:
    promoted(alice)
    assert main([*ROLLBACK, "--commit"]) == 0


def not_committed(alice: Person) -> None:
    alice.git("rm", "--quiet", "--cached", REGISTRY)
    alice.git("commit", "--quiet", "--message", "chore: Take the registry out")


def dirty(alice: Person) -> None:
    alice.write("notes.txt", "mine\n")


def another_model(alice: Person) -> None:
    fresh(alice, model="other")
    assert main(["promote", "--model", "other", "--stage", "shadow", "--artifact-dir", V3, "--commit"]) == 0


def other_artifacts(alice: Person) -> None:
    alice.git("remote", "set-head", "origin", "main")
    fresh(alice)
    shutil.copytree(alice.clone / V3, alice.clone / "ml/artifacts/regime_v4")
    alice.commit("feat: A fourth model")


def nobodys(alice: Person) -> None:
    fresh(alice, model=None)


def new(alice: Person) -> None:
    fresh(alice, notes="another artifact")
    model = alice.clone / V3 / "train_report.json"
    model.write_text(model.read_text() + "\n")
    assert main(["manifest", V3]) == 0
    alice.commit("feat: Another report")


def behind(alice: Person) -> None:
    alice.write("README.md", "theirs\n")
    alice.commit("docs: Theirs")
    alice.git("push", "--quiet", "origin", "HEAD:refs/heads/main")
    alice.git("reset", "--quiet", "--hard", "HEAD^")


GIT_LFS = """#!/bin/sh
# What `git lfs pull --include PATH` does, for want of a server of its kind: the content comes from a directory.
[ "$1 $2" = "pull --include" ] && cp "$GIT_LFS_CONTENT/$(basename "$3")" "$3"
"""


def pointer_for(alice: Person, path: str) -> None:
    """A commit holds a Git LFS pointer instead of a file, which git-lfs, a stand-in here, has the content of."""
    file, content = alice.clone / path, Path(os.environ["GIT_LFS_CONTENT"])
    content.mkdir()
    shutil.copy(file, content)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {file.stat().st_size}\n"
    file.write_text(pointer)
    alice.write(".gitattributes", f"*{file.suffix} filter=lfs diff=lfs merge=lfs -text\n")
    alice.commit("chore: Track it by Git LFS")


def model_in_lfs(alice: Person) -> None:
    fresh(alice)
    pointer_for(alice, f"{V3}/model.onnx")


def manifest_in_lfs(alice: Person) -> None:
    fresh(alice)
    pointer_for(alice, f"{V3}/manifest.json")


def registry_in_lfs(alice: Person) -> None:
    pointer_for(alice, REGISTRY)


def dataset_in_lfs(alice: Person) -> None:
    dataset(alice.clone, "market_data_2026_q1_btcusdt")
    pointer_for(alice, "ml/datasets/market_data_2026_q1_btcusdt/data.parquet")


def sparse_dataset(alice: Person) -> None:
    dataset(alice.clone, "market_data_2026_q1_multi")
    alice.commit("feat: A dataset")
    alice.git("sparse-checkout", "set", "ml/artifacts", "ml/registry")


def nothing(_alice: Person) -> None:
    """The repository as it is."""


@dataclass(frozen=True)
class Case:
    """A state, a command that is refused there (or warned about), and the place whose lines mend it."""

    site: str
    state: Callable[[Person], object]
    command: Sequence[str]
    gone: str
    """What the command says before, and not after."""
    leads_on: bool = False
    """The line shows something, or does another thing first: that it runs is all it promises."""
    then: Sequence[str] = ()
    """Places whose lines follow, one after the other: the remedy says each of them."""


AS_FILE = "registry/lfs.py:stored_by_git"
CASES = (
    Case("artifact/files.py:_stray", empty_directory, SHADOW, "is an empty directory"),
    Case("artifact/files.py:_unlisted", unlisted, SHADOW, "the manifest does not list it"),
    Case("artifact/files.py:check_tracked", untracked, SHADOW, "is not tracked by git"),
    Case("artifact/manifest.py:manifest_command", no_manifest, SHADOW, "There is no manifest.json"),
    Case("artifact/manifest.py:_rewrite", broken_manifest, SHADOW, "error   artifact.manifest"),
    Case("artifact/source.py:fetching", sparse, SHADOW, "this sparse checkout leaves it out"),
    Case("cli/manifest.py:_model_file", no_manifest, ("manifest", V3), "which file of"),
    Case("cli/work_tree.py:work_tree_of", nothing, ("verify", "--base-dir", "ml"), "not the repository's root"),
    Case(
        "artifact/source.py:fetching", sparse_dataset, (*ACTIVE, "--dry-run"), "leaves it out, so it cannot be proven"
    ),
    Case("registry/lfs.py:fetched", model_in_lfs, SHADOW, "is a Git LFS pointer", then=[AS_FILE]),
    Case("registry/lfs.py:fetched", manifest_in_lfs, SHADOW, "is a Git LFS pointer", then=[AS_FILE]),
    Case(
        "registry/lfs.py:fetched", registry_in_lfs, ("show", "--model", MODEL), "is a Git LFS pointer", then=[AS_FILE]
    ),
    Case("registry/lfs.py:fetched", dataset_in_lfs, ("verify",), "is a Git LFS pointer to the listed content"),
    Case("git/checkout.py:check_can_commit", no_remote, (*ACTIVE, "--commit", "--push"), "no remote origin"),
    Case("git/checkout.py:check_can_commit", detached, (*ACTIVE, "--push"), "HEAD is on no branch"),
    Case("git/checkout.py:_after_push", behind, (*ACTIVE, "--commit", "--push"), "origin did not accept main"),
    Case("planning/restore.py:remedy", damaged, ("verify",), "restore what was promoted"),
    Case("planning/rollback.py:_nothing", nothing, (*ROLLBACK, "--stage", "staging"), "", leads_on=True),
    Case("planning/rollback.py:_line", rolled_back, ROLLBACK, "no earlier pointer of ACTIVE"),
    Case("planning/worktree.py:_context", not_committed, (*ACTIVE, "--allow-dirty"), "the registry is not committed"),
    Case("planning/worktree.py:_clean_tree", dirty, ACTIVE, "error   git.clean"),
    Case("planning/worktree.py:_clean_tree", dirty, (*ACTIVE, "--dry-run"), "", leads_on=True),
    Case("promotion/infer.py:_model", another_model, (ACTIVE[0], *ACTIVE[3:], "--dry-run"), "Which model?"),
    Case("promotion/infer.py:_artifact", other_artifacts, (*SHADOW[:5], "--dry-run"), "Which artifact?"),
    Case(
        "promotion/request.py:show_stages", nothing, ("demote", *ROLLBACK[1:], "--stage", "staging"), "", leads_on=True
    ),
    Case("promotion/request.py:command", nothing, (*ROLLBACK, "--to", "regime_v2_candidate"), "", leads_on=True),
    Case("promotion/request.py:unknown_model", promoted, (*ROLLBACK, "--model", "regime_clasifier"), "Unknown model"),
    Case(
        "promotion/rules/provenance.py:manifest_agrees", nothing, (*ACTIVE, "--git-sha", "1" * 40), "the manifest says"
    ),
    Case(
        "promotion/rules/request.py:model_is_known",
        nobodys,
        ("promote", "--model", "brand_new", *SHADOW[3:]),
        "Unknown model",
    ),
    Case(
        "promotion/rules/request.py:reason_is_given",
        promoted,
        ("promote", "--stage", "active", "--artifact-dir", V1, "--artifact-id", "again"),
        "A rollback requires --reason",
    ),
    Case("promotion/rules/stages.py:prior_stage", new, (*ACTIVE, "--artifact-dir", V3), "", leads_on=True),
    Case("promotion/rules/way_back.py:stage_is_not_held", rolled_back, (*ACTIVE, "--artifact-id", "x"), "is held"),
)

CHANGING = "planning/worktree.py:_check_unchanged"


@pytest.fixture
def alice(office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Person:
    """A clone to work in, entered, with an actor, and with the command on the path as an installation has it."""
    alice = office.person("alice")
    monkeypatch.chdir(alice.clone)
    program = tmp_path / "bin/promotebot"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -m promotebot "$@"\n')
    program.chmod(0o755)
    (program.parent / "git-lfs").write_text(GIT_LFS)
    (program.parent / "git-lfs").chmod(0o755)
    monkeypatch.setenv("GIT_LFS_CONTENT", str(tmp_path / "lfs"))
    for name, value in {**alice.environment, "ML_PROMOTION_ACTOR": "alice@example.com"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("GITHUB_EVENT_NAME", raising=False)
    return alice


def said(command: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    main(list(command))
    return "\n".join(capsys.readouterr())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.site} {case.gone}".rstrip())
def test_the_line_runs_as_it_is_pasted_and_its_finding_is_gone(
    case: Case, alice: Person, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case.state(alice)
    recorder = Recorder(monkeypatch)
    before = said(case.command, capsys)
    assert case.gone in before, before
    lines = recorder.lines(case.site, before)
    assert lines, (recorder.made.get(case.site), before)
    # Of lines to choose from one is enough; of those that follow each other, each.
    after, chosen = "", lines if case.site.endswith("_after_push") else lines[:1]
    chosen += [line for site in case.then for line in recorder.lines(site, before)[:1]]
    assert len(chosen) > len(case.then), before
    for line in chosen:
        done = subprocess.run(["bash", "-c", line], cwd=alice.clone, capture_output=True, text=True, check=False)
        after = f"{done.stdout}{done.stderr}"
        assert done.returncode == 0, (line, after)
    if not case.leads_on:
        is_it_again = chosen[-1].startswith(f"promotebot {case.command[0]} ")
        again = after if is_it_again else said(case.command, capsys)
        assert case.gone not in again, again


def test_what_changed_while_it_was_examined_is_promoted_by_the_line_when_nobody_writes_there(
    alice: Person, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, examiner = fresh(alice), Examiner()

    def examine(*arguments: Any) -> Evidence:
        evidence = examiner(*arguments)
        report = place / "train_report.json"
        report.write_text(report.read_text() + "\n")
        assert main(["manifest", V3]) == 0
        return evidence

    recorder = Recorder(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr("promotebot.cli.change.Examiner", lambda: examine)
        before = said([word for word in SHADOW if word != "--dry-run"], capsys)
    assert "changed after it was examined" in before
    (line,) = recorder.lines(CHANGING, before)
    done = subprocess.run(["bash", "-c", line], cwd=alice.clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "changed after" not in done.stderr
