"""Comments that refuse: a request that cannot be read, one that nobody may make, and one that failed."""

from __future__ import annotations

from collections.abc import Sequence

from promotebot.comments.comment import (
    CommentContext,
    Rendered,
    contacts_line,
    render_comment,
    requested_by,
    row_limit,
    run_again,
    sentence,
)
from promotebot.comments.findings import next_step, problems
from promotebot.comments.markdown import code
from promotebot.errors import CouldNotVerify, PromotebotError
from promotebot.findings import Finding
from promotebot.promotion.commands import InvalidCommand
from promotebot.registry.names import ModelName

REFUSED = "refused, nothing was committed"


def render_unclear(findings: Sequence[Finding], model: str | None, context: CommentContext) -> Rendered:
    """Return the comment on a request that is ambiguous or incomplete, with what to choose or mend."""

    def sections(whole: bool) -> Sequence[str]:
        return [problems(findings, limit=row_limit(whole)), requested_by(context) + contacts_line(context)]

    return render_comment(ModelName(model) if model else None, "⛔", None, REFUSED, sections, context)


def render_unreadable(commands: Sequence[InvalidCommand], context: CommentContext) -> Rendered:
    """Return the comment on lines that mean to be commands and are not."""
    # 120 characters show which line is meant; the comment itself has the rest.
    lines = [
        f"- ❌ line {command.line}, {code(command.text[:120])}: {sentence(command.problem)}{next_step(command.remedy)}"
        for command in commands
    ]
    after = f"No command of this comment was carried out. Write a new comment; {code('/help')} lists the commands."
    parts = ["\n".join(lines), after, requested_by(context) + contacts_line(context)]
    return render_comment(None, "⛔", None, "command not understood, nothing was committed", lambda _: parts, context)


def render_refused_event(message: str, remedy: str, context: CommentContext) -> Rendered:
    """Return the comment on a request that is refused whatever it asks: a fork, a closed pull, no permission."""
    parts = [f"- ❌ {sentence(message)}{next_step(remedy)}", requested_by(context) + contacts_line(context)]
    return render_comment(None, "⛔", None, REFUSED, lambda _: parts, context)


def render_failure(problem: PromotebotError, context: CommentContext, *, commit_sha: str | None = None) -> Rendered:
    """Return the comment on evidence that could not be obtained, or on a file that breaks its format.

    Args:
        commit_sha: the commit that had been pushed before it failed; None says that nothing was committed.
    """
    # Only what could not be obtained may come out otherwise in a second run.
    unknown = isinstance(problem, CouldNotVerify)
    where = f"{code(problem.where)}: " if problem.where and problem.where not in problem.message else ""
    parts = [
        f"- ❌ {where}{sentence(problem.message)}{next_step(problem.remedy)}",
        run_again(context) if unknown else "",
        requested_by(context, commit_sha) + contacts_line(context),
    ]
    state = "could not verify" if unknown else "refused"
    outcome = f"{state} after the commit" if commit_sha else f"{state}, nothing was committed"
    return render_comment(None, "⛔", None, outcome, lambda _: parts, context)


def render_internal_error(context: CommentContext) -> Rendered:
    """Return the comment on a defect of promotebot's own; the error stays in the log, as it may quote anything."""
    parts = [
        "promotebot itself failed on this request: this is a bug in promotebot. The failure approves nothing. If the "
        "branch has no new commit by promotebot, nothing was committed.",
        run_again(context),
        requested_by(context) + contacts_line(context),
    ]
    return render_comment(None, "⛔", None, "internal error", lambda _: parts, context)
