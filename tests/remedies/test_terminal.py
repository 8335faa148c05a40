"""Each line that a refusal at a terminal gives is pasted into a shell as it stands, and its finding is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promotebot.artifact.evidence import Evidence
from promotebot.cli.main import main
from promotebot.cli.registry import _put_back
from promotebot.planning.examiner import Examiner
from promotebot.promotion.rules.stages import _patches
from tests.demo.story import REGISTRY
from tests.fake_github.people import Person
from tests.office import Office

from .sites import Recorder
from .work_trees import (
    GIT_LFS,
    another_history,
    another_model,
    behind,
    broken_manifest,
    converted_by_git,
    damaged,
    dataset_in_lfs,
    deployed,
    detached,
    dirty,
    empty_directory,
    fresh,
    hook,
    invalid_beside,
    linked_manifest,
    lost_event,
    lost_from_the_work_tree,
    manifest_in_lfs,
    model_in_lfs,
    new,
    no_git,
    no_hook,
    no_manifest,
    no_registry,
    no_registry_once,
    no_remote,
    no_signature,
    nobodys,
    not_committed,
    nothing,
    other_artifacts,
    other_content_in_lfs,
    pipe,
    promoted,
    refused_manifest,
    registry_in_lfs,
    rolled_back,
    shallow,
    sparse,
    sparse_dataset,
    split_beside,
    stranger,
    two_models,
    unlisted,
    unreadable,
    untracked,
    written,
)

pytestmark = pytest.mark.thorough

MODEL, V1, V2, V3 = "regime_classifier", "ml/artifacts/regime_v1", "ml/artifacts/regime_v2", "ml/artifacts/regime_v3"
SHADOW = ("promote", "--model", MODEL, "--stage", "shadow", "--artifact-dir", V3, "--allow-dirty", "--dry-run")
ACTIVE = ("promote", "--model", MODEL, "--stage", "active", "--reason", "it's time")
ROLLBACK = ("rollback", "--model", MODEL, "--reason", "incident #123")


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
    each: bool = False
    """The lines follow one another; of lines to choose from one is enough."""
    meanwhile: Callable[[Person], object] = nothing
    """What the words before the line ask for."""
    then: Sequence[str] = ()
    """Places whose lines follow, one after the other: the remedy says each of them."""


AS_FILE = "registry/lfs.py:stored_by_git"
CASES = (
    Case("artifact/files.py:_stray", empty_directory, SHADOW, "is an empty directory"),
    Case("artifact/files.py:_unlisted", unlisted, SHADOW, "the manifest does not list it"),
    Case("artifact/signatures.py:_no_signature", no_signature, SHADOW, "is no signature"),
    Case("artifact/files.py:check_tracked", untracked, SHADOW, "is not tracked by git"),
    Case("artifact/manifest.py:manifest_command", no_manifest, SHADOW, "There is no manifest.json"),
    Case("artifact/manifest.py:_rewrite", broken_manifest, SHADOW, "error   artifact.manifest"),
    Case("artifact/source.py:fetching", sparse, SHADOW, "this sparse checkout leaves it out"),
    Case("cli/parser.py:_with_missing", fresh, (*SHADOW[:3], *SHADOW[5:]), "are required"),
    Case("cli/parser.py:_with_missing", promoted, (*ROLLBACK[:3], "--dry-run"), "are required"),
    Case("cli/parser.py:_with_missing", nothing, ("rollback",), "", leads_on=True),
    Case("cli/manifest.py:_model_file", two_models, ("manifest", V3), "which file of"),
    Case(
        "artifact/source.py:fetching", sparse_dataset, (*ACTIVE, "--dry-run"), "leaves it out, so it cannot be proven"
    ),
    Case("registry/lfs.py:fetched", model_in_lfs, SHADOW, "is a Git LFS pointer, not the file"),
    Case("artifact/lfs.py:check_held", other_content_in_lfs, SHADOW, "its Git LFS pointer stands for"),
    Case("registry/lfs.py:stored_by_git", converted_by_git, SHADOW, "a checkout converts it"),
    Case("registry/lfs.py:content_remedy", model_in_lfs, ("manifest", V3), "is a Git LFS pointer, not the file"),
    Case("registry/lfs.py:fetched", manifest_in_lfs, SHADOW, "is a Git LFS pointer", then=[AS_FILE]),
    Case(
        "registry/lfs.py:fetched", registry_in_lfs, ("show", "--model", MODEL), "is a Git LFS pointer", then=[AS_FILE]
    ),
    Case("registry/lfs.py:fetched", dataset_in_lfs, ("verify",), "is a Git LFS pointer to the listed content"),
    Case("git/checkout.py:check_can_commit", no_remote, (*ACTIVE, "--commit", "--push"), "no remote origin"),
    Case("git/checkout.py:check_can_commit", detached, (*ACTIVE, "--push"), "HEAD is on no branch"),
    Case("git/checkout.py:commit_path", hook, (*ACTIVE, "--commit"), "git did not commit", meanwhile=no_hook),
    Case("git/repository.py:commit_id", nothing, ("verify", "--base", "nowhere"), "", leads_on=True),
    Case("cli/change.py:committed", nothing, ACTIVE, "", leads_on=True),
    Case("cli/change.py:committed", written, (*ACTIVE, "--commit", "--allow-dirty"), "it is not committed"),
    Case("cli/change.py:committed", nothing, ("registry", "split"), "", leads_on=True),
    Case("cli/init.py:_refuse_deleted", lost_from_the_work_tree, ("init",), "is committed, but not in the work tree"),
    Case("cli/manifest.py:_checked", refused_manifest, ("manifest", V3), "created_at_utc"),
    Case("cli/manifest.py:_written_again", linked_manifest, ("manifest", V3), "is a symbolic link"),
    Case("cli/options.py:_with_stage", nothing, (*ACTIVE, "--dry-run", "--stage", "acitve"), "is not a stage"),
    Case("cli/options.py:_with_stage", promoted, (*ROLLBACK, "--dry-run", "--stage", "prod"), "is not a stage"),
    Case("cli/registry.py:_write_models", stranger, ("registry", "split"), "", leads_on=True),
    Case("cli/schemas.py:_writing", nothing, ("schemas", "schemas", "--check"), "not up to date"),
    Case("cli/verify.py:_verify", no_git, ("verify",), "git is not installed here"),
    Case("cli/verify_checkout.py:verify_checkout", deployed, ("verify",), "not inside a git repository"),
    Case("cli/verify_checkout.py:_registry_at", no_registry_once, ("verify", "--base", "before"), "", leads_on=True),
    Case("promotion/orphans.py:", lost_event, ("verify",), "only in ml/registry/models/regime_classifier.json"),
    Case("promotion/orphans.py:check_orphans", split_beside, ("verify",), "are not used"),
    Case("promotion/orphans.py:_older", invalid_beside, ("verify",), "", leads_on=True),
    Case("promotion/orphans.py:_removed", invalid_beside, ("verify",), "is not valid"),
    Case("promotion/orphans.py:_removed", another_history, ("verify",), "holds another history"),
    Case("registry/codec.py:read_from", unreadable, ("show", "--model", MODEL), "", leads_on=True),
    Case("registry/files.py:_not_found", no_registry, ("show", "--model", MODEL), "registry not found"),
    Case("registry/files.py:_check_status", pipe, ("show", "--model", MODEL), "not a regular file"),
    Case("verification/verify.py:_trained_at", shallow, ("verify",), "was not compared: this clone is shallow"),
    Case(
        "promotion/rules/provenance.py:commit_is_reachable",
        shallow,
        (*ACTIVE, "--artifact-dir", V1, "--dry-run"),
        "was not compared with the history: this clone is shallow",
    ),
    Case(
        "git/checkout.py:_after_push", behind, (*ACTIVE, "--commit", "--push"), "origin did not accept main", each=True
    ),
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

PUT_BACK = "cli/registry.py:_put_back"
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
    case.meanwhile(alice)
    after, chosen = "", lines if case.each else lines[:1]
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
    place = fresh(alice)

    class Meanwhile(Examiner):
        def __call__(self, *arguments: Any) -> Evidence:
            evidence = super().__call__(*arguments)
            report = place / "train_report.json"
            report.write_text(report.read_text() + "\n")
            assert main(["manifest", V3]) == 0
            return evidence

    recorder = Recorder(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr("promotebot.cli.change.examiner_of", lambda _: Meanwhile())
        before = said([word for word in SHADOW if word != "--dry-run"], capsys)
    assert "changed after it was examined" in before
    (line,) = recorder.lines(CHANGING, before)
    done = subprocess.run(["bash", "-c", line], cwd=alice.clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "changed after" not in done.stderr


def test_a_conversion_that_lost_something_is_put_back_by_its_line(alice: Person) -> None:
    assert main(["registry", "split"]) == 0
    line = str(_put_back(REGISTRY))
    done = subprocess.run(["bash", "-c", line], cwd=alice.clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert alice.git("status", "--porcelain") == ""


def test_the_commits_of_an_older_tools_artifact_are_shown_by_their_line(alice: Person) -> None:
    line = str(_patches("ml/artifacts/regime_v1"))
    done = subprocess.run(["bash", "-c", line], cwd=alice.clone, capture_output=True, errors="replace", check=False)
    assert (done.returncode, "ml/artifacts/regime_v1/manifest.json" in done.stdout) == (0, True)
