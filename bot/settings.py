"""What the environment says, read once at the edge; the token never shows in a repr or a log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from bot.errors import UsageError

REQUIRED = (
    "GITHUB_EVENT_NAME",
    "GITHUB_EVENT_PATH",
    "GITHUB_TOKEN",
    "GITHUB_API_URL",
    "GITHUB_SERVER_URL",
    "GITHUB_REPOSITORY",
    "GITHUB_OUTPUT",
    "GITHUB_STEP_SUMMARY",
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


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
    registry_path: str = "ml/registry/models.json"
    policy_path: str = ".github/promotion.yml"
    bot_login: str = "github-actions[bot]"

    @property
    def server_host(self) -> str:
        return urlsplit(self.server_url).hostname or ""

    @property
    def run_url(self) -> str | None:
        """The page of this job's run, where the step summary is."""
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}" if self.run_id else None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read the variables a runner sets.

        Raises:
            UsageError: naming every variable that is missing, or the one that is odd.
        """
        missing = [name for name in REQUIRED if not env.get(name)]
        if missing:
            raise UsageError(
                f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
                where="environment",
                remedy="run it as a step of a workflow, with GITHUB_TOKEN: ${{ github.token }} under env:",
            )
        owner, _, name = env["GITHUB_REPOSITORY"].partition("/")
        if not owner or not name or "/" in name:
            raise UsageError("is not OWNER/NAME", where="GITHUB_REPOSITORY", remedy="let the runner set it")
        optional = {
            "run_id": env.get("GITHUB_RUN_ID"),
            "registry_path": env.get("PROMOTEBOT_REGISTRY_PATH"),
            "policy_path": env.get("PROMOTEBOT_POLICY_PATH"),
            "bot_login": env.get("PROMOTEBOT_BOT_LOGIN"),
        }
        return cls(
            event_name=env["GITHUB_EVENT_NAME"],
            event_path=Path(env["GITHUB_EVENT_PATH"]),
            token=SecretStr(env["GITHUB_TOKEN"]),
            api_url=_url(env, "GITHUB_API_URL"),
            server_url=_url(env, "GITHUB_SERVER_URL"),
            repository=env["GITHUB_REPOSITORY"],
            output_path=Path(env["GITHUB_OUTPUT"]),
            summary_path=Path(env["GITHUB_STEP_SUMMARY"]),
            **{name: value for name, value in optional.items() if value},
        )


def _url(env: Mapping[str, str], name: str) -> str:
    """An address a token may be sent to: https, or this machine itself."""
    parts = urlsplit(env[name])
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.password:
        raise UsageError("is not an https address without credentials", where=name, remedy="let the runner set it")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise UsageError("would send the token over plain http", where=name, remedy="use https")
    return env[name].rstrip("/")
