"""The shorter comments: what was withdrawn, the gate's result, a verification, and issues about a branch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from promotebot.comments.comment import (
    GENERAL,
    MAX_PROBLEMS,
    RULES_BYTES,
    CommentContext,
    Rendered,
    contacts_line,
)
from promotebot.comments.findings import bullets, count_line, every_rule, problems, waits
from promotebot.comments.markdown import bounded, code, details, link, marker, table, text
from promotebot.comments.pictures import DONE
from promotebot.findings import Finding, errors_in, warnings_in
from promotebot.promotion.contacts import Purpose
from promotebot.promotion.replay import Step

GATE, QUERY = "@gate", "@look"
"""Subjects of sticky comments that belong to no model: no model's name holds an @, so none is taken for one."""


def render_taken_back(what: Sequence[str], head: str, context: CommentContext) -> Rendered:
    """Return the comment on promotions that the branch does not carry any more, and that are withdrawn all the same."""
    lines = "\n".join(f"- {text(line)}" for line in what)
    return note(
        GENERAL,
        "↩️ Withdrawn",
        [
            f"These promotions of this pull request are withdrawn:\n{lines}",
            f"Requested by {code(context.requester)} ({link('here', context.request_url)}). Nothing was committed on "
            f"{code(head[:7])}, which does not contain them. To request them again, write a new comment.",
        ],
        context,
        title="withdrawn",
    )


def render_gate(
    findings: Sequence[Finding],
    title: str,
    context: CommentContext,
    *,
    waiting: Sequence[Finding] = (),
    changes: Iterable[str] = (),
    receipts: str = "",
) -> Rendered:
    """Return the gate's result on a pull request that carries promotions, or changes what was promoted.

    Args:
        changes: what merging does with each promotion, as `changes_made` shows it.
        receipts: of each promotion, as `receipts_section` shows them.
    """
    # While people are waited for, nothing is wrong: that is neither a refusal nor a pass.
    refused = errors_in(findings)
    verb = "refuses" if refused else "waits on" if waiting else "passes"
    head = f"🚦 {code(context.check)} {verb} {code(context.head_sha[:7])}"
    return note(
        GATE,
        head,
        [
            problems(findings, limit=MAX_PROBLEMS) + contacts_line(context) if refused else count_line(findings),
            "" if refused else "\n".join(bullets(warnings_in(findings), limit=MAX_PROBLEMS)),
            waits(waiting),
            *changes,
            details("Every rule", every_rule(findings, budget=RULES_BYTES)),
            receipts,
        ],
        context,
        title=title,
    )


def render_queue(findings: Sequence[Finding], waiting: Sequence[Finding], context: CommentContext) -> Rendered:
    """Return the comment on a commit of the merge queue that the gate does not pass, in the pull request it is for.

    Args:
        waiting: what is still to be done, where nothing is wrong.
    """
    wrong = problems(findings, limit=MAX_PROBLEMS) + contacts_line(context)
    return note(
        GATE,
        "⛔ Merge queue: not passed, nothing was merged",
        [
            wrong if errors_in(findings) or not waiting else waits(waiting),
            f"{code(context.check)} checked {context.commit(context.head_sha)}: the merge queue made this commit from "
            f"{code(context.base_ref)}, this pull request and those queued before it. The status there is not green, "
            "so GitHub removes the pull request from the queue. The status on its own head has not changed.",
            details("Every rule", every_rule(findings, budget=RULES_BYTES)),
        ],
        context,
        title="not passed in the merge queue",
    )


def render_report(title: str, findings: Sequence[Finding], context: CommentContext) -> Rendered:
    """Return the comment on a verification of the pull request's head."""
    return note(
        QUERY,
        f"🔎 {text(title)}",
        [
            problems(findings, limit=MAX_PROBLEMS) + contacts_line(context, Purpose.MISMATCH)
            if errors_in(findings)
            else count_line(findings),
            details("Every rule", every_rule(findings, budget=RULES_BYTES)),
        ],
        context,
        title=title,
    )


def render_verdict(state: str, description: str, context: CommentContext) -> Rendered:
    """Return what the gate said last of the head, for whoever may not have it look again.

    Args:
        state: of the required status; empty where the gate said nothing yet.
    """
    title = f"Gate: {description or state}" if state else "The gate has no result yet"
    commit = f"{context.repo_url}/commit/{context.head_sha}"
    said = (
        f"{code(context.check)} is **{text(state)}** on {context.commit(context.head_sha)}; every rule is listed in "
        f"{link('the report beside it', f'{commit}/checks')}."
    )
    return note(
        QUERY,
        f"🔎 {text(title)}",
        [
            said if state else f"{context.commit(context.head_sha)} has no {code(context.check)} set by promotebot.",
            "The checks did not run again for this answer: they open models, which needs write permission.",
        ],
        context,
        title=title,
    )


def note(subject: str, heading: str, sections: Sequence[str], context: CommentContext, *, title: str) -> Rendered:
    """Return a sticky comment of a subject: heading and sections, cut to what GitHub takes."""
    first = marker(subject)
    parts = [f"{first}\n### {heading}", *filter(None, [*sections, context.unsigned])]
    summary = link("the step summary", context.run_url) if context.run_url else "the step summary"
    return Rendered(first, title, bounded(parts, where_else=summary), "\n\n".join(parts))


def branch_subject(subject: str, branch: str, default_branch: str) -> str:
    """Return the subject of an issue about a branch; the default branch's is the plain one."""
    return subject if branch == default_branch else f"{subject}_{hashlib.sha256(branch.encode()).hexdigest()[:16]}"


def report_issue(subject: str, title: str, findings: Sequence[Finding], facts: Mapping[str, str]) -> tuple[str, str]:
    """Return (first line, body) of the issue that a failed verification opens; the first line finds it again."""
    first = marker(subject)
    # Values are Markdown already: links to the run and the commit.
    rows = [(text(name), value) for name, value in facts.items() if value]
    parts = [f"{first}\n### {text(title)}", table(("", ""), rows), problems(findings, limit=MAX_PROBLEMS)]
    return first, bounded(parts, where_else="the run's summary")


def extended_issue(body: str, findings: Sequence[Finding]) -> tuple[str, str]:
    """Return (body, comment) for an issue with what it does not say yet, newest first; no comment where it says all.

    What somebody wrote into the body stays as it is.
    """
    known = body.replace("\r\n", "\n")
    # What follows from another finding stands indented below it, and a next step below the last one that it is for.
    said = {line.strip() for line in known.split("\n")}
    added = "\n".join(item for item in bullets(findings, limit=MAX_PROBLEMS) if item.partition("\n")[0] not in said)
    head, _, rest = known.partition("\n\n")
    return bounded([head, *filter(None, [added, rest])], where_else="the comments"), added


def step_line(step: Step) -> str:
    """Return what one promotion does, in a line of Markdown."""
    stage = step.event.stage.label if step.event.stage else "no stage"
    share = f" ({step.event.pointer.share} of production)" if step.event.pointer.share else ""
    return f"{code(step.model)}: {code(step.event.pointer.artifact_id)} {DONE[step.event.action]} {stage}{share}"
