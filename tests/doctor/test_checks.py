"""Each check on facts: what it takes for a problem, what for advice, and that what is unknown is never ok."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from promotebot.doctor.catalogue import BRANCH_CHECKS, diagnose
from promotebot.doctor.facts import MAX_POINTERS, Branch, Files, Unread
from promotebot.doctor.report import DoctorReport, Status, named
from promotebot.doctor.workflow import Workflow
from promotebot.github.repository_settings import BranchRequirements, Environment, RequiredStatus
from promotebot.promotion.policy import Policy, parse_policy
from promotebot.promotion.sections import Permission, Separation
from promotebot.pulls.attributes import AS_STORED
from promotebot.workflow_files import PLACEHOLDER, WORKFLOWS, Folder, folder_in, path_of, workflow_files
from tests.doctor.healthy import ACTION, GATE, NOTHING, RULES, branch, facts, files_of, line

pytestmark = pytest.mark.thorough

UNREAD = Unread("GitHub refused to read it: 403", "a token that has `administration: read`")
PROMOTE, GATE_FILE = ".github/workflows/promote.yml", ".github/workflows/gate.yml"
TYPES = ("opened", "reopened", "synchronize", "edited", "closed", "ready_for_review")
REVIEW, VERIFY = ".github/workflows/review.yml", ".github/workflows/verify.yml"


@pytest.mark.parametrize("app", [False, True])
def test_nothing_is_wrong_where_everything_is_as_documented(app: bool) -> None:
    report = diagnose(facts(app=app))
    noticed = [one.id for one in report.lines if one.status is not Status.OK]
    assert noticed == (["doctor.required_context"] if app else []), "which App a number stands for is not known here"
    assert report.exit_code == 0


def test_what_could_not_be_read_is_never_ok_and_says_which_permission_would_tell() -> None:
    unread = branch(rulesets=UNREAD, classic=UNREAD, classic_statuses=UNREAD)
    settings = ("merge_methods", "actions", "labels", "codeowners_errors", "environment")
    given = facts(
        app=True, **dict.fromkeys(settings, UNREAD), branches=(replace(unread, workflows=files_of(app=True)),)
    )
    given = replace(given, policy=Policy(contacts=("@root",)), roles={"@root": UNREAD})
    report = diagnose(given)
    unknown = report.of(Status.UNKNOWN)
    assert {one.id for one in unknown} == {
        *(name for name in BRANCH_CHECKS if name != "doctor.branches"),
        "doctor.default_permissions",
        "doctor.labels",
        "doctor.people",
        "doctor.codeowners_errors",
        "doctor.environment",
    }
    assert all("`administration: read`" in one.remedy and UNREAD.reason in one.found for one in unknown)
    assert report.exit_code == 4


def test_the_setting_of_actions_is_unknown_where_the_jobs_own_token_is_used() -> None:
    assert line("actions_pull_requests", facts(actions=UNREAD)).status is Status.UNKNOWN


def test_nothing_looked_at_is_not_a_pass() -> None:
    assert DoctorReport(version="1", repository="acme/models", commit="b" * 40, lines=()).exit_code == 4


def test_a_problem_counts_more_than_what_is_unknown() -> None:
    given = facts(actions=UNREAD, branches=(branch(rulesets=NOTHING),))
    assert diagnose(given).exit_code == 1


@pytest.mark.parametrize(
    ("app", "server", "sources", "status", "says"),
    [
        (False, "https://github.com", [15368], Status.OK, "from App 15368"),
        (False, "https://github.com", [None, 15368], Status.OK, "from App 15368"),
        (False, "https://github.com", [None], Status.PROBLEM, "from any source"),
        (False, "https://github.com", [4711], Status.PROBLEM, "from App 4711, and GitHub Actions sets it"),
        (False, "https://github.com", [15368, 4711], Status.PROBLEM, "from App 4711"),
        (False, "https://ghe.example.com", [3], Status.OK, "from App 3"),
        (True, "https://github.com", [4711], Status.ADVICE, "from App 4711"),
        (True, "https://github.com", [15368], Status.PROBLEM, "from App 15368, and your App sets it"),
        (False, "https://github.com", [], Status.PROBLEM, "is not required"),
    ],
)
def test_the_gates_status_is_required_from_the_source_that_sets_it(
    app: bool, server: str, sources: list[int | None], status: Status, says: str
) -> None:
    rules = replace(RULES, statuses=tuple(RequiredStatus(GATE, source) for source in sources))
    given = facts(app=app, server_url=server)
    given = replace(given, branches=(replace(given.default, rulesets=rules),))
    found = line("required_context", given)
    assert (found.status, says in found.found) == (status, True), found


def test_another_base_has_a_context_of_its_own() -> None:
    other = branch(name="release", context="promotebot/gate (release)", workflows=files_of(branches=("release",)))
    found = line("required_context", facts(branches=(branch(), other)), where="release")
    assert found.status is Status.PROBLEM
    assert "`promotebot/gate (release)` is not required" in found.found


def test_classic_protection_counts_like_a_ruleset() -> None:
    classic = replace(RULES, linear_history=True)
    given = facts(branches=(branch(rulesets=NOTHING, classic=classic, classic_statuses=classic.statuses),))
    assert line("required_context", given).status is Status.OK
    assert line("code_owner_review", given).status is Status.OK
    assert "must be linear" in line("linear_history", given).found


def test_statuses_are_known_where_the_rest_of_classic_protection_is_not() -> None:
    given = facts(branches=(branch(rulesets=NOTHING, classic=UNREAD, classic_statuses=RULES.statuses),))
    assert line("required_context", given).status is Status.OK
    assert line("signed_commits", given).status is Status.UNKNOWN


def test_what_a_ruleset_asks_for_is_known_whatever_classic_protection_says() -> None:
    flags: dict[str, Any] = {one.name: True for one in fields(BranchRequirements) if one.type == "bool"}
    assert len(flags) == 7
    rules = BranchRequirements(**flags)
    given = facts(branches=(branch(rulesets=rules, classic=UNREAD, classic_statuses=()),))
    for name in ("linear_history", "signed_commits", "stale_approvals", "code_owner_review", "merge_queue"):
        assert line(name, given).status is not Status.UNKNOWN, name


@pytest.mark.parametrize("rule", ["dismisses_approvals", "last_push_approval"])
def test_a_rule_that_a_push_takes_approvals_back_says_to_ask_first(rule: str) -> None:
    on: dict[str, Any] = {rule: True}
    given = facts(branches=(branch(rulesets=replace(RULES, **on)),))
    assert "request the promotion first, and review after it" in line("stale_approvals", given).meaning


def test_signed_commits_are_fine_on_github_and_a_question_on_a_server() -> None:
    branches = (branch(rulesets=replace(RULES, signed_commits=True)),)
    assert line("signed_commits", facts(branches=branches)).status is Status.OK
    assert (
        line("signed_commits", facts(branches=branches, server_url="https://ghe.example.com")).status is Status.ADVICE
    )


@pytest.mark.parametrize(
    ("repository", "rule", "on", "left"),
    [
        ({"merge", "squash"}, {"squash", "rebase"}, "", "squash"),
        ({"merge"}, {"squash"}, "", ""),
        ({"rebase"}, {"rebase"}, "", "rebase"),
        ({"merge", "rebase"}, {"merge", "rebase"}, "linear_history", "rebase"),
        ({"merge"}, {"merge"}, "linear_history", ""),
        ({"merge", "rebase"}, {"merge", "rebase"}, "signed_commits", "merge"),
        ({"rebase"}, {"merge", "rebase"}, "signed_commits", ""),
    ],
)
def test_repository_and_rules_leave_the_ways_of_merging(
    repository: set[str], rule: set[str], on: str, left: str
) -> None:
    flags: dict[str, Any] = {on: True} if on else {}
    rules = replace(RULES, merge_methods=frozenset(rule), **flags)
    given = facts(branches=(branch(rulesets=rules),), merge_methods=frozenset(repository))
    found = line("merge_methods", given)
    assert (found.status, found.found if left else "") == (Status.OK if left else Status.PROBLEM, left)
    usual = (repository & rule) - ({"merge"} if on == "linear_history" else set())
    assert ("as one commit" in line("linear_history", given).meaning) == (usual == {"rebase"})
    for name in ("linear_history", "signed_commits"):
        assert (line(name, given).status is Status.PROBLEM) == (name == on and not left)


@pytest.mark.parametrize("app", [False, True])
def test_a_merge_queue_is_heard_by_the_file_that_the_variant_has_for_it(app: bool) -> None:
    given, path = facts(app=app), REVIEW if app else GATE_FILE
    queued = replace(given.default, rulesets=replace(RULES, merge_queue=True))
    assert line("merge_queue", replace(given, branches=(queued,))).status is Status.OK
    deaf = replace(given.templates[path], triggers={})
    queued = replace(queued, workflows={**queued.workflows, path: deaf})
    found = line("merge_queue", replace(given, branches=(queued,)))
    assert (found.status, path in found.found) == (Status.PROBLEM, True)


def test_a_merge_queue_that_merges_what_failed_beside_what_passed_is_a_problem() -> None:
    given = facts(branches=(branch(rulesets=replace(RULES, merge_queue=True, queue_takes_failing=True)),))
    found = line("merge_queue", given)
    assert (found.status, "whose own check failed" in found.found) == (Status.PROBLEM, True)
    assert "only merge non-failing pull requests" in found.remedy


@pytest.mark.parametrize(
    ("environment", "status", "says"),
    [
        (Environment(True, ("main",)), Status.OK, "the key is for main"),
        (None, Status.PROBLEM, "there is no environment"),
        (Environment(False), Status.PROBLEM, "every branch and tag"),
        (Environment(True), Status.ADVICE, "every protected branch"),
        (Environment(True, ("main", "gh-readonly-queue/*")), Status.PROBLEM, "gh-readonly-queue/*"),
        (Environment(True, ("main",), ("v*",)), Status.PROBLEM, "tags v*"),
        (Environment(True, (), ("v*",)), Status.PROBLEM, "tags v*"),
        (Environment(True, ("release",)), Status.PROBLEM, "release get the key, too"),
    ],
)
def test_an_apps_key_is_for_the_branches_only_that_take_promotions(
    environment: Environment | None, status: Status, says: str
) -> None:
    found = line("environment", facts(app=True, environment=environment))
    assert (found.status, says in found.found) == (status, True), found
    assert line("environment", facts(environment=None)).status is Status.OK, "without an App there is no key"


def test_a_key_that_the_default_branch_does_not_get_stops_every_job() -> None:
    other = replace(branch(), name="release")
    given = facts(app=True, environment=Environment(True, ("release",)))
    found = line("environment", replace(given, branches=(given.default, other)))
    assert (found.status, found.found) == (Status.PROBLEM, "main does not get the key")


def test_a_key_that_a_base_does_not_get_stops_the_jobs_of_its_pushes() -> None:
    given = facts(app=True)
    given = replace(given, branches=(given.default, replace(branch(), name="release")))
    found = line("environment", given)
    assert (found.status, found.found) == (Status.PROBLEM, "release does not get the key")
    both = replace(given, environment=Environment(True, ("main", "release")))
    assert line("environment", both).status is Status.OK


def test_a_split_registry_needs_owners_of_the_models_files() -> None:
    owners = (".github/CODEOWNERS", "/.github/ @root\n/ml/registry/models.json @root\n")
    given = facts()
    given = replace(given, files=replace(given.files, codeowners=owners))
    assert line("codeowners", given).status is Status.OK
    split = replace(given, models_directory="ml/registry/models")
    found = line("codeowners", split)
    assert (found.status, "no owner of ml/registry/models/ in" in found.found) == (Status.ADVICE, True), found
    assert "`/ml/registry/models/ @OWNER`" in found.remedy
    whole = replace(given.files, codeowners=(owners[0], f"{owners[1]}/ml/registry/models/ @root\n"))
    assert line("codeowners", replace(split, files=whole)).status is Status.OK


def test_a_base_that_is_no_branch_is_a_problem_of_the_policy() -> None:
    gone = Branch("release", "promotebot/gate (release)", False, NOTHING, NOTHING, ())
    given = facts(branches=(branch(), gone))
    found = line("policy", given)
    assert (found.status, "release, which is not a branch" in found.found) == (Status.PROBLEM, True)
    assert "`git push origin main:refs/heads/release`" in found.remedy


def test_people_whom_nobody_knows_are_named_before_those_who_could_not_be_asked_for() -> None:
    roles: dict[str, Permission | Unread | None] = {"@a": Permission.READ, "@b": UNREAD, "@c": None}
    assert "names @c, who" in line("people", facts(roles=roles)).found
    assert line("people", facts(roles={"@a": Permission.READ, "@b": UNREAD})).status is Status.UNKNOWN
    assert line("people", facts(roles={"@a": Permission.READ})).status is Status.OK


def without(path: str, **changes: Any) -> Branch:
    return branch(workflows={name: file for name, file in files_of().items() if name != path}, **changes)


@pytest.mark.parametrize(
    ("path", "separation", "status"),
    [
        (PROMOTE, False, Status.PROBLEM),
        (GATE_FILE, False, Status.PROBLEM),
        (VERIFY, False, Status.ADVICE),
        (REVIEW, False, Status.ADVICE),
        (REVIEW, True, Status.PROBLEM),
    ],
)
def test_a_missing_workflow_is_a_problem_where_promotions_stop(path: str, separation: bool, status: Status) -> None:
    policy = Policy(separation=Separation(approvals=1)) if separation else Policy()
    found = line("workflows", facts(branches=(without(path),), policy=policy))
    assert (found.status, path in found.found) == (status, True)
    assert "`promotebot doctor --fix`" in found.remedy


def test_without_any_workflow_file_no_line_about_them_is_ok() -> None:
    given = facts(branches=(branch(workflows={}),))
    for name in ("workflows", "triggers", "job_permissions", "pins", "branches"):
        assert line(name, given).status is Status.PROBLEM, name


def test_a_file_that_does_not_read_is_a_problem_with_its_reason() -> None:
    broken = branch(workflows={**files_of(), GATE_FILE: Workflow.parse(b"jobs: [")})
    found = line("workflows", facts(branches=(broken,)))
    assert (found.status, "gate.yml is not a YAML file" in found.found) == (Status.PROBLEM, True)


def changed(path: str, old: str, new: str, *, app: bool = False) -> Branch:
    """The default branch with an edit in one workflow file."""
    laid = workflow_files(ACTION, ["main"], app=app)
    text = laid[path].decode()
    assert old in text
    files = {name: Workflow.parse(data) for name, data in laid.items()} | {
        path: Workflow.parse(text.replace(old, new).encode())
    }
    return branch(workflows=files)


@pytest.mark.parametrize(
    ("app", "path", "old", "new", "status"),
    [
        (False, GATE_FILE, "      statuses: write", "      statuses: read", Status.PROBLEM),
        (False, GATE_FILE, "      statuses: write", "      models: read", Status.PROBLEM),
        (False, PROMOTE, "  promote:\n    name", "  other:\n    name", Status.ADVICE),
        (True, GATE_FILE, "permission-statuses: write", "permission-statuses: read", Status.PROBLEM),
        (True, GATE_FILE, "          permission-statuses: write", "          permission-models: read", Status.PROBLEM),
    ],
)
def test_a_job_that_may_less_than_the_templates_is_a_problem(
    app: bool, path: str, old: str, new: str, status: Status
) -> None:
    found = line("job_permissions", facts(app=app, branches=(changed(path, old, new, app=app),)))
    assert (found.status, path in found.found) == (status, True), found


@pytest.mark.parametrize(
    ("version", "status"),
    [(f"acme/promotebot@{'d1' * 20}", Status.ADVICE), ("acme/promotebot@v1", Status.PROBLEM), ("./", Status.OK)],
)
def test_actions_are_pinned_to_commits_of_this_version(version: str, status: Status) -> None:
    found = line("pins", facts(branches=(changed(GATE_FILE, ACTION, version),)))
    assert (found.status, status is Status.OK or GATE_FILE in found.found) == (status, True), found


def test_an_older_token_action_than_the_templates_is_advice() -> None:
    old = changed(
        VERIFY,
        "create-github-app-token@bcd2ba49218906704ab6c1aa796996da409d3eb1",
        f"create-github-app-token@{'0' * 40}",
        app=True,
    )
    found = line("pins", facts(app=True, branches=(old,)))
    assert (found.status, "create-github-app-token" in found.found) == (Status.ADVICE, True)


def test_two_versions_of_promotebot_are_advice_where_this_ones_is_not_known() -> None:
    laid = workflow_files(PLACEHOLDER, ["main"], app=False)
    templates = {path: Workflow.parse(data) for path, data in laid.items()}
    given = facts(
        action="", templates=templates, branches=(changed(GATE_FILE, ACTION, f"acme/promotebot@{'d1' * 20}"),)
    )
    found = line("pins", given)
    assert (found.status, found.found) == (Status.ADVICE, "two versions of promotebot are used")
    assert line("pins", facts(action="", templates=templates)).status is Status.OK


@pytest.mark.parametrize(
    ("text", "status"),
    [("unset", Status.OK), ("set", Status.ADVICE), ("auto", Status.ADVICE), ("unspecified", Status.ADVICE)],
)
def test_an_artifact_that_git_may_convert_is_advice(text: str, status: Status) -> None:
    files = Files(None, {"models/a/manifest.json": {"text": text}}, frozenset())
    found = line("attributes", facts(files=files))
    assert found.status is status
    assert status is Status.OK or f"`echo 'models/a/** {AS_STORED}' >> .gitattributes`" in found.remedy


def test_artifacts_in_git_lfs_are_well_where_their_manifests_are_not_there_and_pointers_are() -> None:
    model, manifest = "ml/artifacts/a/model.onnx", "ml/artifacts/a/manifest.json"
    whole = Files(None, {model: {"filter": "lfs"}, manifest: {"text": "unset"}}, frozenset({model}))
    assert (found := line("lfs", facts(files=whole))).status is Status.OK
    assert found.found == f"1 file of artifacts, such as {model}"
    plain = line("lfs", facts(files=replace(whole, pointers=frozenset())))
    assert (plain.status, plain.found) == (
        Status.ADVICE,
        f"{model} is tracked by Git LFS, but git holds the file itself",
    )
    wide = line("lfs", facts(files=replace(whole, attributes={model: {"filter": "lfs"}, manifest: {"filter": "lfs"}})))
    assert (wide.status, wide.found) == (Status.PROBLEM, f"{manifest} is tracked by Git LFS")
    assert "`echo 'ml/artifacts/**/manifest.json !filter !diff !merge' >> .gitattributes" in wide.remedy
    many = {f"ml/artifacts/a/{number}.onnx": {"filter": "lfs"} for number in range(MAX_POINTERS + 1)}
    looked_at = frozenset([*many][:MAX_POINTERS])
    assert line("lfs", facts(files=Files(None, many, looked_at))).status is Status.OK


def test_the_line_against_conversion_leaves_git_lfs_its_filter() -> None:
    files = Files(None, {"m/a/x.onnx": {"filter": "lfs", "text": "unset"}, "m/a/y.txt": {"text": "auto"}}, frozenset())
    remedy = line("attributes", facts(files=files)).remedy
    assert "`echo 'm/a/** -text " in remedy
    assert "filter" not in remedy


@pytest.mark.parametrize(
    ("policy", "change", "lacks"),
    [
        ("labels: [ok]", {}, "labels"),
        ("labels: [ok]", {"pull_request_target": {"types": [*TYPES, "labeled"]}}, "labels"),
        ("labels: [ok]", {"pull_request_target": {"types": [*TYPES, "labeled", "unlabeled"]}}, ""),
        ("checks: [ok]", {}, "checks"),
        ("checks: [ok]", {"workflow_run": {"workflows": ["review", "ci"], "types": ["completed"]}}, ""),
        ("checks: [ok]", {"check_suite": {"types": ["completed"]}}, ""),
        ("checks: [ok]", {"status": {}}, ""),
        ("labels: [ok], checks: [ok]", {}, "labels, checks"),
        ("soak: null", {}, ""),
    ],
)
def test_the_gate_is_started_by_what_the_policy_asks_for(policy: str, change: dict[str, Any], lacks: str) -> None:
    files = dict(files_of())
    files[GATE_FILE] = replace(files[GATE_FILE], triggers={**files[GATE_FILE].triggers, **change})
    asked = parse_policy(f"models: {{eu_*: {{stages: {{shadow: {{{policy}}}}}}}}}".encode())
    found = line("triggers", facts(policy=asked, branches=(branch(workflows=files),)))
    assert found.status is (Status.PROBLEM if lacks else Status.OK)
    assert (f"asks for {lacks}, and none starts {GATE_FILE}" in found.found) is bool(lacks)


SEEING = {"@acme/ml": True}
MAKES_TOKEN = "          private-key: ${{ secrets.PROMOTEBOT_APP_PRIVATE_KEY }}\n"


JUDGES = {PROMOTE: "promote", GATE_FILE: "gate", VERIFY: "doctor"}
"""Workflow file → its job that asks who is in a team, as docs/setup.md names them."""


def seeing(*paths: str, folder: Folder | None = None) -> Branch:
    """A branch with the workflow files of `init --app`, and the line of docs/setup.md in the jobs of some of them."""
    files = {}
    for name in WORKFLOWS:
        path, template = path_of(name, folder), path_of(name, None)
        data = workflow_files(ACTION, ("main",), app=True, folder=folder)[path].decode()
        before, start, job = data.partition(f"\n  {JUDGES.get(template, '-')}:\n")
        assert bool(start) is (template in JUDGES)
        if template in paths:
            job = job.replace(MAKES_TOKEN, f"{MAKES_TOKEN}          permission-members: read\n", 1)
        files[path] = Workflow.parse(f"{before}{start}{job}".encode())
    return branch(workflows=files)


def test_a_policy_without_teams_needs_no_token_that_sees_them() -> None:
    assert line("teams", facts()).status is Status.OK


def test_teams_are_shown_to_no_job_without_an_app() -> None:
    found = line("teams", facts(teams=SEEING))
    assert found.status is Status.ADVICE
    assert found.found == "the policy names @acme/ml, and GitHub shows no team to the jobs' own token"
    assert "docs/setup.md" in found.remedy


@pytest.mark.parametrize("folder", [None, folder_in("teams/fraud", "")])
@pytest.mark.parametrize("lacking", [[], [PROMOTE], [GATE_FILE], [VERIFY], [PROMOTE, GATE_FILE, VERIFY]])
def test_exactly_the_jobs_that_ask_for_teams_and_see_none_are_named(folder: Folder | None, lacking: list[str]) -> None:
    there = seeing(*(path for path in JUDGES if path not in lacking), folder=folder)
    found = line("teams", facts(teams=SEEING, branches=(there,)))
    if not lacking:
        assert found.status is Status.OK
        return
    places = {path_of(name, None): path_of(name, folder) for name in WORKFLOWS}
    jobs = [f"{places[path]}, job {JUDGES[path]}" for path in lacking]
    assert found.status is Status.ADVICE
    assert found.found == f"the policy names teams, and no team is shown to {named(jobs)}"
    assert found.remedy.startswith("give the App the organisation permission `members: read`; then add the line ")
    assert "`permission-members: read`" in found.remedy


def test_the_documents_name_the_jobs_that_ask_for_teams() -> None:
    told = (Path(__file__).parents[2] / "docs/setup.md").read_text()
    where = " and ".join(f"`{job}` in `{Path(path).name}`" for path, job in JUDGES.items())
    assert where.replace(" and ", ", ", 1) in " ".join(told.split())


def test_a_team_that_this_token_does_not_see_is_named_before_one_that_could_not_be_asked_for() -> None:
    def found(**teams: bool | Unread) -> Any:
        named = {f"@acme/{name}": told for name, told in teams.items()}
        return line("teams", facts(teams=named, branches=(seeing(*JUDGES),)))

    assert found(ml=True, ops=False, web=UNREAD).found == "this token does not see @acme/ops"
    assert "`members: read`" in found(ops=False).remedy
    assert found(ml=True, web=UNREAD).status is Status.UNKNOWN
    assert found(ml=True).found == "this token sees @acme/ml"


@pytest.mark.parametrize(
    ("policy", "crons", "is_late"),
    [
        ("windows: [{hours: 09:00-17:00}]", ["41 5 * * *"], True),
        ("models: {eu_*: {windows: [{hours: 09:00-17:00}]}}", [], True),
        ("freezes: [{start: fri 15:00, end: mon 08:00, reason: x}]", ["41 5 * * *", "0 */6 * * *"], True),
        ("freezes: [{start: fri 15:00, end: mon 08:00, reason: x}]", ["7 * * * *"], False),
        (
            "overrides: [{rule: freeze, people: [alice], start: 2026-01-01T00:00, end: 2026-01-02T00:00}]",
            ["41 5 * * *", "*/20 * * * *"],
            False,
        ),
        ("require_sha: true", ["41 5 * * *"], False),
    ],
)
def test_a_policy_with_times_needs_the_gates_timer_of_every_hour(policy: str, crons: list[str], is_late: bool) -> None:
    files = dict(files_of())
    assert files[GATE_FILE].runs_every_hour, "as the template has it"
    files[GATE_FILE] = replace(files[GATE_FILE], triggers={**files[GATE_FILE].triggers, "schedule": {"cron": crons}})
    found = line("triggers", facts(policy=parse_policy(policy.encode()), branches=(branch(workflows=files),)))
    assert found.status is (Status.PROBLEM if is_late else Status.OK)
    assert ("no timer of every hour starts" in found.found) is is_late
