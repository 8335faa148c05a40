"""A clone with its registry, and the program run in it as a child process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fake_github.people import Person

BOT = (sys.executable, "-I", "-m", "promotebot")
MODEL = ("--model", "regime_classifier")
STAGING = (*MODEL, "--stage", "staging", "--artifact-dir", "ml/artifacts/regime_v2", "--artifact-id", "regime_v2_prod")
PROMOTE = ("promote", *STAGING, "--allow-dirty")
SMALL = 64 * 1024


@dataclass(frozen=True)
class Desk:
    """A clone with its registry, and the program run in it as a child process."""

    person: Person
    path: Path

    def run(
        self,
        arguments: Sequence[str | bytes],
        *,
        bot: Sequence[str] = BOT,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*bot, *arguments],
            cwd=self.person.clone,
            env={**self.person.environment, "ML_PROMOTION_ACTOR": "alice@example.com", **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def beside(self) -> list[str]:
        """What stands in the registry's directory."""
        return sorted(path.name for path in self.path.parent.iterdir())

    def grow(self) -> bytes:
        """Commit a registry that is larger than the small disks below, and return it."""
        document = json.loads(self.path.read_bytes())
        self.path.write_text(json.dumps({**document, "padding": "x" * SMALL}, indent=2) + "\n")
        self.person.commit("chore: A registry of some size")
        return self.path.read_bytes()
