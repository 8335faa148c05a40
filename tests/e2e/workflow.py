"""A workflow file as GitHub reads it: which events start it, which jobs it has, what each job's token may do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

LEVELS = ("none", "read", "write")
MARKED = re.compile(
    r"^ +# In your repository the next two steps are one: - uses: OWNER/promotebot@COMMIT # VERSION\n"
    r"( +)- uses: actions/checkout@.*\n +with:\n +ref: \$\{\{ github\.event\.repository\.default_branch \}\}.*\n"
    r" +persist-credentials: false\n +- uses: \./\n",
    re.MULTILINE,
)
"""The steps of this repository's workflows that are one line in a user's copy."""


def as_copied(text: str, release: str) -> str:
    """A user's copy of a workflow of ours; `release` is `OWNER/NAME@COMMIT # VERSION`."""
    return MARKED.sub(rf"\1- uses: {release}\n", text)


@dataclass(frozen=True)
class Workflow:
    """One parsed file; what the runner under test ignores (activity types, branches, permissions) is read here."""

    path: Path
    document: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Workflow:
        return cls(path, cast("Mapping[str, Any]", yaml.safe_load(path.read_text(encoding="utf-8"))))

    @property
    def triggers(self) -> Mapping[str, Mapping[str, Any]]:
        """Event name to its filters. YAML 1.1 reads the key `on` as true."""
        listed: Any = self.document.get("on", cast("Any", self.document).get(True))
        if isinstance(listed, Mapping):
            return {name: filters if isinstance(filters, Mapping) else {} for name, filters in listed.items()}
        return {name: {} for name in ([listed] if isinstance(listed, str) else listed)}

    @property
    def jobs(self) -> Mapping[str, Mapping[str, Any]]:
        return cast("Mapping[str, Mapping[str, Any]]", self.document["jobs"])

    def starts_on(self, event_name: str, payload: Mapping[str, Any]) -> bool:
        """Whether GitHub would start a run: the event, its activity type, its branch."""
        filters = self.triggers.get(event_name)
        if filters is None:
            return False
        if "types" in filters and payload.get("action") not in filters["types"]:
            return False
        branch = str(payload.get("ref", "")).removeprefix("refs/heads/")
        return "branches" not in filters or branch in filters["branches"]

    def permissions(self, job: str) -> dict[str, str]:
        """What the job's token may do. A job without a block has the workflow's; one of them must be there.

        https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions
        """
        block = self.jobs[job].get("permissions", self.document.get("permissions"))
        assert isinstance(block, Mapping), f"{self.path.name}: {job} has no permissions block of its own"
        assert set(block.values()) <= set(LEVELS), block
        return {str(area): str(level) for area, level in block.items()}
