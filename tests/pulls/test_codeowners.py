"""CODEOWNERS as GitHub reads it; the patterns are those of GitHub's own example file."""

from __future__ import annotations

import re

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from promotebot.pulls.codeowners import owners_of


@pytest.mark.parametrize(
    ("pattern", "path", "owned"),
    [
        ("*", "ml/registry/models.json", True),
        ("*.js", "src/a.js", True),
        ("*.js", "src/a.ts", False),
        ("/build/logs/", "build/logs/a/b.txt", True),
        ("/build/logs/", "src/build/logs/a.txt", False),
        ("docs/*", "docs/getting-started.md", True),
        ("docs/*", "docs/build-app/troubleshooting.md", False),
        ("apps/", "src/apps/a.txt", True),
        ("/docs/", "docs/a.md", True),
        ("/scripts", "scripts/a/b.sh", True),
        ("**/logs", "deeply/nested/logs/a.txt", True),
        ("**/logs", "logs/a.txt", True),
        ("/.github", ".github/workflows/promote.yml", True),
        (".github/workflows/*.yml", ".github/workflows/promote.yml", True),
        ("/ml/**/models.json", "ml/registry/models.json", True),
        ("/ml/registry/**/models.json", "ml/registry/models.json", True),
        ("/ml/**/models/*.json", "ml/registry/models/a.json", True),
        ("/ml/**", "ml", False),
        ("/ml/**/", "ml/a/b", True),
        ("**", "ml/a", True),
        ("*a*b*", "ml/xaybz", True),
        ("models.json", "ml/registry/models.json", True),
        ("/models.json", "ml/registry/models.json", False),
        ("/ml/registry/**", "ml/registry/models/a.json", True),
        ("m?", "ml/a", True),
        ("m.", "ml/a", False),
    ],
)
def test_a_pattern_owns_a_path(pattern: str, path: str, owned: bool) -> None:
    assert (owners_of(f"{pattern} @root\n", path) == ["@root"]) is owned


def as_an_expression(pattern: str, path: str) -> bool:
    """The same by a regular expression, for patterns that are short."""
    body = pattern.strip("/")
    anchored = "" if pattern.startswith("/") or "/" in body else "(?:.*/)?"
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    built = "".join(known.get(part) or re.escape(part) for part in re.findall(r"\*\*/|\*\*|.", body))
    below = "/.+" if pattern.endswith("/") else "" if body.endswith("/*") else "(?:/.+)?"
    return re.fullmatch(f"{anchored}{built}{below}", path) is not None


@given(st.text("ab/*?.", min_size=1, max_size=8), st.from_regex(r"[ab.]{1,3}(/[ab.]{1,3}){0,3}", fullmatch=True))
def test_a_pattern_is_read_as_gitignore_reads_it(pattern: str, path: str) -> None:
    owned = owners_of(f"{pattern} @root\n", path) == ["@root"]
    event("owned" if owned else "not owned")
    assert owned is as_an_expression(pattern, path)


@pytest.mark.parametrize("pattern", ["*a" * 400 + "*b", "**a" * 400, "/" + "**/" * 400 + "b", "?*" * 200 + "/b"])
def test_no_pattern_of_a_branch_takes_long(pattern: str) -> None:
    assert owners_of(f"{pattern} @root\n", f"ml/registry/models/{'a' * 100}.json") == []


def test_the_last_pattern_counts_and_may_name_nobody() -> None:
    text = "# all\n* @a @org/team # both\n/ml/ b@example.com\n/ml/free/\n\\#x @c\n"
    assert owners_of(text, "README.md") == ["@a", "@org/team"]
    assert owners_of(text, "ml/a") == ["b@example.com"]
    assert owners_of(text, "ml/free/a") == []
    assert owners_of(text, "#x") == ["@c"]


def test_only_the_end_of_a_line_ends_a_comment() -> None:
    for sign in ("\u2028", "\u0085", "\x0b", "\x0c", "\x1c", "\r"):
        assert owners_of(f"* @a # see{sign}* @mallory\r\n", "README.md") == ["@a"]
    assert owners_of("* @a\r\n/ml/ @b\r\n", "ml/a") == ["@b"]
