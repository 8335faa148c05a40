"""Workflow files as GitHub reads them: triggers, branch filters, permissions."""

from __future__ import annotations

import pytest

from promotebot.doctor.workflow import Workflow, is_pinned, matches


def workflow(head: str, job: str = "{}") -> Workflow:
    return Workflow.parse(f"{head}\njobs:\n  one: {job}\n".encode())


# The rows of GitHub's own cheat sheet, and names that a filter could take for patterns.
@pytest.mark.parametrize(
    ("patterns", "branch", "heard"),
    [
        (["main"], "main", True),
        (["main"], "mains", False),
        (["feature/*"], "feature/my-branch", True),
        (["feature/*"], "feature/beta-a/my-branch", False),
        (["feature/**"], "feature/beta-a/my-branch", True),
        (["*"], "main", True),
        (["*"], "releases/v1", False),
        (["**"], "all/the/branches", True),
        (["*feature"], "mona-feature", True),
        (["v2*"], "v2.0", True),
        (["v[12].[0-9]+.[0-9]+"], "v1.10.1", True),
        (["v[12].[0-9]+.[0-9]+"], "v3.1.1", False),
        (["releases/**", "!releases/**-alpha"], "releases/10-alpha", False),
        (["releases/**", "!releases/**-alpha"], "releases/10", True),
        (["!main", "main"], "main", True),
        ([r"c\+\+"], "c++", True),
        ([r"\!x"], "!x", True),
        (["a.b"], "axb", False),
        (["[z-a]"], "b", False),
    ],
)
def test_a_branch_filter_is_read_as_github_reads_it(patterns: list[str], branch: str, heard: bool) -> None:
    assert matches(patterns, branch) is heard


@pytest.mark.parametrize(
    ("head", "heard"),
    [
        ("on: push", True),
        ("on: [push, pull_request]", True),
        ("on: {push: }", True),
        ("on: {push: {branches: [main, 1.0]}}", True),
        ("on: {push: {branches: main}}", True),
        ("on: {push: {branches: [master]}}", False),
        ("on: {push: {branches-ignore: [main]}}", False),
        ("on: {push: {branches-ignore: [release]}}", True),
        ("on: {pull_request: }", False),
    ],
)
def test_a_push_to_main_starts_it_or_not(head: str, heard: bool) -> None:
    assert workflow(head).hears_pushes_to("main") is heard


@pytest.mark.parametrize(
    ("here", "wanted", "missing"),
    [
        ("on: {issue_comment: {types: [created]}}", "on: {issue_comment: {types: [created]}}", []),
        ("on: {issue_comment: }", "on: {issue_comment: {types: [created]}}", []),
        ("on: [issue_comment]", "on: {issue_comment: {types: [created]}, schedule: [{cron: x}]}", ["schedule"]),
        (
            "on: {issue_comment: {types: [edited]}}",
            "on: {issue_comment: {types: [created]}}",
            ["issue_comment (created)"],
        ),
        (
            "on: pull_request_target",
            "on: {pull_request_target: {types: [opened, edited, ready_for_review]}}",
            ["pull_request_target (edited, ready_for_review)"],
        ),
        (
            "on: {workflow_run: {workflows: [build]}}",
            "on: {workflow_run: {workflows: [review], types: [completed]}}",
            ["workflow_run (review)"],
        ),
        ("on: workflow_dispatch", "on: {workflow_dispatch: {inputs: {command: {}}}}", ["workflow_dispatch (command)"]),
    ],
)
def test_what_starts_another_file_and_not_this_one_is_missing(here: str, wanted: str, missing: list[str]) -> None:
    assert workflow(here).missing_triggers(workflow(wanted)) == missing


@pytest.mark.parametrize(
    ("head", "job", "given"),
    [
        ("on: push", "{permissions: {contents: read}}", {"contents": "read"}),
        ("permissions: {issues: write}", "{}", {"issues": "write"}),
        ("permissions: {issues: write}", "{permissions: {}}", {}),
        ("permissions: read-all", "{}", {"*": "read"}),
        ("permissions: write-all", "{}", {"*": "write"}),
        ("permissions: odd", "{}", {"*": "none"}),
        ("permissions: [odd]", "{}", {"*": "none"}),
        ("on: push", "{}", {"*": "read"}),
        (
            "on: push",
            "{steps: [{uses: actions/create-github-app-token@x, with: {permission-checks: write, client-id: 1}}]}",
            {"checks": "write"},
        ),
        ("on: push", "{steps: [{uses: actions/create-github-app-token@x}]}", {"*": "write"}),
    ],
)
def test_a_jobs_token_may_what_job_workflow_or_repository_say(head: str, job: str, given: dict[str, str]) -> None:
    assert workflow(head, job).grants("one", "read") == given


@pytest.mark.parametrize("data", [b"jobs: [", b"\xff", b"[]", b"jobs: 1", b"", b"a: " + b"[" * 5000])
def test_what_is_no_workflow_says_so(data: bytes) -> None:
    assert Workflow.parse(data).problem


def test_aliases_that_would_make_a_text_of_gigabytes_are_no_words() -> None:
    """A list of two of the list before, thirty times."""
    bomb = "&a0 [x]"
    for level in range(1, 31):
        bomb = f"&a{level} [{bomb}, *a{level - 1}]"
    text = f"bomb: {bomb}\non: {{push: {{branches: [*a30, main]}}, issue_comment: {{types: *a30}}}}\n"
    step = "{uses: actions/create-github-app-token@x, with: {permission-a: *a30}}"
    file = workflow(text, f"{{permissions: {{contents: *a30}}, steps: [{step}]}}")
    assert not file.problem
    assert file.hears_pushes_to("main")
    assert file.grants("one", "read") == {"*": "write"}
    assert file.missing_triggers(workflow("on: {issue_comment: {types: [created]}}")) == ["issue_comment (created)"]


def test_steps_and_called_workflows_are_uses_and_odd_ones_are_passed_over() -> None:
    file = workflow(
        "on: push", "{uses: a/b/.github/workflows/x.yml@v1, steps: [{uses: c/d@v2}, {uses: [1]}, 7, {run: x}]}"
    )
    assert list(file.uses()) == [("a/b/.github/workflows/x.yml", "v1"), ("c/d", "v2")]
    assert (is_pinned("a" * 40), is_pinned("a" * 39), is_pinned("v1")) == (True, False, False)
