"""What the facts are read from: the embedded GitHub, asked with tokens of every strength."""

from __future__ import annotations

import pytest

from promotebot.doctor.facts import Unread
from promotebot.doctor.report import Status
from tests.doctor.clinic import Clinic
from tests.fake_github.faults import Fault, secondary_limit
from tests.office import Office

pytestmark = pytest.mark.thorough

JOB = {"contents": "read", "issues": "write", "actions": "read"}
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 123\n"


@pytest.fixture
def clinic(office: Office) -> Clinic:
    made = Clinic.of(office)
    made.set_up()
    made.commit({".gitattributes": "ml/artifacts/** -text\n"})
    return made


def test_an_administrator_is_told_everything_and_nothing_is_wrong(clinic: Clinic) -> None:
    report = clinic.report()
    assert [line for line in report.lines if line.status is not Status.OK] == []
    assert report.commit == clinic.repository.git.branch("main")
    assert report.exit_code == 0


def test_the_token_of_a_job_leaves_unknown_what_only_administrators_see(clinic: Clinic) -> None:
    """Rulesets are told to every reader; of classic protection, the required statuses are."""
    clinic.repository.settings.rules.clear()
    check = {"context": "promotebot/gate", "app_id": 15368}
    clinic.repository.settings.protections["main"] = {
        "required_status_checks": {"strict": False, "contexts": ["promotebot/gate"], "checks": [check]}
    }
    token = clinic.repository.issue_actions_token(JOB)
    report = clinic.report(token)
    unknown = {line.id.removeprefix("doctor."): line for line in report.of(Status.UNKNOWN)}
    assert sorted(unknown) == [
        "actions_pull_requests",
        "code_owner_review",
        "default_permissions",
        "linear_history",
        "merge_methods",
        "merge_queue",
        "signed_commits",
        "stale_approvals",
    ]
    assert "403 Resource not accessible by integration" in unknown["linear_history"].found
    assert "`administration: read`" in unknown["linear_history"].remedy
    assert "`contents: write`" in unknown["merge_methods"].remedy
    assert report.exit_code == 4
    assert clinic.line("required_context", token).found == "`promotebot/gate` is required, from App 15368"


def test_how_a_merge_queue_groups_is_read(clinic: Clinic) -> None:
    clinic.repository.settings.add_rule("main", "merge_queue", grouping_strategy="HEADGREEN")
    assert "whose own check failed" in clinic.line("merge_queue").found


def test_classic_protection_is_read_as_rulesets_are(clinic: Clinic) -> None:
    settings = clinic.repository.settings
    settings.rules.clear()
    reviews = {"dismiss_stale_reviews": True, "require_code_owner_reviews": True, "require_last_push_approval": False}
    settings.protections["main"] = {
        "required_status_checks": {
            "strict": False,
            "contexts": ["promotebot/gate"],
            "checks": [{"context": "promotebot/gate", "app_id": -1}],
        },
        "required_linear_history": {"enabled": True},
        "required_signatures": {"enabled": True},
        "required_pull_request_reviews": reviews,
    }
    lines = {line.id.removeprefix("doctor."): line for line in clinic.report().lines}
    assert lines["required_context"].found == "`promotebot/gate` is required from any source"
    assert lines["linear_history"].found == "the history must be linear"
    assert lines["merge_methods"].found == "squash", "neither a merge commit nor an unsigned rebase"
    assert lines["signed_commits"].status is Status.ADVICE
    assert lines["stale_approvals"].found == "a push dismisses approvals"
    assert lines["code_owner_review"].status is Status.OK


def test_a_writer_without_administration_sees_no_protection(clinic: Clinic) -> None:
    clinic.repository.protect("main", required_checks=["promotebot/gate"], is_classic=True)
    token = clinic.office.hub.issue_user_token("carol")
    line = clinic.line("linear_history", token)
    assert (line.status, "404 Not Found" in line.found) == (Status.UNKNOWN, True)
    assert clinic.status("default_permissions", token) is Status.UNKNOWN


def test_what_github_does_not_answer_is_unknown_and_the_rest_is_known(clinic: Clinic) -> None:
    hub = clinic.office.hub
    hub.inject(Fault("GET", "/repos/acme/models/labels", status=500, times=9))
    hub.inject(secondary_limit("GET", "/repos/acme/models/codeowners/errors"))
    report = clinic.report()
    assert {line.id: line.remedy.partition("; ")[0] for line in report.of(Status.UNKNOWN)} == {
        "doctor.labels": "run the job again",
        "doctor.codeowners_errors": "run the job again in 1 seconds",
    }
    assert report.exit_code == 4


def test_the_rules_of_every_base_are_read_and_the_files_as_it_has_them(clinic: Clinic) -> None:
    clinic.commit({".github/promotion.yml": "bases: [feature/x, gone]\n"})
    clinic.repository.git.set_ref("refs/heads/feature/x", clinic.repository.git.branch("main"))
    clinic.repository.settings.require_status("feature/x", "promotebot/gate (feature/x)", 15368)
    assert clinic.line("required_context", where="feature/x").status is Status.OK
    line = clinic.line("branches", where="feature/x")
    assert "pushes to feature/x start no job of" in line.found
    assert "gone, which is not a branch" in clinic.line("policy").found
    assert "there is no such branch" in clinic.line("required_context", where="gone").found


def test_the_people_of_the_policy_are_looked_for_among_accounts_and_teams(clinic: Clinic) -> None:
    clinic.repository.settings.teams = ["ops"]
    clinic.commit({".github/promotion.yml": "contacts: ['@root', '@acme/ops', 'phone 112']\n"})
    assert clinic.line("people").found == "@root, @acme/ops"
    assert clinic.status("people", clinic.repository.issue_actions_token(JOB)) is Status.UNKNOWN
    clinic.commit({".github/promotion.yml": "contacts: ['@other/ops', '@acme/gone', '@nobody']\n"})
    assert "@other/ops, @acme/gone, @nobody" in clinic.line("people").found
    clinic.commit({".github/promotion.yml": "schedule: {assignees: [root, nobody]}\n"})
    assert "names @nobody, who" in clinic.line("people").found


def test_the_teams_of_the_policy_are_looked_for_with_the_token_at_hand(clinic: Clinic) -> None:
    hub, people = clinic.repository.hub, "stages: {active: {people: ['@acme/ml', CODEOWNERS]}}\n"
    clinic.commit({".github/promotion.yml": people, ".github/CODEOWNERS": "* @acme/owners @root\n"})
    own = clinic.repository.issue_actions_token(JOB)
    hub.teams.update({"acme/ml": {"root": "active"}, "acme/owners": {}})

    def seen(token: str) -> dict[str, object]:
        return dict(clinic.facts(token).teams)

    app = clinic.repository.issue_app_token({**JOB, "members": "read"})
    assert seen(app) == {"@acme/ml": True, "@acme/owners": True}
    assert seen(own) == {"@acme/ml": False, "@acme/owners": False}
    del hub.teams["acme/ml"]
    assert seen(app) == {"@acme/ml": False, "@acme/owners": True}
    hub.inject(Fault("GET", "/orgs/acme/teams/owners", 500, times=9))
    assert isinstance(seen(app)["@acme/owners"], Unread)
    clinic.commit({".github/promotion.yml": "stages: {active: {people: [alice]}}\n"})
    assert seen(app) == {}


def test_in_a_split_registry_the_teams_of_every_models_owners_are_looked_for(clinic: Clinic) -> None:
    owners = "* @acme/all\n/ml/registry/models/fraud.json @acme/fraud\n/ml/registry/models.json @acme/index\n"
    people = "stages: {active: {people: [CODEOWNERS]}}\n"
    clinic.commit({".github/promotion.yml": people, ".github/CODEOWNERS": owners})
    app = clinic.repository.issue_app_token({**JOB, "members": "read"})
    assert [*clinic.facts(app).teams] == ["@acme/index"]
    assert clinic.root.promotebot("registry", "split").returncode == 0
    clinic.push()
    assert [*clinic.facts(app).teams] == ["@acme/all", "@acme/fraud"]
    clinic.commit({".github/CODEOWNERS": None})
    assert clinic.facts(app).teams == {}


def test_the_models_files_of_a_split_registry_are_looked_for_in_codeowners(clinic: Clinic) -> None:
    clinic.commit({".github/CODEOWNERS": "/ml/registry/models.json @root\n/.github/ @root\n"})
    assert clinic.status("codeowners") is Status.OK
    assert clinic.root.promotebot("registry", "split").returncode == 0
    clinic.push()
    assert "no owner of ml/registry/models/ in" in clinic.line("codeowners").found


def test_git_lfs_pointers_are_found_among_the_files_of_artifacts(clinic: Clinic) -> None:
    path = "ml/artifacts/regime_v1/model.onnx"
    clinic.commit({path: LFS, ".gitattributes": f"ml/artifacts/** -text\n{path} filter=lfs\n"})
    assert clinic.line("lfs").found == f"1 file of artifacts, such as {path}"
    clinic.commit({path: "the model itself\n"})
    assert "git holds the file itself" in clinic.line("lfs").found


def test_files_that_are_odd_are_said_and_end_nothing(clinic: Clinic) -> None:
    """A link in a file's place, a registry that does not read, owners in a place of their own."""
    gate = clinic.root.clone / ".github/workflows/gate.yml"
    gate.unlink()
    gate.symlink_to("promote.yml")
    clinic.commit({"ml/registry/models.json": "{", ".github/CODEOWNERS": None, "docs/CODEOWNERS": "* @root\n"})
    lines = {line.id.removeprefix("doctor."): line for line in clinic.report().lines}
    assert "gate.yml is a symbolic link" in lines["workflows"].found
    assert lines["codeowners"].found.startswith("docs/CODEOWNERS has owners")
    assert lines["attributes"].status is Status.OK


def test_the_apps_environment_is_read_where_an_app_is_used(office: Office) -> None:
    clinic = Clinic.of(office)
    clinic.set_up(app=True)
    assert clinic.line("environment").found == "the key is for main"
    clinic.repository.settings.environments["promotebot"] = ("main", "release/*")
    assert "release/* get the key" in clinic.line("environment").found
    clinic.repository.settings.environments["promotebot"] = None
    assert clinic.status("environment") is Status.PROBLEM
    clinic.repository.settings.environments.clear()
    assert clinic.line("environment").found == "there is no environment promotebot"
    assert clinic.line("actions_pull_requests").status is Status.OK
    assert clinic.line("required_context").found == "`promotebot/gate` is required, from App 4711"


def test_it_costs_one_request_for_each_question_and_a_few_fetches(clinic: Clinic) -> None:
    hub = clinic.office.hub
    hub.requests.clear()
    hub.git_requests.clear()
    clinic.report()
    asked = [request.path.removeprefix("/repos/acme/models") for request in hub.requests]
    assert sorted(asked) == sorted(
        [
            "",
            "/rules/branches/main",
            "/branches/main",
            "/actions/permissions/workflow",
            "/labels",
            "/codeowners/errors",
        ]
    )
    assert all(request.method == "GET" for request in hub.requests)
    assert len([request for request in hub.git_requests if request.method == "GET"]) == 2, "commits, then the files"
