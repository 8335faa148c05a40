"""Every check with its id, which is a contract: docs/doctor.md has a heading for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from promotebot import __version__
from promotebot.doctor import branch_checks, file_checks, setting_checks
from promotebot.doctor.facts import Branch, Facts
from promotebot.doctor.report import DoctorReport, Line, Verdict

BRANCH_CHECKS: Mapping[str, Callable[[Facts, Branch], Verdict]] = {
    "doctor.required_context": branch_checks.required_context,
    "doctor.merge_methods": branch_checks.merge_methods,
    "doctor.linear_history": branch_checks.linear_history,
    "doctor.signed_commits": branch_checks.signed_commits,
    "doctor.stale_approvals": branch_checks.stale_approvals,
    "doctor.code_owner_review": branch_checks.code_owner_review,
    "doctor.merge_queue": branch_checks.merge_queue,
    "doctor.branches": file_checks.branches,
}
"""Made for every branch that takes promotions."""
CHECKS: Mapping[str, Callable[[Facts], Verdict]] = {
    "doctor.actions_pull_requests": setting_checks.actions_pull_requests,
    "doctor.default_permissions": setting_checks.default_permissions,
    "doctor.job_permissions": file_checks.job_permissions,
    "doctor.workflows": file_checks.workflows,
    "doctor.triggers": file_checks.triggers,
    "doctor.pins": file_checks.pins,
    "doctor.labels": setting_checks.labels,
    "doctor.policy": setting_checks.policy,
    "doctor.people": setting_checks.people,
    "doctor.teams": setting_checks.teams,
    "doctor.codeowners": setting_checks.codeowners,
    "doctor.codeowners_errors": setting_checks.codeowners_errors,
    "doctor.attributes": file_checks.attributes,
    "doctor.lfs": file_checks.lfs,
    "doctor.environment": setting_checks.environment,
}
"""Made once."""


def diagnose(facts: Facts) -> DoctorReport:
    """Return what every check says, in the catalogue's order."""
    lines = [
        Line(id=name, where=branch.name, **check(facts, branch).model_dump())
        for branch in facts.branches
        for name, check in BRANCH_CHECKS.items()
    ]
    lines += [Line(id=name, **check(facts).model_dump()) for name, check in CHECKS.items()]
    return DoctorReport(version=__version__, repository=facts.repository, commit=facts.commit, lines=tuple(lines))
