"""The groups of the policy that whoever asks is in, where what they ask for is for named people alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from promotebot.promotion.overridable import overridden_rule
from promotebot.promotion.patterns import is_for
from promotebot.promotion.people import OWNERS, is_group, is_named, is_team, with_owners
from promotebot.promotion.policy import Policy
from promotebot.promotion.request import Request
from promotebot.pulls.model_owners import base_owners
from promotebot.registry.model import Action, Source

if TYPE_CHECKING:  # PyGithub is loaded by whoever makes the client
    from promotebot.github.ports import GitHub
    from promotebot.pulls.compare import ChangesetLike


def groups_of(request: Request, changeset: ChangesetLike, github: GitHub) -> frozenset[str]:
    """Return the groups that whoever asks is in, of those that the policy names for what this request needs.

    GitHub is not asked about somebody whom the policy names by login, nor about who says at a terminal who they are.

    Raises:
        CouldNotVerify: when GitHub does not answer; an error never permits.
    """
    if request.actor.source is not Source.GITHUB or request.action is not Action.PROMOTE:
        return frozenset()
    login = request.actor.name
    lists = [people for people in _lists(request, changeset.policy) if not is_named(login, people)]
    groups = dict.fromkeys(name for people in lists for name in people if is_group(name))
    return frozenset(name for name in groups if _is_in(request, name, changeset, github))


def _lists(request: Request, policy: Policy) -> Iterator[Sequence[str]]:
    """Yield the people to whom the policy leaves what the request asks for."""
    if request.allow_signature_change:
        yield policy.for_model(request.model).signature_people or ()
    if request.override:
        own = [one for one in policy.overrides if is_for(request.model, one.models)]
        yield from (one.people for one in own if one.rule == overridden_rule(request.override))


def _is_in(request: Request, name: str, changeset: ChangesetLike, github: GitHub) -> bool:
    owners = base_owners(changeset, request.model) if name == OWNERS else None
    login, people = request.actor.name, with_owners((name,), owners or ())
    return is_named(login, people) or any(github.is_member(team, login) for team in people if is_team(team))
