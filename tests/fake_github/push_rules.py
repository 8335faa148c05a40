"""Rules for pushes: protected branches, workflow files without the permission for them, files that are too large."""

from __future__ import annotations

from pathlib import Path

from tests.fake_github.accounts import Credential
from tests.fake_github.state import RepositoryState

# Runs once per ref inside `git receive-pack`, before the ref moves, with the new objects in quarantine.
# A branch that moves is compared with where it was, so a merge that brings the base's workflows is refused too; a
# new one by the commits it brings. The reason reaches the client as GitHub sends it: see push_report.
UPDATE_HOOK = """#!/bin/sh
ref=$1 old=$2 new=$3
zero=0000000000000000000000000000000000000000
case " $FAKE_GITHUB_PROTECTED_REFS " in
*" $ref "*)
    echo "error: GH006: Protected branch update failed for $ref." >&2
    echo "error: Changes must be made through a pull request." >&2
    echo "fake-github-reason: $ref protected branch hook declined" >&2
    exit 1 ;;
esac
if [ "$new" != $zero ]; then
    large=$(git rev-list --objects "$new" --not --all |
        git cat-file --batch-check='%(objecttype) %(objectsize) %(rest)' |
        awk -v limit="$FAKE_GITHUB_FILE_LIMIT" '$1 == "blob" && $2 > limit { print $3, "is", $2, "bytes"; exit }')
    if [ -n "$large" ]; then
        echo "error: File $large; this exceeds GitHub's file size limit of 100.00 MB" >&2
        echo "error: GH001: Large files detected. You may want to try Git Large File Storage." >&2
        echo "fake-github-reason: $ref pre-receive hook declined" >&2
        exit 1
    fi
fi
if [ "$FAKE_GITHUB_WORKFLOWS" != allowed ] && [ "$new" != $zero ]; then
    if [ "$old" != $zero ]; then
        changed=$(git diff-tree -r --name-only "$old" "$new" -- .github/workflows)
    else
        changed=$(git log --first-parent -m --format= --name-only "$new" --not --all -- .github/workflows)
    fi
    if [ -n "$changed" ]; then
        file=$(echo "$changed" | head -n 1)
        echo "fake-github-reason: $ref refusing to allow a GitHub App to create or update workflow" \\
            "\\`$file\\` without \\`workflows\\` permission" >&2
        exit 1
    fi
fi
"""


def install_update_hook(git_dir: Path) -> None:
    hook = git_dir / "hooks" / "update"
    hook.write_text(UPDATE_HOOK, encoding="utf-8")
    hook.chmod(0o755)


def hook_environment(repo: RepositoryState, credential: Credential) -> dict[str, str]:
    """Return the variables that tell the update hook about this push.

    A workflow's own token never changes workflow files; an app's may with the `workflows` permission:
    https://docs.github.com/actions/security-for-github-actions/security-guides/automatic-token-authentication
    """
    protected = " ".join(f"refs/heads/{branch}" for branch in repo.protections)
    allowed = credential.app is None or credential.grants("workflows", "write")
    return {
        "FAKE_GITHUB_PROTECTED_REFS": protected,
        "FAKE_GITHUB_WORKFLOWS": "allowed" if allowed else "refused",
        "FAKE_GITHUB_FILE_LIMIT": str(repo.hub.file_limit),
    }
