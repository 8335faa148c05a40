"""action.yml, the workflow files, the settings and docs/action.md say the same thing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from promotebot.action.result import Outcome
from promotebot.action.run import run_action
from promotebot.action.schedule import REPORT, REPORTS
from promotebot.environment import COMMANDS
from promotebot.errors import InvalidInput
from promotebot.settings import Settings
from tests.cli.test_init_workflows import BIN, LINTERS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/action.md").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
COPIED = [path for path in WORKFLOWS if path.name not in ("ci.yml", "release.yml")]
ACTED = [path for path in COPIED if path.name != "review.yml"]  # a pull request can edit it: it uses nothing
FILES = [ROOT / "action.yml", *WORKFLOWS]
PIN = re.compile(r"uses: (?:[\w.-]+/[\w.-]+@[0-9a-f]{40}) # v\d+\.\d+\.\d+\n")
OURS = re.compile(
    r"^ +# In your repository the next two steps are one: (- uses: OWNER/promotebot@COMMIT # VERSION)\n"
    r"( +)- uses: actions/checkout@.*\n +with:\n +ref: \$\{\{ github\.event\.repository\.default_branch \}\}.*\n"
    r" +persist-credentials: false\n +- uses: \./\n",
    re.MULTILINE,
)
BASE = {
    "GITHUB_EVENT_NAME": "schedule",
    "GITHUB_EVENT_PATH": "event.json",
    "GITHUB_TOKEN": "made-up",
    "GITHUB_API_URL": "https://github.example.com/api/v3",
    "GITHUB_SERVER_URL": "https://github.example.com",
    "GITHUB_REPOSITORY": "acme/models",
    "GITHUB_OUTPUT": "output",
    "GITHUB_STEP_SUMMARY": "summary",
}


def load(path: Path) -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))  # noqa: S506


ACTION = load(ROOT / "action.yml")
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
RUN = STEPS[-1]
INSTALL: str = STEPS[0]["run"]


def steps_of(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "runs" in document:
        yield from document["runs"]["steps"]
    for job in document.get("jobs", {}).values():
        yield from job["steps"]


def table_of_page(head: str) -> list[list[str]]:
    """The rows of the page's table whose first column is called `head`."""
    table = re.search(rf"^\| {head} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert table
    rows = ([cell.strip() for cell in row.strip("|").split("|")] for row in table[1].splitlines())
    return [[first.strip("`"), *rest] for first, *rest in rows]


INSTALLED = {"sigstore", "storage"}
"""Inputs that say what is installed; the program needs no setting for them."""


def setting_of(variable: str, value: str) -> dict[str, Any]:
    """What one variable changes in the settings."""
    before = Settings.from_env(BASE).model_dump()
    after = Settings.from_env({**BASE, variable: value}).model_dump()
    return {name: after[name] for name in after if after[name] != before[name]}


def test_the_inputs_are_those_of_the_page_with_the_same_defaults() -> None:
    inputs = {name: (declared["default"]) for name, declared in ACTION["inputs"].items()}
    assert inputs == {row[0]: row[1].strip("`") for row in table_of_page("input")}


def test_the_outputs_are_those_of_the_page_and_come_from_the_run_step() -> None:
    assert list(ACTION["outputs"]) == [row[0] for row in table_of_page("output")]
    for name, declared in ACTION["outputs"].items():
        assert declared["value"] == f"${{{{ steps.{RUN['id']}.outputs.{name} }}}}"


def test_the_outputs_are_those_the_program_writes(tmp_path: Path) -> None:
    event, output, summary = (tmp_path / name for name in ("event.json", "output", "summary"))
    event.write_text("{}")
    output.touch()
    paths = {"GITHUB_EVENT_PATH": str(event), "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
    with pytest.raises(InvalidInput):  # a payload that is none is an answer with all outputs
        run_action({**BASE, **paths, "GITHUB_EVENT_NAME": "issue_comment"}, lambda: pytest.fail("no clock is needed"))
    written = re.findall(r"^(\w+)(?:=|<<)", output.read_text(), re.MULTILINE)
    assert sorted(written) == sorted(ACTION["outputs"])


def test_every_input_reaches_the_settings_through_the_environment_and_no_other_way() -> None:
    reached = {}
    for name in ACTION["inputs"].keys() - INSTALLED:
        variables = [variable for variable, value in RUN["env"].items() if value == f"${{{{ inputs.{name} }}}}"]
        assert len(variables) == 1, name
        reached[name] = variables[0]
    assert sorted(reached.values()) == sorted(RUN["env"])
    folder = {reached.pop("base-dir"): "another", reached["prefix"]: "/another"}
    settings = Settings.from_env({**BASE, **folder})
    assert (settings.base_dir, settings.registry_path) == ("another", "another/ml/registry/models.json")
    for name, variable in reached.items():
        value = {"command": COMMANDS[-1], "prefix": "/another"}.get(name, "another")
        (setting,) = setting_of(variable, value)
        assert setting == name.replace("-", "_")


def test_the_defaults_are_those_of_the_settings() -> None:
    settings = Settings.from_env(BASE)
    for name, declared in ACTION["inputs"].items():
        if name not in {"token", *INSTALLED}:  # the runner makes a token
            assert declared["default"] == getattr(settings, name.replace("-", "_")), name


def test_every_command_and_every_decision_is_named_where_people_look() -> None:
    rows = {row[0]: row[2] for row in table_of_page("input")}
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", ACTION["inputs"]["command"]["description"])
        assert f"`{command}`" in rows["command"]
    decisions = next(row[1] for row in table_of_page("output") if row[0] == "decision")
    assert {outcome.value for outcome in Outcome} == set(re.findall(r"`(\w+)`", decisions))


def test_the_program_runs_isolated_from_an_environment_outside_the_workspace() -> None:
    assert re.fullmatch(r'exec "\$RUNNER_TEMP/[\w/]+/bin/python" -I -m promotebot', RUN["run"])
    install = INSTALL.replace("\\\n", " ")
    assert re.search(
        r"pip install .*--require-hashes --only-binary :all: +-r source/requirements/bootstrap.txt", install
    )
    assert '--require-hashes --no-build -r "source/requirements/$lock.txt"' in install
    assert "--no-deps --no-build-isolation ./source" in install, "the build backend is that of the lock, too"
    assert "GITHUB_WORKSPACE" not in install + RUN["run"]


def test_no_process_of_the_job_shows_the_token_to_another_one(tmp_path: Path) -> None:
    """Neither the program nor the shell that starts it, asked while the program waits for the event to be readable."""
    (tmp_path / "promotebot").mkdir()
    (tmp_path / "promotebot/environment").symlink_to(sys.prefix)
    event, script = tmp_path / "event.json", tmp_path / "run.sh"
    os.mkfifo(event)
    script.write_text(RUN["run"])
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
    files = {"GITHUB_EVENT_PATH": event, "GITHUB_OUTPUT": tmp_path / "output", "GITHUB_STEP_SUMMARY": tmp_path / "md"}
    environment = {**BASE, **{name: str(path) for name, path in files.items()}, "RUNNER_TEMP": str(tmp_path)}
    token, other = "ghs_0123456789", "of-another-service"
    started = {**environment, "GITHUB_TOKEN": token, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": other}
    with subprocess.Popen(shell, env=started, stderr=subprocess.DEVNULL) as process:
        with event.open("w"):  # returns when the program reads it
            shown = Path(f"/proc/{process.pid}/environ").read_bytes().decode()
        process.wait()
    assert "GITHUB_REPOSITORY=acme/models" in shown
    assert token not in shown
    assert other not in shown


def test_the_action_uses_no_other_action_and_installs_nothing_beside_the_locks() -> None:
    assert [step["uses"] for step in STEPS if "uses" in step] == []
    installed = re.findall(r"-r (\S+)|(\./\S+)", INSTALL)
    assert ["".join(found) for found in installed] == [
        "source/requirements/bootstrap.txt",
        '"source/requirements/$lock.txt"',
        "source/requirements/sigstore.txt",
        "./source",
    ]
    lock = (ROOT / "requirements/bootstrap.txt").read_text(encoding="utf-8")
    assert re.findall(r"^(\w+)==", lock, re.MULTILINE) == ["setuptools", "uv"]


def test_what_verifies_identities_is_installed_where_it_is_asked_for_and_nowhere_else() -> None:
    [step] = [step for step in STEPS if step["name"] == "Install promotebot"]
    assert step["env"]["SIGSTORE"] == "${{ inputs.sigstore }}"
    guarded = re.search(r'if \[ "\$SIGSTORE" = true \]; then\n(.*?)\n *fi\n', INSTALL, re.DOTALL)
    assert guarded
    assert "--require-hashes --no-build -r source/requirements/sigstore.txt" in guarded[1]
    names = [
        re.findall(r"^([a-z0-9-]+)==", (ROOT / f"requirements/{lock}.txt").read_text(), re.MULTILINE)
        for lock in ("runtime", "sigstore")
    ]
    assert "sigstore" not in names[0]
    assert {*names[0], "sigstore"} <= {*names[1]}


def test_locks_that_are_installed_together_pin_the_same_versions() -> None:
    """The Action installs that of one kind of bucket, and that of Sigstore on top of it."""
    pins: dict[str, str] = {}
    for lock in ("runtime", "sigstore", "s3", "gcs", "azure"):
        text = (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")
        for line in re.findall(r"^[a-z0-9-]+==[^\\]+", text, re.MULTILINE):
            package, _, marker = line.strip().partition(" ; ")
            name, _, version = package.partition("==")
            assert pins.setdefault(f"{name} ; {marker}", version) == version, (lock, line)
    assert len(pins) > 80


@pytest.mark.parametrize(
    ("storage", "lock"),
    [("", "runtime"), ("s3", "s3"), ("gcs", "gcs"), ("azure", "azure"), ("../x", None), ("s3 gcs", None)],
)
def test_a_kind_of_bucket_names_the_lock_that_is_installed(tmp_path: Path, storage: str, lock: str | None) -> None:
    """Up to the environment, which is not made here."""
    script = tmp_path / "install.sh"
    script.write_text(INSTALL.partition("python3 -I -m venv")[0] + 'echo "lock=$lock"\n')
    environment = {
        "PATH": os.environ["PATH"],
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_ACTION_PATH": str(ROOT),
        "STORAGE": storage,
    }
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
    done = subprocess.run(shell, env=environment, capture_output=True, text=True, check=False)
    if lock is None:
        assert done.returncode == 1
        assert "::error::the input storage is none of s3, gcs and azure. Next: " in done.stdout
    else:
        assert done.stdout.endswith(f"lock={lock}\n"), done
        assert (tmp_path / f"temp/promotebot/source/requirements/{lock}.txt").is_file()


@pytest.mark.parametrize(("sigstore", "code"), [("", 0), ("true", 0), ("false", 0), ("True", 1), ("yes", 1)])
def test_a_word_for_the_library_of_identities_that_is_none_is_refused(tmp_path: Path, sigstore: str, code: int) -> None:
    script = tmp_path / "install.sh"
    script.write_text(INSTALL.partition("python3 -I -m venv")[0])
    paths = {"RUNNER_TEMP": str(tmp_path / "temp"), "GITHUB_ACTION_PATH": str(ROOT)}
    environment = {"PATH": os.environ["PATH"], **paths, "STORAGE": "", "SIGSTORE": sigstore}
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
    done = subprocess.run(shell, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert ("::error::the input sigstore is neither true nor false. Next: " in done.stdout) == (code == 1)


def test_a_python_that_is_too_old_is_said_with_what_to_do(tmp_path: Path) -> None:
    old = tmp_path / "bin/python3"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    script = tmp_path / "install.sh"
    script.write_text(INSTALL)
    environment = {
        "PATH": f"{old.parent}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_ACTION_PATH": str(ROOT),
    }
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
    done = subprocess.run(shell, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("::error::promotebot needs python3 to be Python 3.10 or newer. Next: ")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_use_is_pinned_to_a_commit_with_its_version_beside_it(path: Path) -> None:
    text = OURS.sub("", path.read_text(encoding="utf-8"))
    uses = re.findall(r"^ +(?:- )?(uses: .*\n)", text, re.MULTILINE)
    assert [line for line in uses if not PIN.fullmatch(line)] == []
    assert len(uses) == sum("uses" in step for step in steps_of(load(path))) - 2 * len(OURS.findall(path.read_text()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_expression_is_pasted_into_a_script(path: Path) -> None:
    assert [step["run"] for step in steps_of(load(path)) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_job_may_do_only_what_it_says_and_why_and_not_for_ever(path: Path) -> None:
    document, text = load(path), path.read_text(encoding="utf-8")
    assert document["permissions"] == {}
    for job in document["jobs"].values():
        assert job["permissions"] or path.name == "review.yml"
        assert 0 < int(job["timeout-minutes"]) <= 60
        for area, level in job["permissions"].items():
            assert re.search(rf"^ +{area}: {level} # \w", text, re.MULTILINE)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_runs_never_wait_for_each_other(path: Path) -> None:
    group = load(path)["concurrency"]
    assert group["cancel-in-progress"] == "false"
    assert re.fullmatch(r"\w+-\$\{\{ (github\.event\.comment\.id \|\| )?github\.run_id \}\}", group["group"])


def test_announcements_of_one_branch_run_one_after_the_other() -> None:
    jobs = load(ROOT / ".github/workflows/promote.yml")["jobs"]
    assert "concurrency" not in jobs["promote"]
    assert jobs["merged"]["concurrency"] == {
        "group": "promotebot-announce-${{ github.event.pull_request.base.ref || github.ref_name }}",
        "cancel-in-progress": "false",
    }
    assert jobs["merged"]["steps"][-1]["with"] == {"command": "announce"}


def test_what_a_pull_request_can_edit_runs_nothing_and_may_nothing() -> None:
    document = load(ROOT / ".github/workflows/review.yml")
    assert list(document["on"]) == ["pull_request_review", "pull_request_review_comment"]
    (job,) = document["jobs"].values()
    assert (job["permissions"], job["steps"]) == ({}, [{"run": "true"}])


@pytest.mark.parametrize("path", ACTED, ids=lambda path: path.name)
def test_a_users_file_is_ours_with_one_line_for_the_marked_steps(path: Path, tmp_path: Path) -> None:
    ours = path.read_text(encoding="utf-8")
    theirs = OURS.sub(rf"\2- uses: acme-tools/promotebot@{'c0' * 20} # v1.2.3\n", ours)
    jobs = yaml.safe_load(theirs)["jobs"].values()
    assert len(OURS.findall(ours)) == len(jobs)
    assert [len(job["steps"]) for job in jobs] == [1] * len(jobs)
    assert "checkout" not in theirs
    copy = tmp_path / path.name
    copy.write_text(theirs, encoding="utf-8")
    linter = [str(Path(sys.executable).parent / "actionlint"), "-shellcheck=", "-pyflakes=", str(copy)]
    done = subprocess.run(linter, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", COPIED, ids=lambda path: path.name)
def test_what_init_lays_is_ours_but_for_the_uses_line(path: Path) -> None:
    template = (ROOT / "bot/promotebot/templates" / path.name).read_text(encoding="utf-8")
    assert template == OURS.sub(r"\2\1\n", path.read_text(encoding="utf-8"))


def test_the_jobs_of_a_sharded_verification_leave_their_reports_where_the_last_one_looks() -> None:
    text = (ROOT / "bot/promotebot/templates/verify-sharded.yml").read_text(encoding="utf-8")
    assert REPORT in text
    assert f"/{REPORTS}\n" in text


def test_the_example_of_a_cd_is_a_workflow_with_pinned_actions_that_checks_out_no_commit_of_an_event(
    tmp_path: Path,
) -> None:
    text = (ROOT / "docs/deploy.yml").read_text(encoding="utf-8")
    copy = tmp_path / "deploy.yml"
    copy.write_text(text.replace("OWNER/promotebot@COMMIT # VERSION", f"acme/promotebot@{'c0' * 20} # v1.2.3"))
    for linter, options in LINTERS.items():
        done = subprocess.run([str(BIN / linter), *options, str(copy)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(PIN.findall(copy.read_text())) == len(re.findall(r"^ +(?:- )?uses: ", text, re.MULTILINE))
    (job,) = yaml.safe_load(text)["jobs"].values()
    checkout, install, *steps = job["steps"]
    assert checkout["with"]["ref"] == "${{ github.event.repository.default_branch }}"
    assert install["with"] == {"command": "install"}
    assert job["permissions"] == {"contents": "read", "deployments": "write"}
    assert [step["name"] for step in steps if "${{" in step["run"]] == [], (
        "values of an event reach a shell by env only"
    )


def test_with_install_the_action_only_puts_the_program_on_the_path() -> None:
    put = STEPS[1]
    assert (put["if"], RUN["if"]) == ("${{ inputs.command == 'install' }}", "${{ inputs.command != 'install' }}")
    (folder,) = re.findall(r'echo "(\S+)" >> "\$GITHUB_PATH"', put["run"])
    assert f'"{folder}/python" -I -m promotebot' in RUN["run"]
    assert "`install`" in next(row[2] for row in table_of_page("input") if row[0] == "command")


def test_the_files_to_copy_are_the_ones_the_page_names() -> None:
    assert {path.name for path in COPIED} == set(re.findall(r"(?:workflows/|`)(\w+\.yml)`", PAGE.split("|", 1)[0]))


def test_the_permissions_and_their_reasons_are_those_of_the_workflow_files() -> None:
    asked = []
    for path in COPIED:
        text, job = path.read_text(encoding="utf-8"), ""
        for line in text[text.index("\njobs:") :].splitlines():
            job = found[1] if (found := re.fullmatch(r"  ([\w-]+):", line)) else job
            if permission := re.fullmatch(r"      ([a-z-]+: (?:read|write)) # (.*)", line):
                asked.append(f"| `{path.name}` | `{job}` | `{permission[1]}` | {permission[2]} |")
        jobs = yaml.safe_load(text)["jobs"].values()
        assert sum(len(job["permissions"]) for job in jobs) == sum(f"`{path.name}`" in line for line in asked)
    setup = (ROOT / "docs/setup.md").read_text(encoding="utf-8").splitlines()
    assert sorted(asked) == sorted(line for line in setup if re.match(r"\| `\w+\.yml` \| `", line))
