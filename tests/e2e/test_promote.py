"""promote.yml and action.yml, run by a real runner against the embedded GitHub: these run with every test run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.demo.story import REGISTRY

from .conftest import OURS, Site, export
from .workflow import as_copied

pytestmark = [pytest.mark.e2e(always=True), pytest.mark.thorough]
RELEASE = f"acme-tools/promotebot@{'c0' * 20}"
LATER = """        id: promotebot
      - if: always()
        env:
          OUTPUTS: ${{ toJSON(steps.promotebot.outputs) }}
        run: printf '%s' "$OUTPUTS" >"$E2E_OUTPUTS"
"""


def test_a_comment_promotes_to_shadow_with_commit_check_and_comment(site: Site) -> None:
    number = site.pull_with_artifact()
    before = site.head(number)
    runs = site.comment(number, "Trained on both quarters.\r\n/promote shadow")
    assert (runs["promote"].result, runs["merged"].result) == ("success", "skipped"), runs["promote"].log
    after = site.head(number)
    assert site.repository.git.run("rev-parse", f"{after}^").strip() == before
    assert site.repository.git.run("diff", "--name-only", before, after).split() == [REGISTRY]
    assert site.pointer(after, "shadow") == "regime_v2"
    assert site.checks(after) == ["success"]
    (comment,) = site.comments(number)
    assert "ready for review" in comment


def test_an_ordinary_comment_starts_no_step(site: Site) -> None:
    number = site.pull_with_artifact()
    runs = site.comment(number, "Looks good. Should we ship it?\r\n and/or not")
    assert {job: (run.result, run.steps) for job, run in runs.items()} == {
        "promote": ("skipped", ()),
        "merged": ("skipped", ()),
    }
    assert site.comments(number) == []


def test_another_bots_command_is_passed_over_without_an_answer(site: Site) -> None:
    number = site.pull_with_artifact()
    head = site.head(number)
    assert site.comment(number, "Fine.\r\n/retest")["promote"].result == "success"
    assert (site.comments(number), site.head(number)) == ([], head)


def test_a_users_copy_needs_no_checkout_and_a_refusal_is_an_answer_with_its_outputs_set(
    site: Site, tmp_path: Path
) -> None:
    path, outputs = ".github/workflows/promote.yml", tmp_path / "outputs.json"
    export(tmp_path / "release")
    copy = as_copied((tmp_path / "release" / path).read_text(encoding="utf-8"), f"{RELEASE} # v1.2.3")
    site.commit_to_main("build: Another file", {}, without=[name for name in OURS if name != "README.md"])
    site.commit_to_main("build: The workflow", {path: copy.replace("# v1.2.3\n", f"# v1.2.3\n{LATER}", 1)})
    number = site.pull_with_artifact()
    head = site.head(number)
    comment = site.repository.comment(number, author="mallory", body="/promote shadow")
    runs = site.start(
        "promote.yml",
        "issue_comment",
        site.repository.issue_comment_event(comment.id),
        actions={RELEASE: tmp_path / "release"},
        environment={"E2E_OUTPUTS": str(outputs)},
    )
    assert runs["promote"].result == "success"
    assert [step.result for step in runs["promote"].steps] == ["success", "success"]
    written = json.loads(outputs.read_text())
    assert (written["decision"], written["reason_code"], written["commit_sha"]) == ("refused", "permission", "")
    assert written["comment_url"].startswith(site.hub.server_url)
    assert json.loads(written["result"])["schema_version"] == "v1"
    assert site.head(number) == head
