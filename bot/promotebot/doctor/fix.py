"""`promotebot doctor --fix`: labels on GitHub, and files of the work tree that are missing. Nothing else is touched."""

from __future__ import annotations

from collections.abc import Mapping

from promotebot.doctor.facts import Facts
from promotebot.doctor.file_checks import ATTRIBUTES_LINE, attributes, workflows
from promotebot.doctor.report import Status
from promotebot.doctor.setting_checks import LABELS, missing_labels
from promotebot.github.repository_settings import RepositorySettings
from promotebot.workflow_files import PLACEHOLDER, workflow_files

_ATTRIBUTES = f"# An artifact is its bytes: the manifest pins them, so git must never convert one.\n{ATTRIBUTES_LINE}\n"


def missing_files(facts: Facts) -> Mapping[str, bytes]:
    """Return path → bytes of the files whose lines say that this mends them."""
    files: dict[str, bytes] = {}
    if workflows(facts).status is not Status.OK:
        names = [branch.name for branch in facts.branches]
        laid = workflow_files(facts.action or PLACEHOLDER, names, app=facts.uses_app)
        files = {path: data for path, data in laid.items() if path not in facts.default.workflows}
    if attributes(facts).status is not Status.OK:
        files[".gitattributes"] = _ATTRIBUTES.encode()
    return files


def make_labels(facts: Facts, github: RepositorySettings) -> list[str]:
    """Make the labels that are missing; return their names.

    Raises:
        CouldNotVerify: where GitHub does not take one.
    """
    missing = missing_labels(facts)
    for name in missing:
        github.create_label(name, LABELS[name])
    return missing
