"""Every answer follows the schema GitHub publishes for it (as the package githubkit-schemas carries it)."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from tests.fake_github.bare import ZERO
from tests.fake_github.records import Dispatch

from .conftest import World

BASE = "/repos/acme/models"
Request = tuple[str, str, str, object, str]
"""Method, path, token, body, and the name of the model that the answer follows."""


@pytest.fixture(scope="module")
def models() -> ModuleType:
    return importlib.import_module("githubkit_schemas.v2026_03_10.models")


def test_answers_about_pull_requests_follow_the_schemas_github_publishes(world: World, models: ModuleType) -> None:
    world.pull()
    world.pull(head="merged-already", files={"other.txt": "1\n"})
    world.repo.merge(2, by="bob")
    world.alice.branch("third", {"third.txt": "1\n"}, start="main")
    world.repo.review(1, by="bob")
    alice, bot = world.token("alice"), world.bot_token()
    comment = world.http("POST", f"{BASE}/issues/1/comments", bot, {"body": "hello"}).body
    comment_path = f"{BASE}/issues/comments/{comment['id']}"
    requests: list[Request] = [
        ("GET", f"{BASE}/pulls?state=all", alice, None, "list[PullRequestSimple]"),
        ("GET", f"{BASE}/pulls/1", alice, None, "PullRequest"),
        ("GET", f"{BASE}/pulls/2", alice, None, "PullRequest"),
        ("POST", f"{BASE}/pulls", alice, {"title": "t", "head": "third", "base": "main"}, "PullRequest"),
        ("GET", f"{BASE}/commits/{world.repo.pull(2).merge_commit_sha}/pulls", alice, None, "list[PullRequestSimple]"),
        ("GET", f"{BASE}/pulls/1/reviews", alice, None, "list[PullRequestReview]"),
        ("POST", f"{BASE}/issues/1/labels", bot, ["promote:active", "kept"], "list[Label]"),
        ("GET", f"{BASE}/issues/1/labels", alice, None, "list[Label]"),
        ("DELETE", f"{BASE}/issues/1/labels/promote:active", bot, None, "list[Label]"),
        ("GET", f"{BASE}/issues", alice, None, "list[Issue]"),
        ("GET", f"{BASE}/issues/1/comments", alice, None, "list[IssueComment]"),
        ("POST", f"{comment_path}/reactions", alice, {"content": "eyes"}, "Reaction"),
        ("GET", f"{comment_path}/reactions", alice, None, "list[Reaction]"),
        ("GET", comment_path, alice, None, "IssueComment"),
        ("PATCH", comment_path, bot, {"body": "again"}, "IssueComment"),
        ("PATCH", f"{BASE}/issues/1", alice, {"title": "Add v2, again"}, "Issue"),
        ("PATCH", f"{BASE}/issues/1", alice, {"state": "closed"}, "Issue"),
        ("POST", f"{BASE}/issues", alice, {"title": "plain"}, "Issue"),
    ]
    check_answers(world, models, requests)


CHECK_RUNS = "ReposOwnerRepoCommitsRefCheckRunsGetResponse200"


def test_answers_about_commits_follow_the_schemas_github_publishes(world: World, models: ModuleType) -> None:
    sha = world.pull().head_sha
    alice, bot = world.token("alice"), world.bot_token()
    run = {"name": "gate", "head_sha": sha, "conclusion": "success", "output": {"title": "t", "summary": "s"}}
    deployments = f"{BASE}/deployments"
    deployed = world.http("POST", deployments, bot, {"ref": "main", "payload": {"model": "m"}}).body
    statuses = f"{deployments}/{deployed['id']}/statuses"
    requests: list[Request] = [
        ("POST", deployments, alice, {"ref": "main"}, "Deployment"),
        ("GET", deployments, alice, None, "list[Deployment]"),
        ("POST", statuses, bot, {"state": "in_progress"}, "DeploymentStatus"),
        ("GET", statuses, alice, None, "list[DeploymentStatus]"),
        ("GET", BASE, alice, None, "FullRepository"),
        ("GET", f"{BASE}/collaborators/bob/permission", bot, None, "RepositoryCollaboratorPermission"),
        ("GET", f"{BASE}/activity?ref=add-v2", alice, None, "list[Activity]"),
        ("POST", f"{BASE}/statuses/{sha}", alice, {"state": "success"}, "Status"),
        ("GET", f"{BASE}/commits/{sha}/statuses", alice, None, "list[Status]"),
        ("POST", f"{BASE}/check-runs", bot, run, "CheckRun"),
        ("GET", f"{BASE}/commits/{sha}/check-runs", bot, None, CHECK_RUNS),
    ]
    check_answers(world, models, requests)
    world.hub.teams["acme/ml"] = {"bob": "active"}
    members = world.repo.issue_app_token({"members": "read"})
    check_answers(world, models, [("GET", "/orgs/acme/teams/ml/memberships/bob", members, None, "TeamMembership")])


def test_answers_about_git_objects_follow_the_schemas_github_publishes(world: World, models: ModuleType) -> None:
    bot, git = world.bot_token(), world.repo.git
    tree = {"base_tree": "main", "tree": [{"path": "a", "mode": "100644", "type": "blob", "content": "a\n"}]}
    commit = {"message": "x", "tree": "main", "parents": [git.branch("main")]}
    requests: list[Request] = [
        ("POST", f"{BASE}/git/trees", bot, tree, "GitTree"),
        ("GET", f"{BASE}/git/trees/{git.branch('main')}?recursive=1", bot, None, "GitTree"),
        ("POST", f"{BASE}/git/commits", bot, commit, "GitCommit"),
        ("POST", f"{BASE}/git/refs", bot, {"ref": "refs/heads/new", "sha": git.branch("main")}, "GitRef"),
    ]
    check_answers(world, models, requests)
    world.repo.protect("main", linear_history=True, signed_commits=True)
    rules = world.http("GET", f"{BASE}/rules/branches/main", bot).body
    assert [rule["type"] for rule in rules] == ["pull_request", "required_linear_history", "required_signatures"]
    kinds = [getattr(models, name) for name in dir(models) if name.startswith("RepositoryRuleDetailedOneof")]
    for rule in rules:
        (model,) = (kind for kind in kinds if get_args(kind.model_fields["type"].annotation) == (rule["type"],))
        TypeAdapter(model).validate_python(rule)


def test_answers_about_settings_follow_the_schemas_github_publishes(world: World, models: ModuleType) -> None:
    settings = world.repo.settings
    settings.require_status("main", "promotebot/gate", 15368)
    settings.require_status("main", "anything", None)
    for kind in ("required_linear_history", "required_signatures", "pull_request", "merge_queue"):
        settings.add_rule("main", kind)
    world.alice.branch("free", {"free.txt": "1\n"})
    settings.environments |= {"promotebot": ("main",), "open": None}
    settings.teams.append("ops")
    world.alice.commit({".github/CODEOWNERS": "# who\n/ml/ @nobody @bob @acme/ops\n"})
    world.alice.push("HEAD:main")
    world.repo.protect("main", required_checks=["promotebot/gate"], required_reviews=1, is_classic=True)
    world.hub.add_user("root")
    world.repo.set_role("root", "admin")
    root, bot = world.token("root"), world.bot_token()
    policies = "ReposOwnerRepoEnvironmentsEnvironmentNameDeploymentBranchPoliciesGetResponse200"
    requests: list[Request] = [
        ("GET", f"{BASE}/branches/main", root, None, "BranchWithProtection"),
        ("GET", f"{BASE}/branches/free", bot, None, "BranchWithProtection"),
        ("GET", f"{BASE}/branches/main/protection", root, None, "BranchProtection"),
        ("GET", f"{BASE}/actions/permissions/workflow", root, None, "ActionsGetDefaultWorkflowPermissions"),
        ("POST", f"{BASE}/labels", bot, {"name": "promote:active", "description": "d"}, "Label"),
        ("GET", f"{BASE}/labels", root, None, "list[Label]"),
        ("GET", f"{BASE}/codeowners/errors", root, None, "CodeownersErrors"),
        ("GET", f"{BASE}/environments/promotebot", root, None, "Environment"),
        ("GET", f"{BASE}/environments/open", root, None, "Environment"),
        ("GET", f"{BASE}/environments/promotebot/deployment-branch-policies", root, None, policies),
        ("GET", f"{BASE}/teams", root, None, "list[Team]"),
        ("GET", BASE, bot, None, "FullRepository"),
    ]
    check_answers(world, models, requests)
    details = [getattr(models, f"RepositoryRuleDetailedOneof{number}") for number in range(25)]
    rules = world.http("GET", f"{BASE}/rules/branches/main", bot).body
    assert len(rules) == 6
    by_kind = {get_args(detail.model_fields["type"].annotation)[0]: detail for detail in details}
    for rule in rules:
        by_kind[rule["type"]].model_validate(rule)


def check_answers(world: World, models: ModuleType, requests: list[Request]) -> None:
    """Make these requests and validate every answer by the model that is named last."""
    for method, path, token, body, schema in requests:
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
    repo.post_status(before, "evaluation", "success", by="carol")
    payloads["WebhookStatus"] = repo.status_event()
    payloads["WebhookCheckSuiteCompleted"] = repo.check_suite_event(1, app="trainer")
    repo.mark_ready(1)
    payloads["WebhookPullRequestReadyForReview"] = event(1, action="ready_for_review")
    repo.merge_queue.add(1, by="bob")
    payloads["WebhookMergeGroupChecksRequested"] = repo.merge_group_event(1)
    payloads["WebhookWorkflowRunCompleted of the queue"] = repo.queue_run_event(review, 1)
    repo.merge(1, by="bob")
    payloads["WebhookPush of a merge"] = repo.merged_push_event(1)
    for schema, payload in payloads.items():
        adapter(models, schema.partition(" ")[0]).validate_python(payload)


def adapter(models: ModuleType, schema: str) -> TypeAdapter[Any]:
    name = schema.removeprefix("list[").removesuffix("]")
    model: Any = getattr(models, name)
    wanted: Any = list.__class_getitem__(model) if schema.startswith("list[") else model
    return TypeAdapter(wanted)
