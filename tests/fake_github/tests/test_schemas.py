"""Every answer follows the schema GitHub publishes for it (as the package githubkit-schemas carries it)."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.fake_github.bare import ZERO
from tests.fake_github.records import Dispatch

from .conftest import World


@pytest.fixture(scope="module")
def models() -> ModuleType:
    return importlib.import_module("githubkit_schemas.v2026_03_10.models")


def test_every_answer_follows_the_schema_github_publishes(world: World, models: ModuleType) -> None:
    world.pull()
    world.pull(head="merged-already", files={"other.txt": "1\n"})
    world.repo.merge(2, by="bob")
    sha = world.repo.pull(1).head_sha
    alice, bot, bob = world.token("alice"), world.bot_token(), world.token("bob")
    world.alice.branch("third", {"third.txt": "1\n"}, start="main")
    base = "/repos/acme/models"
    output = {"title": "t", "summary": "s"}
    run = {"name": "gate", "head_sha": sha, "conclusion": "success", "output": output}
    comment = world.http("POST", f"{base}/issues/1/comments", bot, {"body": "hello"}).body
    reaction = f"{base}/issues/comments/{comment['id']}/reactions"
    deployments = f"{base}/deployments"
    deployed = world.http("POST", deployments, bot, {"ref": "main", "payload": {"model": "m"}}).body
    statuses = f"{deployments}/{deployed['id']}/statuses"
    world.repo.review(1, by="bob")
    started = world.repo.start_run("workflow_dispatch", actor="alice")
    made = [
        ("POST", deployments, alice, {"ref": "main"}, "Deployment"),
        ("GET", deployments, alice, None, "list[Deployment]"),
        ("POST", statuses, bot, {"state": "in_progress"}, "DeploymentStatus"),
        ("GET", statuses, alice, None, "list[DeploymentStatus]"),
        ("GET", base, alice, None, "FullRepository"),
        ("GET", f"{base}/pulls?state=all", alice, None, "list[PullRequestSimple]"),
        ("GET", f"{base}/pulls/1", alice, None, "PullRequest"),
        ("GET", f"{base}/pulls/2", alice, None, "PullRequest"),
        ("GET", f"{base}/pulls/1/reviews", bob, None, "list[PullRequestReview]"),
        ("POST", f"{base}/issues/1/labels", bot, ["promote:active", "kept"], "list[Label]"),
        ("GET", f"{base}/issues/1/events", alice, None, "list[IssueEvent]"),
        ("GET", f"{base}/actions/runs/{started.id}", alice, None, "WorkflowRun"),
        ("GET", f"{base}/issues", alice, None, "list[Issue]"),
        ("GET", f"{base}/issues/1/comments", alice, None, "list[IssueComment]"),
        ("POST", reaction, alice, {"content": "eyes"}, "Reaction"),
        ("GET", f"{base}/collaborators/bob/permission", bot, None, "RepositoryCollaboratorPermission"),
        ("GET", f"{base}/activity?ref=main", alice, None, "list[Activity]"),
        ("POST", f"{base}/statuses/{sha}", alice, {"state": "success"}, "Status"),
        ("POST", f"{base}/check-runs", bot, run, "CheckRun"),
        ("GET", f"{base}/issues/comments/{comment['id']}", alice, None, "IssueComment"),
        ("PATCH", f"{base}/issues/comments/{comment['id']}", bot, {"body": "again"}, "IssueComment"),
        ("GET", f"{base}/issues/1/labels", alice, None, "list[Label]"),
        ("DELETE", f"{base}/issues/1/labels/promote:active", bot, None, "list[Label]"),
        ("PATCH", f"{base}/issues/1", alice, {"title": "Add v2, again"}, "Issue"),
        ("PATCH", f"{base}/issues/1", alice, {"state": "closed"}, "Issue"),
        ("POST", f"{base}/issues", alice, {"title": "plain"}, "Issue"),
        ("POST", f"{base}/pulls", alice, {"title": "t", "head": "third", "base": "main"}, "PullRequest"),
    ]
    for method, path, token, body, schema in made:
        answered = world.http(method, path, token, body)
        assert answered.status < 300, (path, answered.body)
        assert answered.body, path
        adapter(models, schema).validate_python(answered.body)


def test_payloads_follow_the_schemas_of_webhooks(world: World, models: ModuleType) -> None:
    pull = world.pull()
    world.repo.add_label(pull.number, "promote:active")
    comment = world.repo.comment(pull.number, author="alice", body="/promote active")
    created = world.repo.issue_comment_event(comment.id)
    labeled = world.repo.pull_request_event(pull.number, action="labeled", label="promote:active")
    world.repo.merge(pull.number, by="bob")
    closed = world.repo.pull_request_event(pull.number, action="closed", sender="bob")
    adapter(models, "WebhookIssueCommentCreated").validate_python(created)
    adapter(models, "WebhookPullRequestLabeled").validate_python(labeled)
    adapter(models, "WebhookPullRequestClosed").validate_python(closed)


def test_payloads_of_every_other_event_follow_the_schemas_of_webhooks(world: World, models: ModuleType) -> None:
    before = world.pull(draft=True).head_sha
    repo, event = world.repo, world.repo.pull_request_event
    payloads = {
        "WebhookPullRequestOpened": event(1, action="opened"),
        "WebhookPullRequestUnlabeled": event(1, action="unlabeled", label="x", sender="carol"),
        "WebhookPullRequestSynchronize": event(1, action="synchronize", before=before),
        "WebhookPullRequestEdited": event(1, action="edited", changes={"base": "main", "title": "t", "body": "b"}),
        "WebhookPush": repo.push_event("main", before=ZERO, sender="alice"),
        "WebhookRepositoryDispatchSample": repo.repository_dispatch_event(
            Dispatch("t", {"a": 1}, world.hub.user("bob"), world.clock.now)
        ),
        "WebhookWorkflowDispatch": repo.workflow_dispatch_event("w.yml", sender="bob", inputs={"a": "b"}),
    }
    review = ".github/workflows/review.yml"
    payloads["WebhookWorkflowRunCompleted"] = repo.workflow_run_event(
        review, 1, event="pull_request_review", sender="bob"
    )
    repo.mark_ready(1)
    payloads["WebhookPullRequestReadyForReview"] = event(1, action="ready_for_review")
    repo.merge_queue.add(1, by="bob")
    payloads["WebhookMergeGroupChecksRequested"] = repo.merge_group_event(1)
    repo.merge(1, by="bob")
    payloads["WebhookPush of a merge"] = repo.merged_push_event(1)
    for schema, payload in payloads.items():
        adapter(models, schema.partition(" ")[0]).validate_python(payload)


def adapter(models: ModuleType, schema: str) -> TypeAdapter[Any]:
    name = schema.removeprefix("list[").removesuffix("]")
    model: Any = getattr(models, name)
    wanted: Any = list.__class_getitem__(model) if schema.startswith("list[") else model
    return TypeAdapter(wanted)
