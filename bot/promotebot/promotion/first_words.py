"""Whether a comment may ask for something, by how its lines begin; `commands` and `slips` read the lines.

Most comments ask for nothing, so this module imports the standard library alone, and of that what loads fast.
"""

from __future__ import annotations

import difflib
import re
import unicodedata

from promotebot.promotion.comment_lines import command_lines, plain_lines

TYPE_CHECKING = False
if TYPE_CHECKING:  # type checkers read this as true, whatever is assigned; typing itself takes time to load
    from collections.abc import Iterator

VERBS = ("promote", "rollback", "demote", "withdraw", "reject", "verify", "why", "status", "check", "doctor", "help")
HOLD_WORDS = ("hold", "lock", "stop", "pause")
"""All of them hold; the first is the command's own name."""
UNHOLD = "unhold"
SAFETY_WORDS = (*HOLD_WORDS, UNHOLD)
OTHER_STOPS = ("cancel", "halt", "abort", "block", "freeze", "wait", "veto")
OTHER_BOTS = (*OTHER_STOPS, "approve", "lgtm", "unlock", "revert", "deploy")
"""Words that other bots know: `safety_words` says what to write or do instead."""
# The word, and what follows it up to the end of the line; a letter or digit right behind it makes it another word.
_WORD = re.compile(r"/([A-Za-z]+)(?!\w)(.*)", re.DOTALL)
# `/lock/file` and `/stop.sh` are paths. No two parts of it repeat over the same text, which takes its length squared.
_PATH = re.compile(r"/[A-Za-z](?:\S*/|[A-Za-z]*\.\w)")
_SLASHES = "/\\／⁄∕"  # noqa: RUF001 - what keyboards and copied text have for a slash
_NAMED = re.compile(r"@(?:promotebot|github-actions)(?:\[bot\])?[:,]? +", re.IGNORECASE)
# A list item, code or bold text, one of each at most; four spaces would be a code block.
_DRESSED = re.compile(r" {0,3}(?:[-*+] +)?(?P<mark>`+|\*{1,2}|_{1,2})?(?P<line>.*?)(?(mark)(?P=mark)) *")
_MODEL_WORD = {"promote": 2, "rollback": 1, "demote": 1, "withdraw": 1}
"""Command that is known without its slash → which word of it may name a model."""
_OTHER_WORDS = {"promoted", "promotes", "promoter", "promoters", "remote", "remotes", "rollbacks", "demo", "demos"}
_OTHER_WORDS |= {"demoted", "demotes", "denote", "devote", "withdrawn", "withdraws"}
"""Words of prose that come close to such a command."""
_NO_SLIPS = {"project", "projects", "recheck", "checkout"}
"""Words behind a slash that come close to a command, and that others use."""
# The whole line, with or without a reason behind a colon or a dash: `Hold on, I have a question` is prose.
_DASH = "[-–—]"  # noqa: RUF001 - what phones make of a hyphen
_IN_A_HURRY = re.compile(
    rf"(?P<word>hold|lock|stop|pause|unhold)(?: *[!.…]*|(?: *:|,? +{_DASH}) +(?P<why>\S.*))", re.IGNORECASE
)
MAX_MENDED = 2_000
"""Characters of a line that may come close to a command: what undresses it takes the square of its length."""


def asks(body: str, prefix: str = "") -> bool:
    """Return whether a comment has a command, or a line that may come close to one; where not, it gets no answer.

    Args:
        prefix: the word that commands stand behind; empty for none.
    """
    if any(is_command(line, prefix) for _, line in command_lines(body)):
        return True
    return any(True for _ in candidates(body, prefix))


def is_command(text: str, prefix: str) -> bool:
    """Return whether a line that begins with a slash is meant for us, rightly spelt or not.

    Without a prefix, `/etc/hosts` or `/v2` is no slip; neither is a word far from every command.
    """
    command = unprefixed(text, prefix)
    if not command:
        said, word = [*text.split(maxsplit=2), ""][:2]
        is_near = bool(prefix and difflib.get_close_matches(said.lower(), [prefix], cutoff=0.7))
        return is_near and word in (*VERBS, *SAFETY_WORDS)
    word = first_word(command)
    is_known = word in VERBS or word.lower() in OTHER_BOTS or safety_word(command)[0] in SAFETY_WORDS
    return is_known or bool(prefix or near_word(word))


def first_word(command: str) -> str:
    """Return the word behind the slash; empty where a blank follows it."""
    return re.split(r"\s", command[1:])[0]


def unprefixed(text: str, prefix: str) -> str:
    """Return a line as it is without the prefix that commands stand behind; empty where it does not begin with it."""
    if not prefix:
        return text
    said, *rest = re.split(r"\s+", text, maxsplit=1)
    return f"/{''.join(rest)}" if said == prefix else ""


def near_word(word: str) -> str:
    """Return the command that a word is a slip of; empty where none is near."""
    near = difflib.get_close_matches(word.lower(), (*VERBS, *SAFETY_WORDS), n=1, cutoff=0.7) if word.isalpha() else []
    return near[0] if near and word.lower() not in _NO_SLIPS else ""


def safety_word(command: str) -> tuple[str, str]:
    """Return the word of letters behind the slash, in small ones, and what follows it; both empty for a path."""
    found = _WORD.match(command)
    return (found[1].lower(), found[2]) if found and not _PATH.match(command) else ("", "")


def nearest_verb(line: str) -> str:
    """Return the command that a line's first word is nearest to, `rollback` for `/rolback m`; empty where none is."""
    # Before the word there may be a sign of a list, a slash on its own, or the bot's name.
    words = ("".join(character for character in word if character.isalpha()).lower() for word in line.split()[:3])
    known = (*VERBS, *SAFETY_WORDS)
    found = (
        difflib.get_close_matches(word, known, n=1, cutoff=0.7)
        for word in words
        if word not in (*OTHER_BOTS, *_NO_SLIPS)
    )
    return next((near[0] for near in found if near), "")


def candidates(body: str, prefix: str) -> Iterator[tuple[int, str, str, bool]]:
    """Yield the lines that may come close to a command: number, line, the command, and whether that is certain."""
    is_first = begins = True
    for number, line in plain_lines(body):
        if not line.strip() or len(line) > MAX_MENDED:
            begins = begins or not line.strip()
            continue
        stop = _IN_A_HURRY.fullmatch(line.strip()) if is_first and not prefix else None
        candidate = _safety(stop) if stop else _addressed(line, prefix) or (_bare(line, prefix) if begins else "")
        is_first = begins = False
        if candidate:
            yield number, line, candidate, stop is not None


def _addressed(line: str, prefix: str) -> str:
    """Return the command of a line that has a slash, or our name, where a command has its own; empty for none."""
    dressed = _DRESSED.fullmatch("".join(c for c in line if unicodedata.category(c) != "Cf"))
    bare = dressed["line"] if dressed else ""
    named = _NAMED.match(bare)
    if named:
        bare = f"/{bare[named.end() :].lstrip(f'{_SLASHES} ')}"
        bare = f"{prefix} {bare[1:]}" if prefix and not bare.startswith(f"{prefix} ") else bare
    return bare if bare[:1] and bare[0] in _SLASHES and command_words(bare, prefix) else ""


def command_words(line: str, prefix: str) -> list[str]:
    """Return the words of a line from its command on, that one rightly spelt; empty where it comes close to none."""
    words = line[1:].strip().split()  # every kind of space, as some keyboards write one that nobody sees
    if prefix:
        is_near = words and difflib.get_close_matches(words[0].lower(), [prefix[1:]], n=1, cutoff=0.7)
        words = words[1:] if is_near else []
    verb = (nearest_verb(words[0]) or words[0]) if words else ""
    return [verb, *words[1:]] if verb in (*VERBS, *SAFETY_WORDS) else []


def _safety(found: re.Match[str]) -> str:
    """Return the command that a word of safety without its slash stands for."""
    word = found["word"].lower()
    return " ".join(filter(None, [f"/{UNHOLD if word == UNHOLD else HOLD_WORDS[0]}", found["why"]]))


def _bare(line: str, prefix: str) -> str:
    """Return the command of a paragraph's first line that lacks its slash, where no prose reads like it.

    `promote active models` is prose: a model's name counts only with a digit or an underscore, or before a flag.
    """
    words = line.split()
    verb = _verb(words[0]) if not prefix and not line[0].isspace() else ""
    if not verb or (len(words) == 1 and verb != "withdraw"):
        return ""
    has_flag = any(word.startswith("--") for word in words)
    behind = words[_MODEL_WORD[verb] :]
    if behind and not has_flag and not re.search(r"[_0-9]", behind[0]):
        return ""
    lacks_reason = verb in ("rollback", "demote") and not has_flag
    return f'/{line} --reason "incident #123"' if lacks_reason else f"/{line}"


def _verb(word: str) -> str:
    """Return the command that a word without a slash is, or a slip of; empty for a word of prose."""
    said = word.lower()
    if not said.isalpha() or said in _OTHER_WORDS:
        return ""
    return next(iter(difflib.get_close_matches(said, [*_MODEL_WORD], n=1, cutoff=0.8)), "")
