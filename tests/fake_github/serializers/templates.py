"""Fill in the templates: each is one of GitHub's JSON objects, with `$name` or `${object.attribute}` for what varies.

A string that is nothing but a placeholder becomes the value itself: a number, a list, a user's JSON, a time.
"""

from __future__ import annotations

import functools
import json
import re
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from tests.fake_github.accounts import App, User
from tests.fake_github.state import HubState, RepositoryState

Json = dict[str, Any]
FOLDER = Path(__file__).parent / "templates"
PLACEHOLDER = re.compile(r"\$(?:(\w+)|{(\w+)\.([\w.]+)})")
GITHUB = User(9919, "github", "Organization")  # owns every app here


def fill(name: str, repo: RepositoryState, /, **values: Any) -> Json:
    """Return a template's JSON for something in a repository, whose addresses are `$url` (API) and `$html`."""
    addresses = {"url": f"{repo.hub.api_url}/repos/{repo.full_name}", "html": f"{repo.hub.server_url}/{repo.full_name}"}
    return fill_outside(name, repo.hub, repo=repo, **addresses, **values)


def fill_outside(name: str, hub: HubState, /, **values: Any) -> Json:
    """Return a template's JSON for something that is in no repository; `$api` and `$web` are GitHub's addresses."""
    filled: Json = _filled(_template(name), hub, {"api": hub.api_url, "web": hub.server_url, **values})
    return filled


@functools.cache
def _template(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def _filled(part: Any, hub: HubState, values: Json) -> Any:
    if isinstance(part, dict):
        return {key: _filled(value, hub, values) for key, value in part.items()}
    if not isinstance(part, str):
        return part
    whole = PLACEHOLDER.fullmatch(part)
    if whole:
        return _json(hub, _looked_up(whole, values))
    return PLACEHOLDER.sub(lambda match: str(_looked_up(match, values)), part)


def _looked_up(match: re.Match[str], values: Json) -> Any:
    name, owner, attributes = match.groups()
    return values[name] if name else attrgetter(attributes)(values[owner])


def _json(hub: HubState, value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, User):
        return user(hub, value)
    if isinstance(value, App):
        return fill_outside("app", hub, app=value, owner=GITHUB)
    return value


def user(hub: HubState, account: User) -> Json:
    """Return GitHub's "simple user"."""
    return fill_outside("user", hub, user=account)


def instant(moment: datetime) -> str:
    """Return ISO 8601 in UTC with a Z, as everywhere in GitHub's API."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
