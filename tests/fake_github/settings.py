"""What administrators set on a repository: rulesets, merge methods, tokens of workflows, environments, teams.

Rulesets and protection stand here as the API tells of them; `protection` enforces what tests need enforced.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
_PARAMETERS: dict[str, Json] = {
    "required_status_checks": {"required_status_checks": [], "strict_required_status_checks_policy": False},
    "pull_request": {
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_approving_review_count": 0,
        "required_review_thread_resolution": False,
    },
    "merge_queue": {
        "check_response_timeout_minutes": 60,
        "grouping_strategy": "ALLGREEN",
        "max_entries_to_build": 5,
        "max_entries_to_merge": 5,
        "merge_method": "MERGE",
        "min_entries_to_merge": 1,
        "min_entries_to_merge_wait_minutes": 5,
    },
}
"""What a rule of that kind says where nothing else is set; the other kinds have no parameters."""


@dataclass
class Settings:
    """The settings of one repository, as new ones have them."""

    rules: dict[str, list[Json]] = field(default_factory=dict)
    """Branch → the active rules of rulesets."""
    protections: dict[str, Json] = field(default_factory=dict)
    """Branch → more of its classic protection, beside what `Repository.protect` set."""
    default_permissions: str = "read"
    merge_methods: set[str] = field(default_factory=lambda: {"merge", "squash", "rebase"})
    environments: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    """Name → the branches that may use it; None for all."""
    teams: list[str] = field(default_factory=list)

    def add_rule(self, branch: str, kind: str, **parameters: Any) -> None:
        """Add a rule of a ruleset, with the parameters that differ from what the kind has anyway."""
        rule: Json = {"type": kind}
        if kind in _PARAMETERS:
            rule["parameters"] = {**_PARAMETERS[kind], **parameters}
        self.rules.setdefault(branch, []).append(rule)

    def require_status(self, branch: str, context: str, source: int | None) -> None:
        """Add a ruleset's required status; without a source it is one from anybody."""
        check = {"context": context} | ({} if source is None else {"integration_id": source})
        self.add_rule(branch, "required_status_checks", required_status_checks=[check])

    def merging(self) -> Json:
        """Return the merge methods as a repository's JSON has them."""
        names = {"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}
        return {key: method in self.merge_methods for method, key in names.items()}
