"""The words that a team has of its own for stages, as the policy's key `aliases` names them; a stage is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from promotebot.errors import InvalidInput
from promotebot.promotion.first_words import SAFETY_WORDS, VERBS
from promotebot.registry.names import Stage, parse_stage

MAX_ALIASES = 20
Aliases = Mapping[str, Stage]
NO_ALIASES: Aliases = {}
COMMANDS = frozenset(
    {
        *VERBS,
        *SAFETY_WORDS,
        *("history", "show", "gate", "fetch", "bundle", "deployed", "check", "manifest", "import", "init", "policy"),
        *("schemas", "completion", "registry", "evidence", "none"),
    }
)
"""Words that are commands, in a comment or at a terminal, or that name no stage."""


def _checked(word: str) -> str:
    if word in (stage.value for stage in Stage):
        raise ValueError(f"{word!r} is a stage itself")
    if word in COMMANDS:
        raise ValueError(f"{word!r} is the word of a command")
    return word


AliasWord = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,29}$"), AfterValidator(_checked)]
"""Lower case, as labels on GitHub have no case; no colon, which a label has between its parts."""
AliasesField = Annotated[Mapping[AliasWord, Stage], Field(max_length=MAX_ALIASES)]


def parse_stage_word(text: str, aliases: Aliases) -> Stage:
    """Parse a stage, or a word for one. Raises InvalidInput for anything else, with the words that there are."""
    if text in aliases:
        return aliases[text]
    try:
        return parse_stage(text)
    except InvalidInput as problem:
        if aliases:
            problem.remedy = type(problem.remedy).of(f"{problem.remedy}, {', '.join(aliases)}")
        raise
