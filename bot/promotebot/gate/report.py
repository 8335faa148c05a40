"""What the check run shows beside the verdict: its title, and remarks on the lines that findings are about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from promotebot.artifact.manifest import FILE_NAME
from promotebot.artifact.source import Kind
from promotebot.errors import PromotebotError
from promotebot.findings import Finding, Severity, errors_in, is_unopened, warnings_in
from promotebot.gate.evaluate import GateResult
from promotebot.github.checks import MAX_ANNOTATIONS, Annotation, Level
from promotebot.pulls.compare import ChangesetLike
from promotebot.pulls.named import is_ours
from promotebot.registry.codec import MAX_BYTES
from promotebot.registry.json_lines import line_of
from promotebot.registry.model import Action
from promotebot.registry.split_layout import model_file

_LINE = re.compile(r"\bat line (\d{1,9})\b")
_JSON_PATH = re.compile(r"\$((?:\.[\w-]+|\[\d+\])+)")
_POLICY_KEY = re.compile(r"`(\w+(?:\.\w+)*)`")
_EVENT = re.compile(r"\bhistory\[(\d+)\](?:.*: (\w+)(?:, \w+)* changed)?")
_SLOT = re.compile(r"\b(\w+) (SHADOW|STAGING|ACTIVE)\b")
"""A model and a stage of it, as findings name them."""


def report_title(result: GateResult) -> str:
    """Return what merging does, with directory and digest, in one line; the verdict's own title for anything else."""
    if result.conclusion == "failure" or not result.steps:
        return result.title
    last = {(step.model, step.event.stage): step for step in result.steps}  # what an earlier event left is not there
    step, more = next(iter(last.values())), len(last) - 1
    pointer, stage = step.event.pointer, step.event.stage.label if step.event.stage else "?"
    digest = (pointer.digest or "no digest").removeprefix("sha256:")[:8]
    held = f"{pointer.artifact_id} ({pointer.artifact_dir}, {digest})"
    becomes = f"nothing, was {held}" if step.event.action is Action.DEMOTE else held
    first = "not opened: " if any(is_unopened(decided.decision.findings) for _, decided in result.planned) else ""
    return f"{first}{step.model} {stage} → {becomes}" + (f" and {more} more" if more else "")


def annotate(findings: Iterable[Finding], changeset: ChangesetLike) -> list[Annotation]:
    """Return a remark for each error and warning that is about a file of the head, errors first, as many as fit.

    What cannot be read gets no remark: the report has every finding all the same.
    """
    found = tuple(findings)
    places = _Places(changeset)
    annotations = []
    for finding in [*errors_in(found), *warnings_in(found)][:MAX_ANNOTATIONS]:
        place = places.find(finding)
        if place:
            message = f"{finding.message}\nNext: {finding.remedy}" if finding.remedy else finding.message
            level: Level = "failure" if finding.severity is Severity.ERROR else "warning"
            annotations.append(Annotation(*place, level, finding.rule, message))
    return annotations


@dataclass(frozen=True)
class _Places:
    """Finds the file and line of findings in the head's files."""

    changeset: ChangesetLike
    _texts: dict[str, str] = field(default_factory=dict)

    def find(self, finding: Finding) -> tuple[str, int] | None:
        """Return path and line, None where the finding is about no file of the head."""
        try:
            path = self._path(finding)
            return (path, self._line(path, finding)) if path else None
        except PromotebotError:
            return None

    def _path(self, finding: Finding) -> str:
        """Return the file that a finding is about; for a directory that is gone, the registry that names it."""
        files, registry = self.changeset.head_files, self.changeset.registry_path
        path = finding.where.partition(" $.")[0]
        kind = files.kind(path) if path else None
        if kind is Kind.DIRECTORY:
            path = f"{path}/{FILE_NAME}"
            kind = files.kind(path)
        slot = _SLOT.search(finding.message)
        if slot and (path == registry or kind is not Kind.FILE):
            own = model_file(registry, slot[1])
            path = own if files.kind(own) is Kind.FILE else registry
        return path if files.kind(path) is Kind.FILE else ""

    def _line(self, path: str, finding: Finding) -> int:
        named = _LINE.search(finding.message)
        if named:
            return int(named[1])
        if path == self.changeset.policy_path:
            return self._line_of_policy(finding)
        if is_ours(path, self.changeset.registry_path, self.changeset.policy_path):
            return line_of(self._text(path), self._keys(path, finding))
        if path.endswith(f"/{FILE_NAME}"):
            return self._line_of_manifest(path, finding)
        return 1  # a model, and whatever else has no lines to speak of

    def _keys(self, path: str, finding: Finding) -> list[str | int]:
        """Return the way to what a finding is about in a file of the registry."""
        said = _JSON_PATH.search(finding.message)
        if said:
            return [int(key) if key.isdecimal() else key for key in re.findall(r"[\w-]+", said[1])]
        slot, event = _SLOT.search(finding.message), _EVENT.search(finding.message)
        model = finding.where.partition(" $.models.")[2] or (slot[1] if slot else "")
        above: list[str | int] = ["models", model] if model and path == self.changeset.registry_path else []
        if event:
            return [*above, "history", int(event[1]), event[2] or ""]
        return [*above, slot[2].lower() if slot else finding.message.partition(" ")[0].lower()]

    def _line_of_manifest(self, path: str, finding: Finding) -> int:
        said = _JSON_PATH.search(finding.message)
        names = [finding.rule.rpartition(".")[2], *(said[1].split(".")[1:2] if said else ())]
        return max(line_of(self._text(path), [name]) for name in names)

    def _line_of_policy(self, finding: Finding) -> int:
        """Return the line of the key that the message names, as deep as each part of it has a line of its own."""
        text, end = self._text(self.changeset.policy_path), 0
        said = _POLICY_KEY.search(finding.message) or _JSON_PATH.search(finding.message)
        for part in re.findall(r"\w+", said[1]) if said else ():
            found = re.compile(rf"^\s*{part}\s*:", re.MULTILINE).search(text, end)
            if found is None:
                break
            end = found.end()
        return text.count("\n", 0, end) + 1

    def _text(self, path: str) -> str:
        if path not in self._texts:
            with self.changeset.head_files.open(path) as stream:
                self._texts[path] = stream.read(MAX_BYTES).decode("utf-8", "replace")
        return self._texts[path]
