"""The unified diff: difflib's own where that is cheap, a true and linear one where the registry is long."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.promotion import diff as under_test
from promotebot.promotion.diff import change_counts, unified_diff
from promotebot.registry.codec import stored_json

PATH = "ml/registry/models.json"
HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")

# Few different lines, so that they repeat; with every character that str.splitlines() takes for the end of one.
lines = st.lists(st.sampled_from(["{", "}", "},", "a", "b\u2028c", "d\re", "f\x85\x0c\x1c", "ü"]), max_size=40)
edits = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4), lines.map(lambda some: some[:4])), max_size=4)


def edited(old: list[str], changes: list[tuple[int, int, list[str]]]) -> list[str]:
    new = list(old)
    for at, gone, come in changes:
        new[at : at + gone] = come
    return new


def encoded(text: list[str]) -> bytes:
    return "".join(line + "\n" for line in text).encode()


def on_the_whole(before: bytes, after: bytes) -> str:
    old, new = ([part + "\n" for part in data.decode().split("\n")[:-1]] for data in (before, after))
    return "".join(difflib.unified_diff(old, new, f"a/{PATH}", f"b/{PATH}", n=3))


def apply(diff: str, before: bytes) -> bytes:
    """What `patch` makes of it; every context line, removed line and line number must be right."""
    old = before.decode().split("\n")
    result: list[str] = []
    taken = 0
    _, _, *body = diff.split("\n")[:-1] if diff else ["", ""]
    left = [0, 0]
    for line in body:
        if line.startswith("@@"):
            assert left == [0, 0]
            numbers = HUNK.fullmatch(line)
            assert numbers
            start, left = int(numbers[1]), [1 if numbers[k] is None else int(numbers[k]) for k in (2, 4)]
            start -= 1 if left[0] else 0
            result += old[taken:start]
            taken = start
            assert int(numbers[3]) - (1 if left[1] else 0) == len(result)
            continue
        if line[0] in " -":
            assert old[taken] == line[1:]
            taken, left[0] = taken + 1, left[0] - 1
        if line[0] in " +":
            result.append(line[1:])
            left[1] -= 1
    assert left == [0, 0]
    return "\n".join(result + old[taken:]).encode()


@pytest.fixture
def everything_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends are cut off, anchors are sought and gaps are given up at the size of an example."""
    monkeypatch.setattr(under_test, "WHOLE", 2)
    monkeypatch.setattr(under_test, "GAP", 4)
    monkeypatch.setattr(under_test, "_CHUNK", 8)


@given(lines, lines)
def test_the_diff_of_any_two_files_is_difflibs_own(old: list[str], new: list[str]) -> None:
    before, after = encoded(old), encoded(new)
    assert unified_diff(before, after, PATH) == on_the_whole(before, after)


@given(lines, edits)
def test_the_diff_of_an_edited_file_is_difflibs_own(old: list[str], changes: list[tuple[int, int, list[str]]]) -> None:
    before, after = encoded(old), encoded(edited(old, changes))
    assert unified_diff(before, after, PATH) == on_the_whole(before, after)


def long_diffs(old: list[str], changes: list[tuple[int, int, list[str]]]) -> None:
    before, after = encoded(old), encoded(edited(old, changes))
    diff = unified_diff(before, after, PATH)
    assert apply(diff, before) == after
    assert bool(diff) == (before != after)


@pytest.mark.usefixtures("everything_is_long")
class TestLongFiles:
    """The same promises with the limits so low that no example is given to difflib whole."""

    def test_the_diff_makes_the_new_file_of_the_old_one(self) -> None:
        given(lines, edits)(long_diffs)()

    def test_files_with_nothing_in_common_too(self) -> None:
        given(lines, lines)(lambda old, new: long_diffs(old, [(0, 40, new)]))()

    def test_an_edit_among_unique_lines_is_shown_as_difflib_shows_it(self) -> None:
        unique = st.lists(st.integers(0, 10**6).map(str), unique=True, min_size=30, max_size=60)

        def same(old: list[str], at: int, gone: int, come: int) -> None:
            new = [*old[:at], *(f"new {n}" for n in range(come)), *old[at + gone :]]
            assert unified_diff(encoded(old), encoded(new), PATH) == on_the_whole(encoded(old), encoded(new))

        given(unique, st.integers(0, 30), st.integers(0, 4), st.integers(0, 4))(same)()


def event(number: int) -> dict[str, Any]:
    pointer = {"artifact_dir": f"ml/artifacts/v{number // 3}", "artifact_id": f"v{number // 3}", "source": "cli"}
    return {"ts_utc": f"t{number}", "action": "promote", "pointer": pointer, "previous": f"sha256:{number}"}


def registry(events: int, others: int = 0, seal: Callable[[int], str] = "sha256:{}".format) -> bytes:
    """A model with a long history between its pointer and its digest, and other models before it."""
    newest = event(events)["pointer"]
    history = [event(number) for number in range(events, 0, -1)]
    entry = {"active": newest, "history": history, "history_digest": seal(events)}
    models = {f"m{n}": {"active": {"artifact_id": f"m{n}"}, "history": []} for n in range(others)}
    return stored_json({"schema_version": "v1", "models": {**models, "ours": entry}})


def test_a_promotion_in_a_long_history_shows_its_own_lines_only() -> None:
    before, after = registry(3_000), registry(3_001)
    diff = unified_diff(before, after, PATH)
    assert apply(diff, before) == after
    added, removed = change_counts(diff)
    assert (added - removed, removed) == (10, 1)


def test_a_promotion_among_many_models_shows_the_line_numbers_of_the_whole_file() -> None:
    before, after = registry(1, others=2_000), registry(2, others=2_000)
    diff = unified_diff(before, after, PATH)
    assert apply(diff, before) == after
    assert "\n@@ -12009,5 +12009,15 @@\n" in diff


def test_the_work_grows_with_the_file_and_not_with_its_square(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in lines that difflib is given: it is the one part that is not linear."""
    given_lines: list[int] = []
    matcher = difflib.SequenceMatcher

    def counting(junk: None, old: list[bytes], new: list[bytes]) -> difflib.SequenceMatcher[bytes]:
        given_lines.append(max(len(old), len(new)))
        return matcher(junk, old, new)

    monkeypatch.setattr(under_test, "SequenceMatcher", counting)
    unified_diff(registry(5_000), registry(5_001), PATH)
    long_repeats = encoded(["{", "}"] * 20_000)
    unified_diff(long_repeats, b"x\n" + long_repeats[::-1].lstrip() + b"\n", PATH)
    assert max(given_lines) <= under_test.GAP
    assert sum(given_lines) < 1_000


def test_equal_files_have_no_diff() -> None:
    assert unified_diff(b"a\n", b"a\n", PATH) == ""
    assert change_counts("") == (0, 0)


def test_a_line_separator_in_a_string_breaks_no_line() -> None:
    before, after = (stored_json({"reason": f"{word}\u2028\x85+ two"}) for word in ("one", "uno"))
    diff = unified_diff(before, after, PATH)
    assert diff.count("\n") == len(["---", "+++", "@@", "{", "-", "+", "}"])
    assert change_counts(diff) == (1, 1)


@pytest.mark.parametrize(
    ("before", "after", "body"),
    [
        (b"a\nb", b"a\nb\n", " a\n-b\n\\ No newline at end of file\n+b\n"),
        (b"a\n", b"", "-a\n"),
        (b"", b"a", "+a\n\\ No newline at end of file\n"),
    ],
)
def test_a_file_that_does_not_end_in_a_newline_says_so_as_git_does(before: bytes, after: bytes, body: str) -> None:
    diff = unified_diff(before, after, PATH)
    assert diff.split("@@\n")[1] == body
    assert diff.endswith("\n")
