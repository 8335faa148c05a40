"""What people read in some seventy situations, word for word, as files whose diff a person can review.

The files are what `make screenshots` draws, too. After a change of words: `make situations`, and read `git diff`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from promotebot.planning.examiner import Examiner
from tests.screenshots.golden import SITUATIONS, approve_situation, read_situations, to_markdown
from tests.screenshots.scene import Situation, found, open_scene
from tests.screenshots.situations import STORIES
from tests.screenshots.stable import stable

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bare repository that every story starts from, made once."""
    return found(tmp_path_factory.mktemp("past"))


@pytest.mark.parametrize("story", STORIES)
def test_every_situation_reads_as_approved(
    story: str, past: Path, tmp_path: Path, examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promotebot.action.run.Examiner", lambda **_: examiner)
    names = []
    with open_scene(past, tmp_path) as scene:
        for situation in STORIES[story](scene):
            approve_situation(situation)
            names.append(situation.name)
    assert len(names) == len(set(names)) > 0


def test_every_approved_situation_belongs_to_a_story() -> None:
    folder = Path(__file__).parents[1] / "screenshots"
    source = "".join((folder / name).read_text(encoding="utf-8") for name in ("situations.py", "pairs.py"))
    approved = [situation.name for situation in read_situations()]
    assert len(approved) >= 30
    assert [name for name in approved if f'"{name}"' not in source] == []


def test_an_approved_situation_is_read_as_it_was_written() -> None:
    for situation in read_situations():
        assert to_markdown(situation) == (SITUATIONS / f"{situation.name}.md").read_text(encoding="utf-8")
    nothing = Situation("x", "comment", 'bob: /why "-" ', [])
    assert to_markdown(nothing) == '<!-- {"kind": "comment", "asked": "bob: /why \\"-\\" "} -->\n\n\n'


def test_a_shortened_id_gets_the_name_of_the_whole_one_and_words_stay() -> None:
    sha, digest = "1a2b3c4d5e" * 4, "f0" * 32
    text = f"{sha} {sha[:7]} sha256:{digest} sha256:{digest[:12]}… deadbeef 1234567 effaced"
    (result,) = stable([text], [], {})
    whole, short, pinned, cut, *words = result.split()
    assert (whole != sha, short) == (True, whole[:7])
    assert (pinned != f"sha256:{digest}", cut) == (True, f"{pinned[: len('sha256:') + 12]}…")
    assert words == ["deadbeef", "1234567", "effaced"]
    assert stable([text], [], {}) == [result]


def test_what_a_machine_measures_or_is_called_is_the_same_everywhere() -> None:
    texts = [
        "loads in 5.2 ms (1.31×)",
        "http&#58;//127.0.0.1&#58;45217/x",
        "/home/a/b",
        "#issuecomment-1000000042",
        "v1.1 reads",
    ]
    assert stable(texts, [], {"/home/a": "/clone"}) == [
        "loads in 1.2 ms (1.00×)",
        "https&#58;//github.com/x",
        "/clone/b",
        "#issuecomment-1000000001",
        "v1.1 reads",
    ]
