"""Comments and labels that ask for nothing, and events that nobody acts on: answered with the standard library alone.

Most jobs are started by one. `ignored` decides of every event, with all of it parsed; this module recognises those of
which it is certain to say so, and leaves the others to it.
"""

from __future__ import annotations

from promotebot.action.output_file import write_outputs
from promotebot.environment import ACTIONS_LOGIN, MAX_EVENT_BYTES, check_environment
from promotebot.errors import PromotebotError
from promotebot.github.event_names import GATE_ACTIONS, LABEL_ACTIONS, READ
from promotebot.promotion.first_words import asks
from promotebot.registry.codec import parse_json

TYPE_CHECKING = False
if TYPE_CHECKING:  # type checkers read this as true, whatever is assigned; typing itself takes time to load
    from collections.abc import Mapping
    from typing import Any


def answer_at_once(environment: Mapping[str, str]) -> bool:
    """Answer the event of this job where it is certain that it gets no reply; return whether it was such a one.

    What is wrong with the environment or the event is told by `run_action`.
    """
    try:
        check_environment(environment)
        name = environment["GITHUB_EVENT_NAME"]
        if name in READ and name not in _LOOKS:
            return False
        with open(environment["GITHUB_EVENT_PATH"], "rb") as file:  # noqa: PTH123 - pathlib loads what is not needed
            data = file.read(MAX_EVENT_BYTES + 1)
        event = parse_json(data, where="GITHUB_EVENT_PATH", max_bytes=MAX_EVENT_BYTES)
    except (PromotebotError, OSError):
        return False
    if not is_ignored(name, event, environment):
        return False
    write_outputs(environment["GITHUB_OUTPUT"], {"decision": "ignored"})
    return True


def is_ignored(name: str, event: Any, environment: Mapping[str, str]) -> bool:
    """Return whether it is certain that an event of this name, as decoded from JSON, gets no reply."""
    look = _LOOKS.get(name)
    return look(event, environment) if look else name not in READ


def is_ignored_pull(event: Any, environment: Mapping[str, str]) -> bool:
    """Return whether it is certain that a `pull_request_target` event, as decoded from JSON, gets no reply."""
    if not _is_whole_pull(event):
        return False
    action, command = event["action"], environment.get("PROMOTEBOT_COMMAND") or "auto"
    if action in LABEL_ACTIONS and event.get("label") and event.get("sender"):
        is_command = "promote:" in event["label"]["name"].lower()
        return command not in ("auto", "gate") or (command == "auto" and not is_command)
    if action == "closed":
        return command != "gate" and not event["pull_request"].get("merged")
    return action not in GATE_ACTIONS


def is_ignored_comment(event: Any, environment: Mapping[str, str]) -> bool:
    """Return whether it is certain that an `issue_comment` event, as decoded from JSON, gets no reply."""
    if not _is_whole(event):
        return False
    action, comment, author = event["action"], event["comment"], event["comment"]["user"]
    command = environment.get("PROMOTEBOT_COMMAND") or "auto"
    prefix = environment.get("PROMOTEBOT_PREFIX", "")
    us = environment.get("PROMOTEBOT_BOT_LOGIN") or ACTIONS_LOGIN
    if author is None or command != "auto" or action not in ("created", "edited", "deleted"):
        return True
    is_by_bot = (
        author["login"] == us or author.get("type") == "Bot" or comment.get("performed_via_github_app") is not None
    )
    if is_by_bot:
        return bool(action == "created")  # a card that somebody changed is written again
    return not asks(comment["body"] or "", prefix)


def _is_whole(event: Any) -> bool:
    """Return whether an event has all that `payloads` reads of it, of the types that GitHub documents."""
    if not isinstance(event, dict) or not (_is(event, "issue", dict) and _is(event, "comment", dict)):
        return False
    issue, comment = event["issue"], event["comment"]
    return (
        _is(event, "action", str)
        and _is(issue, "number", int)
        and _is(issue, "pull_request", dict, None)
        and _is(comment, "id", int)
        and "body" in comment
        and _is(comment, "body", str, None)
        and _is(comment, "performed_via_github_app", dict, None)
        and _is(comment, "node_id", str, default="")
        and "user" in comment
        and _is_account(comment["user"])
        and _is_account(event.get("sender"))
    )


def _is_whole_pull(event: Any) -> bool:
    """Return the same of an event about a pull request."""
    if not isinstance(event, dict) or not (_is(event, "action", str) and _is(event, "pull_request", dict)):
        return False
    pull, label = event["pull_request"], event.get("label")
    ends = [pull[end] for end in ("head", "base") if pull.get(end) is not None]
    return (
        _is(pull, "number", int)
        and _is(pull, "merged", bool, None)
        and _is(pull, "draft", bool, default=False)
        and all(isinstance(end, dict) and _is(end, "ref", str) and _is(end, "sha", str) for end in ends)
        and _is(event, "before", str, default="")
        and _is_account(event.get("sender"))
        and (label is None or (isinstance(label, dict) and _is(label, "name", str)))
        and _is(event, "changes", dict, None)
    )


def _is_account(value: Any) -> bool:
    is_named = isinstance(value, dict) and _is(value, "login", str) and value["login"] != ""
    return value is None or (is_named and _is(value, "type", str, default=""))


def _is(part: dict[str, Any], name: str, *kinds: type | None, default: Any = None) -> bool:
    """Return whether a member is of one of these types, by the type itself: true is an int to Python, not to GitHub."""
    value = part.get(name, default)
    return (None if value is None else type(value)) in kinds


_LOOKS = {"issue_comment": is_ignored_comment, "pull_request_target": is_ignored_pull}
