"""docs/deploy.yml, run by a real runner: a merge is announced, the CD loads what the stage holds, and reports back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from promotebot.action.announce import TASK, environment_of
from promotebot.github.client import PyGithubClient
from promotebot.registry import ModelRegistry
from tests import fakes
from tests.demo.story import REGISTRY
from tests.fakes import BOT

from .act import JobRun
from .conftest import ROOT, Site, export

pytestmark = pytest.mark.e2e
RELEASE = "acme/promotebot@" + "c0" * 20
MODEL, V1 = "regime_classifier", "ml/artifacts/regime_v1"


def announced(site: Site) -> None:
    """What the bot leaves of a merge by which regime_v1 became ACTIVE; the deployment waits for the CD (`confirm`)."""
    workflow = (ROOT / "docs/deploy.yml").read_text(encoding="utf-8")
    copy = workflow.replace("OWNER/promotebot@COMMIT # VERSION", f"{RELEASE} # v1.2.3")
    site.commit_to_main("build: Deploy by the announcement", {".github/workflows/deploy.yml": copy})
    repository, tip = site.repository, site.repository.git.branch("main") or ""
    data = repository.git.run_bytes("cat-file", "blob", f"{tip}:{REGISTRY}")
    pointer = ModelRegistry.parse(data).get_stage_pointer(MODEL, "active")
    assert pointer
    payload = {"model": MODEL, "stage": "active", "sha": tip, "digest": pointer.digest}
    token = repository.issue_actions_token({"deployments": "write", "contents": "write"})
    settings = fakes.settings(api_url=site.hub.api_url, token=token)
    with closing(PyGithubClient.connect(settings)) as github:
        environment, whole = environment_of(MODEL, "active"), {**payload, "event": pointer.digest}
        made = github.deploy(
            sha=tip,
            environment=environment,
            task=TASK,
            description="",
            payload=whole,
            author_login=BOT,
            production=True,
        )
        github.dispatch("promotebot.promoted", payload)
        github.publish_deployment_state(made.id, state="in_progress", description="")


def deploy(site: Site, release: Path) -> JobRun:
    if not release.exists():
        export(release)
    (sent,) = site.repository.dispatches
    event = site.repository.repository_dispatch_event(sent)
    return site.start("deploy.yml", "repository_dispatch", event, actions={RELEASE: release})["deploy"]


def states(site: Site) -> list[tuple[str, list[str]]]:
    made = site.repository.deployments.values()
    return [(one.environment, [status.state for status in one.statuses]) for one in made]


def test_what_was_announced_is_loaded_and_reported(site: Site, tmp_path: Path) -> None:
    announced(site)
    assert states(site) == [(f"{MODEL}/active", ["in_progress"])]
    run = deploy(site, tmp_path / "release")
    assert run.result == "success", run.log
    assert states(site) == [(f"{MODEL}/active", ["in_progress", "success"])]


def test_what_cannot_be_loaded_is_reported_as_a_failure(site: Site, tmp_path: Path) -> None:
    announced(site)
    site.commit_to_main("feat: Other bytes", {f"{V1}/model.onnx": b"damaged"})
    run = deploy(site, tmp_path / "release")
    assert run.result == "failure", run.log
    assert "the manifest says sha256:" in run.log
    assert states(site) == [(f"{MODEL}/active", ["in_progress", "failure"])]
