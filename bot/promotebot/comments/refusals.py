"""Comments that say no: what cannot be read, what nobody may ask for, and what failed."""

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
    """A request that cannot be judged yet, with what to choose or mend."""

    def sections(whole: bool) -> Sequence[str]:
        return [problems(findings, limit=row_limit(whole)), requested_by(context)]

    return render_comment(ModelName(model) if model else None, "⛔", None, REFUSED, sections, context)


def render_unreadable(commands: Sequence[InvalidCommand], context: CommentContext) -> Rendered:
    """Lines that mean to be commands and are not."""
    lines = [
        f"- ❌ line {command.line}, {code(command.text[:120])}: {sentence(command.problem)}{next_step(command.remedy)}"
        for command in commands
    ]
    after = f"Nothing of the comment was carried out. Write a new one; {code('/help')} lists what can be asked."
    said = ["\n".join(lines), after, requested_by(context)]
    return render_comment(None, "⛔", None, "command not understood, nothing was committed", lambda _: said, context)


def render_refused_event(message: str, remedy: str, context: CommentContext) -> Rendered:
    """A comment that is not listened to, whatever it asks for (a fork, a closed pull request, no permission)."""
    said = [f"- ❌ {sentence(message)}{next_step(remedy)}", requested_by(context)]
    return render_comment(None, "⛔", None, REFUSED, lambda _: said, context)


def render_failure(problem: PromotebotError, context: CommentContext, *, commit_sha: str | None = None) -> Rendered:
    """The evidence could not be had, or a file cannot be read: unknown is never a pass.

    Args:
        commit_sha: the commit that had been pushed before it failed; None says that nothing was committed.
    """
    unknown = isinstance(problem, CouldNotVerify)
    where = f"{code(problem.where)}: " if problem.where and problem.where not in problem.message else ""
    said = [
        f"- ❌ {where}{sentence(problem.message)}{next_step(problem.remedy)}",
        run_again(context) if unknown else "",
        requested_by(context, commit_sha) + contacts_line(context),
    ]
    state = "could not verify" if unknown else "refused"
    outcome = f"{state} after the commit" if commit_sha else f"{state}, nothing was committed"
    return render_comment(None, "⛔", None, outcome, lambda _: said, context)


def render_internal_error(context: CommentContext) -> Rendered:
    """A defect of promotebot's own: its words stay in the log."""
    said = [
        "promotebot failed on this request, which is a defect of its own. Nothing is approved by it; if the branch "
        "carries no new commit of promotebot's, nothing was committed.",
        run_again(context),
        requested_by(context) + contacts_line(context),
    ]
    return render_comment(None, "⛔", None, "internal error", lambda _: said, context)
