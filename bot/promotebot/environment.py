"""The environment of a job: which variables it must have, and its secrets, taken out once they are read."""

from __future__ import annotations

import ctypes
import os
import re

from promotebot.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:  # type checkers read this as true, whatever is assigned; typing itself takes time to load
    from collections.abc import Mapping

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
MAX_EVENT_BYTES = 25 * 1024 * 1024
"""https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap"""
DEFAULT_REGISTRY = "ml/registry/models.json"
"""From the folder that the registry is for."""
TERMINAL = "terminal"
"""What stands for the event's name where a person asks GitHub at a terminal."""
ACTIONS_LOGIN = "github-actions[bot]"
"""The account behind a job's own token."""
_SECRETS = ("TOKEN", "SECRET", "SECRET_ACCESS_KEY", "ACCOUNT_KEY", "CONNECTION_STRING", "PASSWORD")
"""How the names of variables end that hold what nobody else should read: GitHub's tokens, and keys of buckets."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PLAIN_URL = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)*(:[1-9][0-9]{0,3})?(/[A-Za-z0-9_-]+)*/?")
_PREFIX = re.compile(r"/[a-z][a-z0-9-]{0,38}")
_BASE_DIR = re.compile(r"(?!(?i:promotebot)(/|\Z))(?=.{1,60}\Z)\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)
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


def check_environment(env: Mapping[str, str]) -> None:
    """Check what a runner and action.yml set.

    Raises:
        UsageError: naming every variable that is missing, or whose value cannot be what a runner sets.
    """
    missing = [name for name in REQUIRED if not env.get(name)]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
            where="environment",
            remedy="run it as a step of a workflow, with GITHUB_TOKEN: ${{ github.token }} under env:",
        )
    odd = [
        f"{name} {problem}" for name in ("GITHUB_API_URL", "GITHUB_SERVER_URL") if (problem := _url_problem(env[name]))
    ]
    if not _REPOSITORY.fullmatch(env["GITHUB_REPOSITORY"]):
        odd.append("GITHUB_REPOSITORY is not OWNER/NAME")
    if not re.fullmatch(r"[!-~]+", env["GITHUB_TOKEN"]):
        odd.append("GITHUB_TOKEN holds a blank or a character that no token has")
    if env.get("PROMOTEBOT_COMMAND", "") not in ("", *COMMANDS):
        odd.append(f"PROMOTEBOT_COMMAND is not one of {', '.join(COMMANDS)}")
    if env.get("PROMOTEBOT_PREFIX") and not is_prefix(env["PROMOTEBOT_PREFIX"]):
        odd.append("PROMOTEBOT_PREFIX is not a slash and a word of small letters, digits and dashes, such as /model")
    base_dir = env.get("PROMOTEBOT_BASE_DIR", "")
    if base_dir and not is_base_dir(base_dir):
        odd.append("PROMOTEBOT_BASE_DIR is not a folder such as teams/fraud, from the repository's root")
    if base_dir and not env.get("PROMOTEBOT_PREFIX") and env["GITHUB_EVENT_NAME"] != TERMINAL:
        odd.append("PROMOTEBOT_BASE_DIR is set without PROMOTEBOT_PREFIX: two registries would answer one comment")
    if odd:
        raise UsageError(
            "; ".join(odd),
            where="environment",
            remedy="let the runner set them, and give the token as ${{ github.token }} or ${{ secrets.NAME }}",
        )


def is_base_dir(text: str) -> bool:
    """Return whether a text can be the folder of one of several registries, from the repository's root.

    Below a folder named `promotebot`, a registry's names on GitHub would begin as those of the root's do.
    """
    return _BASE_DIR.fullmatch(text) is not None


def is_prefix(text: str) -> bool:
    """Return whether a text can be the word that commands stand behind."""
    return _PREFIX.fullmatch(text) is not None


def scoped(name: str, base_dir: str) -> str:
    """Return a name on GitHub as it is for the registry of a folder: no other registry of the repository has it."""
    return f"{base_dir}: {name}" if base_dir else name


def is_own_name(name: str) -> bool:
    """Return whether a status or check has the name of one of promotebot's own, for whichever registry."""
    return name.rpartition(": ")[2].split("/", 1)[0] == "promotebot"


def _url_problem(url: str) -> str:
    """Return why a token must not be sent to an address; empty when it may: over https, or to this machine itself."""
    if _PLAIN_URL.fullmatch(url):  # what runners set
        return ""
    from urllib.parse import urlsplit

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
