"""Text from outside as people may see it: nothing hidden, nothing half cut, durations and digests short."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotebot.text import (
    cut,
    distance,
    duration,
    headline,
    listed,
    short_digest,
    shortened,
    time_words,
    utf8_size,
    visible,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain words", "plain words"),
        ("naïve → 模型 ☑", "naïve → 模型 ☑"),
        ("two\nlines\r\n\tand a tab", "two lines   and a tab"),
        ("a\u202eb", "aU+202Eb"),
        ("a\u200bb", "aU+200Bb"),
        ("a\x00b\x1b[31m", "aU+0000bU+001B[31m"),
        ("\u3164", "U+3164"),
        ("a\ufe0f", "aU+FE0F"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("क्\u200dष", "क्\u200dष"),
        ("ml/\u200cx", "ml/U+200Cx"),
        ("é\u200c\u3164", "éU+200CU+3164"),
        ("\u2028", "U+2028"),
        ("\ue000", "U+E000"),
        ("\u2800", "U+2800"),
        ("", ""),
    ],
)
def test_what_nobody_sees_is_shown(value: str, shown: str) -> None:
    assert visible(value) == shown


MIXED = st.text(st.sampled_from("ab \n\r\t\x00\x85\u200b\u2028\u202e\u3164\ufe0f\u200c\u200d❤\ue000é模"), max_size=9)


@given(MIXED)
def test_what_is_shown_is_one_line_and_showing_it_again_changes_nothing(value: str) -> None:
    shown = visible(value)
    assert len(shown.splitlines()) <= 1
    assert visible(shown) == shown


def test_what_fits_is_not_cut() -> None:
    assert cut("a\nb", 3) == "a\nb"
    assert cut("é", 2) == "é"


@pytest.mark.parametrize(
    ("markdown", "limit", "left"),
    [
        ("a\nb", 2, "a"),
        ("ab\nc", 1, ""),
        ("ab\nc", 2, "ab"),
        ("é\né", 4, "é"),
        ("one\n```\ntwo\n```\nthree", 15, "one\n```\ntwo\n```"),
        ("one\n```\ntwo\nthree\n```", 15, "one\n```\ntwo\n```"),
        ("one\n````\n```\nlong line\n````", 17, "one\n````\n```\n````"),
        ("<details>\na\nb\n</details>", 23, "<details>\na\n\n</details>"),
        ("<details>\na\n</details>\nmore", 23, "<details>\na\n</details>"),
    ],
)
def test_a_text_is_cut_at_a_line_with_what_it_opened_closed(markdown: str, limit: int, left: str) -> None:
    assert cut(markdown, limit) == left


LINES = st.lists(st.sampled_from(["a", "```", "````", "é" * 3, "", "<details>", "</details>", "`b`"]), max_size=12)


@given(lines=LINES, limit=st.integers(0, 60))
def test_a_cut_text_never_exceeds_its_limit(lines: list[str], limit: int) -> None:
    assert utf8_size([cut("\n".join(lines), limit)]) <= limit


def test_sections_are_measured_as_they_are_joined() -> None:
    assert utf8_size([]) == 0
    assert utf8_size(["é"]) == 2
    assert utf8_size(["a", "b", "c"]) == len("a\n\nb\n\nc")


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(), "0 min"),
        (timedelta(seconds=59), "0 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=23, minutes=59), "23 h 59 min"),
        (timedelta(days=1), "1 d"),
        (timedelta(days=1, minutes=59), "1 d"),
        (timedelta(days=9, hours=4, minutes=35), "9 d 4 h"),
    ],
)
def test_a_duration_is_its_two_largest_units(span: timedelta, words: str) -> None:
    assert duration(span) == words


@pytest.mark.parametrize(
    ("most", "words"),
    [("0.01", "at most 0.01 below ACTIVE"), ("0", "not below ACTIVE"), ("-0.0", "not below ACTIVE")],
)
def test_no_distance_at_all_is_said_in_words(most: str, words: str) -> None:
    assert distance(most, "below", "ACTIVE") == words


def test_a_digest_is_shown_by_its_first_eight_digits() -> None:
    assert short_digest("sha256:" + "0123456789abcdef" * 4) == "sha256:01234567…"
    assert short_digest(None) == short_digest("") == "unknown bytes"


def test_a_text_that_is_too_long_is_cut_between_two_words_after_its_digests_became_short() -> None:
    words = f"bytes are sha256:{'a1' * 32}, the manifest says sha256:{'b2' * 32}"
    assert shortened(words, 200) == words
    assert shortened(words, 120) == "bytes are sha256:a1a1a1a1…, the manifest says sha256:b2b2b2b2…"
    assert shortened(words, 40) == "bytes are sha256:a1a1a1a1…, the…"


def test_a_heading_ends_where_a_sentence_ends() -> None:
    words = f"m.onnx is sha256:{'a1' * 32}. The file changed. Restore it."
    assert headline(words, 100) == "m.onnx is sha256:a1a1a1a1…. The file changed. Restore it"
    assert headline(words, 55) == "m.onnx is sha256:a1a1a1a1…. The file changed"
    assert headline(words, 30) == "m.onnx is sha256:a1a1a1a1…"
    assert headline(words, 20) == "m.onnx is sha256:a1…"


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "none"), (1, "m0"), (2, "m0, m1"), (20, ", m19"), (21, ", m19 and 1 more"), (10_000, ", m19 and 9,980 more")],
)
def test_of_many_names_twenty_are_listed_and_the_others_counted(count: int, words: str) -> None:
    told = listed([f"m{number}" for number in range(count)])
    assert told.endswith(words)
    assert len(told) < 150


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (0.0076, "0.0076 ms"),
        (52.44, "52.4 ms"),
        (999.4, "999 ms"),
        (999.6, "1 s"),
        (21_400, "21.4 s"),
        (600_000, "600 s"),
    ],
)
def test_a_measured_time_has_three_digits_and_no_exponent(milliseconds: float, words: str) -> None:
    assert time_words(milliseconds) == words
