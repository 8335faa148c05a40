"""`/doctor`, and `command: doctor` of the scheduled workflow: how the repository is set up, as a list."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace

from promotebot.action.reply import Replier
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome
from promotebot.comments.markdown import bounded, code, details, link, marker, text
from promotebot.comments.notices import note
from promotebot.doctor.catalogue import diagnose
from promotebot.doctor.read import connected, gather
from promotebot.doctor.report import DoctorReport, Line, Status
from promotebot.gate.admission import who_lacks
from promotebot.gate.refusal import Reason, Refusal
from promotebot.promotion.sections import Permission
from promotebot.pulls.context import JobContext
from promotebot.settings import Settings
from promotebot.text import counted

log = logging.getLogger(__name__)
SUBJECT = "@doctor"
TITLE = "The repository is not set up for promotions"
_SIGNS = {Status.PROBLEM: "❌", Status.ADVICE: "⚠️", Status.UNKNOWN: "❔"}
_CODE_OR_ADDRESS = re.compile(r"`([^`]+)`|(https?://[^\s,;]*[^\s,;.])")


def answer_doctor(requester: Requester, job: JobContext, replier: Replier) -> Answer:
    """Answer `/doctor` for maintainers: the list names what is weak, and whoever may mend it is among them.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    refusal = _refusal(requester, job)
    if refusal:
        return replier.refuse(refusal)
    report = examined(job.settings)
    title = f"Doctor: {report.title}"
    rendered = note(SUBJECT, f"🩺 {text(title)}", [report_list(report.lines)], replier.context, title=title)
    return replier.answer(_answer(report), rendered)


def examine_repository(job: JobContext) -> Answer:
    """Examine on schedule: everything in the step summary, problems in one issue; the job ends with 0.

    A setting that could be better says nothing about the registry, whose verification is another job.

    Raises:
        CouldNotVerify: when GitHub does not answer.
    """
    report = examined(job.settings)
    _keep_issue(report, job)
    return replace(_answer(report), summary=f"### 🩺 {text(report.title)}\n\n{report_list(report.lines)}")


def examined(settings: Settings) -> DoctorReport:
    """Return the report on the job's repository, by the job's own token."""
    with connected(settings) as github:
        return diagnose(gather(settings, github))


def report_list(lines: Sequence[Line]) -> str:
    """Return an item for each line, what is wrong first; what is right is folded. A table would be too wide to read."""
    order = (Status.PROBLEM, Status.UNKNOWN, Status.ADVICE)
    items = [_item(line) for status in order for line in lines if line.status is status]
    fine = [f"- ✅ {_about(line)}: {_shown(line.found)}" for line in lines if line.status is Status.OK]
    folded = [details(f"{counted(len(fine), 'check')} ok", "\n".join(fine))] if fine else []
    return "\n\n".join(filter(None, ["\n".join(items), *folded]))


def _item(line: Line) -> str:
    item = f"- {_SIGNS[line.status]} **{_about(line)}**: {_shown(line.found)}. {_shown(line.meaning)}"
    return f"{item}\n  To fix it: {_shown(line.remedy)}" if line.remedy else item


def _about(line: Line) -> str:
    return f"{code(line.id.removeprefix('doctor.'))}{f' on {code(line.where)}' if line.where else ''}"


def _shown(words: str) -> str:
    """Return a sentence of the report as Markdown, its commands as code and its addresses as links."""
    parts, end = [], 0
    for match in _CODE_OR_ADDRESS.finditer(words):
        shown = code(match[1]) if match[1] else link("the page", match[2])
        parts += [text(words[end : match.start()]) if match.start() > end else "", shown]
        end = match.end()
    return "".join([*parts, text(words[end:]) if words[end:] else ""])


def _answer(report: DoctorReport) -> Answer:
    told = {"doctor": report.model_dump(mode="json")}
    return Answer(Outcome.HELPED, Reason.SHOWN, report.title, details=told)


def _refusal(requester: Requester, job: JobContext) -> Refusal | None:
    lacks = who_lacks(requester.people, Permission.MAINTAIN, job.github)
    message = f"{lacks}; /doctor shows the repository's settings, and needs maintain."
    asked = "ask somebody with maintain permission to write this command"
    return Refusal(Reason.PERMISSION, message, asked) if lacks else None


def _keep_issue(report: DoctorReport, job: JobContext) -> None:
    """Keep one issue while there are problems: opened, rewritten, closed.

    It stays open while something that it names is unknown: what cannot be seen is not mended.
    """
    settings, problems = job.settings, report.of(Status.PROBLEM)
    first = marker(SUBJECT)
    known = job.github.find_issue(first, author_login=settings.bot_login)
    run = link("the run", settings.run_url) if settings.run_url else "the run"
    parts = [
        f"{first}\n### {text(TITLE)}",
        report_list(problems),
        f"The summary of {run} lists every check. This issue is closed automatically when everything is fixed.",
    ]
    body = bounded(parts, where_else="the run's summary")
    if problems and known:
        job.github.update_issue(known.number, body=body)
    elif problems:
        made = job.github.create_issue(f"promotebot: {TITLE[0].lower()}{TITLE[1:]}", body)
        log.info("opened %s", made.html_url)
    elif known and not any(_about(line) in known.body for line in report.of(Status.UNKNOWN)):
        job.github.update_issue(known.number, body=known.body, comment=f"Fixed: {text(report.title)}.", close=True)
