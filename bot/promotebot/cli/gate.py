"""`promotebot gate`: whether one revision is another plus legal promotions."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime

from promotebot.cli.output import line
from promotebot.cli.work_tree import work_tree_of
from promotebot.errors import CouldNotVerify
from promotebot.gate.evaluate import evaluate_gate
from promotebot.planning.examiner import Examiner
from promotebot.pulls.changeset import Changeset


def gate(options: argparse.Namespace, now: datetime) -> int:
    """`promotebot gate`: exit 0 when base → head is legal and proven, 1 when not."""
    repository, work_tree = work_tree_of(options)
    change = Changeset(
        repository,
        repository.commit_id(options.base),
        repository.commit_id(options.head),
        work_tree.registry_path,
        work_tree.policy_path,
    )
    if change.base_registry is None and change.head_registry is None:
        raise CouldNotVerify(
            f"neither {options.base} nor {options.head} has a registry",
            where=work_tree.registry_path,
            remedy="check the path",
        )
    found = evaluate_gate(change, examine=Examiner(), now=now)
    for finding in found.findings:
        sys.stdout.write(line(finding) + "\n")
    sys.stdout.write(f"{'pass' if found.passes else 'FAIL'}: {found.title}\n")
    if found.steps:
        sys.stderr.write("Only GitHub knows who asked, who may and who approved: the check promotebot/gate says.\n")
    return 0 if found.passes else 1
