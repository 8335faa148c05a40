"""The documents say what the code is: every rule, every reason code, every section, link and path that they name."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from promotebot import errors
from promotebot.action.result import Outcome
from promotebot.artifact.answer import Problem
from promotebot.doctor.catalogue import BRANCH_CHECKS, CHECKS
from promotebot.errors import PromotebotError
from promotebot.gate.refusal import Reason
from promotebot.gate.requests import RULES as RULES_OF_REFUSALS
from tests.project.contracts import CONTRACT, DECISIONS, DOCTOR, ERRORS, REASONS, REFUSAL_CODES, RULES
from tests.project.rule_ids import Unresolved, rule_ids

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bot/promotebot"
DOCS = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "benchmarks/README.md")),
]
FAMILIES = {
    "promotion/rules/stages.py: f'soak.{stage.value}'": ("soak.shadow", "soak.staging"),
    "artifact/opening_findings.py: problem.rule": get_args(Problem.model_fields["rule"].annotation),
    "gate/requests.py: RULES[refusal.reason]": tuple(RULES_OF_REFUSALS.values()),
}
"""What a rule is that is no literal where its finding is made."""
SECTION = re.compile(r"(?<![\w/.-])((?:docs/)?[A-Za-z-]+\.md), ([A-Za-z][\w -]*\w)")
"""`docs/NAME.md, SECTION` or `SECURITY.md, SECTION`."""
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE_PATH = re.compile(r"(?<![\w./@-])((?:bot/promotebot|tests|docs|schemas|benchmarks|requirements)(?:/[\w*.-]+)+)")
PYTHON_PATH = re.compile(r"`([a-z_]+(?:/[a-z_]+)*\.py)`")
FOLDERS = re.compile(r"`([a-z_]+)/`")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def headings(path: Path, level: str = "#+") -> list[str]:
    """The headings of a document, of one level or of all."""
    return re.findall(rf"^{level} (.+)$", _FENCE.sub("", text_of(path)), re.MULTILINE)


def anchor(heading: str) -> str:
    """How GitHub links to a heading: https://docs.github.com/en/get-started/writing-on-github"""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def sections(path: Path) -> dict[str, str]:
    """The text below each heading of the third level."""
    _, *parts = re.split(r"^### (.+)$", text_of(path), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def table(path: Path, head: str) -> dict[str, str]:
    """The first two columns of the table whose first column is called `head`."""
    actual = re.search(rf"^\| {head} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text_of(path), re.MULTILINE)
    assert actual, f"{path.name} has no table of {head}"
    rows = ([cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in actual[1].splitlines())
    return {row[0]: row[1] for row in rows}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_rules_in_the_code_are_the_headings_of_the_rules_page() -> None:
    actual, documented = rule_ids(PACKAGE, FAMILIES), headings(ROOT / "docs/rules.md", "###")
    assert len(actual) > 50
    assert sorted(actual) == sorted(documented)


def test_every_rule_says_what_it_checks_why_and_what_to_do() -> None:
    texts = sections(ROOT / "docs/rules.md")
    parts = ("- **Checks:** ", "- **Why:** ", "- **When it fails:** ")
    assert texts
    assert [rule for rule, text in texts.items() if [text.count(part) for part in parts] != [1, 1, 1]] == []


def test_no_rule_id_is_renamed_or_lost() -> None:
    actual = set(rule_ids(PACKAGE, FAMILIES))
    assert set(RULES) - actual == set(), CONTRACT
    assert actual - set(RULES) == set(), f"a new rule belongs to tests/project/contracts.py; {CONTRACT}"


def test_the_checks_of_the_doctor_are_the_headings_of_its_page_and_none_is_lost() -> None:
    actual = [*BRANCH_CHECKS, *CHECKS]
    assert sorted(actual) == sorted(headings(ROOT / "docs/doctor.md", "###"))
    assert sorted(actual) == DOCTOR, CONTRACT


def test_every_check_of_the_doctor_says_what_it_looks_at_what_it_means_and_what_mends_it() -> None:
    texts = sections(ROOT / "docs/doctor.md")
    parts = ("- **Checks:** ", "- **Means:** ", "- **To fix it:** ")
    assert texts
    assert [check for check, text in texts.items() if [text.count(part) for part in parts] != [1, 1, 1]] == []


def error_tree() -> dict[str, int]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PromotebotError)]
    return {kind.__name__: kind.exit_code for kind in kinds}


def test_no_reason_code_decision_or_exit_code_is_renamed_or_lost() -> None:
    assert error_tree() == ERRORS, CONTRACT
    assert {reason.value for reason in Reason} == set(REASONS), CONTRACT
    assert {outcome.value: outcome.exit_code for outcome in Outcome} == DECISIONS, CONTRACT


def test_the_reason_codes_in_the_code_are_the_headings_of_their_page() -> None:
    assert sorted(headings(ROOT / "docs/reason-codes.md", "###")) == sorted(reason.value for reason in Reason)


def test_every_reason_code_is_given_by_some_file() -> None:
    files = [*(PACKAGE / "action").glob("*.py"), PACKAGE / "gate/admission.py", PACKAGE / "gate/refusal.py"]
    sources = [text_of(path) for path in files if path.name != "result.py"]
    assert sources
    given = {name for source in sources for name in re.findall(r"\bReason\.([A-Z_]+)", source)}
    assert given == set(Reason.__members__)


def documented_decisions() -> dict[str, set[tuple[str, int]]]:
    """Reason code → the decisions it comes with, each with its exit code."""
    actual = {}
    for reason, text in sections(ROOT / "docs/reason-codes.md").items():
        line = re.search(r"^\*\*Decision:\*\* (.+?)\n\n", text, re.MULTILINE | re.DOTALL)
        assert line, reason
        words = " ".join(line[1].split())
        actual[reason] = {(name, int(code)) for name, code in re.findall(r"`(\w+)`, exit code (\d)", words)}
        assert actual[reason], reason
    return actual


def test_every_documented_decision_has_its_own_exit_code() -> None:
    own = {("internal", "failed"): PromotebotError.exit_code}
    pairs = [(reason, *pair) for reason, pairs in documented_decisions().items() for pair in pairs]
    assert len(pairs) > len(Reason)
    others = [pair for pair in pairs if pair[1] != "refused"]
    assert [pair for pair in others if pair[2] != own.get(pair[:2], Outcome(pair[1]).exit_code)] == []
    refusals: dict[str, set[int]] = {}
    for reason, _, code in (pair for pair in pairs if pair[1] == "refused"):
        refusals.setdefault(reason, set()).add(code)
    assert refusals == {reason: REFUSAL_CODES.get(reason, {0}) for reason in refusals}


def answers() -> Iterator[tuple[str, str]]:
    """(reason code, decision) of each answer in the code that names both."""
    for path in (PACKAGE / "action").glob("*.py"):
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Answer" and len(node.args) > 1:
                outcome, reason = (ast.unparse(argument).rpartition(".") for argument in node.args[:2])
                if outcome[0] == "Outcome" and reason[0] == "Reason":
                    yield Reason[reason[2]].value, Outcome[outcome[2]].value


def test_every_answer_of_the_code_is_documented_with_its_decision() -> None:
    documented, given = documented_decisions(), set(answers())
    assert len(given) > 20
    assert [pair for pair in sorted(given) if pair[1] not in {name for name, _ in documented[pair[0]]}] == []


def test_decisions_and_errors_have_the_exit_codes_that_the_tables_say() -> None:
    page = ROOT / "docs/reason-codes.md"
    assert table(page, "decision") == {outcome.value: str(outcome.exit_code) for outcome in Outcome}
    assert table(page, "error") == {name: str(code) for name, code in error_tree().items()}


def test_readme_and_reason_codes_have_one_table_of_exit_codes() -> None:
    codes = {outcome.exit_code for outcome in Outcome} | set(error_tree().values())
    readme = table(ROOT / "README.md", "exit code")
    assert readme == table(ROOT / "docs/reason-codes.md", "exit code")
    assert set(readme) == {str(code) for code in codes}


def test_every_section_that_is_referred_to_is_there() -> None:
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "schemas").glob("*.json"), ROOT / "action.yml", *DOCS]
    references = [(path, document, section) for path in files for document, section in SECTION.findall(text_of(path))]
    assert len(references) > 30
    lost = [
        f"{named(path)}: {document}, {section}"
        for path, document, section in references
        if not any(heading.partition(":")[0] == section for heading in headings(ROOT / document))
    ]
    assert lost == []


def test_every_document_that_the_code_names_is_there() -> None:
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "schemas").glob("*.json")]
    names = {name for path in files for name in re.findall(r"(?<![\w/.-])docs/[\w-]+\.md", text_of(path))}
    assert len(names) > 2
    assert [name for name in names if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_every_link_leads_somewhere(path: Path) -> None:
    links = [link for link in LINK.findall(_FENCE.sub("", text_of(path))) if not re.match(r"[a-z]+:", link)]
    lost = []
    for link in links:
        name, _, section = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        known = {anchor(heading) for heading in headings(target)} if section and target.is_file() else set()
        if not target.exists() or not target.is_relative_to(ROOT) or (section and section not in known):
            lost.append(link)
    assert lost == []


def test_there_are_links_and_paths_to_look_at() -> None:
    whole = "\n".join(map(text_of, DOCS))
    assert len(LINK.findall(whole)) > 30
    assert len(CODE_PATH.findall(whole)) > 50
    assert len(PYTHON_PATH.findall(whole)) > 50
    assert len(FOLDERS.findall(whole)) > 10


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_every_path_that_is_named_is_there(path: Path) -> None:
    text = text_of(path)
    written = {name.rstrip(".") for name in CODE_PATH.findall(text)}
    lost = {name for name in written if not list(ROOT.glob(name))}
    rules = PACKAGE / "promotion/rules"
    for name in PYTHON_PATH.findall(text):
        if not any((folder / name).is_file() for folder in (ROOT, PACKAGE, rules)):
            lost.add(name)
    lost |= {name for name in FOLDERS.findall(text) if not any((top / name).is_dir() for top in (ROOT, PACKAGE))}
    assert lost == set()


def test_every_document_is_linked_from_the_readme_or_from_one_that_is() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in seen or path.suffix != ".md" or not path.is_file():
            continue
        seen.add(path)
        waiting += [(path.parent / link.partition("#")[0]).resolve() for link in LINK.findall(text_of(path))]
    assert set((ROOT / "docs").rglob("*.md")) - seen == set()


def said_in_the_code() -> list[str]:
    """Every text of the package, with `…` for what is put into it."""
    texts = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                texts.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return texts


def test_every_message_that_is_explained_is_one_that_the_code_says() -> None:
    explained = [heading for heading in headings(ROOT / "docs/troubleshooting.md", "###") if heading.startswith("`")]
    messages = [heading.strip("`") for heading in explained if "stays at" not in heading]
    assert len(messages) > 12
    said = said_in_the_code()
    patterns = {message: re.compile(".*".join(map(re.escape, message.split("…"))), re.DOTALL) for message in messages}
    assert [message for message, pattern in patterns.items() if not any(map(pattern.search, said))] == []


def test_the_readme_is_short() -> None:
    assert len(text_of(ROOT / "README.md").splitlines()) < 150


def test_the_layers_of_the_architecture_are_those_that_are_checked() -> None:
    contract = re.search(r"^layers = \[\n(.*?)^\]", text_of(ROOT / "pyproject.toml"), re.MULTILINE | re.DOTALL)
    assert contract
    checked = re.findall(r"\w+", contract[1])
    folders = [path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()]
    drawn = re.findall(r"<b>(\w+)/</b>", text_of(ROOT / "docs/architecture.md"))
    assert drawn == [name for name in checked if name in folders]
    assert sorted(drawn) == sorted(folders)


MADE_UP = "from promotebot.findings import Finding, error, passed\n"


def package_of(tmp_path: Path, source: str) -> Path:
    (tmp_path / "rules.py").write_text(MADE_UP + textwrap.dedent(source), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("error('a.b', 'x')", {"a.b"}),
        ("error(rule='a.b', message='x')", {"a.b"}),
        ("Finding(rule='a.b', severity=1, message='x')", {"a.b"}),
        ("RULE = 'a.b'\ndef f():\n    return passed(RULE, 'x')", {"a.b"}),
        ("def f(bad):\n    kind = error if bad else passed\n    return kind('a.b', 'x')", {"a.b"}),
        ("def f():\n    rule, said = 'a.b', 'x'\n    return error(rule, said)", {"a.b"}),
        ("for name, _ in (('b', 1), ('c', 2)):\n    error(f'a.{name}', 'x')", {"a.b", "a.c"}),
        ("def fail(rule, x):\n    return error(rule, x)\nfail('a.b', 'x')", {"a.b"}),
        (
            "class T:\n    def fail(self, rule):\n        error(rule, 'x')\n    def g(self):\n        self.fail('a.b')",
            {"a.b"},
        ),
    ],
)
def test_rules_are_read_from_the_syntax_of_the_code(source: str, expected: set[str], tmp_path: Path) -> None:
    assert set(rule_ids(package_of(tmp_path, source), {})) == expected


@pytest.mark.parametrize(
    "source",
    [
        "error(rule_of(1), 'x')",
        "def f(name):\n    return error(f'a.{name}', 'x')",
        "def f(stage):\n    return error(f'a.{stage.value}', 'x')",
        "error(*words)",
        "list(map(error, words))",
        "KINDS = {True: error}",
        "Finding(**values)",
        "import promotebot.findings",
        "from promotebot import findings",
    ],
)
def test_a_rule_that_nobody_can_read_is_an_error_not_a_gap(source: str, tmp_path: Path) -> None:
    with pytest.raises(Unresolved, match=r"rules\.py:\d+: "):
        rule_ids(package_of(tmp_path, source), {})


def test_a_family_that_nothing_uses_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unresolved, match="nothing is made with"):
        rule_ids(package_of(tmp_path, "error('a.b', 'x')"), {"rules.py: gone": ("a.c",)})
