"""The steps after `promotebot init`, in their order, each a command to paste or a click on GitHub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from promotebot.cli.init_scan import Surroundings
from promotebot.cli.json_schemas import DIRECTORY as SCHEMAS
from promotebot.doctor.setting_checks import LABELS
from promotebot.environment import scoped
from promotebot.pulls.attributes import PATH as ATTRIBUTES
from promotebot.registry.registry import DEFAULT_PATH
from promotebot.remedies import Command, shell
from promotebot.text import visible
from promotebot.workflow_files import PLACEHOLDER, Folder, path_of

_SHOWN = 5
"""Of each kind of what was found; the others are counted."""
Step = tuple[str, Sequence[Command]]
"""What to do in words, and the commands that do it."""


@dataclass(frozen=True)
class Steps:
    """What is left for people to do in a repository."""

    action: str
    branches: Sequence[str]
    """The default branch first."""
    registry: str
    around: Surroundings
    app: bool
    lfs: bool
    owned: Sequence[str] = ()
    """The file of code owners, where it was written."""
    folder: Folder | None = None
    """Of one of several registries."""
    deaf: Sequence[str] = ()
    """The gates of other registries that do not start when this one's bot has moved a branch."""

    def lines(self) -> Iterator[str]:
        """Yield the steps, numbered, each command on a line of its own."""
        yield "Next:"
        for number, (words, commands) in enumerate(self.steps(), 1):
            yield visible(f"  {number}. {words}")
            yield from (f"     {visible(str(command))}" for command in commands)

    def steps(self) -> list[Step]:
        """Return the steps in their order."""
        return [*self._files(), *self._found(), *self._committed(), *self._on_github(), *self._first()]

    @property
    def _place(self) -> Sequence[str]:
        base = ("--base-dir", self.folder.base_dir) if self.folder else ()
        usual = f"{self.folder.base_dir}/{DEFAULT_PATH}" if self.folder else DEFAULT_PATH
        return base if self.registry == usual else (*base, "--registry-path", self.registry)

    def _file(self, name: str) -> str:
        return path_of(name, self.folder).rpartition("/")[2]

    def _files(self) -> Iterator[Step]:
        if self.folder and self.deaf:
            told = f"Write 'promote {self.folder.word}' beside review under `workflow_run: workflows:` in"
            yield f"{told} {' and '.join(self.deaf)}: these gates start when its bot has moved a branch.", ()
        if self.action == PLACEHOLDER:
            yield (
                f"Write the action to use for {PLACEHOLDER!r} in .github/workflows: OWNER/NAME@ and 40 hex digits.",
                (),
            )
        if self.lfs:
            move = shell("git", "lfs", "install").then("git", "add", "--renormalize", "ml")
            yield "Move models that git holds already into Git LFS.", [move]

    def _found(self) -> Iterator[Step]:
        """Yield what to do about what is there already."""
        around = self.around
        for path in around.bare[:_SHOWN]:
            manifest = shell("promotebot", "manifest", path).then("git", "add", "--", path)
            yield f"{path} has a model and no manifest. If it is to be promoted, write one.", [manifest]
        if len(around.bare) > _SHOWN:
            yield f"The same for {len(around.bare) - _SHOWN} more directories with a model and no manifest.", ()
        for path in around.registries[:_SHOWN]:
            dry = shell("promotebot", "import", path, "--dry-run", *self._place)
            words = "looks like the registry of another tool. See what an import gives, then run it without --dry-run."
            yield f"{path} {words}", [dry]
        for folder in around.folders[:_SHOWN]:
            words = (
                "has artifacts of its own. If it is to have a registry of its own, set that up, too (docs/setup.md)."
            )
            yield f"{folder} {words}", [shell("promotebot", "init", "--base-dir", folder)]
        if around.large and not self.lfs:
            words = "is over 100 MiB, which GitHub takes through Git LFS only (docs/setup.md)."
            yield f"{around.large[0]} {words}", [shell("promotebot", "init", "--lfs")]
        if around.branches:
            names = ", ".join(around.branches[:_SHOWN])
            yield f"Other branches have a registry: {names}. List under `bases` in the policy which of them count.", ()

    def _committed(self) -> Iterator[Step]:
        default, *others = self.branches
        folder = self.registry.rpartition("/")[0]
        add = shell("git", "add", "--", ATTRIBUTES, folder, ".github", SCHEMAS, *self.owned)
        verify = shell("promotebot", "verify", *self._place)
        yield "Commit what is new.", [add.then("git", "commit", "--message", "chore: Set up promotebot"), verify]
        more = f" (and {', '.join(others)}, from the policy)" if others else ""
        hears = f"{self._file('promote')} and {self._file('verify')}"
        yield f"If {default} is not the default branch{more}, correct `branches:` in {hears}.", ()
        push, pull = shell("git", "push", "--set-upstream", "origin", "HEAD"), shell("gh", "pr", "create", "--fill")
        yield f"Open a pull request into {default}, and merge it.", [push, pull]

    def _on_github(self) -> Iterator[Step]:
        default, *others = self.branches
        if self.app:
            words = "which only the default branch may use: docs/setup.md"
            yield f"Create the App and the environment promotebot, {words}", ()
        runs = shell("gh", "workflow", "run", self._file("gate"), "-f", "pull-request=all")
        words = "a status can be required only after it has been reported once"
        yield f"Check the pull requests that are open already, or open one: {words}.", [runs]
        gate = scoped("promotebot/gate", self.folder.base_dir if self.folder else "")
        checks = [f"{gate} on {default}", *(f"{gate} ({name}) on {name}" for name in others)]
        source = "your App" if self.app else "GitHub Actions"
        yield f"In Settings, Rules, require the status check {' and '.join(checks)}, with its source: {source}", ()
        named = "" if self.owned else ", and name them: run this again with --code-owners @OWNER/TEAM"
        yield f"There, require the review of code owners{named}.", ()
        yield "If people are to request promotions by labels, make them.", [*self._labels()]
        given = {"BASE_DIR": self.folder.base_dir, "PREFIX": self.folder.prefix} if self.folder else {}
        told = [f"PROMOTEBOT_{name}={value}" for name, value in given.items()]
        yield "See whether all of it is right.", [shell(*told, "promotebot", "doctor")]

    def _labels(self) -> Iterator[Command]:
        word = f"{self.folder.word}:" if self.folder else ""
        for name, meaning in LABELS.items():
            yield shell("gh", "label", "create", f"{word}{name}", "--force", "--description", meaning)

    def _first(self) -> Iterator[Step]:
        if not self.around.registries:
            place = " ".join(["", *self._place])
            line = "--model NAME --stage shadow --artifact-dir DIR --artifact-id ID --new-model"
            yield f"Promote the first artifact: promotebot promote {line}{place}", ()
