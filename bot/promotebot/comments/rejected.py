"""Answers to `/reject`: what is proposed for quarantine and where, who runs it today, and how to lift it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promotebot.artifact.quarantine import Quarantined
from promotebot.comments.comment import CommentContext, Rendered, contacts_line, requested_by, sentence
from promotebot.comments.markdown import bounded, code, fence, link, text
from promotebot.comments.notices import note
from promotebot.promotion.commands import with_prefix
from promotebot.promotion.quarantine_edit import entry_line
from promotebot.promotion.reject import Holding, RejectedArtifact
from promotebot.registry.names import Stage
from promotebot.remedies import comment, flag_words, shell
from promotebot.text import short_digest, shortened, visible

REJECT = "@reject"
"""The subject of these answers; no model's name holds an @."""
MAX_HOLDERS = 10
"""Stages that one answer names."""
MAX_TITLE = 200
"""Characters; GitHub takes 256."""


@dataclass(frozen=True)
class Proposed:
    """What a rejection did."""

    rejected: RejectedArtifact
    policy_path: str
    pull: int
    """The pull request whose merge puts it into quarantine."""
    holders: Sequence[Holding]
    """The stages that hold it today."""
    commit: str = ""
    """On the branch of the pull request that was commented on; empty where it got one of its own."""
    withdrawn: Sequence[str] = ()
    """What was taken out of this pull request, in Markdown."""
    elsewhere: str = ""
    """Why it got a pull request of its own, in words."""
    is_known: bool = False
    """Somebody else's request proposed it, and its pull request is still open."""
    is_in_branch: bool = False
    """The artifact's files come with the pull request."""


def render_proposed(one: Proposed, context: CommentContext) -> Rendered:
    """Return the answer to a rejection that was carried out: what merging does, and what it does not."""
    rejected = one.rejected
    merge = "this pull request" if one.commit else f"#{one.pull}"
    page = f"{context.repo_url}/pull/{one.pull}"
    added = (
        f"Commit {context.commit(one.commit)} on this branch" if one.commit else link(f"Pull request #{one.pull}", page)
    )
    adds = [
        f"{added} adds this line to `quarantine` in {code(one.policy_path)}:",
        fence(entry_line(rejected.entry), "yaml"),
    ]
    if one.is_known:  # with its own reason
        adds = [
            f"{added} of an earlier request adds it to `quarantine` in {code(one.policy_path)}. Nothing was changed."
        ]
    parts = [
        *adds,
        f"It is the sha256 of {code(rejected.file)} in {code(rejected.artifact_dir)}. After the merge, every copy of "
        "this file is refused, under any name and in any directory: in promotions, rollbacks and imports, and where "
        f"services load it. **Until {merge} is merged, nothing is in quarantine.**",
        sentence(one.elsewhere) if one.elsewhere else "",
        *(f"- ↩️ Withdrawn from this pull request: {line}" for line in one.withdrawn),
        *_holders(rejected, one.holders),
        f"**Next:** merge {merge}.{_files(one)}",
        f"**To take it back:** before the merge, {_undo(one)}. After it, remove the line from the policy in a pull "
        "request that two other people approve.",
        requested_by(context),
    ]
    proposed = "is proposed for quarantine already" if one.is_known else "is proposed for quarantine"
    heading = f"🚫 {code(rejected.model)} · {code(rejected.artifact_dir)} {proposed}"
    return _answer(heading, parts, f"{rejected.artifact_dir} {proposed}", context)


def render_known(rejected: RejectedArtifact, entry: Quarantined, place: str, context: CommentContext) -> Rendered:
    """Return the answer to a rejection of what is rejected already.

    Args:
        place: where the entry stands, in Markdown.
    """
    parts = [
        f"{place} has {code(short_digest(entry.digest))}: {sentence(entry.reason)} Nothing was changed.",
        requested_by(context) + contacts_line(context),
    ]
    title = f"{rejected.artifact_dir} is in quarantine already"
    return _answer(f"🚫 {code(rejected.artifact_dir)} is in quarantine already", parts, title, context)


def render_done(rejected: RejectedArtifact, done: str | int, context: CommentContext) -> Rendered:
    """Return the answer to a request that was carried out before.

    Args:
        done: the commit, or the pull request, that did it.
    """
    by = link(f"#{done}", f"{context.repo_url}/pull/{done}") if isinstance(done, int) else context.commit(done)
    parts = [
        f"{by} carried it out. Nothing was changed: a request is carried out once, also if its job runs again after "
        "the pull request was merged or closed. To reject the artifact again, write a new comment.",
        requested_by(context),
    ]
    title = f"This request rejected {rejected.artifact_dir} before"
    return _answer(f"🚫 This request rejected {code(rejected.artifact_dir)} before", parts, title, context)


def render_title(rejected: RejectedArtifact) -> str:
    """Return the title of the pull request that a rejection gets of its own."""
    return shortened(visible(f"Reject {rejected.artifact_dir}: {rejected.entry.reason}"), MAX_TITLE)


def render_description(rejected: RejectedArtifact, holders: Sequence[Holding], context: CommentContext) -> str:
    """Return the description of the pull request that a rejection gets of its own."""
    parts = [
        f"### Rejected: {text(rejected.entry.reason)}",
        fence(entry_line(rejected.entry), "yaml"),
        f"The sha256 of {code(rejected.file)} in {code(rejected.artifact_dir)}, rejected for {code(rejected.model)}. "
        "**Merging this puts it into quarantine:** every copy is refused in promotions, rollbacks and imports, and "
        "where services load it.",
        *_holders(rejected, holders),
        f"Requested by {code(context.requester)} in {link(context.request_word, context.request_url)}. To stop it, "
        "close this pull request.",
    ]
    return bounded([with_prefix(part, context.prefix) for part in parts], where_else="the run")


def _holders(rejected: RejectedArtifact, holders: Sequence[Holding]) -> list[str]:
    """Return a line for each stage that holds the bytes: a policy changes no stage by itself."""
    lines = [_holder(rejected, one) for one in holders[:MAX_HOLDERS]]
    more = len(holders) - len(lines)
    return [*lines, f"- … and {more} more: {code('/status')}"] if more else lines


def _holder(rejected: RejectedArtifact, one: Holding) -> str:
    reason = flag_words("reason", rejected.entry.reason)
    held = f"{one.stage.label} of {code(one.model)}"
    is_live = one.stage is Stage.ACTIVE
    out = comment("/demote", one.model, one.stage.value, *reason)
    # Where nothing earlier was ACTIVE, a rollback has nowhere to go.
    line = comment("/rollback", one.model, *reason) if is_live and one.can_go_back else out
    does = f"**{held} runs it now**" if is_live else f"{held} holds it"
    return f"- ⚠️ {does} ({code(one.pointer.artifact_id)}), and goes on doing so: {code(str(line))}"


def _files(one: Proposed) -> str:
    if not one.is_in_branch:
        return ""
    gone = shell("git", "rm", "-r", "--", one.rejected.artifact_dir)
    gone = gone.then("git", "commit", "--message", f"chore(ml): Remove {one.rejected.artifact_dir}").then("git", "push")
    return (
        " The files of the artifact are merged with it, which does no harm. To keep them out, run this on the branch "
        f"first: {code(str(gone))}"
    )


def _undo(one: Proposed) -> str:
    if one.commit:
        return "remove the line from the file on this branch"
    return f"close #{one.pull}"


def _answer(heading: str, parts: Sequence[str], title: str, context: CommentContext) -> Rendered:
    said = [with_prefix(part, context.prefix) for part in parts if part]
    return note(REJECT, heading, said, context, title=title)
