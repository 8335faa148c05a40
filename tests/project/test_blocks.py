"""Every block of the documentation is lintable: commands parse, comments are commands, YAML and Python are valid.

Those of the quickstart and the runbook are also run (tests/test_quickstart.py, tests/test_runbook.py).
"""

from __future__ import annotations

import ast
import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from promotebot.cli.parser import full_parser
from promotebot.errors import UsageError
from promotebot.promotion.commands import InvalidCommand, parse_comment
from promotebot.promotion.policy import Policy, parse_policy
from tests.office import ROOT

PAGES = [
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")),
]
FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>[a-z]*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
INDENTED = re.compile(r"(?:^ {4}[^\n]*\n|^\n(?= {4}))+", re.MULTILINE)
PLACEHOLDER = re.compile(r"[<…|\[{]|\b[A-Z]{2,}\b")
"""What a reader fills in; the line is a form, no command."""


def blocks(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the kind and the text of every fenced block."""
    for found in FENCE.finditer(path.read_text(encoding="utf-8")):
        yield found["kind"], found["text"]


def lines(path: Path) -> Iterator[str]:
    """Yield every line of a page that may be typed: those of blocks, and inline code."""
    text = path.read_text(encoding="utf-8")
    for kind, block in blocks(path):
        if kind in ("", "bash", "sh", "markdown"):
            yield from re.sub(r" *\\\n *", " ", block).splitlines()
    yield from (line.strip() for block in INDENTED.findall(FENCE.sub("", text)) for line in block.splitlines())
    yield from INLINE.findall(FENCE.sub("", text))


def typed(path: Path) -> Iterator[list[str]]:
    """Yield the arguments of every line of `promotebot` on a page; a name such as `promotebot verify` is none."""
    for line in lines(path):
        words = re.split(r" +# |  +| && | > ", line.strip().removeprefix("$ "))[0]
        is_form = PLACEHOLDER.search(words.replace("FILE", "").replace("DIR", ""))
        if words.startswith("promotebot ") and not is_form:
            arguments = shlex.split(words)[1:]
            if any(word.startswith("-") for word in arguments) or len(arguments) > 2:
                yield arguments


def comments(path: Path) -> Iterator[str]:
    """Yield every comment on a page that asks for a change; behind three spaces stands what it does."""
    for line in lines(path):
        said = line.split("   ")[0]
        is_change = said.startswith(("/promote ", "/rollback ", "/demote ")) and not PLACEHOLDER.search(said)
        if is_change and len(said.split()) > 2:
            yield said


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_of_the_program_is_a_line_that_parses(path: Path) -> None:
    parser = full_parser()
    assert [problem for arguments in typed(path) if (problem := problem_of(arguments, parser))] == []


def problem_of(arguments: list[str], parser: ArgumentParser) -> str:
    """What is wrong with a line; empty where nothing is, and for a flag that is named without its value."""
    try:
        parser.parse_args(arguments)
    except UsageError as problem:
        is_named = arguments[-1].startswith("--") and f"argument {arguments[-1]}: expected" in problem.message
        return "" if is_named else f"{arguments}: {problem.message}"
    except SystemExit:  # --help
        pass
    return ""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_comment_is_a_command(path: Path) -> None:
    read = [(said, command) for said in comments(path) for command in parse_comment(said, aliases=ALIASES)]
    assert [(said, command.problem) for said, command in read if isinstance(command, InvalidCommand)] == []


def test_there_are_lines_to_look_at() -> None:
    assert sum(1 for path in PAGES for _ in typed(path)) >= 60
    assert sum(1 for path in PAGES for _ in comments(path)) >= 12


ALIASES = parse_policy(b"aliases: {production: active, canary: staging}").aliases


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_block_of_yaml_and_python_is_valid(path: Path) -> None:
    for kind, text in blocks(path):
        if kind == "yaml":
            assert yaml.safe_load(text) is not None, text
        elif kind == "python" and not text.startswith(">>>"):
            ast.parse(text)


def policies() -> Iterator[str]:
    """Yield every indented or fenced block of the documentation that begins with a key of the policy."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        found = [*INDENTED.findall(FENCE.sub("", text)), *(block for kind, block in blocks(path) if kind == "yaml")]
        for block in found:
            first = re.match(r"\s*(?:#[^\n]*\n\s*)*(\w+):", block)
            if first and first[1] in Policy.model_fields:
                yield block


def test_every_block_of_a_policy_is_one() -> None:
    seen = list(policies())
    assert len(seen) >= 10
    for block in seen:
        parse_policy(dedent(block).encode())
