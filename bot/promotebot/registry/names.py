"""The words of the format: stage, model name, path, digest, commit, time, duration, each parsed once into a type."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import NewType

from promotebot.errors import InvalidInput

ModelName = NewType("ModelName", str)
ArtifactPath = NewType("ArtifactPath", str)
Digest = NewType("Digest", str)
GitSha = NewType("GitSha", str)
Timestamp = NewType("Timestamp", str)
CanaryShare = NewType("CanaryShare", str)

CLOCK_TOLERANCE = timedelta(minutes=5)
"""By how much the clock that wrote a time may be ahead of this one."""
MAX_PATH, MAX_COMPONENT, MAX_COMPONENTS = 4096, 255, 64
"""Bytes of a path and of a component, as Linux limits them (PATH_MAX, NAME_MAX), and how many components."""
_TOO_LONG = f"Path component is over {MAX_COMPONENT} bytes"
_MODEL_NAME = re.compile(r"[a-z0-9_]{1,128}")
_GIT_SHA = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TIMESTAMP = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,9})?(?:Z|\+00:00)", re.ASCII)
_DURATION = re.compile(r"(\d{1,4})([mhd])", re.ASCII)
_SHARE = re.compile(r"(0|[1-9][0-9]?|100)(\.[0-9]?[1-9])?%", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_DRIVE = re.compile(r"(?:^|/)[A-Za-z]:|:\$|::")
"""A drive, or an NTFS stream such as `model.onnx::$DATA`, in any component."""
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?|git~[0-9]+", re.IGNORECASE
)
"""https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file, and what NTFS calls `.git` in eight letters."""
_MAYBE_RESERVED = re.compile(r"(?:^|/)(?:con|prn|aux|nul|com|lpt)", re.IGNORECASE)
_WORD = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?"
_PLAIN = re.compile(rf"(?:{_WORD}/){{0,{MAX_COMPONENTS - 1}}}{_WORD}")
_LOOK_ALIKES = frozenset("\u2044\u2215\u2216\u2571\u2572\u29f5\u29f8\u29f9\u3002\u06d4\u0701\u0702\ua4f8\ua60e\u2027")
"""Slashes and dots that NFKC leaves as they are; it changes the others."""


class Stage(str, Enum):
    """The stages of a model, lowest first. See docs/runbook.md: shadow → staging → active."""

    SHADOW = "shadow"
    STAGING = "staging"
    ACTIVE = "active"

    # `{event.to_stage}` reads "active" in every version of Python. See docs/runbook.md.
    __str__ = str.__str__

    @property
    def rank(self) -> int:
        """Return the stage's place in the order, 0 for the lowest."""
        return list(Stage).index(self)

    @property
    def below(self) -> list[Stage]:
        """Return the stages below this one, nearest first."""
        return [stage for stage in reversed(Stage) if stage.rank < self.rank]

    @property
    def label(self) -> str:
        """Return the stage as people read it: SHADOW, STAGING, ACTIVE."""
        return self.value.upper()


def parse_stage(text: str) -> Stage:
    """Parse a stage.

    Raises:
        InvalidInput: for anything but the three stages, lower case.
    """
    try:
        return Stage(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is not a stage", remedy="use one of: shadow, staging, active") from None


def parse_model_name(text: str) -> ModelName:
    """Parse a model's name: `[a-z0-9_]+`, 1 to 128 characters.

    Raises:
        InvalidInput: for anything else.
    """
    # fullmatch: `$` would accept a newline at the end.
    if not is_model_name(text):
        raise InvalidInput(
            f"{text!r} is not a model name",
            remedy="use 1 to 128 lower-case letters, digits and underscores",
        )
    return ModelName(text)


def is_model_name(text: str) -> bool:
    """Return whether a text is a model's name."""
    return bool(_MODEL_NAME.fullmatch(text))


def is_git_sha(text: str) -> bool:
    """Return whether a text is a whole commit id."""
    return bool(_GIT_SHA.fullmatch(text))


def parse_git_sha(text: str) -> GitSha:
    """Parse a commit id: 40 lower-case hex digits, as an abbreviation can become ambiguous.

    Raises:
        InvalidInput: for anything else.
    """
    if not is_git_sha(text):
        raise InvalidInput(f"{text!r} is not a commit", remedy="give all 40 lower-case hex digits")
    return GitSha(text)


def parse_digest(text: str) -> Digest:
    """Parse a digest: `sha256:` and 64 lower-case hex digits.

    Raises:
        InvalidInput: for anything else.
    """
    if not _DIGEST.fullmatch(text):
        raise InvalidInput(f"{text!r} is not a digest; expected sha256: and 64 lower-case hex digits")
    return Digest(text)


def parse_timestamp(text: str) -> Timestamp:
    """Parse a time: ISO 8601 in UTC, a date that exists, ending in Z as promotebot writes it.

    What older tools wrote is kept as it is: fractions of a second, and `+00:00` for Z.

    Raises:
        InvalidInput: for anything else.
    """
    match = _TIMESTAMP.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        _moment(match[1])
    except ValueError:
        raise InvalidInput(f"{text!r} is not a UTC time; expected 2026-02-16T09:00:00Z") from None
    return Timestamp(text)


def to_datetime(text: str) -> datetime:
    """Return the moment of a timestamp, in UTC and whole seconds; a fraction is dropped.

    Raises:
        InvalidInput: for a text that is no timestamp.
    """
    return _moment(parse_timestamp(text)[:19])


def _moment(text: str) -> datetime:
    """Return the moment of a text of the right form; raise ValueError where there is no such date.

    `strptime` takes ten times as long, and a registry has a time or two in each of its events.
    """
    date = (int(text[:4]), int(text[5:7]), int(text[8:10]))
    return datetime(*date, int(text[11:13]), int(text[14:16]), int(text[17:19]), tzinfo=timezone.utc)


def to_timestamp(moment: datetime) -> Timestamp:
    """Return a moment as the registry stores it: UTC, whole seconds."""
    return Timestamp(moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))


def parse_duration(text: object) -> timedelta:
    """Parse a duration: a whole number of days, hours or minutes, such as 7d.

    Raises:
        InvalidInput: for anything else.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise InvalidInput(f"{text!r} is not a duration such as 7d, 12h or 30m")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def parse_canary_share(text: object) -> CanaryShare:
    """Parse a share of production: a percentage such as 5% or 2.5%, of which each value has one spelling.

    Raises:
        InvalidInput: for anything else, for 0% and for more than 100%.
    """
    if isinstance(text, str) and _SHARE.fullmatch(text) and 0 < hundredths(text) <= 10_000:
        return CanaryShare(text)
    raise InvalidInput(
        f"{str(text)[:50]!r} is not a share such as 5% or 2.5%",
        remedy="write it without a space or a last zero, above 0% and up to 100%, with at most two decimals",
    )


def hundredths(share: str) -> int:
    """Return a share in hundredths of a percent, to compare it: 250 for 2.5%."""
    whole, _, part = share.removesuffix("%").partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0"))


def parse_artifact_path(text: str) -> ArtifactPath:
    """Parse a path inside the repository: relative, normalised, nothing that two systems read differently.

    Raises:
        InvalidInput: with the words "Path traversal not allowed" for `..` and absolute paths. See docs/runbook.md.
    """
    problem = _path_problem(text)
    if problem:
        raise InvalidInput(
            f"{problem}: {text[:200]!r}",
            remedy="give a path relative to the repository root, such as ml/artifacts/regime_v2",
        )
    return ArtifactPath(text)


def _path_problem(text: str) -> str:
    """Return the first problem of a path; empty for a good one."""
    # Most paths are of plain words, which none of the checks is about; a registry has one in each of its events.
    if len(text) <= MAX_COMPONENT and _PLAIN.fullmatch(text) and not _MAYBE_RESERVED.search(text):
        return ""
    parts = text.split("/")
    checks = (
        (not text, "Path is empty"),
        (len(text.encode("utf-8", "surrogatepass")) > MAX_PATH, f"Path is over {MAX_PATH} bytes"),
        (len(parts) > MAX_COMPONENTS, f"Path has over {MAX_COMPONENTS} components"),
        (text.startswith(("/", "~")) or bool(_DRIVE.search(text)), "Path traversal not allowed (absolute path)"),
        (".." in parts, "Path traversal not allowed (..)"),
        ("\\" in text, "Path traversal not allowed (backslash)"),
        ("" in parts or "." in parts, "Path is not normalised (empty or . component)"),
        # A command would take it for an option.
        (any(part.startswith("-") for part in parts[:1]), "Path must not start with a dash"),
        (".git" in [part.lower() for part in parts], "Path leads into .git"),
        (not text.isprintable() or any(0xD800 <= ord(c) <= 0xDFFF for c in text), "Path has a control character"),
        (
            not _LOOK_ALIKES.isdisjoint(text) or unicodedata.normalize("NFKC", text) != text,
            "Path has a look-alike or decomposed character",
        ),
        # A browser or a library may decode `%2e%2e` after it was checked.
        (bool(_ENCODED.search(text)), "Path has a percent-encoded character"),
        (any(_RESERVED.fullmatch(part) for part in parts), "Path has a name that Windows reserves"),
        (any(len(part.encode("utf-8", "surrogatepass")) > MAX_COMPONENT for part in parts), _TOO_LONG),
        # Windows drops them, so that two names become one.
        (any(part != part.strip() or part.endswith(".") for part in parts), "Path component ends in a dot or space"),
    )
    return next((problem for hit, problem in checks if hit), "")


MAX_TEXT = 1000
"""Characters of a reason or of notes; they are kept in history for ever."""
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def parse_identifier(text: str) -> str:
    """Parse an artifact or dataset id: ASCII letters, digits, dot, dash, underscore; 128 at most.

    Raises:
        InvalidInput: for anything else.
    """
    if not _IDENTIFIER.fullmatch(text):
        raise InvalidInput(
            f"{text[:200]!r} is not an id",
            remedy="use 1 to 128 letters, digits, dots, dashes and underscores, such as regime_v2_prod",
        )
    return text


_DIGEST_START = re.compile(r"sha256:[0-9a-f]{8,64}…?")


def parse_rollback_target(text: str) -> str:
    """Parse what a rollback goes back to: an artifact id, or a digest, whole or as people are shown it.

    Raises:
        InvalidInput: for anything else.
    """
    return text.removesuffix("…") if _DIGEST_START.fullmatch(text) else parse_identifier(text)


_JOINERS = "\u200c\u200d"  # https://www.unicode.org/reports/tr31/#Layout_and_Format_Control_Characters


def parse_text(text: str) -> str:
    """Parse a reason or notes: one line of 1,000 characters at most, in any script.

    Raises:
        InvalidInput: for anything else, and for characters that hide or reorder what people read.
    """
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"the text is {len(text)} characters; at most {MAX_TEXT} are kept")
    if not text.strip():
        raise InvalidInput("the text is empty")
    hidden = next((c for c in text if not is_text(c)), None)
    if hidden is not None:
        raise InvalidInput(f"the text holds the invisible character U+{ord(hidden):04X}")
    return text


def is_text(character: str) -> bool:
    """Return whether a character may stand in a text that people wrote.

    Beside everything that is seen, that is every space, and the two joiners without which Persian, the languages of
    India and joined emoji are misspelt. Controls, and what turns the direction of a line, are not.
    """
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"
