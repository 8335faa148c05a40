"""The command line that a person typed, in remedies: with what has to change in it, and everything else kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from promotebot.errors import PromotebotError
from promotebot.findings import Finding
from promotebot.remedies import Changes, Command, Remedy, flag_words, merged_changes, shell

_SWITCHES = {"allow_dirty", "allow_quarantined", "commit", "dry_run", "new_model", "partial", "pr", "push"}
_PLACES = {"--path": "--registry-path", "--registry-path": "--registry-path", "--base-dir": "--base-dir"}
"""Flag, as any command has it → as every command understands it."""
_WITH_PLACES = {
    "promote",
    "rollback",
    "demote",
    "reject",
    "history",
    "show",
    "status",
    "verify",
    "gate",
    "manifest",
    "registry",
    "import",
}
"""Commands that take the places of registry and repository, which are the same for whatever is run next."""


@dataclass(frozen=True)
class Typed:
    """The arguments of `promotebot` as they were typed."""

    arguments: tuple[str, ...]

    @property
    def format(self) -> str:
        """Return `json` where the line asks for it, else `text`: also of a line that does not parse."""
        pairs = [
            *pairwise(self.arguments),
            *(tuple(w.split("=", 1)) for w in self.arguments if "=" in w),
        ]
        asked = any(len(flag) > 2 and "--format".startswith(flag) and value == "json" for flag, value in pairs)
        return "json" if asked else "text"

    def line(self, changes: Changes) -> Command:
        """Return the whole line again, with these flags added or replaced."""
        words = list(self.arguments)
        for name, value in changes.items():
            if value is not None:
                words = [*_without(words, name), *flag_words(name, value)]
        return shell("promotebot", *words)

    def here(self, remedy: str) -> Remedy:
        """Return a remedy whose lines work on the registry that the person works on."""
        known = Remedy.of(remedy).on(self.line)
        parts = [self._here(part) if isinstance(part, Command) else part for part in known.parts]
        return Remedy(*parts, changes=known.changes)

    def findings(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return the findings with remedies that work here."""
        return tuple(finding.model_copy(update={"remedy": self.here(finding.remedy)}) for finding in findings)

    def try_again(self, remedies: Iterable[str]) -> str:
        """Return the sentence with the one line that has every change; empty where none is known, or one misses."""
        changes = merged_changes(remedies)
        return f"Try again: {self.line(changes)}" if changes else ""

    def explained(self, problem: PromotebotError) -> str:
        """Return an error with its place and remedy, and the line with what has to change in it."""
        problem.remedy = self.here(problem.remedy)
        return "\n".join(filter(None, [str(problem), self.try_again([problem.remedy])]))

    def _here(self, command: Command) -> Command:
        places = list(_places(self.arguments))
        steps = [
            (*words, *places) if words[0] == "promotebot" and words[1] in _WITH_PLACES and not _has(words) else words
            for words in command.steps
        ]
        return replace(command, steps=tuple(steps))


def _has(words: Sequence[str]) -> bool:
    return any(word.partition("=")[0] in _PLACES for word in words)


def _places(words: Sequence[str]) -> Iterable[str]:
    """Yield where registry and repository are, as it was typed."""
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        if flag in _PLACES:
            yield f"{_PLACES[flag]}={value}" if equals else _PLACES[flag]
            yield from () if equals else (next(rest, ""),)


def _without(words: Sequence[str], name: str) -> list[str]:
    """Return the words without a flag and its value, as argparse reads them: `--flag value` or `--flag=value`."""
    flag = f"--{name.replace('_', '-')}"
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == flag:
            if name not in _SWITCHES:
                next(rest, None)
        elif not word.startswith(f"{flag}="):
            kept.append(word)
    return kept
