"""The frame of every comment: its context, its heading, its bounded sections, and the sentences they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from promotebot.comments.findings import prose
from promotebot.comments.markdown import bounded, code, link, marker
from promotebot.environment import scoped
from promotebot.promotion.commands import with_prefix
from promotebot.promotion.contacts import Contacts, Purpose, contacts_for
from promotebot.registry.names import ModelName, Stage

MAX_PROBLEMS = 25
"""Findings of one severity in a comment; the step summary holds them all."""
RULES_BYTES = 14_000
"""UTF-8 bytes of the folded list of rules: a quarter of a comment, so that the diff and the history fit below it."""
UNSIGNED = (
    "The commit was pushed without a signature, because it is larger than GitHub's API allows. If the base requires "
    "signed commits, it cannot be merged. A registry with one file per model makes smaller commits: "
    "`promotebot registry split`."
)
GENERAL = "general"
"""The subject of a comment that is about no model."""


@dataclass(frozen=True)
class CommentContext:
    """The place of a comment and the person it answers."""

    repo: str
    server_url: str
    head_sha: str
    requester: str
    request_url: str
    base_ref: str
    run_url: str | None
    contacts: Contacts = ()
    """The people the policy names where a failure is shown; `contacts_line` names those of a purpose."""
    request_word: str = "this comment"
    """The label of the link to `request_url`."""
    gate: str = "promotebot/gate"
    """The context of the required status, which each base has of its own."""
    base_dir: str = ""
    """The folder that the registry is for, one of several in the repository; empty for the only one."""
    by_actions: bool = True
    """Whether the bot has the Actions token, whose pushes start no other checks until somebody approves them."""
    prefix: str = ""
    """The word that commands stand behind in this repository's comments."""
    is_unsigned: bool = False
    """The commit that this is about was pushed, so that GitHub did not sign it."""

    @property
    def check(self) -> str:
        """Return the context of the required status as GitHub shows it."""
        return scoped(self.gate, self.base_dir)

    @property
    def repo_url(self) -> str:
        """Return the address of the repository's page."""
        return f"{self.server_url}/{self.repo}"

    @property
    def unsigned(self) -> str:
        """Return what to know of a commit that GitHub did not sign; empty where nothing was pushed."""
        return UNSIGNED if self.is_unsigned else ""

    def commit(self, sha: str) -> str:
        """Return a commit as a link, in Markdown."""
        return link(code(sha[:7]), f"{self.repo_url}/commit/{sha}")


@dataclass(frozen=True)
class Rendered:
    """A comment: its hidden first line, its title as plain words, the bounded body, and all of it."""

    marker: str
    title: str
    body: str
    full: str


Sections = Callable[[bool], Sequence[str]]
"""Builds the sections below the heading: bounded for the comment (False), whole for the step summary (True)."""


def render_comment(
    model: ModelName | None, icon: str, stage: Stage | None, state: str, sections: Sections, context: CommentContext
) -> Rendered:
    """Return a comment with the heading `### ⬆️ `model` → STAGE · state`; without a model the state is the heading."""
    # One comment for each subject is found by its marker and edited, so that a pull request is not flooded.
    first = marker(model or GENERAL)
    arrow = f" → {stage.label}" if stage else ""
    words = f"{arrow} · {state}" if model else state[0].upper() + state[1:]
    heading = f"{first}\n### {icon} {code(model) if model else ''}{prose(words)}"
    summary = link("the step summary", context.run_url) if context.run_url else "the step summary"
    return Rendered(
        first,
        f"{model or ''}{words}",
        bounded([heading, *_typed(sections(False), context)], where_else=summary),
        "\n\n".join([heading, *_typed(sections(True), context)]),
    )


def _typed(sections: Sequence[str], context: CommentContext) -> Iterator[str]:
    """Yield the sections that say something, with commands as people of this repository write them."""
    return (with_prefix(section, context.prefix) for section in [*sections, context.unsigned] if section)


def requested_by(context: CommentContext, commit_sha: str | None = None) -> str:
    """Return the sentence that names the requester, the request, the head, and the commit that was pushed, if any."""
    head = f" on head {code(context.head_sha[:7])}" if context.head_sha else ""
    committed = f"; committed as {context.commit(commit_sha)}" if commit_sha else ""
    return (
        f"Requested by {code(context.requester)} in {link(context.request_word, context.request_url)}{head}{committed}."
    )


def run_again(context: CommentContext) -> str:
    """Return the advice to run the job again, which is safe: a request is carried out once."""
    run = f" ({link('this run', context.run_url)})" if context.run_url else ""
    return f"Run the failed job again{run}; no request is carried out twice."


def contacts_line(context: CommentContext, *purposes: Purpose) -> str:
    """Return the policy's contacts as a sentence that follows another one; empty where it names none.

    Args:
        purposes: what they are called for: a refusal, where none is given.
    """
    named = contact_names(context.contacts, *(purposes or (Purpose.REFUSED,)))
    return f" Contacts: {named}." if named else ""


def contact_names(contacts: Contacts, *purposes: Purpose) -> str:
    """Return who is named for a purpose, in Markdown."""
    # As code, so that naming a person in a policy does not notify them with every comment.
    return ", ".join(code(contact) for contact in contacts_for(contacts, *purposes))


def sentence(words: str) -> str:
    """Return words as Markdown prose that ends in a full stop."""
    return prose(words if words.endswith((".", "!", "?", "…")) else f"{words}.")


def row_limit(whole: bool) -> int | None:
    """Return how many findings of one severity are shown; None is without bound."""
    return None if whole else MAX_PROBLEMS
