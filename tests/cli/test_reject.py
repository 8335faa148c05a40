"""`promotebot reject`: the policy's file on the work tree, with one line more."""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest

import promotebot
from promotebot.cli.main import main
from promotebot.errors import InvalidInput
from promotebot.promotion.policy import parse_policy
from promotebot.remedies import Remedy
from tests.action.test_quarantine import FREE
from tests.fake_github.people import Person
from tests.office import Office

pytestmark = pytest.mark.thorough

MODEL, V1, V2 = "regime_classifier", "ml/artifacts/regime_v1", "ml/artifacts/regime_v2"
POLICY = ".github/promotion.yml"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def named(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in alice.environment.items():
        if name.startswith("GIT_"):
            monkeypatch.setenv(name, value)


def reject(*flags: str, artifact: str = V2) -> int:
    return main(["reject", MODEL, "--artifact", artifact, "--reason", "wrong labels", *flags])


def entries(person: Person) -> list[tuple[str, str]]:
    policy = parse_policy((person.clone / POLICY).read_bytes())
    return [(one.digest, one.reason) for one in policy.quarantine]


def sha_of(person: Person, directory: str) -> str:
    return f"sha256:{promotebot.load_artifact(person.clone / directory).manifest.model_sha256}"


def test_it_writes_the_entry_shows_the_diff_and_says_who_holds_it(alice: Person, capsys: Capture) -> None:
    assert reject() == 0
    shown = capsys.readouterr()
    assert entries(alice) == [(sha_of(alice, V2), "wrong labels")]
    assert f'+  - {{digest: "{sha_of(alice, V2)}", reason: "wrong labels"}}' in shown.out
    assert f"SHADOW of {MODEL} holds it (regime_v2_candidate)" in shown.err
    line = re.search(r"Next: (git add .*)$", shown.err, re.MULTILINE)
    assert line
    subprocess.run(["/bin/sh", "-c", line[1]], cwd=alice.clone, env=alice.environment, check=True, capture_output=True)
    assert alice.git("show", "--name-only", "--format=").split() == [POLICY]
    demote = re.search(r"Next: promotebot (demote .*)$", shown.err, re.MULTILINE)
    assert demote
    assert "--reason 'wrong labels'" in demote[1]


def test_after_it_the_artifact_is_refused_and_not_loaded(alice: Person, capsys: Capture) -> None:
    assert reject("--commit", artifact=V1) == 0
    assert alice.git("log", "-1", "--format=%s") == f"chore(ml): Reject {V1}"
    assert "Reason: wrong labels" in alice.git("log", "-1", "--format=%b")
    assert f"promotebot demote --model {MODEL} --stage active --reason 'wrong labels'" in capsys.readouterr().err
    assert main(["promote", "--model", MODEL, "--stage", "shadow", "--artifact-dir", V1, "--artifact-id", "v1"]) == 1
    assert "is in quarantine: wrong labels" in capsys.readouterr().err
    with pytest.raises(InvalidInput, match="in quarantine: wrong labels") as loaded:
        promotebot.load(MODEL, "active", base_dir=alice.clone)
    [this_says_how] = Remedy.of(loaded.value.remedy).commands
    assert main([*this_says_how.steps[0][1:]]) == 1
    shown = capsys.readouterr().out
    assert "which is in quarantine: wrong labels" in shown
    [line] = re.findall(r"promotebot ((?:demote|rollback) .*)$", shown, re.MULTILINE)
    assert main(shlex.split(line)) == 0, "nothing earlier was ACTIVE"
    capsys.readouterr()
    assert main(["verify"]) == 0
    assert "in quarantine" not in capsys.readouterr().out


def active_is_v2(person: Person) -> None:
    (person.clone / POLICY).parent.mkdir(exist_ok=True)
    (person.clone / POLICY).write_text(FREE)
    person.git("add", POLICY)
    person.git("commit", "--message", "policy")
    flags = ["--artifact-dir", V2, "--artifact-id", "v2", "--reason", "better", "--commit"]
    assert main(["promote", "--model", MODEL, "--stage", "active", *flags]) == 0


def test_with_an_earlier_active_the_rollback_is_offered_and_works(alice: Person, capsys: Capture) -> None:
    active_is_v2(alice)
    capsys.readouterr()
    assert reject("--commit") == 0
    told = re.search(rf"ACTIVE of {MODEL} runs it .* Next: promotebot (rollback .*)$", capsys.readouterr().err, re.M)
    assert told
    assert main(["verify"]) == 1
    assert f"promotebot {told[1]}" in capsys.readouterr().out, "the verification gives the same line"
    assert main(shlex.split(told[1])) == 0


def test_a_rollback_to_what_is_in_quarantine_itself_is_not_offered(alice: Person, capsys: Capture) -> None:
    active_is_v2(alice)
    assert reject("--commit", artifact=V1) == 0
    capsys.readouterr()
    assert reject("--commit") == 0
    told = re.search(rf"ACTIVE of {MODEL} runs it .* Next: promotebot (.*)$", capsys.readouterr().err, re.M)
    assert told
    assert main(["rollback", "--model", MODEL, "--reason", "wrong labels"]) == 1
    assert main(shlex.split(told[1])) == 0


def test_a_dry_run_writes_nothing_and_a_second_time_changes_nothing(alice: Person, capsys: Capture) -> None:
    assert reject("--dry-run") == 0
    assert f'+  - {{digest: "{sha_of(alice, V2)}"' in capsys.readouterr().out
    assert not (alice.clone / POLICY).exists()
    assert reject() == 0
    before = (alice.clone / POLICY).read_bytes()
    assert reject() == 0
    assert "is in quarantine already: wrong labels" in capsys.readouterr().err
    assert (alice.clone / POLICY).read_bytes() == before


def test_a_branch_is_committed_and_pushed(alice: Person, office: Office) -> None:
    assert reject("--branch", "reject-v2", "--push") == 0
    files = office.repository.git.run("diff", "--name-only", "main...refs/heads/reject-v2").split()
    assert files == [POLICY]


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["reject", MODEL, "--reason", "x"], 2, f"promotebot reject {MODEL} --reason x --artifact {V2}"),
        (["reject", "nope", "--reason", "x"], 2, "--artifact DIR"),
        (["reject", "nope", "--artifact", V2, "--reason", "x"], 1, "Unknown model 'nope'"),
        (["reject", MODEL, "--artifact", "ml/artifacts/none", "--reason", "x"], 1, "ml/artifacts/none"),
        (["reject", MODEL, "--artifact", "../x", "--reason", "x"], 1, "Path traversal not allowed"),
        (["reject", MODEL, "--artifact", V2, "--reason", "x" * 201], 1, "the policy keeps 200"),
        (["reject", MODEL, "--artifact", V2, "--reason", " "], 1, "the text is empty"),
        (
            ["reject", MODEL, "--artifact", V2],
            2,
            f"promotebot reject {MODEL} --artifact {V2} --reason 'what is wrong with it, incident #123'",
        ),
    ],
)
def test_what_does_not_read_writes_nothing(
    alice: Person, capsys: Capture, flags: list[str], code: int, said: str
) -> None:
    assert main(flags) == code
    assert said in capsys.readouterr().err
    assert not (alice.clone / POLICY).exists()


@pytest.mark.parametrize("text", ["{drafts: true}\n", "unknown: 1\n", "quarantine: {\n"])
def test_a_file_that_takes_no_entry_stays_as_it_is(alice: Person, capsys: Capture, text: str) -> None:
    alice.write(POLICY, text)
    assert reject() == 1
    assert (alice.clone / POLICY).read_text() == text
    if text.startswith("{"):
        assert f'- {{digest: "{sha_of(alice, V2)}", reason: "wrong labels"}}' in capsys.readouterr().err


def test_a_link_in_the_files_place_is_not_followed(alice: Person, capsys: Capture) -> None:
    alice.write("elsewhere.yml", "drafts: true\n")
    (alice.clone / ".github").mkdir(exist_ok=True)
    (alice.clone / POLICY).symlink_to("../elsewhere.yml")
    assert reject() == 1
    assert "is no regular file" in capsys.readouterr().err
    assert (alice.clone / "elsewhere.yml").read_text() == "drafts: true\n"


def test_somebody_elses_unsaved_change_of_the_file_is_not_committed_with_it(alice: Person, capsys: Capture) -> None:
    alice.write(POLICY, "drafts: true\n")
    assert reject("--commit") == 2
    assert "changes that are not committed" in capsys.readouterr().err
    assert (alice.clone / POLICY).read_text() == "drafts: true\n"
