"""A workflow file as values: its triggers, the branches that it hears, its jobs' permissions, the actions it uses.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_BYTES = 512 * 1024
"""Of a file that is read; GitHub's own limit for a workflow file."""
LEVELS = ("none", "read", "write")
TOKEN_ACTION = "actions/create-github-app-token"  # noqa: S105 - an action's name
_DEFAULT_TYPES = {"pull_request_target": ["opened", "synchronize", "reopened"]}
"""What counts where a trigger names no types, for the one that does not take all."""
_PATHS, _BRANCHES, _TAGS = {"paths", "paths-ignore"}, {"branches", "branches-ignore"}, {"tags", "tags-ignore"}
"""The filters of a trigger, which leave out what they do not name."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Workflow:
    """One file. What does not read has a problem, and neither triggers nor jobs."""

    problem: str = ""
    triggers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    jobs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    permissions: object = None
    """Of the jobs that have none of their own; None where the repository's setting counts."""

    @classmethod
    def parse(cls, data: bytes) -> Workflow:
        """Read a file; every scalar is text, so that `on` is no truth value and a branch `1.0` no number."""
        try:
            document = yaml.load(data.decode("utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - makes text, lists and mappings only
        except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as problem:
            return cls(problem=f"is not a YAML file: {' '.join(str(problem).split())[:200]}")
        if not isinstance(document, dict) or not isinstance(document.get("jobs"), dict):
            return cls(problem="is not a workflow: it has no jobs")
        jobs = {str(name): _mapping(job) for name, job in document["jobs"].items()}
        return cls("", _triggers(document.get("on")), jobs, document.get("permissions"))

    @property
    def uses_app(self) -> bool:
        """Whether a job takes an App's token."""
        return any(name == TOKEN_ACTION for name, _ in self.uses())

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield name and version of every action that is used; those of the repository itself have no version."""
        for job in self.jobs.values():
            for part in (job, *steps(job)):
                if isinstance(part.get("uses"), str):
                    name, _, version = part["uses"].partition("@")
                    yield name, version

    def missing_triggers(self, wanted: Workflow) -> list[str]:
        """Return the triggers of another file that this one lacks, whole or in part."""
        missing = []
        for event, filters in wanted.triggers.items():
            if event not in self.triggers:
                missing.append(event)
                continue
            here = {"types": _DEFAULT_TYPES.get(event), **self.triggers[event]}
            lost = {
                name
                for key in ("types", "workflows", "inputs")
                if here.get(key) is not None or key != "types"  # where no type is named, every type counts
                for name in {*_words(filters.get(key))} - {*_words(here.get(key))}
            }
            # Ours are for every branch; a push says itself which, and is looked at for each branch.
            lost |= {f"without {key}" for key in ((_PATHS | _BRANCHES) & here.keys()) - filters.keys()}
            if lost:
                missing.append(f"{event} ({', '.join(sorted(lost))})")
        return missing

    def hears_pushes_to(self, branch: str) -> bool:
        """Return whether every push to a branch starts it, whatever it changes."""
        push = self.triggers.get("push")
        if push is None or _PATHS & push.keys() or (_TAGS & push.keys() and not _BRANCHES & push.keys()):
            return False
        if "branches-ignore" in push:
            return not matches(_words(push["branches-ignore"]), branch)
        return "branches" not in push or matches(_words(push["branches"]), branch)

    @property
    def runs_every_hour(self) -> bool:
        """Whether a timer starts it in every hour of every day."""
        lines = (line.split() for line in self.triggers.get("schedule", {}).get("cron", ()))
        return any(len(line) == 5 and line[1:] == ["*"] * 4 for line in lines)

    def commands(self, job: str) -> set[str]:
        """Return the `command` that each step of a job gives; empty where the event says what to do."""
        return {str(_mapping(step.get("with")).get("command", "")) for step in steps(self.jobs[job])}

    def grants(self, job: str, default: str) -> Mapping[str, str]:
        """Return what the token that a job works with may do; `*` stands for every area.

        Args:
            default: what the repository's setting gives a job for which nothing is said.
        """
        for step in steps(self.jobs[job]):
            if isinstance(step.get("uses"), str) and step["uses"].partition("@")[0] == TOKEN_ACTION:
                given = _levels(step.get("with"))
                asked = {key.removeprefix("permission-"): given[key] for key in given if key.startswith("permission-")}
                return asked or {"*": "write"}  # the App's own permissions, all of them
        said = self.jobs[job].get("permissions", self.permissions)
        if isinstance(said, dict):
            return _levels(said)
        words = {"read-all": "read", "write-all": "write"}
        return {"*": default if said is None else words.get(said, "none") if isinstance(said, str) else "none"}


def is_pinned(version: str) -> bool:
    """Return whether a version is a commit, which nobody can move."""
    return _COMMIT.fullmatch(version) is not None


def steps(job: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the steps of a job."""
    return [_mapping(step) for step in _list(job.get("steps"))]


def matches(patterns: Sequence[str], branch: str) -> bool:
    """Return whether a filter's patterns, of which the last one counts, hold a branch.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
    """
    result = False
    for pattern in patterns:
        if _matches(pattern.removeprefix("!"), branch):
            result = not pattern.startswith("!")
    return result


def _matches(pattern: str, branch: str) -> bool:
    parts = re.findall(r"\\.|\*\*/?|\*|[?+]|\[[^\]]*\]|.", pattern)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "?", "+": "+"}
    built = "".join(
        known.get(part)
        or (part if part.startswith("[") and len(part) > 1 else re.escape(part.removeprefix("\\") or part))
        for part in parts
    )
    try:
        return re.fullmatch(built, branch) is not None
    except re.error:
        return pattern == branch


def _triggers(said: object) -> dict[str, Mapping[str, Any]]:
    if isinstance(said, dict):
        timers = [line for timer in _list(said.get("schedule")) for line in _words([_mapping(timer).get("cron")])]
        found = {str(event): _mapping(filters) for event, filters in said.items()}
        return found | ({"schedule": {"cron": timers}} if "schedule" in said else {})
    return {event: {} for event in _words(said)}


def _words(value: object) -> list[str]:
    """Return the texts of a list, or the keys of a mapping. What is nested is none: aliases could make it endless."""
    return [one for one in (value if isinstance(value, dict) else _list(value)) if isinstance(one, str)]


def _levels(value: object) -> dict[str, str]:
    return {str(key): level for key, level in _mapping(value).items() if isinstance(level, str)}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value in (None, "") else [value]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
