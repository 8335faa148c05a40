"""The program on a disk that works against it: a sentence, an exit code, and the file as it was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from promotebot.registry import ModelRegistry
from tests.cli.desk import BOT, MODEL, PROMOTE, STAGING, Desk
from tests.demo.story import REGISTRY
from tests.office import Office

pytestmark = pytest.mark.thorough

ROLLBACK = ("rollback", *MODEL, "--stage", "shadow", "--to", "regime_v1_candidate", "--reason", "x", "--allow-dirty")
WRITERS = [pytest.param(PROMOTE, id="promote"), pytest.param(ROLLBACK, id="rollback")]
COMMANDS = [*WRITERS, pytest.param(("verify",), id="verify"), pytest.param(("status",), id="status")]
MOUNTED = Path(__file__).with_name("mounted.py")
NAMESPACE = ("unshare", "--mount", "--map-root-user", sys.executable, "-I", str(MOUNTED))
LIMITED = """
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, getattr(signal, sys.argv.pop(1)))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
runpy.run_module("promotebot", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def desk(office: Office) -> Desk:
    alice = office.person("alice")
    return Desk(alice, alice.clone / REGISTRY)


@pytest.fixture
def permissions_count(tmp_path: Path) -> None:
    """Root, as a rule, reads and writes where permissions say no; tried, since it is the capability that counts."""
    locked = tmp_path / "locked"
    locked.touch(mode=0o000)
    if os.access(locked, os.R_OK | os.W_OK):
        pytest.skip("permissions do not stop this user")


def check_refused(done: subprocess.CompletedProcess[str], *words: str, code: int = 1) -> None:
    assert done.returncode == code, done.stderr
    assert all(word in done.stderr for word in (*words, "\nNext: ")), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


class TestWhatIsNotAFile:
    """In the place of the registry."""

    @pytest.mark.parametrize("arguments", COMMANDS)
    def test_a_link_is_refused_and_what_it_names_is_not_written(self, desk: Desk, arguments: tuple[str, ...]) -> None:
        target = desk.path.rename(desk.path.with_name("elsewhere.json"))
        desk.path.symlink_to(target.name)
        before = target.read_bytes()
        check_refused(desk.run(arguments), f"{REGISTRY}: registry is a symbolic link")
        assert (target.read_bytes(), desk.path.is_symlink()) == (before, True)
        assert desk.beside() == ["elsewhere.json", "models.json"]

    def test_a_conversion_writes_nothing_through_a_link_in_the_place_of_the_models(
        self, desk: Desk, tmp_path: Path
    ) -> None:
        elsewhere, before = tmp_path / "elsewhere", desk.path.read_bytes()
        elsewhere.mkdir()
        desk.path.with_name("models").symlink_to(elsewhere)
        check_refused(desk.run(("registry", "split")), "is a symbolic link")
        assert (list(elsewhere.iterdir()), desk.path.read_bytes()) == ([], before)

    def test_nothing_is_cleared_away_behind_a_link_in_the_place_of_the_models(self, desk: Desk, tmp_path: Path) -> None:
        """It may be another registry's, which somebody else is writing at this moment under a lock of its own."""
        (tmp_path / ".models-abc.tmp").touch()
        desk.path.with_name("models").symlink_to(tmp_path)
        desk.run(PROMOTE)
        assert (tmp_path / ".models-abc.tmp").exists()

    @pytest.mark.parametrize("arguments", COMMANDS)
    def test_a_pipe_is_refused_without_waiting_for_its_writer(self, desk: Desk, arguments: tuple[str, ...]) -> None:
        desk.path.unlink()
        os.mkfifo(desk.path)
        done = desk.run(arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"{REGISTRY}: registry is not a regular file" in done.stderr
        assert "Traceback" not in done.stderr
        assert desk.path.is_fifo()
        assert desk.beside() == ["models.json"]

    def test_a_pipe_is_refused_with_the_next_step(self, desk: Desk) -> None:
        desk.path.unlink()
        os.mkfifo(desk.path)
        check_refused(desk.run(PROMOTE))

    @pytest.mark.parametrize("arguments", COMMANDS)
    def test_a_directory_is_refused(self, desk: Desk, arguments: tuple[str, ...]) -> None:
        desk.path.unlink()
        desk.path.mkdir()
        check_refused(desk.run(arguments), f"{REGISTRY}: registry is not a regular file")

    @pytest.mark.parametrize("arguments", COMMANDS)
    def test_nothing_is_refused_and_nothing_is_made(self, desk: Desk, arguments: tuple[str, ...]) -> None:
        desk.path.unlink()
        check_refused(desk.run(arguments), f"{REGISTRY}: registry not found", "promotebot init")
        assert desk.beside() == []


class TestReadOnly:
    """By permission and by mount."""

    @pytest.mark.usefixtures("permissions_count")
    @pytest.mark.parametrize("arguments", WRITERS)
    def test_a_directory_that_may_not_be_written(self, desk: Desk, arguments: tuple[str, ...]) -> None:
        before = desk.path.read_bytes()
        desk.path.parent.chmod(0o555)
        done = desk.run(arguments)
        desk.path.parent.chmod(0o755)
        check_refused(done, f"{REGISTRY}: cannot write the registry: Permission denied", "the old file is unchanged")
        assert (desk.path.read_bytes(), desk.beside()) == (before, ["models.json"])

    @pytest.mark.usefixtures("permissions_count")
    @pytest.mark.parametrize("arguments", COMMANDS)
    def test_a_file_that_may_not_be_read_was_not_verified(self, desk: Desk, arguments: tuple[str, ...]) -> None:
        desk.path.chmod(0)
        done = desk.run(arguments)
        assert done.returncode == 4
        assert f"{REGISTRY}: cannot read the registry: Permission denied" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_read_only_file_is_replaced_as_git_would_and_stays_read_only(self, desk: Desk) -> None:
        desk.path.chmod(0o444)
        done = desk.run(PROMOTE)
        assert done.returncode == 0, done.stderr
        assert desk.path.stat().st_mode & 0o777 == 0o444
        assert ModelRegistry.load(desk.path).get_stage_pointer("regime_classifier", "staging")

    @pytest.mark.parametrize("arguments", WRITERS)
    def test_a_file_system_that_may_not_be_written(self, desk: Desk, arguments: tuple[str, ...]) -> None:
        ended = on_a_mount(desk, "ro", arguments)
        assert ended["code"] == 1, ended
        assert f"{REGISTRY}: cannot write the registry: Read-only file system" in ended["err"]
        assert "\nNext: " in ended["err"]
        assert (ended["out"], ended["unchanged"]) == ("", True)

    def test_a_file_system_that_may_not_be_written_can_be_verified_and_tried(self, desk: Desk) -> None:
        for arguments in (("verify",), (*PROMOTE, "--dry-run")):
            ended = on_a_mount(desk, "ro", arguments)
            assert (ended["code"], ended["unchanged"]) == (0, True), ended


def on_a_mount(desk: Desk, options: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run the program with a tmpfs in the place of the registry's directory; skip where that is not allowed."""
    if not shutil.which("unshare"):
        pytest.skip("there is no unshare here")
    if desk.run([str(desk.path.parent), options], bot=NAMESPACE).returncode:
        pytest.skip("mounting in a namespace of one's own is not allowed here")
    done = desk.run([str(desk.path.parent), options, *BOT, *arguments], bot=NAMESPACE)
    assert done.returncode == 0, done.stderr
    ended: dict[str, Any] = json.loads(done.stdout)
    return ended


class TestFullDisk:
    """By limit, by a small file system, and where the output goes."""

    @pytest.mark.parametrize("arguments", WRITERS)
    def test_a_limit_on_the_size_of_files(self, desk: Desk, arguments: tuple[str, ...]) -> None:
        before = desk.grow()
        done = desk.run(["SIG_IGN", *arguments], bot=(sys.executable, "-I", "-c", LIMITED))
        check_refused(done, f"{REGISTRY}: cannot write the registry: File too large", "the old file is unchanged")
        assert (desk.path.read_bytes(), desk.beside()) == (before, ["models.json"])
        assert desk.person.git("status", "--porcelain") == ""

    @pytest.mark.parametrize("arguments", WRITERS)
    def test_a_file_system_without_space(self, desk: Desk, arguments: tuple[str, ...]) -> None:
        desk.grow()
        ended = on_a_mount(desk, "size=100k", arguments)
        assert ended["code"] == 1, ended
        assert f"{REGISTRY}: cannot write the registry: No space left on device" in ended["err"]
        assert "\nNext: " in ended["err"]
        assert (ended["out"], ended["unchanged"]) == ("", True)

    @pytest.mark.parametrize("arguments", [("verify",), (*PROMOTE, "--dry-run")], ids=["verify", "promote"])
    def test_an_output_that_takes_nothing_ends_with_a_code_of_ours(
        self, desk: Desk, arguments: tuple[str, ...]
    ) -> None:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [*BOT, *arguments],
                cwd=desk.person.clone,
                env={**desk.person.environment, "ML_PROMOTION_ACTOR": "alice@example.com"},
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode in (1, 2, 3, 4)
        assert "Exception" not in done.stderr


class TestAfterAKill:
    """The kernel ends the program in the middle of writing the new file."""

    @pytest.fixture
    def left(self, desk: Desk) -> str:
        """The name of what the dead writer left."""
        before = desk.grow()
        done = desk.run(["SIG_DFL", *PROMOTE], bot=(sys.executable, "-I", "-c", LIMITED))
        assert done.returncode == -signal.SIGXFSZ
        assert desk.path.read_bytes() == before
        (name,) = set(desk.beside()) - {"models.json"}
        return name

    def test_what_is_left_is_seen_by_git_and_harms_no_reader(self, desk: Desk, left: str) -> None:
        assert desk.person.git("status", "--porcelain") == f"?? ml/registry/{left}"
        assert desk.run(["verify"]).returncode == 0

    @pytest.mark.usefixtures("left")
    def test_what_is_left_does_not_stop_a_promotion_that_allows_it(self, desk: Desk) -> None:
        assert desk.run(PROMOTE).returncode == 0
        assert ModelRegistry.load(desk.path).get_stage_pointer("regime_classifier", "staging")

    @pytest.mark.usefixtures("left")
    def test_the_next_promotion_goes_through_and_takes_away_what_is_left(self, desk: Desk) -> None:
        assert desk.run(["promote", *STAGING]).returncode == 0
        assert desk.beside() == ["models.json"]


def test_whatever_a_registry_holds_besides_is_kept_and_what_is_written_loads(desk: Desk) -> None:
    """Keys that only another tool knows, with everything that the loader lets through."""
    deep: Any = "bottom"
    for _ in range(60):
        deep = [deep]
    odd = {"deep": deep, "big": 10**19, "less": -0.0, "tiny": 5e-324, "text": "\U0001f600\u2028\x7f\u0000", "": [{}]}
    document = json.loads(desk.path.read_bytes())
    document["models"]["regime_classifier"]["theirs"] = odd
    desk.path.write_text(json.dumps({**document, "theirs": odd}))
    desk.person.commit("chore: Another tool's keys")
    done = desk.run(["promote", *STAGING])
    assert done.returncode == 0, done.stderr
    registry = ModelRegistry.load(desk.path)
    assert registry.document["theirs"] == odd
    assert registry.raw_entry("regime_classifier")["theirs"] == odd
