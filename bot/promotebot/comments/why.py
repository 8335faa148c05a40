"""`/why`: what the gate says, the policy's line for each cause, and what the last request would meet now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promotebot.comments.comment import (
    MAX_PROBLEMS,
    RULES_BYTES,
    CommentContext,
    Rendered,
    contacts_line,
)
from promotebot.comments.findings import count_line, every_rule, next_step, problems, waits
from promotebot.comments.markdown import code, details, fence, link, text
from promotebot.comments.notices import QUERY, note
from promotebot.findings import Finding, Severity
from promotebot.promotion.causes import by_cause
from promotebot.promotion.policy_lines import PolicyLine
from promotebot.promotion.rules.request import CONFIRMED
from promotebot.registry.names import ModelName, Stage
from promotebot.text import headline, shortened

MAX_TITLE = 120
MAX_VALUE = 500
"""Characters of a key's value: a root of another Sigstore, or a long quarantine, has its line to look at."""
PolicyLines = Mapping[str, Sequence[PolicyLine]]
"""Rule, or key that a refusal goes by → what the policy says for it."""


@dataclass(frozen=True)
class LastRequest:
    """The last change that somebody asked for on a pull request that carries none, and what it would meet now."""

    line: str
    login: str
    url: str
    stage: Stage | None = None
    model: ModelName | None = None
    """None where the line names none."""
    findings: Sequence[Finding] = ()
    refusal: str = ""
    """Why it may not be asked for, whatever it asks; empty where it may."""
    remedy: str = ""
    policy_keys: Sequence[str] = ()
    """What the refusal goes by in the policy."""

    @property
    def is_refused(self) -> bool:
        """True where asking again would be refused."""
        return bool(self.refusal) or any(f.severity in (Severity.ERROR, Severity.UNKNOWN) for f in self.findings)


def render_why(
    title: str,
    findings: Sequence[Finding],
    waiting: Sequence[Finding],
    last: LastRequest | None,
    policy_lines: PolicyLines,
    policy_url: str,
    context: CommentContext,
) -> Rendered:
    """Return the answer to `/why` for whoever may have models opened.

    Args:
        title: what the gate says, in one line.
        policy_url: the address of the policy's file on the base.
    """
    shown = [*findings, *waiting]
    asked = last.findings if last else ()
    has_problem = any(finding.severity is not Severity.PASS for finding in findings)
    heading = headline(_heading(title, last), MAX_TITLE)
    parts = [
        _last(last) if last else "",
        problems(findings, limit=MAX_PROBLEMS) if has_problem else "" if last else count_line(findings),
        waits(waiting),
        _policy(last.policy_keys if last else (), [*asked, *shown], policy_lines, policy_url),
        details("Every rule", every_rule([*asked, *findings], budget=RULES_BYTES)),
        contacts_line(context).strip(),
    ]
    return note(QUERY, f"🔎 {text(heading)}", parts, context, title=heading)


def _heading(title: str, last: LastRequest | None) -> str:
    if last is None:
        return f"Gate: {title}"
    if not last.is_refused:
        return "No promotion here; the last request would be accepted now"
    grave = (cause.finding for cause in by_cause(last.findings) if cause.finding.severity is not Severity.WARNING)
    first = next((finding.message for finding in grave), "")
    return f"The last request was refused: {last.refusal or first}"


def _last(last: LastRequest) -> str:
    said = f"The last request was {code(last.line)} by {code(last.login)} in {link('this comment', last.url)}."
    begins = f"This pull request promotes nothing. {said}"
    if last.refusal:
        return f"{begins} The same request would be refused now:\n\n- ❌ {text(last.refusal)}{next_step(last.remedy)}"
    if last.is_refused:
        return f"{begins} The same request would be refused now:\n\n{problems(last.findings, limit=MAX_PROBLEMS)}"
    confirm = ", and confirm the dry run with 👍" if any(one.rule == CONFIRMED for one in last.findings) else ""
    again = f"Nothing blocks it now. To request it again, write it in a new comment{confirm}:"
    return f"{begins} {again}\n\n{fence(last.line, 'text')}"


def _policy(keys: Sequence[str], findings: Sequence[Finding], policy_lines: PolicyLines, url: str) -> str:
    """Return the policy's lines for what did not pass, causes first; empty where nothing of it goes by the policy.

    Args:
        keys: what a refusal goes by that is none of the rules'.
    """
    rules = dict.fromkeys(one.rule for cause in by_cause(findings) for one in (cause.finding, *cause.follows))
    said = [f"- {'; '.join(_line(line, url) for line in policy_lines[key])}" for key in keys]
    said += [
        f"- {code(rule)}: {'; '.join(_line(line, url) for line in lines)}"
        for rule in rules
        if (lines := policy_lines.get(rule))
    ]
    return "\n".join(["**What the policy says:**", *said]) if said else ""


def _line(line: PolicyLine, url: str) -> str:
    where = link(f"line {line.line}", f"{url}#L{line.line}") if line.line else "by default"
    return f"{code(f'{line.key}: {shortened(line.value, MAX_VALUE)}')} ({where})"
