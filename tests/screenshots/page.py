"""A situation as a page that looks as on GitHub: its Markdown rendered, sanitised and with drawings in it."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from html.parser import HTMLParser

from markdown_it import MarkdownIt

from tests.screenshots.scene import Situation

_VOID = {"br", "hr", "img"}
_TAGS = {
    *("p", "h1", "h2", "h3", "h4", "h5", "h6", "br", "hr", "blockquote", "ul", "ol", "li", "pre", "code", "kbd", "em"),
    *(
        "strong",
        "s",
        "del",
        "sub",
        "sup",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "a",
        "details",
        "summary",
        "div",
    ),
}
"""A part of what GitHub lets through: https://github.com/gjtorikian/html-pipeline (sanitization filter)."""
_PLACES = {
    "comment": "commented",
    "issue": "opened this issue",
    "check": "Checks / promotebot",
    "summary": "Job summary",
}


def render_page(situation: Situation, styles: str, *, unfolded: bool = False) -> str:
    """Return a whole HTML page.

    Args:
        styles: GitHub's style sheet for Markdown.
        unfolded: whether the folds that hold a drawing are open.
    """
    if situation.kind == "terminal":
        body = _terminal(situation)
    else:
        places = [_PLACES[situation.kind], *["commented"] * len(situation.parts)]
        answers = zip(places, situation.parts, strict=False)
        parts = [_box("promotebot", "bot", place, part, situation.kind) for place, part in answers]
        body = "\n".join([_asked(situation.asked), *parts])
    if unfolded:
        body = re.sub(
            r"<details>(?=(?:(?!</details>).)*?class=\"language-mermaid\")", "<details open>", body, flags=re.S
        )
    return (
        _PAGE.replace("{{styles}}", styles).replace("{{title}}", html.escape(situation.name)).replace("{{body}}", body)
    )


def render_markdown(text: str, *, is_comment: bool) -> str:
    """Return GitHub's flavour of Markdown as safe HTML; in comments a line feed ends the line.

    https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github
    """
    markdown = MarkdownIt("commonmark", {"html": True, "breaks": is_comment}).enable(["table", "strikethrough"])
    return sanitize(str(markdown.render(text)))


def sanitize(markup: str) -> str:
    """Return the HTML with nothing in it but what cannot act: other tags, comments and attributes are left out."""
    cleaner = _Cleaner()
    cleaner.feed(markup)
    cleaner.close()
    return "".join(cleaner.kept)


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.kept: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in _TAGS:
            kept = "".join(
                f' {name}="{html.escape(value or "")}"' for name, value in attrs if _is_safe(tag, name, value)
            )
            self.kept.append(f"<{tag}{kept}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in _TAGS and tag not in _VOID:
            self.kept.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.kept.append(html.escape(data, quote=False))


def _is_safe(tag: str, name: str, value: str | None) -> bool:
    if (tag, name) == ("a", "href"):
        return bool(re.match(r"https?://|#", value or ""))
    return (tag, name) == ("code", "class") and bool(re.fullmatch("language-[a-z]+", value or ""))


def _asked(asked: str) -> str:
    """Return what somebody did: a comment of theirs, or a line in the conversation."""
    login, colon, command = asked.partition(": ")
    if colon and re.fullmatch("[a-z]+", login):
        return _box(login, "", "commented", command, "comment")
    return f'<p class="did">{html.escape(asked)}</p>' if asked else ""


def _box(login: str, badge: str, place: str, markdown: str, kind: str) -> str:
    label = f' <span class="badge">{badge}</span>' if badge else ""
    body = render_markdown(markdown, is_comment=kind in ("comment", "issue"))
    head = f"<header><b>{html.escape(login)}</b>{label} {html.escape(place)}</header>"
    return f'<section>{head}<div class="markdown-body">{body}</div></section>'


def _terminal(situation: Situation) -> str:
    """Return a terminal of 80 columns; what is longer is broken where the terminal breaks it."""
    first, *printed = ["\n".join(_broken(text)) for text in (f"$ {situation.asked}", *situation.parts)]
    return f'<pre class="terminal"><b>{html.escape(first)}</b>\n{html.escape("".join(printed))}</pre>'


def _broken(text: str) -> list[str]:
    return [line[at : at + 80] for line in text.split("\n") for at in range(0, max(len(line), 1), 80)]


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{title}}</title>
<style>{{styles}}</style>
<style>
  :root { color-scheme: light dark; --line: #d1d9e0; --soft: #f6f8fa; --text: #1f2328; --muted: #59636e; --page: #fff; }
  @media (prefers-color-scheme: dark) {
    :root { --line: #3d444d; --soft: #151b23; --text: #f0f6fc; --muted: #9198a1; --page: #0d1117; } }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 912px; padding: 16px; background: var(--page); color: var(--text);
         font: 14px/1.5 "Liberation Sans", Arial, sans-serif; }
  section { border: 1px solid var(--line); border-radius: 6px; overflow: hidden; margin-bottom: 16px; }
  header { background: var(--soft); border-bottom: 1px solid var(--line); padding: 8px 16px; color: var(--muted); }
  header b { color: var(--text); }
  .badge { border: 1px solid var(--line); border-radius: 2em; padding: 0 6px; font-size: 12px; }
  .did { color: var(--muted); margin: 0 0 16px; padding-left: 16px; border-left: 2px solid var(--line); }
  .markdown-body { padding: 16px; font-size: 14px; font-family: inherit; }
  .terminal { margin: 0; padding: 16px; border-radius: 6px; background: #0d1117; color: #e6edf3; overflow: auto;
              font: 13px/1.4 "Liberation Mono", monospace; width: max-content; max-width: 100%; }
  .drawing svg { max-width: 100%; height: auto; }
  @media (max-width: 500px) { body { padding: 8px; } .markdown-body { padding: 12px; } }
</style></head><body>
{{body}}
</body></html>
"""
