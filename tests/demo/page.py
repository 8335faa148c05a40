"""The demo's comments as one HTML page, laid out the way GitHub shows a conversation."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt


@dataclass(frozen=True)
class Shown:
    """A comment as it stood when the story showed it."""

    title: str
    pull: int
    pull_title: str
    body: str


def write_page(path: Path, comments: Sequence[Shown]) -> None:
    """Write a self-contained page: no script, nothing loaded from anywhere."""
    path.write_text(render_page(comments), encoding="utf-8")


def render_page(comments: Sequence[Shown]) -> str:
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    sections = "\n".join(
        f"<section><h2>{html.escape(shown.title)}</h2>\n"
        f'<p class="pull">#{shown.pull} {html.escape(shown.pull_title)}</p>\n'
        f"<article><header><b>github-actions</b> <span>bot</span> commented</header>"
        f'<div class="body">{markdown.render(shown.body)}</div></article></section>'
        for shown in comments
    )
    return _PAGE.replace("{{sections}}", sections)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>promotebot: what reviewers see</title>
<style>
  :root { color-scheme: light dark; --line: #d1d9e0; --soft: #f6f8fa; --text: #1f2328; --muted: #59636e; --page: #fff; }
  @media (prefers-color-scheme: dark) {
    :root { --line: #3d444d; --soft: #151b23; --text: #f0f6fc; --muted: #9198a1; --page: #0d1117; } }
  body { margin: 0 auto; max-width: 880px; padding: 24px 16px; background: var(--page); color: var(--text);
         font: 14px/1.5 -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; }
  h1 { font-size: 24px; font-weight: 600; } h2 { font-size: 18px; margin: 36px 0 0; }
  .pull { margin: 2px 0 8px; color: var(--muted); }
  article { border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
  header { background: var(--soft); border-bottom: 1px solid var(--line); padding: 8px 16px; color: var(--muted); }
  header b { color: var(--text); }
  header span { border: 1px solid var(--line); border-radius: 2em; padding: 0 6px; font-size: 12px; }
  .body { padding: 4px 16px 12px; overflow-wrap: break-word; }
  .body h3 { font-size: 17px; margin: 14px 0 10px; }
  table { border-collapse: collapse; display: block; overflow: auto; }
  th, td { border: 1px solid var(--line); padding: 6px 13px; text-align: left;
           vertical-align: top; }
  tr:nth-child(2n) { background: var(--soft); }
  code { background: rgba(129, 139, 152, .15); border-radius: 6px; padding: .2em .4em;
         font: 12px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
  pre { background: var(--soft); border-radius: 6px; padding: 16px; overflow: auto; }
  pre code { background: none; padding: 0; }
  details { margin: 8px 0; } summary { cursor: pointer; font-weight: 600; }
  a { color: #0969da; text-decoration: none; } @media (prefers-color-scheme: dark) { a { color: #4493f8; } }
</style></head><body>
<h1>promotebot: what reviewers see</h1>
<p>The comments of <code>make demo</code>, from the embedded GitHub, as they stood.</p>
{{sections}}
</body></html>
"""
