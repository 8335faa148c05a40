"""Post a card or an answer: the check first, then the comment and reactions, none of which changes the decision."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from promotebot.action.question import Question
from promotebot.action.requester import Requester
from promotebot.action.result import Answer, Outcome, finding_details
from promotebot.comments.comment import GENERAL, CommentContext, Rendered
from promotebot.comments.markdown import marked_subject
from promotebot.comments.refusals import render_refused_event, render_unclear
from promotebot.environment import ACTIONS_LOGIN
from promotebot.errors import PromotebotError
from promotebot.gate.refusal import Refusal
from promotebot.gate.status import Report, publish_verdict
from promotebot.github.checks import Annotation, Conclusion, gate_context
from promotebot.registry.names import ModelName
from promotebot.settings import Settings

if TYPE_CHECKING:  # rules and artifacts are loaded by whoever judges, PyGithub by whoever makes the client
    from promotebot.gate.evaluate import GateResult
    from promotebot.github.ports import GitHub, IssueComment, PullRequest
    from promotebot.promotion.contacts import Contacts
    from promotebot.pulls.changeset import Changeset

log = logging.getLogger(__name__)


def comment_context(settings: Settings, requester: Requester) -> CommentContext:
    """Return what a comment says of its own place: the repository, who asked, and where."""
    return CommentContext(
        repo=settings.repository,
        server_url=settings.server_url,
        head_sha="",
        requester=requester.login,
        request_url=requester.url,
        base_ref="",
        run_url=settings.run_url,
        request_word="this comment" if requester.comment_id else requester.word,
        by_actions=settings.bot_login == ACTIONS_LOGIN,
        prefix=settings.prefix,
        base_dir=settings.base_dir,
    )


def refusal_answer(refusal: Refusal, context: CommentContext) -> Answer:
    """Return the answer to a refused request where no comment can be posted: its summary says why."""
    if refusal.findings:
        rendered = render_unclear(refusal.findings, None, context)
    else:
        rendered = render_refused_event(refusal.message, refusal.remedy, context)
    message = f"{refusal.message}\nNext: {refusal.remedy}" if refusal.remedy else refusal.message
    details = finding_details(refusal.findings) if refusal.findings else {}
    return Answer(Outcome.REFUSED, refusal.reason, message, summary=rendered.full, details=details)


class Replier:
    """Posts on one pull request. A comment or reaction that fails is logged and changes nothing.

    The card of a model says what merging does, and stands in one place. An answer stands right below its question.
    """

    def __init__(self, github: GitHub, settings: Settings, requester: Requester) -> None:
        self._github = github
        self._settings = settings
        self._requester = requester
        self._question = Question()
        self._comments: Sequence[IssueComment] | None = None
        self._written: set[str] = set()
        """Markers of what was posted by this job, which is not among the comments that were read before."""
        self._folded: set[str] = set()
        self._read_contacts: Callable[[], Contacts] | None = None
        self.context = comment_context(settings, requester)

    def set_pull(self, pull: PullRequest, default_branch: str) -> None:
        """Speak of this pull request's head and base from now on, and publish under the base's own context."""
        gate = gate_context(pull.base_ref, default_branch)
        self.context = replace(self.context, head_sha=pull.head_sha, base_ref=pull.base_ref, gate=gate)

    def set_question(self, question: Question) -> None:
        """Answer this question from now on."""
        self._question = question

    def set_comments(self, comments: Sequence[IssueComment]) -> None:
        """Take these for the pull request's comments when the next answer is posted: they were read a moment ago."""
        self._comments = comments

    @property
    def comments(self) -> Sequence[IssueComment]:
        """The pull request's comments as they were read, the oldest first; none where they were not."""
        return self._comments or ()

    def set_head(self, head_sha: str, contacts: Contacts) -> None:
        """Speak of this head from now on, and name the policy's contacts where something failed."""
        self.context = replace(self.context, head_sha=head_sha, contacts=contacts)
        self._read_contacts = None

    def set_contacts(self, read: Callable[[], Contacts]) -> None:
        """Ask this for whom to name where something fails before the policy of the pull request's base was read."""
        self._read_contacts = read

    @property
    def failure_context(self) -> CommentContext:
        """What the answer to a failure says of its place; the policy is read for its contacts where it was not yet."""
        if self._read_contacts:
            self.set_head(self.context.head_sha, self._read_contacts())
        return self.context

    def set_unsigned(self) -> None:
        """Say beside the commit, from now on, that it is not signed."""
        self.context = replace(self.context, is_unsigned=True)

    @property
    def requester(self) -> Requester:
        """Who is answered."""
        return self._requester

    def has_answered(self) -> bool:
        """Return whether the answer to this request stands among the pull request's comments, as they were read."""
        marker, bot = self._question.marker(self._requester.login, self._request), self._settings.bot_login
        return any(one.author == bot and one.body.startswith(marker) for one in self.comments)

    def react(self, content: str) -> None:
        """Put a reaction on the comment that asked; nothing where no comment did."""
        if self._requester.comment_id is None:
            return
        try:
            self._github.react(self._requester.comment_id, content)
        except PromotebotError as problem:
            log.warning("no reaction: %s", problem)

    def check(
        self,
        head_sha: str,
        conclusion: Conclusion,
        title: str,
        rendered: Rendered,
        annotations: Sequence[Annotation] = (),
    ) -> None:
        """Publish the required status on a head, and the check run with the report beside it.

        Unlike a comment or the report, a status that fails is an error.

        Raises:
            CouldNotVerify: when GitHub does not take the status; running the job again sets it.
        """
        report = Report(rendered.body, annotations=annotations)
        publish_verdict(self._github, head_sha, self.context.gate, conclusion, title, report)

    def publish(self, result: GateResult, changeset: Changeset, rendered: Rendered) -> None:
        """Publish what the gate found on a head, as `check` does, with remarks on the lines that it is about.

        Raises:
            CouldNotVerify: when GitHub does not take the status.
        """
        from promotebot.gate.report import annotate, report_title

        report = Report(rendered.body, report_title(result), annotate(result.findings, changeset))
        publish_verdict(self._github, changeset.head, self.context.gate, result.conclusion, result.title, report)

    def update_if_present(self, answer: Answer, rendered: Rendered) -> Answer:
        """Only bring a comment up to date that stands there; where there is none, nothing had to be said."""
        try:
            comment = self._find(rendered)
        except PromotebotError as problem:
            log.warning("the comment could not be looked for: %s", problem)
            return replace(answer, summary=rendered.full)
        return self.post(answer, rendered) if comment else replace(answer, summary=rendered.full)

    def refuse(self, refusal: Refusal, *, message: str = "") -> Answer:
        """Post a refusal.

        Args:
            message: what the job's outputs say instead of the refusal's own words.
        """
        answer = Answer(Outcome.REFUSED, refusal.reason, message or refusal.message)
        return self.answer(answer, render_refused_event(refusal.message, refusal.remedy, self.failure_context))

    def answer(self, answer: Answer, rendered: Rendered) -> Answer:
        """Answer the question in a new comment, and fold the bot's older answers to it; no card is touched.

        A second run of the same job finds the first one's answer, and brings that up to date.
        """
        marker = self._question.marker(self._requester.login, self._request)
        if self._comments is None:
            self._comments = self._listed()
        body = f"{marker}{rendered.body.removeprefix(rendered.marker)}"
        return replace(answer, comment_url=self._put(marker, body, self._comments), summary=rendered.full)

    def post(self, answer: Answer, rendered: Rendered) -> Answer:
        """Put a model's card up, or up to date; a success answers the question, too."""
        url = self._put(rendered.marker, rendered.body, self._comments, is_answer=answer.succeeded)
        return replace(answer, comment_url=url, summary=rendered.full)

    @property
    def _request(self) -> str:
        """What a second run of the same job has in common with the first."""
        return self._requester.id or f"run:{self._settings.run_id or '0'}"

    def _listed(self) -> Sequence[IssueComment]:
        try:
            return self._github.comments(self._requester.pull)
        except PromotebotError as problem:  # better the same twice than silence
            log.warning("the comments could not be read: %s", problem)
            return ()

    def _put(self, marker: str, body: str, known: Sequence[IssueComment] | None, *, is_answer: bool = True) -> str:
        """Write a comment, then fold what it answers again; return its address, empty where it was not written."""
        read = None if marker in self._written else known
        self._written.add(marker)
        try:
            login = self._settings.bot_login
            url = self._github.upsert_comment(self._requester.pull, marker, body, author_login=login, known=read)
        except PromotebotError as problem:
            log.warning("no comment: %s", problem)
            return ""
        if is_answer:
            self._fold_older(known or (), but=marker)
        return url

    def _fold_older(self, known: Sequence[IssueComment], *, but: str) -> None:
        asked, bot = self._requester.login, self._settings.bot_login
        older = [one.node_id for one in self._question.older(known, asked, bot=bot, but=but)]
        older = [node_id for node_id in older if node_id not in self._folded]
        try:
            if older:
                self._github.minimize_comments(older)
        except PromotebotError as problem:
            log.warning("an older answer was not folded: %s", problem)
        self._folded.update(older)

    def models_with_card(self) -> list[ModelName]:
        """Return the models of which the pull request has a card of ours; none where GitHub does not answer."""
        try:
            if self._comments is None:
                self._comments = self._github.conversation(self._requester.pull)[1]
        except PromotebotError as problem:
            log.warning("the cards could not be looked for: %s", problem)
            return []
        bodies = (one.body for one in self._comments if one.author == self._settings.bot_login)
        subjects = dict.fromkeys(map(marked_subject, bodies))
        # A model's name has no @, which every other subject begins with.
        return [ModelName(one) for one in subjects if one and not one.startswith("@") and one != GENERAL]

    def _find(self, rendered: Rendered) -> IssueComment | None:
        login = self._settings.bot_login
        if self._comments is not None:
            ours = (one for one in self._comments if one.author == login and one.body.startswith(rendered.marker))
            return next(ours, None)
        return self._github.find_comment(self._requester.pull, rendered.marker, author_login=login)
