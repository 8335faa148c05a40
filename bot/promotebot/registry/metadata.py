"""What a team says of a model beside its stages: owner, description, tags, links. It may change by review alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from promotebot.registry.names import parse_text
from promotebot.registry.stage_words import POINTER_KEYS
from promotebot.schema import checked

KEYS = ("owner", "description", "tags", "links")
MAX_OWNER, MAX_TAGS, MAX_LINKS = 100, 20, 10
_URL = r"^https://[A-Za-z0-9][A-Za-z0-9.-]{0,252}(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&*+,;=:@%/?#-]*)?$"
"""No user, no space, and nothing that ends a link in Markdown."""


_FORMS = {
    "tags": "is no tag: at most 50 letters, digits or . _ / : - are one, and the first is a letter or a digit",
    "links": "is no address: one begins with https:// and the name of a host, and holds no space and no user",
    "[key]": "is no label: at most 40 letters, digits, spaces or . _ - are one, and the first is a letter or a digit",
}
"""What is said instead of a regular expression."""


def _unique(tags: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(tags)) != len(tags):
        raise ValueError("a tag is there twice")
    return tags


def _label(label: str) -> str:
    if label in POINTER_KEYS:
        raise ValueError(f"{label!r} is the key of a pointer")
    return label


_Text = Annotated[str, AfterValidator(checked(parse_text))]
_Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:-]{0,49}$")]
_Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}$"), AfterValidator(_label)]
_Url = Annotated[str, StringConstraints(pattern=_URL, max_length=500)]


class Metadata(BaseModel):
    """The keys of a model's entry that no promotion writes; each may be absent."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    owner: Annotated[_Text, StringConstraints(max_length=MAX_OWNER)] = ""
    """Who answers for it: a person, a team, an address."""
    description: _Text = ""
    """At most 1,000 characters in one line."""
    tags: Annotated[
        tuple[_Tag, ...],
        BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
        Field(max_length=MAX_TAGS),
        AfterValidator(_unique),
    ] = ()
    links: Annotated[Mapping[_Label, _Url], Field(max_length=MAX_LINKS)] = {}
    """Label → address."""

    @property
    def is_empty(self) -> bool:
        """True when nothing is said."""
        return self == Metadata()


def read_metadata(entry: Mapping[str, Any]) -> Metadata:
    """Return what an entry says, as stored; a key of another form says nothing."""
    wrong = metadata_problems(entry)
    return Metadata.model_validate({key: entry[key] for key in KEYS if key in entry and key not in wrong})


def metadata_problems(entry: Mapping[str, Any], keys: Iterable[str] = KEYS) -> dict[str, str]:
    """Return key → what is wrong with it, for those of the keys that an entry has in another form."""
    problems = {key: _problem(key, entry[key]) for key in keys if key in entry}
    return {key: problem for key, problem in problems.items() if problem}


def _problem(key: str, value: object) -> str:
    try:
        Metadata.model_validate({key: value})
    except ValidationError as invalid:
        first = invalid.errors()[0]
        if first["type"] != "string_pattern_mismatch":
            return first["msg"].removeprefix("Value error, ")
        form = "[key]" if first["loc"][-1] == "[key]" else key
        return f"{first['input']!r} {_FORMS[form]}"
    return ""
