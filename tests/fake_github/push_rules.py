"""What a push may not do: move protected branches, or workflow files without the permission for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.fake_github.accounts import Credential

if TYPE_CHECKING:
    from tests.fake_github.state import Repository

# Runs once per ref inside `git receive-pack`, before the ref moves, with the new objects in quarantine.
# A branch that moves is compared with where it was, so a merge that brings the base's workflows is refused too; a
# new one by the commits it brings. The reason reaches the client as GitHub sends it: see push_report.
UPDATE_HOOK = """#!/bin/sh
ref=$1 old=$2 new=$3
zero=0000000000000000000000000000000000000000
case " $SANDBOX_PROTECTED_REFS " in
*" $ref "*)
    echo "error: GH006: Protected branch update failed for $ref." >&2
    echo "error: Changes must be made through a pull request." >&2
    echo "sandbox-reason: $ref protected branch hook declined" >&2
    exit 1 ;;
esac
if [ "$SANDBOX_WORKFLOWS" != allowed ] && [ "$new" != $zero ]; then
    if [ "$old" != $zero ]; then
        changed=$(git diff-tree -r --name-only "$old" "$new" -- .github/workflows)
    else
        changed=$(git log --first-parent -m --format= --name-only "$new" --not --all -- .github/workflows)
    fi
    if [ -n "$changed" ]; then
        file=$(echo "$changed" | head -n 1)
        echo "sandbox-reason: $ref refusing to allow a GitHub App to create or update workflow" \\
            "\\`$file\\` without \\`workflows\\` permission" >&2
        exit 1
    fi
fi
"""


def install_update_hook(git_dir: Path) -> None:
    hook = git_dir / "hooks" / "update"
    hook.write_text(UPDATE_HOOK, encoding="utf-8")
    hook.chmod(0o755)


def hook_environment(repository: Repository, credential: Credential) -> dict[str, str]:
    """What the update hook needs to know about this push."""
    protected = " ".join(f"refs/heads/{branch}" for branch in repository.protections)
    allowed = may_push_workflows(credential)
    return {"SANDBOX_PROTECTED_REFS": protected, "SANDBOX_WORKFLOWS": "allowed" if allowed else "refused"}


def may_push_workflows(credential: Credential) -> bool:
    """A workflow's own token never may; an app's may with the `workflows` permission.

    https://docs.github.com/actions/security-for-github-actions/security-guides/automatic-token-authentication
    """
    return credential.app is None or credential.grants("workflows", "write")
