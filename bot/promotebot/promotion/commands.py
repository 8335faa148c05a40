"""The comment grammar: one command per line at column one, outside fences, quotes and HTML comments.

See docs/architecture.md, Commands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from promotebot.errors import InvalidInput
from promotebot.promotion.aliases import NO_ALIASES, Aliases
from promotebot.promotion.checklist import Check, parse_boxes
from promotebot.promotion.comment_lines import command_lines
from promotebot.promotion.first_words import (
    HOLD_WORDS,
    SAFETY_WORDS,
    VERBS,
    first_word,
    is_command,
    near_word,
    unprefixed,
)
from promotebot.promotion.flags import (
    DEMOTE_FLAGS,
    PROMOTE_FLAGS,
    ROLLBACK_FLAGS,
    MissingReason,
    UnknownStage,
    Word,
    require_reason,
    split_flags,
    split_words,
    stage_word,
)
from promotebot.promotion.reject import Reject, parse_reject
from promotebot.promotion.request import CommandArguments
from promotebot.promotion.safety_words import ELSEWHERE, Hold, Unhold, parse_safety_word
from promotebot.registry.model import Action
from promotebot.registry.names import (
    ModelName,
    Stage,
    parse_model_name,
)
from promotebot.remedies import Remedy, comment

MAX_COMMANDS = 10
"""In one comment; each may cost a fetch, a model to open and a push."""
EXAMPLE = comment("/promote", "active")


@dataclass(frozen=True)
class ChangeCommand:
    """`/promote`, `/rollback` or `/demote`; `line` is its 1-based line in the comment, part of the request id."""

    line: int
    text: str
    arguments: CommandArguments


@dataclass(frozen=True)
class Help:
    """`/help`: lists the commands."""

    line: int
    text: str


@dataclass(frozen=True)
class Doctor:
    """`/doctor`: how the repository is set up."""

    line: int
    text: str


@dataclass(frozen=True)
class Withdraw:
    """`/withdraw [model]`: takes back what this pull request promoted, before the merge."""

    line: int
    text: str
    model: ModelName | None


@dataclass(frozen=True)
class QueryCommand:
    """`/verify [model]`, `/why` and `/status`: answers that change nothing."""

    line: int
    text: str
    name: str
    """The command's word: verify, why or status."""
    model: ModelName | None = None


@dataclass(frozen=True)
class InvalidCommand:
    """A line that means to be a command and is not one; nothing of the comment is carried out."""

    line: int
    text: str
    problem: str
    remedy: str
    lacks_reason: bool = False
    """All that is wrong is that it gives no --reason."""
    has_unknown_stage: bool = False
    """A word in a stage's place is none, unless the base's policy names one by it."""


Command = ChangeCommand | Withdraw | QueryCommand | Check | Help | Doctor | Hold | Unhold | Reject | InvalidCommand


@dataclass(frozen=True)
class _Line:
    """A line that is a command, and the words for stages that it may have."""

    number: int
    text: str
    aliases: Aliases


def parse_comment(body: str, prefix: str = "", aliases: Aliases = NO_ALIASES) -> list[Command]:
    """Return every command of a comment, in order; empty when the comment holds none.

    A first word close to a command is a slip of the pen (InvalidCommand); any other `/word` belongs to
    somebody else's bot and is ignored.

    Args:
        prefix: the word, such as `/model`, that commands stand behind; a line without it belongs to somebody else.
        aliases: the words for stages that the base's policy has.
    """
    lines = (_Line(number, text, aliases) for number, text in command_lines(body))
    commands = [command for line in lines for command in _parse_line(line, prefix)]
    if len(commands) > MAX_COMMANDS:
        first = commands[MAX_COMMANDS]
        return [
            InvalidCommand(
                first.line,
                first.text,
                f"more than {MAX_COMMANDS} commands in one comment",
                "split them over several comments",
            )
        ]
    return commands


def with_aliases(commands: Sequence[Command], body: str, prefix: str, aliases: Aliases) -> list[Command]:
    """Return the commands of a comment, those again whose stage nobody knew: a policy's own words may name it."""
    again = {command.line: command for command in parse_comment(body, prefix, aliases)}
    return [again.get(one.line, one) if has_unknown_stage([one]) else one for one in commands]


def has_unknown_stage(commands: Iterable[Command]) -> bool:
    """Return whether one of the commands has a word in a stage's place that is none."""
    return any(isinstance(one, InvalidCommand) and one.has_unknown_stage for one in commands)


def parse_holds(body: str, prefix: str = "") -> list[Hold]:
    """Return every hold of a comment, whatever else it says, and however much."""
    found = (parse_safety_word(line, text, unprefixed(text, prefix)) for line, text in command_lines(body))
    return [command for command in found if isinstance(command, Hold)]


def with_prefix(text: str, prefix: str) -> str:
    """Return a text of ours with its commands as they have to be written; what stands in code fences is left alone."""
    if not prefix:
        return text
    parts = re.split(r"(^`{3,}.*?^`{3,}$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if index % 2 else _NAMED.sub(rf"{prefix} \1", part) for index, part in enumerate(parts))


def _parse_line(parsed: _Line, prefix: str) -> Iterator[Command]:
    line, text = parsed.number, parsed.text
    if not is_command(text, prefix):
        return
    command = unprefixed(text, prefix)
    word = first_word(command)
    safety = parse_safety_word(line, text, command)
    if safety:
        yield safety
        return
    verb = _VERBS.get(word) if command else None
    if verb is None:
        yield InvalidCommand(line, text[:200], *(_misspelt(word) if command else _misspelt_prefix(text)))
        return
    try:
        yield verb(parsed, split_words(command)[1:])
    except InvalidInput as problem:
        # 200 characters: enough to recognise the line in the answer.
        remedy = problem.remedy or Remedy("write it like this: ", EXAMPLE)
        lacks_reason, unknown = isinstance(problem, MissingReason), isinstance(problem, UnknownStage)
        yield InvalidCommand(line, text[:200], problem.message, remedy, lacks_reason, unknown)


def _misspelt(word: str) -> tuple[str, str]:
    """Return what is wrong with an unknown command, and what to do instead."""
    if word.lower() in ELSEWHERE:
        return ELSEWHERE[word.lower()]
    near = near_word(word)
    remedy = f"did you mean `/{near}`?" if near else _LIST
    held = "; nothing is held" if near in HOLD_WORDS else ""
    problem = f"unknown command {f'/{word}' if word else ''}".rstrip()
    return f"{problem}{held}", remedy


def _misspelt_prefix(text: str) -> tuple[str, str]:
    """Return what is wrong where a command of ours stands behind nearly our prefix."""
    said, word, *_ = text.split(maxsplit=2)
    return f"unknown command {said}", f"did you mean `/{word}`?"


def _parse_help(line: _Line, words: Sequence[Word]) -> Command:
    if words:
        raise InvalidInput("/help takes no arguments", remedy=_alone("/help"))
    return Help(line.number, line.text)


def _parse_doctor(line: _Line, words: Sequence[Word]) -> Command:
    if words:
        raise InvalidInput("/doctor takes no arguments", remedy=_alone("/doctor"))
    return Doctor(line.number, line.text)


def _parse_withdraw(line: _Line, words: Sequence[Word]) -> Command:
    return Withdraw(line.number, line.text, _one_model(words))


def _parse_verify(line: _Line, words: Sequence[Word]) -> Command:
    return QueryCommand(line.number, line.text, "verify", _one_model(words))


def _parse_why(line: _Line, words: Sequence[Word]) -> Command:
    if words:
        raise InvalidInput("/why takes no arguments", remedy=_alone("/why"))
    return QueryCommand(line.number, line.text, "why")


def _parse_status(line: _Line, words: Sequence[Word]) -> Command:
    return QueryCommand(line.number, line.text, "status", _one_model(words))


def _parse_check(line: _Line, words: Sequence[Word]) -> Command:
    return Check(line.number, line.text, parse_boxes(words))


def _one_model(words: Sequence[str]) -> ModelName | None:
    if len(words) > 1:
        raise InvalidInput(f"unexpected word {words[1]!r}", remedy="name one model, or none for all")
    return parse_model_name(words[0]) if words else None


def _parse_promote(line: _Line, words: Sequence[Word]) -> Command:
    positional, flags = split_flags(words, PROMOTE_FLAGS)
    if not positional:
        raise InvalidInput("/promote needs a stage", remedy=Remedy("write it like this: ", EXAMPLE))
    if len(positional) > 2:
        raise InvalidInput(
            f"unexpected word {positional[2]!r}", remedy="remove it; a text of several words needs quotes"
        )
    stage = stage_word(positional[0], line.text, line.aliases)
    model = parse_model_name(positional[1]) if len(positional) == 2 else None
    return ChangeCommand(line.number, line.text, CommandArguments(stage=stage, model=model, **flags))


def _parse_rollback(line: _Line, words: Sequence[Word]) -> Command:
    positional, flags = split_flags(words, ROLLBACK_FLAGS)
    if not 1 <= len(positional) <= 2:
        raise InvalidInput("/rollback needs a model and a --reason", remedy=_WHICH)
    stage = stage_word(positional[1], line.text, line.aliases) if len(positional) == 2 else Stage.ACTIVE
    model = parse_model_name(positional[0])
    require_reason("/rollback needs a model and a --reason", line.text, flags)
    return ChangeCommand(line.number, line.text, CommandArguments(stage, Action.ROLLBACK, model, **flags))


def _parse_demote(line: _Line, words: Sequence[Word]) -> Command:
    positional, flags = split_flags(words, DEMOTE_FLAGS)
    if len(positional) != 2:
        raise InvalidInput("/demote needs a model, a stage and a --reason", remedy=_WHICH)
    stage, model = stage_word(positional[1], line.text, line.aliases), parse_model_name(positional[0])
    require_reason("/demote needs a model, a stage and a --reason", line.text, flags)
    return ChangeCommand(line.number, line.text, CommandArguments(stage, Action.DEMOTE, model, **flags))


def _alone(command: str) -> Remedy:
    return Remedy("write it alone: ", comment(command))


_LIST = Remedy("see which there are: ", comment("/help"))
_WHICH = Remedy("name the model and the stage; this shows which there are: ", comment("/status"))


_VERBS: Mapping[str, Callable[[_Line, Sequence[Word]], Command]] = {
    "promote": _parse_promote,
    "rollback": _parse_rollback,
    "demote": _parse_demote,
    "withdraw": _parse_withdraw,
    "reject": lambda line, words: parse_reject(line.number, line.text, words),
    "verify": _parse_verify,
    "why": _parse_why,
    "status": _parse_status,
    "check": _parse_check,
    "doctor": _parse_doctor,
    "help": _parse_help,
}
"""How each of `first_words.VERBS` is read."""
_NAMED = re.compile(rf"(?<![\w/.-])/({'|'.join((*VERBS, *SAFETY_WORDS))})(?![\w/-]|\.\w)")
"""A command in a text of ours."""
