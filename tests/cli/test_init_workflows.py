"""The workflow files of `promotebot init`: both variants pass the linters, and may do the same."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from promotebot.cli.main import main
from promotebot.promotion.slips import read_comment
from promotebot.workflow_files import PLACEHOLDER, WORKFLOWS, workflow_files
from tests.e2e.expression import holds
from tests.ordinary_comments import ORDINARY, TO_OTHER_BOTS

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
ACTION = f"acme/promotebot@{'c0' * 20} # v1.2.3"
SETUP = (ROOT / "docs/setup.md").read_text(encoding="utf-8")
LINTERS = {
    "actionlint": ["-shellcheck=", "-pyflakes="],
    "check-jsonschema": ["--quiet", "--builtin-schema", "vendor.github-workflows"],
    "zizmor": ["--quiet", "--offline", "--persona", "pedantic", "--config", str(ROOT / ".github/zizmor.yml")],
}
if sys.version_info < (3, 11):  # pyproject.toml: these two no longer support 3.10, and are not installed with it
    del LINTERS["check-jsonschema"], LINTERS["zizmor"]
LEVELS = ("read", "write")


def documents(*, app: bool) -> dict[str, Any]:
    """Each workflow by its name, parsed."""
    files = workflow_files(ACTION, ["main"], app=app)
    return {Path(path).stem: yaml.load(data, Loader=yaml.BaseLoader) for path, data in files.items()}  # noqa: S506


def jobs(*, app: bool) -> dict[str, Any]:
    """Each job that uses promotebot, as WORKFLOW.JOB."""
    found = {f"{name}.{key}": job for name, file in documents(app=app).items() for key, job in file["jobs"].items()}
    return {name: job for name, job in found.items() if name != "review.review"}


@pytest.mark.parametrize("flags", [[], ["--app"], ["--shards", "3"]], ids=["plain", "app", "shards"])
@pytest.mark.parametrize("linter", sorted(LINTERS))
def test_what_init_lays_passes_the_linters(linter: str, flags: list[str], tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    assert main(["init", "--base-dir", str(tmp_path), "--action", ACTION, *flags]) == 0
    files = sorted(map(str, (tmp_path / ".github/workflows").glob("*.yml")))
    assert len(files) == len(WORKFLOWS)
    done = subprocess.run([str(BIN / linter), *LINTERS[linter], *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_apps_key_stands_in_an_environment_and_the_jobs_own_token_may_do_nothing() -> None:
    assert jobs(app=True).keys() == jobs(app=False).keys() != set()
    for name, job in jobs(app=True).items():
        assert job["permissions"] == {}, name
        assert job["environment"] == {"name": "promotebot", "deployment": "false"}
        token, step = job["steps"]
        assert re.fullmatch(r"actions/create-github-app-token@[0-9a-f]{40}", token["uses"])
        assert token["with"]["private-key"] == "${{ secrets.PROMOTEBOT_APP_PRIVATE_KEY }}"
        assert step["with"]["token"] == "${{ steps.app.outputs.token }}"
        assert step["with"]["bot-login"] == "${{ steps.app.outputs.app-slug }}[bot]"


def test_an_apps_token_may_do_what_the_jobs_own_may_in_the_plain_variant() -> None:
    for name, job in jobs(app=True).items():
        plain = jobs(app=False)[name]
        asked = {key: level for key, level in job["steps"][0]["with"].items() if key.startswith("permission-")}
        assert asked == {f"permission-{area}": level for area, level in plain["permissions"].items()} != {}
        kept = {key: value for key, value in job["steps"][1]["with"].items() if key not in ("token", "bot-login")}
        assert kept == plain["steps"][0].get("with", {})
        differing = {key for key in {*job, *plain} if job.get(key) != plain.get(key)}
        assert differing == {"environment", "permissions", "steps"}


def test_no_event_of_a_branch_that_others_write_reaches_the_key() -> None:
    """A merge queue's run has the queue's branch: it only starts the run that has the default branch."""
    plain, app = documents(app=False), documents(app=True)
    on_the_default_branch = {"issue_comment", "pull_request_target", "workflow_run", "workflow_dispatch", "schedule"}
    for name in ("promote", "gate", "verify"):
        assert set(app[name]["on"]) <= on_the_default_branch | {"push"}
        assert set(plain[name]["on"]) - set(app[name]["on"]) == ({"merge_group"} if name == "gate" else set())
    assert app["review"]["on"] == {**plain["review"]["on"], "merge_group": plain["gate"]["on"]["merge_group"]}
    assert app["review"]["jobs"] == plain["review"]["jobs"]
    assert app["review"]["jobs"]["review"]["steps"] == [{"run": "true"}]
    assert app["gate"]["on"]["workflow_run"]["workflows"] == [app["review"]["name"]]


def test_the_setup_page_lists_every_permission_that_the_app_needs() -> None:
    rows = re.findall(r"^ +\| `([\w-]+)` \| (read|write) \|", SETUP, re.MULTILINE)
    listed = {area: LEVELS.index(level) for area, level in rows}
    needed: dict[str, int] = {}
    for job in jobs(app=False).values():
        for area, level in job["permissions"].items():
            needed[area] = max(needed.get(area, 0), LEVELS.index(level))
    assert {area: listed.get(area) for area in needed} == needed


def test_the_setup_page_names_what_the_files_name() -> None:
    text = b"".join(workflow_files(ACTION, ["main"], app=True).values()).decode()
    names = {*re.findall(r"(?:vars|secrets)\.(\w+)", text), "promotebot/gate", "promotebot init --app"}
    assert len(names) == 4
    assert [name for name in sorted(names) if f"`{name}`" not in SETUP] == []


@pytest.mark.parametrize(("flags", "source"), [([], "GitHub Actions"), (["--app"], "your App")])
def test_the_next_steps_name_the_required_status_with_its_source(
    flags: list[str], source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(tmp_path)], check=True)
    assert main(["init", "--base-dir", str(tmp_path), *flags]) == 0
    steps = capsys.readouterr().out.partition("Next:\n")[2]
    assert f"promotebot/gate on main, with its source: {source}\n" in steps
    assert "a status can be required only after it has been reported once" in steps
    assert ("Create the App and the environment promotebot" in steps) is bool(flags)
    assert PLACEHOLDER in steps


@pytest.mark.parametrize("remove", [("rm", "--"), ("git", "rm", "--quiet", "--")])
def test_removed_workflow_files_are_written_anew_once_their_removal_is_committed(
    remove: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/upgrade.md, docs/setup.md and docs/runbook.md say: to another version, to an App, to shards."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], check=True)
    for name, value in (("user.name", "alice"), ("user.email", "alice@example.com")):
        subprocess.run(["git", "config", name, value], check=True)
    assert main(["init", "--action", ACTION]) == 0
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(["git", "commit", "--quiet", "--message", "chore: Set up"], check=True)
    files = sorted(str(path) for path in Path(".github/workflows").glob("*.yml"))
    subprocess.run([*remove, *files], check=True)
    capsys.readouterr()
    assert main(["init", "--action", ACTION, "--app"]) == 1
    line = re.search(r"or, to have it written anew: (git commit .*)", capsys.readouterr().err)
    assert line
    subprocess.run(["bash", "-c", line[1]], check=True)
    assert main(["init", "--action", ACTION, "--app"]) == 0
    written = workflow_files(ACTION, ["main"], app=True)
    assert {path: Path(path).read_bytes() for path in files} == {path: written[path] for path in files}


def test_both_variants_use_the_action_that_was_named() -> None:
    def uses(files: Mapping[str, bytes]) -> list[str]:
        return re.findall(r"uses: (.*promotebot@.*)", b"".join(files.values()).decode())

    assert (
        uses(workflow_files(ACTION, ["main"], app=True))
        == uses(workflow_files(ACTION, ["main"], app=False))
        == [ACTION] * 5
    )


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def heard(clone: Path) -> list[Any]:
    """The branches whose pushes start the workflows that `init` lays in a clone."""
    files = [yaml.safe_load((clone / f".github/workflows/{name}.yml").read_text()) for name in ("promote", "verify")]
    return [file[True]["push"]["branches"] for file in files]  # YAML 1.1 reads the key `on` as true


@pytest.mark.parametrize("flags", [[], ["--app"]], ids=["plain", "app"])
@pytest.mark.parametrize("renamed", [False, True])
def test_the_workflows_hear_the_default_branch_and_the_policys_bases(
    flags: list[str], renamed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a branch of one's own, and also where the default branch was renamed since the clone was made."""
    origin, clone = tmp_path / "origin.git", tmp_path / "clone"
    first = "old" if renamed else "trunk"
    git("init", "--quiet", "--bare", f"--initial-branch={first}", str(origin))
    git("clone", "--quiet", str(origin), str(clone))
    who = ["-C", str(clone), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    git(*who, "commit", "--quiet", "--allow-empty", "--message=Start")
    git("-C", str(clone), "push", "--quiet", "origin", f"HEAD:{first}")
    git("-C", str(clone), "remote", "set-head", "origin", "--auto")
    if renamed:
        git("-C", str(origin), "branch", "--move", "old", "trunk")
    git("-C", str(clone), "switch", "--quiet", "--create", "add-promotebot")
    (clone / ".github").mkdir()
    (clone / ".github/promotion.yml").write_text("bases: [release]\n")
    assert main(["init", "--base-dir", str(clone), "--action", ACTION, *flags]) == 0
    assert heard(clone) == [["trunk", "release"]] * 2
    steps = capsys.readouterr().out.partition("Next:\n")[2]
    assert "promotebot/gate on trunk and promotebot/gate (release) on release, with its source" in steps
    assert "If trunk is not the default branch (and release, from the policy)" in steps


def test_without_a_remote_the_branch_one_stands_on_counts_as_the_default(tmp_path: Path) -> None:
    git("init", "--quiet", "--initial-branch=develop", str(tmp_path))
    assert main(["init", "--base-dir", str(tmp_path), "--action", ACTION]) == 0
    assert heard(tmp_path) == [["develop"]] * 2


def test_an_origin_that_does_not_answer_leaves_what_the_clone_recorded(tmp_path: Path) -> None:
    git("init", "--quiet", "--initial-branch=mine", str(tmp_path))
    git("-C", str(tmp_path), "remote", "add", "origin", str(tmp_path / "gone.git"))
    git("-C", str(tmp_path), "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/release/1.x")
    assert main(["init", "--base-dir", str(tmp_path), "--action", ACTION]) == 0
    assert heard(tmp_path) == [["release/1.x"]] * 2


def test_a_branch_whose_name_a_filter_would_read_otherwise_is_heard_by_its_name() -> None:
    text = workflow_files(ACTION, ["c++", "!x", "no", "1.0", "a#b", "ä"], app=False)[".github/workflows/verify.yml"]
    assert yaml.safe_load(text)[True]["push"]["branches"] == [r"c\+\+", r"\!x", "no", "1.0", "a#b", "ä"]


def test_a_policy_that_does_not_read_is_said_before_anything_is_written(tmp_path: Path) -> None:
    git("init", "--quiet", str(tmp_path))
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github/promotion.yml").write_text("bases: trunk\n")
    assert main(["init", "--base-dir", str(tmp_path)]) == 1
    assert not (tmp_path / ".github/workflows").exists()


def starts(body: str, *, app: bool = False, action: str = "created", before: str = "", by: str = "User") -> bool:
    """Whether a person's comment starts the job of commands."""
    author = {"type": "Bot" if before.startswith("<!--") or by == "Bot" else "User"}
    event = {
        "action": action,
        "comment": {"body": body, "user": author},
        "issue": {"state": "open"},
        "sender": {"type": by},
        "changes": {"body": {"from": before}} if before else {},
    }
    condition = documents(app=app)["promote"]["jobs"]["promote"]["if"]
    return holds(condition, {"event_name": "issue_comment", "event": event})


@pytest.mark.parametrize("app", [False, True], ids=["plain", "app"])
@pytest.mark.parametrize(
    "body",
    [
        "promote active",
        "Promote active",
        "/ promote active",
        "/promot active",
        "/rolback m",
        "@promotebot promote active",
        "Thanks.\n- /promote active",
        '`/rollback m --reason "late"`',
        " /promote active",
        "／promote active",  # noqa: RUF001 - a full-width slash on purpose
        'rollback m --reason "incident"',
        "/status",
        "Thanks!\n/help",
        " /hold it drifts",
        "- **/Hold**",
        "Wait.\r\n/stop",
        " /stop",
        "- /lock it drifts",
        "> quoted\n\n`/pause`",
        "promte active",
        "Promot staging",
        "Thanks!\r\n\r\npromote active",
        "rolback regime_classifier",
        "Dmeote m2 active --reason drift",
        "withdraw regime_classifier",
        "withdraw",
        "hold",
        "Hold: it drifts",
        "Stop!",
        "unhold\n\nAll is well.",
    ],
)
def test_what_comes_close_to_a_command_starts_a_job(body: str, app: bool) -> None:
    assert read_comment(body), "it is answered"
    assert starts(body, app=app)
    assert not starts(body, app=app, by="Bot")


@pytest.mark.parametrize(
    "body", ["Looks good to me.", "We promote active models.", "see https://example.org/a", "", "> /x"]
)
def test_prose_starts_none(body: str) -> None:
    assert not starts(body)


def test_of_sixty_ordinary_comments_six_start_a_job_that_says_nothing() -> None:
    """The setup page says what that costs."""
    heard = [body for body in ORDINARY if starts(body)]
    assert len(ORDINARY) == 60
    assert {body[:8] for body in heard} == {
        "Hold on,",
        "Holding ",
        "Stop wor",
        "Promotio",
        "Rollback",
        "> /promo",
    }
    assert len(heard) == 6
    assert "Of sixty ordinary comments, six start a job" in " ".join(SETUP.split())
    assert all(starts(body) for body in TO_OTHER_BOTS), "nothing tells another bot's word from a misspelt one of ours"


def test_a_word_with_one_letter_left_out_or_two_changed_about_starts_a_job_in_most_cases() -> None:
    """Nobody can list all of them in a condition; behind a slash, every word starts the job."""
    lines = {"promote": "active", "rollback": 'm2 --reason "late"', "demote": 'm2 active --reason "late"'}
    for verb, rest in lines.items():
        spoiled = {verb[:place] + verb[place + 1 :] for place in range(1, len(verb))}
        spoiled |= {verb[:at] + verb[at + 1] + verb[at] + verb[at + 2 :] for at in range(1, len(verb) - 1)}
        answered = {word for word in spoiled - {verb} if read_comment(f"{word} {rest}")}
        unheard = {word for word in answered if not starts(f"{word} {rest}")}
        assert unheard == ({"pomote", "proote", "proomte"} if verb == "promote" else set())
        assert all(starts(f"/{word} {rest}") for word in spoiled)


@pytest.mark.parametrize(
    ("body", "before", "action", "expected"),
    [
        ("/hold", "Looks good.", "edited", True),
        ("hold", "Looks good.", "edited", False),
        ("changed by somebody", "<!-- promotebot:m -->", "edited", True),
        ("<!-- promotebot:m -->", "", "deleted", False),
        ("Looks better.", "Looks good.", "edited", False),
    ],
)
def test_a_changed_comment_starts_a_job_where_it_may_hold_or_was_a_card(
    body: str, before: str, action: str, expected: bool
) -> None:
    assert starts(body, action=action, before=before) is expected


def test_a_sharded_verification_is_the_plain_one_with_a_job_for_each_part() -> None:
    plain, sharded = (
        yaml.safe_load(
            workflow_files(ACTION, ["main", "release"], app=False, shards=shards)[".github/workflows/verify.yml"]
        )
        for shards in (1, 3)
    )
    assert {key: value for key, value in sharded.items() if key != "jobs"} == {
        key: value for key, value in plain.items() if key != "jobs"
    }
    assert sharded["jobs"]["doctor"] == plain["jobs"]["doctor"]
    reminds = {"pull-requests": "write"}  # each part does, of its own models
    assert {**sharded["jobs"]["verify"]["permissions"], **reminds} == plain["jobs"]["verify"]["permissions"]
    part = sharded["jobs"]["part"]
    assert part["strategy"] == {"fail-fast": False, "matrix": {"part": [1, 2, 3]}}
    assert part["steps"][0]["with"] == {"command": "verify", "shard": "${{ matrix.part }}/3"}
    assert part["if"] == plain["jobs"]["verify"]["if"]
    assert part["permissions"] == {"contents": "read", "statuses": "read", **reminds}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--shards", "0"], "0 is no number of jobs"),
        (["--shards", "257"], "257 is no number of jobs"),
        (["--shards", "2", "--app"], "is not possible together with --app"),
    ],
)
def test_shards_that_cannot_be_are_refused_and_nothing_is_written(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    assert main(["init", "--base-dir", str(tmp_path), *flags]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [".git"]
