"""Remedies: what to do about a problem, in words, and as lines that run as they are pasted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # most commands load it anyway, but this module asks for nothing
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

Changes = Mapping[str, str | bool | None]
"""Flag, as a field's name (`git_sha`) → its value; True and False for a switch, None where a person knows."""
_PLAIN = re.compile(r"[^\s\"'“”\\]+")


class Door(str, Enum):
    """Where a line is pasted."""

    SHELL = "shell"
    COMMENT = "comment"


class AsWritten(str):
    """Text in the grammar of the place where it is pasted already, so that it is not quoted."""

    __slots__ = ()


APPEND = AsWritten(">>")
"""The output of the command is added to the file that the next word names."""


@dataclass(frozen=True)
class Command:
    """A line that runs as it is pasted: into a POSIX shell, or into a comment on GitHub.

    It has no placeholders. Where a value is not known, say so in words, or list the lines to choose from.
    """

    door: Door
    steps: tuple[tuple[str, ...], ...]
    """The words of each command; a shell runs the next one only when the one before it succeeded."""

    def then(self, *words: str) -> Command:
        """Return the line with one more command, which runs where the others succeeded."""
        return replace(self, steps=(*self.steps, words))

    def __str__(self) -> str:
        quoted = in_shell if self.door is Door.SHELL else in_comment
        return " && ".join(" ".join(map(quoted, words)) for words in self.steps)


def shell(*words: str) -> Command:
    """Return a line for a POSIX shell. Each word is one argument, which is quoted where it has to be."""
    return Command(Door.SHELL, (words,))


def comment(*words: str) -> Command:
    """Return a line for a comment on GitHub; the first word is the command, such as `/promote`."""
    return Command(Door.COMMENT, (words,))


@dataclass(frozen=True)
class CallerLine:
    """The whole line that the person wrote, with changes; the door that knows the line puts it there."""

    changes: tuple[tuple[str, str | bool], ...] = ()

    def __str__(self) -> str:
        out = [f"--{name.replace('_', '-')}" for name, value in self.changes if value is False]
        flags = " ".join(flag_text(name, value, in_shell) for name, value in self.changes if value is not False)
        parts = [f" with {flags}" if flags else "", f" without {' and '.join(out)}" if out else ""]
        return f"the same command{''.join(parts)}"


Line = Callable[[Changes], Command]
"""Returns the line that the person wrote, with these changes."""


class Remedy(str):
    """What to do next, in words with commands among them. It reads as its text, and knows which of it are commands.

    A plain text is a remedy without a command. `changes` is what has to change in the line that the person wrote: the
    door that answers puts the changes of all its findings into one line (`merged_changes`).
    """

    __slots__ = ("changes", "parts")
    parts: tuple[str | Command | CallerLine, ...]
    changes: Changes

    def __new__(cls, *parts: str | Command | CallerLine, changes: Changes | None = None) -> Remedy:
        """Return the remedy that says the parts one after the other."""
        remedy = super().__new__(cls, "".join(map(str, parts)))
        remedy.parts = tuple(part for part in parts if part)
        remedy.changes = MappingProxyType(dict(changes or {}))
        return remedy

    def on(self, line: Line) -> Remedy:
        """Return the remedy with what the person wrote in the place of each `CallerLine`."""
        if not any(isinstance(part, CallerLine) for part in self.parts):
            return self
        parts = [line(dict(part.changes)) if isinstance(part, CallerLine) else part for part in self.parts]
        return Remedy(*parts, changes=self.changes)

    @classmethod
    def of(cls, words: str) -> Remedy:
        """Return the words as a remedy; one that is a remedy already stays as it is."""
        return words if isinstance(words, Remedy) else cls(words)

    @property
    def commands(self) -> tuple[Command, ...]:
        """The lines that the remedy gives, in their order."""
        return tuple(part for part in self.parts if isinstance(part, Command))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it be copied: the views of its changes cannot."""
        return partial(type(self), changes=dict(self.changes)), self.parts

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let a model take a text for a remedy, keep a remedy as it is, and write it as its text."""
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(
            lambda value: cls.of(value) if isinstance(value, str) else value,
            core_schema.is_instance_schema(cls),
            json_schema_input_schema=core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(
                str, return_schema=core_schema.str_schema(), when_used="json"
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: Any) -> dict[str, str]:
        """Return the schema of what is written: a text."""
        return {"type": "string"}


def again(**changes: str | bool) -> CallerLine:
    """Return the line that the person wrote with these flags added or replaced."""
    return CallerLine(tuple(changes.items()))


def choices(words: str, commands: Iterable[Command | CallerLine]) -> Remedy:
    """Return a remedy of complete lines to choose from: `words: A or B or C`."""
    parts: list[str | Command | CallerLine] = [f"{words}: "]
    for command in commands:
        parts += [" or ", command] if len(parts) > 1 else [command]
    return Remedy(*parts)


def did_you_mean(line: str) -> Remedy:
    """Return the remedy that offers a whole line for a comment, as a person's own line reads with its slips mended."""
    return Remedy("did you mean: ", comment(AsWritten(line)))


def merged_changes(remedies: Iterable[str]) -> Changes | None:
    """Return the changes of all remedies of one answer together; None where a value is missing.

    With a value missing no line could be given that is not refused again; what one finding knows is known to all.
    """
    merged: dict[str, str | bool | None] = {}
    for remedy in remedies:
        for name, value in Remedy.of(remedy).changes.items():
            merged[name] = merged.get(name) if value is None else value
    return None if None in merged.values() else merged


def flag_words(name: str, value: str | bool) -> list[str]:
    """Return a flag and its value as the words of a command line: `git_sha` is `--git-sha`."""
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [flag] if value else []
    # A value that begins like a flag would be taken for the next one.
    return [f"{flag}={value}"] if str(value).startswith("-") else [flag, str(value)]


def flag_text(name: str, value: str | bool, quoted: Callable[[str], str]) -> str:
    """Return a flag and its value as a person reads them."""
    return " ".join(map(quoted, flag_words(name, value)))


def in_shell(word: str) -> str:
    """Return a word as a shell reads it back; what cannot be seen is written as the shell's own escapes.

    https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_04
    """
    if isinstance(word, AsWritten):
        return str(word)
    if word.isprintable():
        return shlex.quote(word)
    return f"$'{''.join(map(_escaped, word))}'"


def _escaped(character: str) -> str:
    if character.isprintable() and character not in "\\'":
        return character
    # Three octal digits end by themselves, whatever stands behind them.
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))


def in_comment(word: str) -> str:
    """Return a word as the grammar of comments reads it back."""
    if isinstance(word, AsWritten) or _PLAIN.fullmatch(word):
        return str(word)
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
