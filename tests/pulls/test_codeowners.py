"""CODEOWNERS as GitHub reads it; the patterns are those of GitHub's own example file."""

from __future__ import annotations

import pytest

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
        ("models.json", "ml/registry/models.json", True),
        ("/models.json", "ml/registry/models.json", False),
        ("/ml/registry/**", "ml/registry/models/a.json", True),
        ("m?", "ml/a", True),
        ("m.", "ml/a", False),
    ],
)
def test_a_pattern_owns_a_path(pattern: str, path: str, owned: bool) -> None:
    assert (owners_of(f"{pattern} @root\n", path) == ["@root"]) is owned


def test_the_last_pattern_counts_and_may_name_nobody() -> None:
    text = "# all\n* @a @org/team # both\n/ml/ b@example.com\n/ml/free/\n\\#x @c\n"
    assert owners_of(text, "README.md") == ["@a", "@org/team"]
    assert owners_of(text, "ml/a") == ["b@example.com"]
    assert owners_of(text, "ml/free/a") == []
    assert owners_of(text, "#x") == ["@c"]
