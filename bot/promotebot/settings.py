"""The settings of a job, read from its environment once; the token never shows in a repr or a log."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from promotebot.errors import UsageError

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
COMMANDS = ("auto", "gate", "verify", "announce", "doctor")
"""`auto` answers the event as it is; the others answer only the events they are for."""
ACTIONS_LOGIN = "github-actions[bot]"
"""The account behind a job's own token."""
_SECRETS = ("TOKEN", "SECRET", "SECRET_ACCESS_KEY", "ACCOUNT_KEY", "CONNECTION_STRING", "PASSWORD")
"""How the names of variables end that hold what nobody else should read: GitHub's tokens, and keys of buckets."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PREFIX = r"(/[a-z][a-z0-9-]{0,38})?"
_REPOSITORY = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9._-]+")


def take_environment() -> dict[str, str]:
    """Return the environment of this process, and take every secret out of it, also out of what `/proc` shows of it.

    Unsetting a variable leaves the memory that the process was started with as it was, and every process of the same
    user can read that: https://man7.org/linux/man-pages/man5/proc_pid_environ.5.html
    """
    environment = dict(os.environ)
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    for name in [name for name in environment if name.endswith(_SECRETS)]:
        address = getenv(os.fsencode(name))
        if address:
            ctypes.memset(address, 0, len(os.fsencode(environment[name])))
        del os.environ[name]
    return environment


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
    registry_path: str = "ml/registry/models.json"
    policy_path: str = ".github/promotion.yml"
    bot_login: str = ACTIONS_LOGIN
    command: str = "auto"
    shard: str = ""
    prefix: str = ""
    """The word that commands in comments stand behind, such as `/model`; empty for none."""
    sha: str = ""
    runner_temp: str = ""
    """The directory in which a shard leaves its report, and the merging job finds all of them; empty without one."""

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
        missing = [name for name in REQUIRED if not env.get(name)]
        if missing:
            raise UsageError(
                f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
                where="environment",
                remedy="run it as a step of a workflow, with GITHUB_TOKEN: ${{ github.token }} under env:",
            )
        _refuse_odd(env)
        optional = {
            "run_id": env.get("GITHUB_RUN_ID"),
            "run_attempt": env.get("GITHUB_RUN_ATTEMPT"),
            "triggering_actor": env.get("GITHUB_TRIGGERING_ACTOR"),
            "registry_path": env.get("PROMOTEBOT_REGISTRY_PATH"),
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


def _refuse_odd(env: Mapping[str, str]) -> None:
    """Raise UsageError, naming every variable whose value cannot be what a runner sets."""
    odd = [
        f"{name} {problem}" for name in ("GITHUB_API_URL", "GITHUB_SERVER_URL") if (problem := _url_problem(env[name]))
    ]
    if not _REPOSITORY.fullmatch(env["GITHUB_REPOSITORY"]):
        odd.append("GITHUB_REPOSITORY is not OWNER/NAME")
    if not re.fullmatch(r"[!-~]+", env["GITHUB_TOKEN"]):
        odd.append("GITHUB_TOKEN holds a blank or a character that no token has")
    if env.get("PROMOTEBOT_COMMAND", "") not in ("", *COMMANDS):
        odd.append(f"PROMOTEBOT_COMMAND is not one of {', '.join(COMMANDS)}")
    if not re.fullmatch(_PREFIX, env.get("PROMOTEBOT_PREFIX", "")):
        odd.append("PROMOTEBOT_PREFIX is not a slash and a word of small letters, digits and dashes, such as /model")
    if odd:
        raise UsageError(
            "; ".join(odd),
            where="environment",
            remedy="let the runner set them, and give the token as ${{ github.token }} or ${{ secrets.NAME }}",
        )


def _url_problem(url: str) -> str:
    """Return why a token must not be sent to an address; empty when it may: over https, or to this machine itself."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # either raises ValueError for what is no address
    except ValueError:
        return "is not an address"
    if parts.username is not None or parts.password is not None:
        return "holds credentials"
    if parts.scheme not in ("https", "http") or not host or parts.query or parts.fragment or re.search(r"\s", url):
        return "is not an https address"
    if parts.scheme == "http" and host not in _LOOPBACK:
        return "would send the token over plain http"
    return ""
