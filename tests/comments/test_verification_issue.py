"""The words of the issue of a failed verification, from values alone."""

from __future__ import annotations

import pytest

from promotebot.comments.comment import CommentContext
from promotebot.comments.verification_issue import Breakage, changes_since, healed, issue_title, render_issue
from promotebot.findings import error, unknown
from promotebot.registry import Stage
from promotebot.registry.names import GitSha

CONTEXT = CommentContext("acme/models", "https://github.com", "", "", "", "main", None)
SHA = GitSha("a" * 40)
ACTIVE = Breakage("c", (Stage.ACTIVE,))


@pytest.mark.parametrize(
    ("breakages", "title"),
    [
        ([], "The registry does not verify"),
        ([Breakage("m", (Stage.ACTIVE,))], "m ACTIVE does not verify"),
        ([Breakage("m")], "m history does not verify"),
        (
            [Breakage("a", (Stage.SHADOW,)), Breakage("b"), Breakage("c", (Stage.ACTIVE,))],
            "c ACTIVE does not verify and 2 more",
        ),
        ([Breakage("b", (Stage.ACTIVE,)), Breakage("a", (Stage.ACTIVE,))], "a ACTIVE does not verify and 1 more"),
    ],
)
def test_the_title_names_the_worst(breakages: list[Breakage], title: str) -> None:
    assert issue_title(breakages, "does not verify", "The registry does not verify") == title


def test_a_hostile_name_stays_text() -> None:
    one = Breakage("<b>@all\n# x", (Stage.ACTIVE,), SHA, ("git checkout x -- 'a b'",), ("/rollback m --reason x",))
    title = issue_title([one], "does not verify", "")
    assert "\n" not in title
    first, body = render_issue("@verify", title, [one], [error("a.b", "<i>")], {"run": ""}, CONTEXT)
    assert body.startswith(first)
    assert "\n# x" not in body
    assert "<i>" not in body
    assert "since [`aaaaaaa`](<https://github.com/acme/models/commit/" in body


def test_a_thousand_broken_models_fit_into_an_issue() -> None:
    many = [Breakage(f"m{n}", (Stage.ACTIVE,), SHA, (f"git checkout {SHA} -- {'x' * 900}",)) for n in range(1000)]
    findings = [error("artifact.digest", f"m{n}: {'x' * 500}") for n in range(1000)]
    _, body = render_issue("@verify", "t", many, findings, {}, CONTEXT)
    assert len(body.encode()) <= 65_536


def test_only_what_is_new_or_verifies_again_is_told() -> None:
    one, two, three = error("a.one", "1"), error("a.two", "2", remedy="git status"), unknown("a.three", "3")
    _, body = render_issue("@verify", "t", [], [one, two], {}, CONTEXT)
    assert changes_since(body, [two, one]) == ""
    assert changes_since(body.replace("\n", "\r\n"), [one, two]) == ""
    changed = changes_since(body, [two, three])
    assert "**New:**\n- ❔ **`a.three`**: 3" in changed
    assert "**Verifies again:**\n- ❌ **`a.one`**: 1" in changed
    assert "a.two" not in changed
    assert healed(body).count("- ❌") == 2
    assert healed("") == ""
