"""A repository with everything wrong, mended line by line as the doctor says: each line turns ok, and stays so."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from promotebot.doctor.catalogue import BRANCH_CHECKS, CHECKS
from promotebot.doctor.report import DoctorReport, Line, Status
from promotebot.workflow_files import PLACEHOLDER, workflow_files
from tests.doctor.clinic import ACTION, OWNERS, Clinic
from tests.fake_github.settings import Settings
from tests.office import Office

pytestmark = pytest.mark.thorough

WORKFLOWS = ".github/workflows"
TEMPLATES = {path: data.decode() for path, data in workflow_files(ACTION, ["main"], app=False).items()}
Mend = Callable[[Clinic, Line], None]


def break_everything(clinic: Clinic) -> None:
    """Every check finds something, but for those that need an App."""
    repository, settings = clinic.repository, clinic.repository.settings
    settings.add_rule("main", "required_linear_history")
    settings.add_rule("main", "required_signatures")
    settings.add_rule("main", "merge_queue")
    settings.merge_methods = {"merge"}
    settings.default_permissions = "write"
    repository.actions_may_open_pulls = False
    promote = TEMPLATES[f"{WORKFLOWS}/promote.yml"].replace('["main"]', '["master"]')
    gate = TEMPLATES[f"{WORKFLOWS}/gate.yml"].replace("merge_group:", "watch:").replace("checks_requested", "started")
    clinic.commit(
        {
            f"{WORKFLOWS}/promote.yml": promote.replace(ACTION, "acme/promotebot@v1"),
            f"{WORKFLOWS}/gate.yml": gate.replace("      statuses: write", "      statuses: read"),
            f"{WORKFLOWS}/verify.yml": TEMPLATES[f"{WORKFLOWS}/verify.yml"],
            ".github/promotion.yml": "bases: [release]\ncontacts: ['@nobody']\nsepration: null\n",
            ".github/CODEOWNERS": "/docs/ @nobody\n",
            ".gitattributes": "ml/artifacts/**/manifest.json filter=lfs ident\n",
        }
    )


def edit(path: str, old: str, new: str) -> Mend:
    """What a person does whom the line sends to a file."""

    def mend(clinic: Clinic, line: Line) -> None:
        assert path in line.remedy + line.found, line
        text = clinic.text(path)
        assert old in text
        clinic.commit({path: text.replace(old, new)})

    return mend


def setting(page: str, change: Callable[[Settings], None]) -> Mend:
    """What a person does whom the line sends to a page of the settings."""

    def mend(clinic: Clinic, line: Line) -> None:
        assert f"{clinic.office.hub.server_url}/acme/models/{page}" in line.remedy, line
        change(clinic.repository.settings)

    return mend


def drop(kind: str) -> Callable[[Settings], None]:
    def change(settings: Settings) -> None:
        settings.rules["main"] = [rule for rule in settings.rules["main"] if rule["type"] != kind]

    return change


def follow(clinic: Clinic, line: Line) -> None:
    clinic.follow(line)


def may_open_pulls(clinic: Clinic, line: Line) -> None:
    assert "/acme/models/settings/actions" in line.remedy
    clinic.repository.actions_may_open_pulls = True


def sign_nothing(clinic: Clinic, line: Line) -> None:
    assert "configuring-web-commit-signing" in line.remedy
    drop("required_signatures")(clinic.repository.settings)


def lay_gate(clinic: Clinic, line: Line) -> None:
    """The file is written anew; a program that was not installed from a commit does not know which one to name."""
    clinic.follow(line)
    path = f"{WORKFLOWS}/gate.yml"
    clinic.commit({path: clinic.text(path).replace(PLACEHOLDER, ACTION)})


def bring_release(clinic: Clinic, line: Line) -> None:
    """The branch is made as the line says; what it needs of its own has lines of its own."""
    clinic.follow(line)
    for name in ("promote", "verify"):
        path = f"{WORKFLOWS}/{name}.yml"
        clinic.root.write(path, clinic.text(path).replace('["main"]', '["main", "release"]'))
    clinic.push()
    clinic.root.git("push", "--quiet", "--force", "origin", "HEAD:refs/heads/release")
    clinic.repository.settings.require_status("release", "promotebot/gate (release)", 15368)
    clinic.repository.settings.add_rule("release", "pull_request", require_code_owner_review=True)


def write_owners(clinic: Clinic, line: Line) -> None:
    assert "`/ml/registry/models.json @OWNER`" in line.remedy
    clinic.commit({".github/CODEOWNERS": clinic.text(".github/CODEOWNERS") + OWNERS})


def untrack(clinic: Clinic, line: Line) -> None:
    (echo,) = re.findall(r"`echo '(.*?)' >> \.gitattributes && git add --renormalize \.`", line.remedy)
    clinic.commit({".gitattributes": f"{clinic.text('.gitattributes')}{echo}\n"})


STEPS: list[tuple[str, Status, Mend]] = [
    ("branches", Status.PROBLEM, edit(f"{WORKFLOWS}/promote.yml", '["master"]', '["main"]')),
    ("policy", Status.PROBLEM, edit(".github/promotion.yml", "sepration: null\n", "")),
    ("policy", Status.PROBLEM, bring_release),
    ("people", Status.ADVICE, edit(".github/promotion.yml", "@nobody", "@root")),
    (
        "required_context",
        Status.PROBLEM,
        setting("settings/rules", lambda settings: settings.require_status("main", "promotebot/gate", 15368)),
    ),
    ("linear_history", Status.PROBLEM, setting("settings", lambda settings: settings.merge_methods.add("squash"))),
    ("signed_commits", Status.ADVICE, sign_nothing),
    (
        "code_owner_review",
        Status.ADVICE,
        setting("settings/rules", lambda one: one.add_rule("main", "pull_request", require_code_owner_review=True)),
    ),
    ("workflows", Status.ADVICE, follow),
    ("merge_queue", Status.PROBLEM, edit(f"{WORKFLOWS}/gate.yml", "watch:", "merge_group:")),
    ("triggers", Status.PROBLEM, edit(f"{WORKFLOWS}/gate.yml", "[started]", "[checks_requested]")),
    ("job_permissions", Status.PROBLEM, lay_gate),
    ("actions_pull_requests", Status.PROBLEM, may_open_pulls),
    (
        "default_permissions",
        Status.ADVICE,
        setting("settings/actions", lambda settings: setattr(settings, "default_permissions", "read")),
    ),
    ("pins", Status.PROBLEM, edit(f"{WORKFLOWS}/promote.yml", "acme/promotebot@v1", ACTION)),
    ("codeowners", Status.ADVICE, write_owners),
    ("codeowners_errors", Status.PROBLEM, edit(".github/CODEOWNERS", "@nobody", "@root")),
    ("lfs", Status.PROBLEM, untrack),
    ("attributes", Status.ADVICE, follow),
]
"""Check, what it says of the broken repository, and how its own remedy is followed; in an order that works."""
ELSEWHERE = {
    "labels": "it is mended together with workflows, by --fix",
    "merge_methods": "it is mended together with linear_history",
    "stale_approvals": "it says what to know, and nothing is wrong either way",
    "environment": "it is about an App: test_checks.py",
    "teams": "it is about an App: test_checks.py",
}


def test_every_check_is_broken_and_mended_here_or_elsewhere() -> None:
    assert {f"doctor.{name}" for name in [*(name for name, *_ in STEPS), *ELSEWHERE]} == {*BRANCH_CHECKS, *CHECKS}


def test_each_line_of_a_broken_repository_turns_ok_by_its_own_remedy(office: Office) -> None:
    clinic = Clinic.of(office)
    break_everything(clinic)
    broken = clinic.report()
    assert broken.exit_code == 1
    assert all(line.remedy and line.found and line.meaning for line in broken.lines if line.status is not Status.OK)
    lines = of_main(broken)
    assert (lines["doctor.merge_methods"].status, lines["doctor.labels"].status) == (Status.PROBLEM, Status.ADVICE)
    for step, (name, expected, mend) in enumerate(STEPS, start=1):
        line, before = lines[f"doctor.{name}"], lines
        assert line.status is expected, line
        mend(clinic, line)
        lines, later = of_main(clinic.report()), {f"doctor.{later}" for later, *_ in STEPS[step:]}
        worse = [one for one in before if before[one].status is Status.OK and lines[one].status is not Status.OK]
        assert [one for one in worse if one not in later] == [], name
        assert line.id in later or lines[line.id].status is Status.OK, lines[line.id]
    done = clinic.doctor()
    assert done.returncode == 0, done.stdout
    assert "problem" not in done.stdout
    assert "Next:" not in done.stdout


def of_main(report: DoctorReport) -> dict[str, Line]:
    """The lines of the whole repository and of its default branch."""
    return {line.id: line for line in report.lines if line.where in ("", "main")}
