"""A repository on the embedded GitHub, examined by the doctor as an administrator or with another token."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from promotebot.doctor.catalogue import diagnose
from promotebot.doctor.facts import Facts
from promotebot.doctor.read import connected, gather
from promotebot.doctor.report import DoctorReport, Line, Status
from promotebot.settings import Settings
from promotebot.workflow_files import workflow_files
from tests.fake_github.people import Person
from tests.fake_github.scenario import Repository
from tests.office import Office

ACTION = f"acme/promotebot@{'c0' * 20} # v1.2.3"
OWNERS = "/ml/registry/ @root\n/.github/ @root\n"


@dataclass
class Clinic:
    """The office's repository with an administrator, root, who has a clone."""

    office: Office
    root: Person

    @classmethod
    def of(cls, office: Office) -> Clinic:
        office.hub.add_user("root")
        office.repository.set_role("root", "admin")
        return cls(office, office.person("root"))

    @property
    def repository(self) -> Repository:
        return self.office.repository

    def set_up(self, *, app: bool = False) -> None:
        """Everything as the documents say."""
        repository, settings = self.repository, self.repository.settings
        settings.require_status("main", "promotebot/gate", 4711 if app else 15368)
        settings.add_rule("main", "pull_request", require_code_owner_review=True)
        settings.environments["promotebot"] = ("main",)
        repository.actions_may_open_pulls = True
        for stage in ("shadow", "staging", "active"):
            repository.label(f"promote:{stage}")
        files = {path: data.decode() for path, data in workflow_files(ACTION, ["main"], app=app).items()}
        self.commit({**files, ".github/CODEOWNERS": OWNERS})

    def commit(self, files: Mapping[str, str | None]) -> None:
        """root brings files to main; None takes one out."""
        for path, content in files.items():
            if content is None:
                (self.root.clone / path).unlink()
            else:
                self.root.write(path, content)
        self.push()

    def push(self) -> None:
        """root commits and pushes what is in the clone, where anything is."""
        if self.root.git("status", "--porcelain"):
            self.root.commit("chore: Set up")
        self.root.push()
        self.repository.refresh(self.office.hub.user("root"))

    def text(self, path: str) -> str:
        return (self.root.clone / path).read_text()

    def environment(self, token: str | None = None) -> dict[str, str]:
        """What a terminal has: the server's addresses, and root's token or another one."""
        return {
            "GITHUB_TOKEN": token or self.office.hub.issue_user_token("root"),
            "GITHUB_API_URL": self.office.hub.api_url,
        }

    def report(self, token: str | None = None) -> DoctorReport:
        """Examine in this process."""
        return diagnose(self.facts(token))

    def facts(self, token: str | None = None) -> Facts:
        """What is read, in this process."""
        environment = {
            **self.environment(token),
            "GITHUB_SERVER_URL": self.office.hub.server_url,
            "GITHUB_REPOSITORY": "acme/models",
            "GITHUB_EVENT_NAME": "terminal",
            **dict.fromkeys(("GITHUB_EVENT_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"), os.devnull),
        }
        settings = Settings.from_env(environment)
        with connected(settings) as github:
            return gather(settings, github)

    def line(self, name: str, token: str | None = None, *, where: str = "main") -> Line:
        """One check's line; of a branch's, that of main."""
        (line,) = [one for one in self.report(token).lines if one.id == f"doctor.{name}" and one.where in ("", where)]
        return line

    def status(self, name: str, token: str | None = None) -> Status:
        return self.line(name, token).status

    def doctor(self, *arguments: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `promotebot doctor` in the clone."""
        return self.shell(f"promotebot doctor {' '.join(arguments)}", token=token)

    def shell(self, command: str, *, token: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command as a person types it, in the clone."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**self.root.environment, **self.environment(token), "PATH": path}
        return subprocess.run(
            [shutil.which("bash") or "bash", "-c", command],
            cwd=self.root.clone,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def follow(self, line: Line) -> None:
        """Run the commands that a line names as its remedy, then commit and push."""
        commands = re.findall(r"`((?:promotebot|git|echo) [^`]*)`", line.remedy)
        assert commands, line.remedy
        for command in commands:
            done = self.shell(command)
            assert done.returncode in (0, 1, 4), done.stderr  # doctor says with its exit code what is left
        self.push()
