"""Whatever people write stays words: no mention, reference, link, HTML, fence or marker comes out of data."""

from __future__ import annotations

import html
import re

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.github.markdown import bounded, code, details, fence, marker, table, text

nasty = st.text(st.characters(codec="utf-8"), max_size=60) | st.lists(
    st.sampled_from(
        [
            "@alice",
            "#12",
            "GH-3",
            "<b>",
            "</details>",
            "<!-- promotebot:x -->",
            "[a](b)",
            "![a](b)",
            "`",
            "```",
            "|",
            "www.evil.test",
            "http://evil.test",
            "*x*",
            "_y_",
            "~~z~~",
            "\n",
            "\r",
            "\\",
            "&lt;",
            ":tada:",
            "\u202e",
            "\u200b",
            "- ",
            "1. ",
            "> ",
            "# ",
            "$x$",
            "acme/models#1",
            "a@b.test",
            "$$",
            "---",
            "===",
        ]
    ),
    max_size=8,
).map("".join)
render = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"]).render


@given(nasty)
@example("@alice #12 <img src=x> [a](b)")
def test_prose_renders_as_one_plain_paragraph(value: str) -> None:
    shown = render("x " + text(value) + " x")
    assert re.sub(r"^<p>|</p>\n$", "", shown).count("<") == 0, shown


@given(nasty)
def test_prose_links_nobody_and_nothing_on_github(value: str) -> None:
    written = text(value)
    assert not re.search(r"@\w", written)
    assert not re.search(r"(?<!&)#\d", written)
    assert not re.search(r"(?i)\bgh-\d", written)
    assert not re.search(r"(?i)://|www\.", written)
    assert "<" not in written
    assert "\n" not in written


@given(nasty)
def test_code_is_one_code_span_that_shows_the_characters(value: str) -> None:
    shown = render("x " + code(value) + " x")
    match = re.fullmatch(r"<p>x <code>(.*)</code> x</p>\n", shown, re.DOTALL)
    assert match, shown


@given(nasty)
def test_nothing_in_a_fence_closes_it(value: str) -> None:
    shown = render(fence(value, "diff") + "\n\nafter")
    assert shown.endswith("</code></pre>\n<p>after</p>\n"), shown
    assert shown.count("<pre>") == 1


@given(nasty, nasty)
def test_a_table_keeps_its_cells_apart(one: str, other: str) -> None:
    shown = render(table(("a", "b"), [(text(one), code(other)), ("last", "row")]))
    assert shown.count("<td>") == 4, shown
    assert shown.count("<tr>") == 3


@given(nasty)
def test_a_summary_opens_no_tag(value: str) -> None:
    first = details(value, "body").split("\n")[0] if "\n" not in value and "\r" not in value else ""
    assert first.count("<") in (0, 3)


def test_invisible_characters_are_shown_by_their_number() -> None:
    assert "U+202E" in html.unescape(text("a\u202eb"))
    assert "U+200B" in code("a\u200bb")


@given(nasty)
def test_a_marker_is_a_known_subject_or_general(value: str) -> None:
    assert re.fullmatch(r"<!-- promotebot:[a-z0-9_]{1,128} -->", marker(value))


@given(
    st.lists(st.sampled_from(["word " * 50, details("s", "row\n" * 400), "- item\n" * 300]), min_size=2, max_size=12),
    st.integers(1500, 9000),
)
def test_a_comment_never_passes_the_limit_and_keeps_its_first_section(sections: list[str], limit: int) -> None:
    body = bounded(["<!-- promotebot:x -->\n### Title", *sections], limit=limit)
    assert len(body.encode()) <= limit
    assert body.startswith("<!-- promotebot:x -->\n### Title")
    if body != "\n\n".join(["<!-- promotebot:x -->\n### Title", *sections]):
        assert "step summary" in body
