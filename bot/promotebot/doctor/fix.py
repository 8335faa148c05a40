"""The files that `promotebot doctor --fix` writes where they are missing; nothing else is touched."""

from __future__ import annotations

from collections.abc import Mapping

from promotebot.doctor.facts import Facts
from promotebot.doctor.file_checks import attributes, workflows
from promotebot.doctor.report import Status
from promotebot.pulls.attributes import AS_BYTES, PATH, with_lines
from promotebot.workflow_files import PLACEHOLDER, workflow_files


def missing_files(facts: Facts) -> Mapping[str, bytes]:
    """Return path → bytes of the files whose lines say that this mends them."""
    files: dict[str, bytes] = {}
    if workflows(facts).status is not Status.OK:
        names = [branch.name for branch in facts.branches]
        laid = workflow_files(facts.action or PLACEHOLDER, names, app=facts.uses_app, folder=facts.folder)
        files = {path: data for path, data in laid.items() if path not in facts.default.workflows}
    if attributes(facts).status is not Status.OK:
        files[PATH] = with_lines("", [AS_BYTES]).encode()
    return files
