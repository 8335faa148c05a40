"""The workflow files that `promotebot init` writes: for the job's own token, or for that of a GitHub App."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata, resources

from promotebot.environment import scoped

DIRECTORY = ".github/workflows"
WORKFLOWS = ("promote", "gate", "review", "verify")
PLACEHOLDER = "OWNER/promotebot@COMMIT # VERSION"
PINNED_ACTION = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+@[0-9a-f]{40}( # v[0-9][A-Za-z0-9.+-]*)?")
_BRANCHES = '    branches: ["main"] '
FOUR = 4
"""The shards in the template."""
_PARTS = "[1, 2, 3, 4]"
_PATTERN = re.compile(r"[!+\]]")
"""What a branch's name may hold and a filter reads as a pattern: https://git-scm.com/docs/git-check-ref-format"""
_TOKEN_ACTION = "actions/create-github-app-token@bcd2ba49218906704ab6c1aa796996da409d3eb1 # v3.2.0"  # noqa: S105
_JOB = re.compile(
    r"    permissions:\n(?P<permissions>(?:      \S.*\n)+)"
    rf"    steps:\n      - uses: {re.escape(PLACEHOLDER)}\n(?:        with:\n)?"
)
"""A job's end, up to what the step gives to promotebot."""
_STEP = re.compile(rf"(      - uses: {re.escape(PLACEHOLDER)}\n)(?:        with:\n)?")
"""A step of promotebot's, up to what it gives to it."""
DEFAULT_REGISTRY = "ml/registry/models.json"
_QUEUE = "  merge_group:\n    types: [checks_requested]\n"
_NOTICED = _QUEUE.replace(
    ":\n", ": # its branch gets no key; once this has ended, gate.yml looks at what was queued\n", 1
)
_HEARD = re.compile(
    r"&& \(startsWith\(github\.event\.comment\.body, '/'\) \|\| contains\(github\.event\.comment\.body, "
    r"fromJSON\('\"\\n/\"'\)\)(?:\n      \|\| .*)*\)(?=\)\n)"
)
"""What a comment has to say to start the job of commands."""
_GROUP = re.compile(r"(?<=group: )(promotebot-announce|promote|gate|verify)(?=-)")
_APP_JOB = """\
    environment: # where the App's key is, for the default branch only: docs/setup.md
      name: promotebot
      deployment: false
    permissions: {{}} # the job's own token may do nothing
    steps:
      - uses: {token_action}
        id: app
        with:
          client-id: ${{{{ vars.PROMOTEBOT_APP_CLIENT_ID }}}}
          private-key: ${{{{ secrets.PROMOTEBOT_APP_PRIVATE_KEY }}}}
{permissions}
      - uses: {placeholder}
        with:
          token: ${{{{ steps.app.outputs.token }}}}
          bot-login: ${{{{ steps.app.outputs.app-slug }}}}[bot]
"""


def installed_action() -> str:
    """Return the action at the commit that this program was installed from, empty where nobody recorded it.

    pip records it: https://packaging.python.org/en/latest/specifications/direct-url
    """
    try:
        origin = json.loads(metadata.distribution("promotebot").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return ""
    repository = re.search(r"([A-Za-z0-9-]+/[A-Za-z0-9._-]+?)(?:\.git)?$", str(origin.get("url", "")))
    commit = str((origin.get("vcs_info") or {}).get("commit_id", ""))
    action = f"{repository[1]}@{commit}" if repository else ""
    return action if PINNED_ACTION.fullmatch(action) else ""


@dataclass(frozen=True)
class Folder:
    """The folder of one of several registries in a repository."""

    base_dir: str
    prefix: str
    """What its commands stand behind, such as `/fraud`."""
    others: Sequence[str] = ()
    """The names of the other registries' workflows that move branches."""

    @property
    def word(self) -> str:
        """What its workflows and labels are told by."""
        return self.prefix.removeprefix("/")

    def workflow_path(self, name: str) -> str:
        """Return where one of its workflow files is; a review is noticed for all registries by one."""
        return f"{DIRECTORY}/{name}.yml" if name == "review" else f"{DIRECTORY}/{name}-{self.word}.yml"

    def workflow(self, name: str, text: str) -> str:
        """Return a workflow of the repository's only registry as it is for this one."""
        if name == "review":
            return text
        text = _GROUP.sub(rf"\1-{self.word}", text.replace(f"name: {name}\n", f"name: {name} {self.word}\n", 1))
        text = _hearing(self.prefix, text)
        text = text.replace("'promote:'", f"'{self.word}:promote:'")
        text = text.replace("'<!-- promotebot:'", f"'<!-- {scoped('promotebot', self.base_dir)}:'")
        text = text.replace("workflows: [review]", f"workflows: {json.dumps(['review', *self.others])}")
        given = f"base-dir: {json.dumps(self.base_dir)}\n          prefix: {self.prefix}"
        return _STEP.sub(rf"\1        with:\n          {given}\n", text)


def _hearing(prefix: str, text: str) -> str:
    """Return a workflow whose job of commands starts for a line that begins with a prefix, and for no other."""
    body, heard = "github.event.comment.body", f"fromJSON('\"\\n{prefix}\"')"
    return _HEARD.sub(lambda _: f"&& (startsWith({body}, '{prefix}') || contains({body}, {heard}))", text)


def _prefixed(prefix: str, text: str) -> str:
    """Return a workflow of a repository's only registry, whose commands stand behind a prefix."""
    return _STEP.sub(rf"\1        with:\n          prefix: {prefix}\n", _hearing(prefix, text))


def _told(name: str, text: str, registry_path: str, folder: Folder | None, prefix: str) -> str:
    """Return a workflow with what its steps are told about the registry and its commands."""
    if registry_path not in ("", DEFAULT_REGISTRY):
        text = _STEP.sub(rf"\1        with:\n          registry-path: {registry_path}\n", text)
    if folder:
        return folder.workflow(name, text)
    return _prefixed(prefix, text) if prefix else text


def workflow_files(
    action: str,
    branches: Sequence[str],
    *,
    app: bool,
    registry_path: str = "",
    shards: int = 1,
    folder: Folder | None = None,
    prefix: str = "",
) -> Mapping[str, bytes]:
    """Return path → bytes of every workflow file.

    Args:
        action: what the steps use, pinned.
        branches: those that are promoted into, whose pushes the workflows hear.
        app: take the token of an App, whose key only the default branch's workflows get.
        registry_path: where the registry is, from the folder; empty for its own place.
        folder: of one of several registries; None for the only one.
        prefix: what the commands of the only registry stand behind; a folder has its own.
        shards: the jobs that share a verification; more than one only without an App.
    """
    templates = resources.files("promotebot") / "templates"
    texts = {name: (templates / f"{name}.yml").read_text(encoding="utf-8") for name in WORKFLOWS}
    if shards > 1:
        texts["verify"] = _sharded((templates / "verify-sharded.yml").read_text(encoding="utf-8"), shards)
    heard = f"    branches: {json.dumps([_PATTERN.sub(_escaped, name) for name in branches], ensure_ascii=False)} "
    texts = {name: text.replace(_BRANCHES, heard) for name, text in texts.items()}
    if app:
        texts = {name: _JOB.sub(_app_job, text) for name, text in texts.items()}
        # A merge queue's run is one of the queue's own branch, with the workflow file that the pull request brings, so
        # it gets no key. Only that it ended is believed: then the default branch's gate looks at what was queued.
        texts["gate"] = texts["gate"].replace(_QUEUE, "")
        texts["review"] = texts["review"].replace("\npermissions: {}\n", f"{_NOTICED}\npermissions: {{}}\n", 1)
    texts = {name: _told(name, text, registry_path, folder, prefix) for name, text in texts.items()}
    return {path_of(name, folder): text.replace(PLACEHOLDER, action).encode() for name, text in texts.items()}


def folder_in(base_dir: str, prefix: str) -> Folder | None:
    """Return the folder that a job's inputs name; None for the only registry of a repository."""
    return Folder(base_dir, prefix or f"/{base_dir.rpartition('/')[2].lower()}") if base_dir else None


def path_of(name: str, folder: Folder | None) -> str:
    """Return where a workflow file is, such as that of `gate`."""
    return folder.workflow_path(name) if folder else f"{DIRECTORY}/{name}.yml"


def _sharded(text: str, shards: int) -> str:
    """Return the workflow of a verification in several jobs, for so many."""
    return text.replace(_PARTS, str([*range(1, shards + 1)])).replace(f"}}}}/{FOUR}", f"}}}}/{shards}")


def _escaped(match: re.Match[str]) -> str:
    """Return a letter of a branch's name as the filter takes it for itself.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
    """
    return f"\\{match[0]}"


def _app_job(match: re.Match[str]) -> str:
    """Return a job's end with the App's token, which may do what the job's own could in the template."""
    permissions = "\n".join(f"          permission-{line.strip()}" for line in match["permissions"].splitlines())
    return _APP_JOB.format(token_action=_TOKEN_ACTION, permissions=permissions, placeholder=PLACEHOLDER)
