"""What somebody asks, by which the answer to it is found again: a second run's, and the older one to the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from promotebot.comments.markdown import marker
from promotebot.github.ports import IssueComment
from promotebot.promotion.checklist import Check
from promotebot.promotion.commands import ChangeCommand, Command, InvalidCommand, QueryCommand, Withdraw
from promotebot.promotion.first_words import nearest_verb
from promotebot.promotion.reject import Reject

MAX_OLDER = 20
"""Older answers that are folded at once: more than one stays only where folding failed before."""
_UNREADABLE = "?"


@dataclass(frozen=True)
class Question:
    """What is asked, whoever asks it; the empty one is what a job does that nobody asked for, as the gate's."""

    verb: str = ""
    """The command's word, such as promote."""
    about: str = ""
    """Its stage and model as they are written; `?` where the line could not be read."""

    def marker(self, login: str, request: str) -> str:
        """Return the hidden first line of the answer to somebody's request; its id is the same in a second run."""
        return marker(f"{_subject(self, login)}_{_digest(request)}")

    def older(self, comments: Iterable[IssueComment], login: str, *, bot: str, but: str = "") -> list[IssueComment]:
        """Return the bot's answers to the same person's same question, the oldest first.

        A line that could not be read asked the same as the next one with its word. What stands folded is left out.

        Args:
            but: the hidden first line of the answer that is given now.
        """
        subjects = [_subject(one, login) for one in (self, Question(self.verb, _UNREADABLE))]
        starts = tuple(f"{marker(subject).removesuffix(_END)}_" for subject in subjects)
        ours = [one for one in comments if one.author == bot and one.node_id and not one.is_minimized]
        return [one for one in ours if one.body.startswith(starts) and one.body.partition("\n")[0] != but][-MAX_OLDER:]


_END = " -->"


def question_of(command: Command) -> Question:
    """Return what a command asks. Its flags do not count: who mends one asks the same again."""
    if isinstance(command, ChangeCommand):
        arguments = command.arguments
        return Question(arguments.action.value, f"{arguments.stage.value} {arguments.model or ''}".rstrip())
    if isinstance(command, InvalidCommand):
        return Question(nearest_verb(command.text), _UNREADABLE)
    if isinstance(command, QueryCommand):
        return Question(command.name, command.model or "")
    if isinstance(command, Reject):
        return Question("reject", f"{command.model} {command.artifact or ''}".rstrip())
    if isinstance(command, Withdraw):
        return Question("withdraw", command.model or "")
    if isinstance(command, Check):
        return Question("check", " ".join(map(str, command.boxes)))
    return Question(type(command).__name__.lower())


def _subject(question: Question, login: str) -> str:
    # Hashed, since a model's name or a login could hold what ends an HTML comment, or notify somebody.
    return f"@answer_{_digest(f'{question.verb} {question.about}', login.lower())}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
