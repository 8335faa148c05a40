"""Whatever people write stays words: no mention, reference, link, HTML, fence or marker comes out of data."""

from __future__ import annotations

import html
import re

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from promotebot.comments.markdown import bounded, code, details, fence, marker, table, text
from promotebot.text import cut, visible

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
@example("---")
@example("-- -")
@example("===")
@example("1) x")
@example("- x")
@example("    x")
def test_prose_that_begins_a_line_is_no_list_rule_heading_or_block(value: str) -> None:
    for before in ("", "above\n", "- item\n"):
        shown = render(before + text(value))
        assert set(re.findall(r"<(\w+)", shown)) <= {"p", "ul", "li"}, shown
        assert shown.count("<li>") == before.count("- ")


@given(nasty)
def test_prose_links_nobody_and_nothing_on_github(value: str) -> None:
    written = text(value)
    assert not re.search(r"@\w", written)
    assert not re.search(r"(?<!&)#\d", written)
    assert not re.search(r"(?i)gh-\d", written)
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
@example("a\\|b")
@example("a|b")
@example("\\\\|")
def test_a_cell_shows_the_characters_whatever_pipes_and_backslashes_they_are(value: str) -> None:
    shown = render(table(("a", "b"), [(text(value), code(value))]))
    cells = [html.unescape(cell) for cell in re.findall(r"<td>(.*)</td>", shown)]
    plain = cells[0].replace("\u2060", "").replace("\u2011", "-")
    assert plain.split() == visible(value).split()
    assert re.sub("</?code>", "", cells[1]).split() == visible(value).split()


@given(nasty)
@example("a'b @alice #1 GH-2")
def test_a_summary_opens_no_tag_and_links_nobody(value: str) -> None:
    first, _, rest = details(value, "body").partition("\n")
    assert first.count("<") == 3
    assert rest == "\nbody\n\n</details>"
    assert not re.search(r"@\w|#\d|(?i:gh-\d)", html.unescape(first))


def test_invisible_characters_are_shown_by_their_number() -> None:
    assert "U+202E" in html.unescape(text("a\u202eb"))
    assert "U+200B" in code("a\u200bb")
    assert "U+3164" in text("\u3164")
    assert fence("+ a\u202eb\n- c\r\n\td", "diff") == "```diff\n+ aU+202Eb\n- c\n d\n```"


@given(nasty)
def test_a_marker_is_a_known_subject_or_general(value: str) -> None:
    assert re.fullmatch(r"<!-- promotebot:@?[a-z0-9_]{1,128} -->", marker(value))


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


@given(st.lists(st.sampled_from(["x" * 5000, "", details("s", fence("row\n" * 900)), "é\n" * 900]), max_size=9))
def test_whatever_the_sections_the_limit_holds(sections: list[str]) -> None:
    assert len(bounded(sections, limit=1000).encode()) <= 1000


block = st.sampled_from(["words", "`code` @\u2060alice", fence("a\n```\nb", "diff"), fence("</details>"), "| a |", ""])
folded = st.lists(block | st.builds(details, st.just("s"), block), max_size=6).map("\n\n".join)


@given(folded, st.integers(0, 400))
def test_a_cut_ends_behind_a_whole_line_with_everything_closed(markdown: str, limit: int) -> None:
    shown = cut(markdown, limit)
    assert len(shown.encode()) <= limit
    after = render(shown + "\n\nafter")
    assert after.endswith("<p>after</p>\n"), shown
    outside = re.sub(r"<pre>.*?</pre>", "", after, flags=re.DOTALL)
    assert outside.count("<details>") == outside.count("</details>")
    if len(markdown.encode()) <= limit:
        assert shown == markdown
