"""`/help`: the commands that a comment can hold."""

from __future__ import annotations

from promotebot.comments.comment import (
    CommentContext,
    Rendered,
    render_comment,
)
from promotebot.comments.markdown import code, table

COMMANDS: tuple[tuple[str, str], ...] = (
    (
        "/promote active",
        "finds model and artifact by itself: what this pull request touches, else what the nearest lower stage holds",
    ),
    ("/promote <stage> <model>", "stage is `shadow`, `staging` or `active`"),
    ("… --artifact-dir DIR --artifact-id ID --dataset-id ID --git-sha SHA", "says what should not be looked up"),
    ('… --reason "why" --notes "more"', "kept in the registry's history; a rollback needs the reason"),
    ("… --sha HEAD", "only if the branch still stands at this commit"),
    ("… --new-model", "adds a model that the registry does not know"),
    ("… --dry-run", "shows everything, commits nothing"),
    ('/rollback <model> --reason "why"', "back to the last ACTIVE whose bytes still verify; `--to ID` names another"),
    ('/demote <model> <stage> --reason "why"', "clears a stage; the event stays in history"),
    ("/withdraw", "takes back what this pull request promotes, before the merge; `/withdraw <model>` one model's"),
    ("/hold why", "keeps this pull request from being merged, whatever happens to its branch"),
    ("/unhold", "lifts every hold of this pull request; for who may promote what it carries"),
    ("/status", "what stands in each stage, and what merging changes"),
    ("/why", "everything the gate looked at, and what it says"),
    ("/verify", "verifies the registry and its artifacts at this head"),
    ("/doctor", "how the repository is set up for promotions; for maintainers"),
    ("/help", "this list"),
)
"""Each command as `/help` shows it, and what it does (Markdown)."""


def render_help(context: CommentContext) -> Rendered:
    """Return the answer to `/help`: every command, and how a comment is read."""
    parts = [
        "promotebot checks the request, proves the artifact's bytes, commits the registry to this branch and shows "
        "what changes. **Merging is the approval.**",
        table(("comment", "what it does"), [(code(command), description) for command, description in COMMANDS]),
        "One command per line, at the start of the line. Edited comments are not read again: write a new one.",
    ]
    return render_comment(None, "ℹ️", None, "what promotebot understands", lambda _: parts, context)
