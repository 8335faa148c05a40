"""The settings of a job, read from its environment once; the token never shows in a repr or a log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from promotebot.environment import ACTIONS_LOGIN, DEFAULT_REGISTRY, check_environment, scoped


class Settings(BaseModel):
    """The environment of one job.

    https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    """

    model_config = ConfigDict(frozen=True)

    event_name: str
    event_path: Path
    token: SecretStr
    api_url: str
    server_url: str
    repository: str
    output_path: Path
    summary_path: Path
    run_id: str = ""
    run_attempt: str = ""
    """`1` the first time that the run is run, more each time that somebody runs it again; empty outside of a run."""
    triggering_actor: str = ""
    """Who started this attempt of the run: somebody else than the event's sender, where a job is run again."""
    registry_path: str = DEFAULT_REGISTRY
    """From the repository's root."""
    base_dir: str = ""
    """The folder that the registry is for, one of several in the repository; empty for the repository's only one."""
    policy_path: str = ".github/promotion.yml"
    bot_login: str = ACTIONS_LOGIN
    command: str = "auto"
    shard: str = ""
    prefix: str = ""
    """The word that commands in comments stand behind, such as `/model`; empty for none."""
    sha: str = ""
    runner_temp: str = ""
    """The directory in which a shard leaves its report, and the merging job finds all of them; empty without one."""

    def shown(self, context: str) -> str:
        """Return a status's context as GitHub has it: with the folder that the registry is for."""
        return scoped(context, self.base_dir)

    def own_label(self, label: str) -> str:
        """Return a label as the only registry of a repository would have it; empty for that of another registry."""
        word = f"{self.prefix.removeprefix('/')}:" if self.base_dir else ""
        return label[len(word) :] if label.lower().startswith(word) else ""

    @property
    def server_host(self) -> str:
        """The server's name without scheme and port, such as `github.com`; empty where the address has none."""
        return urlsplit(self.server_url).hostname or ""

    @property
    def run_url(self) -> str | None:
        """The page of this job's run, where the step summary is; None outside of a run."""
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}" if self.run_id else None

    @property
    def is_first_attempt(self) -> bool:
        """True when this run is certainly not one that somebody started again."""
        return self.run_attempt == "1"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Return the settings that the variables of a runner and of action.yml say.

        Raises:
            UsageError: naming every variable that is missing or odd.
        """
        check_environment(env)
        registry_path = env.get("PROMOTEBOT_REGISTRY_PATH") or DEFAULT_REGISTRY
        optional = {
            "run_id": env.get("GITHUB_RUN_ID"),
            "run_attempt": env.get("GITHUB_RUN_ATTEMPT"),
            "triggering_actor": env.get("GITHUB_TRIGGERING_ACTOR"),
            "registry_path": "/".join(filter(None, (env.get("PROMOTEBOT_BASE_DIR"), registry_path))),
            "base_dir": env.get("PROMOTEBOT_BASE_DIR"),
            "policy_path": env.get("PROMOTEBOT_POLICY_PATH"),
            "bot_login": env.get("PROMOTEBOT_BOT_LOGIN"),
            "command": env.get("PROMOTEBOT_COMMAND"),
            "shard": env.get("PROMOTEBOT_SHARD"),
            "prefix": env.get("PROMOTEBOT_PREFIX"),
            "sha": env.get("GITHUB_SHA"),
            "runner_temp": env.get("RUNNER_TEMP"),
        }
        return cls(
            event_name=env["GITHUB_EVENT_NAME"],
            event_path=Path(env["GITHUB_EVENT_PATH"]),
            token=SecretStr(env["GITHUB_TOKEN"]),
            api_url=env["GITHUB_API_URL"].rstrip("/"),
            server_url=env["GITHUB_SERVER_URL"].rstrip("/"),
            repository=env["GITHUB_REPOSITORY"],
            output_path=Path(env["GITHUB_OUTPUT"]),
            summary_path=Path(env["GITHUB_STEP_SUMMARY"]),
            **{name: value for name, value in optional.items() if value},
        )
