"""The issue of a failed verification: what does not verify since when, the lines that mend it, and what changed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promotebot.comments.comment import MAX_PROBLEMS, CommentContext
from promotebot.comments.findings import bullets, problems
from promotebot.comments.markdown import bounded, code, fence, marker, table, text
from promotebot.findings import Finding
from promotebot.registry.names import GitSha, Stage
from promotebot.text import visible

MAX_TITLE = 200
"""Characters; GitHub takes 256."""
_PROBLEM = re.compile(r"^ *(- (?:❌|❔) .*)$", re.MULTILINE)
"""A problem in the issue, as `bullets` writes its first line; what follows from another one is below it, folded."""


@dataclass(frozen=True)
class Breakage:
    """One model that does not verify, since when, and the lines that mend it."""

    model: str
    stages: tuple[Stage, ...] = ()
    """The stages whose artifact it is about, ACTIVE first; none where it is the model's history."""
    since: GitSha | None = None
    """The commit of the branch that broke it; None where that is not known."""
    restores: tuple[str, ...] = ()
    """Lines for a shell, each of which puts back files that verified."""
    ways_back: tuple[str, ...] = ()
    """Commands that put another artifact, or none, into the stages."""

    @property
    def subject(self) -> str:
        """What is broken, in words: `regime_classifier ACTIVE`."""
        about = ", ".join(stage.label for stage in self.stages) or "history"
        return f"{self.model} {about}"


def by_urgency(breakages: Sequence[Breakage]) -> list[Breakage]:
    """Return them with what serves users first."""
    return sorted(breakages, key=lambda one: (-max((stage.rank for stage in one.stages), default=-1), one.model))


def issue_title(breakages: Sequence[Breakage], verdict: str, otherwise: str) -> str:
    """Return the title: the worst of what is broken, and how many others are.

    Args:
        verdict: what it does, such as `does not verify`.
        otherwise: the title where no model is broken.
    """
    if not breakages:
        return otherwise
    first, *others = by_urgency(breakages)
    more = f" and {len(others)} more" if others else ""
    # What is in a registry that does not verify may be anything.
    subject = visible(first.subject)[:MAX_TITLE]
    return f"{subject} {verdict}{more}"


def render_issue(
    subject: str,
    title: str,
    breakages: Sequence[Breakage],
    findings: Sequence[Finding],
    facts: Mapping[str, str],
    context: CommentContext,
) -> tuple[str, str]:
    """Return (first line, body) of the issue; the first line finds it again.

    Args:
        facts: name → value, Markdown already: links to the run and the commit.
    """
    first = marker(subject)
    rows = [(text(name), value) for name, value in facts.items() if value]
    shown = by_urgency(breakages)[:MAX_PROBLEMS]
    parts = [f"{first}\n### {text(title)}", table(("", ""), rows), *(_mending(one, context) for one in shown)]
    return first, bounded([*parts, problems(findings, limit=MAX_PROBLEMS)], where_else="the run's summary")


def _mending(one: Breakage, context: CommentContext) -> str:
    since = f"since {context.commit(one.since)}" if one.since else "since when is not known"
    lines = [f"**{code(one.model)} {one.subject.removeprefix(one.model).strip()}**, {since}."]
    if one.restores:
        lines.append("To restore the files that verified, run this on a branch, then commit and merge it:")
        lines.append(fence("\n".join(one.restores), "sh"))
    else:
        lines.append("No commit with the files that were promoted was found.")
    lines += [f"To take the artifact out of use, {_where(way)}: {code(way)}" for way in one.ways_back]
    return "\n".join(lines)


def _where(way: str) -> str:
    """Return where a command can be written: an issue takes a rollback, for which it gets a pull request."""
    here = "here, which opens a pull request" if way.startswith("/rollback ") else "on an open pull request"
    return f"comment this {here}, or start the `promote` workflow by hand with it as its `command`"


def changes_since(body: str, findings: Sequence[Finding]) -> str:
    """Return the comment on what is new and what is healed since the issue's body was written; empty for nothing."""
    before = _known(body)
    now = [line.partition("\n")[0] for line in bullets(findings, limit=MAX_PROBLEMS)]
    now = [line for line in now if _PROBLEM.match(line)]
    new, gone = [one for one in now if one not in before], [one for one in before if one not in now]
    parts = [
        "**New:**\n" + "\n".join(new) if new else "",
        "**Verifies again:**\n" + "\n".join(gone) if gone else "",
    ]
    return bounded([part for part in parts if part], where_else="the issue") if new or gone else ""


def healed(body: str) -> str:
    """Return the list of what the issue's body says is wrong and what verifies now; empty where it lists nothing."""
    lines = _known(body)
    return "What verifies again:\n" + "\n".join(lines) if lines else ""


def _known(body: str) -> list[str]:
    return _PROBLEM.findall(body.replace("\r\n", "\n"))
