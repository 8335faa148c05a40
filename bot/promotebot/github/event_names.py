"""Names of GitHub's events and of their actions, for modules that load nothing to read them."""

from __future__ import annotations

READ = (
    "issue_comment",
    "pull_request_target",
    "workflow_run",
    "check_suite",
    "status",
    "merge_group",
    "push",
    "workflow_dispatch",
    "schedule",
)
"""The events that `payloads` reads; promotebot acts on no other."""
GATE_ACTIONS = ("opened", "reopened", "synchronize", "edited", "ready_for_review", "converted_to_draft")
"""What happens to a pull request that the gate looks at."""
LABEL_ACTIONS = ("labeled", "unlabeled")
