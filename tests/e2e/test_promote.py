"""promote.yml and action.yml, run by a real runner against the embedded GitHub."""

from __future__ import annotations

import pytest

from bot.registry import ModelRegistry
from bot.sandbox.demo import REGISTRY

from .conftest import Site

pytestmark = pytest.mark.e2e


def test_a_comment_promotes_to_shadow_with_commit_check_and_comment(site: Site) -> None:
    number = site.pull_with_artifact()
    before = site.repository.pull(number).head_sha
    runs = site.comment(number, "/promote shadow")
    assert (runs["promote"].result, runs["merged"].result) == ("success", "skipped"), runs["promote"].log
    after = site.repository.pull(number).head_sha
    assert site.repository.git.run("rev-parse", f"{after}^").strip() == before
    assert site.repository.git.run("diff", "--name-only", before, after).split() == [REGISTRY]
    registry = ModelRegistry.parse(site.repository.git.run_bytes("cat-file", "blob", f"{after}:{REGISTRY}"))
    pointer = registry.get_stage_pointer("regime_classifier", "shadow")
    assert pointer
    assert pointer.artifact_dir == "ml/artifacts/regime_v2"
    assert site.checks(after) == ["success"]
    (comment,) = site.comments(number)
    assert "ready to sign off" in comment


def test_an_ordinary_comment_starts_no_step(site: Site) -> None:
    number = site.pull_with_artifact()
    runs = site.comment(number, "Looks good. Should we /promote it, or ask @bob first?\n> /promote active")
    assert {job: (run.result, run.steps) for job, run in runs.items()} == {
        "promote": ("skipped", ()),
        "merged": ("skipped", ()),
    }
    assert site.comments(number) == []
