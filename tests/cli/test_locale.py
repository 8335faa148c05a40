"""The program in a locale that is not UTF-8: text is stored as it was given, or refused."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from promotebot.registry import ModelRegistry
from tests.cli.desk import PROMOTE, Desk
from tests.demo.story import REGISTRY
from tests.office import Office
from tests.sampling import sampled

pytestmark = pytest.mark.thorough

LATIN = "en_US.ISO-8859-1"
REASON, NOTES = "Größe geprüft — 漢字 Ω", "naïve ½ €"


@pytest.fixture
def desk(office: Office) -> Desk:
    alice = office.person("alice")
    return Desk(alice, alice.clone / REGISTRY)


@pytest.fixture(scope="session")
def latin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a latin-1 terminal; glibc takes a locale from a directory."""
    directory = tmp_path_factory.mktemp("locales")
    if not shutil.which("localedef"):
        pytest.skip("there is no localedef here")
    command = ["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(directory / LATIN)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no locale can be made here: its sources are not installed")
    return {"LOCPATH": str(directory), "LC_ALL": LATIN, "LANGUAGE": "C"}


class TestLocale:
    """Bytes on disk are UTF-8, whatever the terminal speaks; a path beside the registry is no ASCII either."""

    @pytest.fixture(autouse=True)
    def name(self, desk: Desk) -> None:
        desk.person.write("ml/Übersicht — 漢字.md", "x\n")

    def check_written(self, desk: Desk, reason: str, notes: str) -> None:
        registry = ModelRegistry.load(desk.path)
        newest = registry.history["regime_classifier"][0]
        assert (newest.reason, newest.notes) == (reason, notes)
        assert f'"reason": "{reason}"'.encode() in desk.path.read_bytes()
        assert desk.beside() == ["models.json"]

    @pytest.mark.parametrize("locale", sampled(["C", "POSIX", "C.UTF-8", "nonsense"], 3))
    def test_text_is_stored_as_it_was_given(self, desk: Desk, locale: str) -> None:
        environment = {"LC_ALL": locale, "LANG": locale}
        done = desk.run([*PROMOTE, "--reason", REASON, "--notes", NOTES], environment=environment)
        assert done.returncode == 0, done.stderr
        assert f'"reason": "{REASON}"' in done.stdout
        self.check_written(desk, REASON, NOTES)
        shown = desk.run(["history", "--format", "json"], environment=environment)
        assert (shown.returncode, REASON in shown.stdout) == (0, True)
        assert desk.run(["verify"], environment=environment).returncode == 0

    def test_a_latin_1_terminal_gives_text_in_latin_1(self, desk: Desk, latin: dict[str, str]) -> None:
        reason, notes = "Größe geprüft", "naïve ½"
        done = desk.run(
            [*PROMOTE, "--reason", reason.encode("latin-1"), "--notes", notes.encode("latin-1")], environment=latin
        )
        assert done.returncode == 0, done.stderr
        assert f'"reason": "{reason}"' in done.stdout
        self.check_written(desk, reason, notes)
        assert desk.run(["verify"], environment=latin).returncode == 0

    @pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
    def test_bytes_that_are_no_text_are_refused_and_nothing_is_written(self, desk: Desk, locale: str) -> None:
        before = desk.path.read_bytes()
        done = desk.run([*PROMOTE, "--reason", b"gr\xf6sser", "--notes", b"\xff"], environment={"LC_ALL": locale})
        assert (done.returncode, done.stdout) == (1, "")
        assert re.search(r"^error: --reason: .*\n--notes: ", done.stderr)
        assert "Traceback" not in done.stderr
        assert (desk.path.read_bytes(), desk.beside()) == (before, ["models.json"])
