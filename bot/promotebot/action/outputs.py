"""Write a job's outputs, its step summary, and log lines that no runner takes for a command."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from promotebot.action.output_file import write_outputs
from promotebot.action.result import Answer, Outcome
from promotebot.comments.markdown import text
from promotebot.cost import Cost
from promotebot.settings import Settings
from promotebot.text import cut

log = logging.getLogger(__name__)

MAX_STEP_SUMMARY = 1024 * 1024


def write_answer(settings: Settings, answer: Answer, cost: Cost) -> None:
    """Write an answer to the job's outputs, its log and its step summary; an ignored event leaves its decision only.

    Args:
        cost: what the job asked of GitHub, which stands at the end of the summary where it asked anything.
    """
    if answer.outcome is Outcome.IGNORED:
        outputs = {"decision": answer.outcome.value}
    else:
        outputs = {
            "decision": answer.outcome.value,
            "reason_code": answer.reason.value,
            "commit_sha": answer.commit_sha,
            "comment_url": answer.comment_url,
            "result": json.dumps(answer.result(), ensure_ascii=True),
        }
        message = f": {answer.message}" if answer.message else ""
        log.info("%s (%s)%s", answer.outcome.value, answer.reason.value, message)
    write_outputs(settings.output_path, outputs)
    asked = f"This job made {cost}." if cost.is_any else ""
    asked += f" It took {cost.time}." if cost.seconds else ""
    summary = answer.summary or _told(answer)
    if summary or asked:
        # The last line stays where the rest has to be cut.
        shown = cut(summary, MAX_STEP_SUMMARY - len(asked) - 10)
        write_summary(settings.summary_path, "\n\n".join(filter(None, (shown, asked))))


def _told(answer: Answer) -> str:
    """Return the summary of a refusal or a failure that has none of its own: nobody reads the log first."""
    if answer.succeeded:
        return ""
    lines = "\n\n".join(text(line) for line in answer.message.splitlines() if line)
    return f"### ⛔ {answer.outcome.value} ({text(answer.reason.value)})\n\n{lines}".strip()


def write_summary(path: Path, markdown: str) -> None:
    """Append to GITHUB_STEP_SUMMARY, as many whole lines as fit: over one MiB, GitHub shows none of a step's.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
    """
    used = path.stat().st_size if path.exists() else 0
    with path.open("a", encoding="utf-8") as file:
        file.write(cut(markdown, max(0, MAX_STEP_SUMMARY - used - 1)) + "\n")
