"""The policy: a team's rules for promotions. Read from the base commit, never from the pull request."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import yaml
from pydantic import Field, model_validator

from promotebot.artifact.limits import Formats, Limits, Places, Terms
from promotebot.artifact.quarantine import POLICY_PATH, Quarantine
from promotebot.artifact.signers import Signatures
from promotebot.errors import InvalidInput
from promotebot.promotion.aliases import AliasesField
from promotebot.promotion.contacts import Contacts
from promotebot.promotion.evaluation_policy import EvaluationSet
from promotebot.promotion.freezes import Freeze
from promotebot.promotion.model_policies import ModelPolicy, Models, check_narrow, in_force, patterns_of, strictest_of
from promotebot.promotion.overrides import Override
from promotebot.promotion.people import OWNERS, People, is_group, with_owners
from promotebot.promotion.policy_problems import in_file
from promotebot.promotion.sections import (
    ComparisonPolicy,
    Monitoring,
    Permission,
    Reminders,
    SchedulePolicy,
    Section,
    Separation,
    SignaturePolicy,
    Stages,
)
from promotebot.promotion.share_bounds import share_problems
from promotebot.promotion.thresholds import EvidencePolicy
from promotebot.promotion.windows import Window
from promotebot.registry.codec import canonical_json
from promotebot.registry.names import Digest, Stage
from promotebot.schema import validated_model
from promotebot.strict_yaml import StrictLoader

MAX_BYTES = 64 * 1024
"""Far more than a policy of every key needs; a YAML reader takes many times the file's size in memory."""

DEFAULT_PATH = POLICY_PATH


class Policy(Section):
    """`.github/promotion.yml` (docs/architecture.md, Files); every key has a default, so no file is a valid policy."""

    bases: tuple[str, ...] = ()
    """Base refs beside the default branch that may be promoted into."""
    stages: Stages = Stages()
    require_reason: bool = False
    require_sha: bool = False
    require_dataset: bool = False
    """True where ACTIVE needs the dataset's own manifest and files in the repository."""
    aliases: AliasesField = Field(default={})
    """Words for stages that commands, labels and flags take, too; the stage itself is written."""
    terminal: tuple[Stage, ...] = tuple(Stage)
    """Stages that take events made at a terminal; see `terminal_stages`."""
    drafts: bool = False
    """True where a draft pull request may carry promotions."""
    separation: Separation | None = None
    freezes: Annotated[tuple[Freeze, ...], Field(max_length=100)] = ()
    windows: Annotated[tuple[Window, ...], Field(max_length=100)] = ()
    """When a stage takes promotions; one that is in none of them always does."""
    formats: Formats = ("onnx",)
    """What a model's file may be; with `opaque` one that is no ONNX model goes on unopened."""
    evidence: EvidencePolicy = EvidencePolicy()
    """What each stage asks of claimed evidence."""
    quarantine: Quarantine = ()
    """What is never promoted or brought back again."""
    signature: SignaturePolicy = "refuse"
    """What becomes of a model with other inputs, outputs or features than ACTIVE has."""
    signature_people: People | None = None
    """Who may allow such a model, with `--allow-signature-change`; None for everybody who may promote."""
    comparison: ComparisonPolicy = ComparisonPolicy()
    """How close a candidate has to be to today's ACTIVE."""
    evaluation_set: EvaluationSet | None = None
    """Data on which a candidate is measured beside today's ACTIVE, and what it has to reach there."""
    overrides: Annotated[tuple[Override, ...], Field(max_length=50)] = ()
    """Exceptions that people may make from a rule."""
    models: Models = Field(default={})
    signatures: Signatures = Signatures()
    storage: Places = ()
    """Prefixes of the places outside of git that manifests may name; none is read that is not listed."""
    limits: Limits = Limits()
    monitoring: Annotated[tuple[Monitoring, ...], Field(max_length=20)] = ()
    """What people watch after a promotion."""
    contacts: Contacts = ()
    """Who is named where something failed; see `contacts_for`."""
    schedule: SchedulePolicy = SchedulePolicy()
    reminders: Reminders = Reminders()
    deployments: Literal["announce", "confirm"] = "announce"
    """With `confirm` a deployment is in progress until a service reports that it has the model."""

    @model_validator(mode="after")
    def _models_narrow(self) -> Policy:
        check_narrow(self, self.models)
        return self

    @property
    def terminal_stages(self) -> frozenset[Stage]:
        """Return the stages that take events made at a terminal.

        Such an event names no request that GitHub confirms: it shows neither who asked for it nor for which head. So
        ACTIVE takes none where the policy asks for either.
        """
        asks_github = self.require_sha or self.separation is not None
        return frozenset(self.terminal) - ({Stage.ACTIVE} if asks_github else set())

    @property
    def terms(self) -> Terms:
        """Return what it says in general about looking at an artifact; digests need no more."""
        signers = self.signatures.signers
        return Terms(**dict(self.limits), formats=self.formats, storage=self.storage, signers=signers)

    def for_model(self, *names: str) -> Policy:
        """Return the policy that holds for one model; for several, the strictest of theirs; for none, the general one.

        It judges alone: events record the digest of the whole policy.
        """
        own = [in_force(self, [self.models[one] for one in patterns_of(name, self.models)]) for name in names]
        return strictest_of(own or [self])

    @property
    def parts(self) -> tuple[Policy | ModelPolicy, ...]:
        """Return what holds in general, and what each pattern of models says."""
        return (self, *self.models.values())

    @property
    def lists_of_people(self) -> list[tuple[str, ...]]:
        """Return every list of people that it has, whatever they may do."""
        lists = [one.stages.people(stage) for one in self.parts for stage in Stage]
        lists += [one.signature_people or () for one in self.parts]
        return [*lists, *(one.people for one in self.overrides)]

    @property
    def groups(self) -> frozenset[str]:
        """Return all groups that it names, for a look back: whoever asked was in the one that the gate saw them in."""
        return frozenset(name for people in self.lists_of_people for name in people if is_group(name))

    @property
    def names_owners(self) -> bool:
        """Return whether anything is for the owners of models, whom the file CODEOWNERS names."""
        return any(OWNERS in people for people in self.lists_of_people)

    def with_owners(self, owners: Sequence[str] | None) -> Policy:
        """Return the policy with these owners in the place of `CODEOWNERS`. It judges alone, as `for_model` does.

        Args:
            owners: None where the model is not known yet, and with it who owns it: then everybody may be one.
        """
        models = {name: _staffed(one, owners) for name, one in self.models.items()}
        return _staffed(self.model_copy(update={"models": models}), owners)

    @property
    def variants(self) -> tuple[Policy, ...]:
        """Return the general policy and what each pattern makes of it: every model's is one of these, or stricter."""
        return (self, *(in_force(self, [one]) for one in self.models.values()))

    @property
    def strictest(self) -> Policy:
        """Return what holds where the model is not known, and nothing may be let through that its own would refuse."""
        return strictest_of(self.variants)

    def terms_for(self, *models: str) -> Terms:
        """Return what it says about looking at an artifact of one model; of several, what all of them may be."""
        return self.for_model(*models).terms

    @property
    def digest(self) -> Digest:
        """Return the sha256 of the canonical JSON of the policy in force, defaults included.

        It is recorded with each event, so that a reader finds the rules that the event was judged by.
        """
        return Digest("sha256:" + hashlib.sha256(canonical_json(self.model_dump(mode="json"))).hexdigest())


def _staffed(section: _Staffed, owners: Sequence[str] | None) -> _Staffed:
    """Return a policy, or a pattern's, with owners where it names them; what it does not set stays unset."""
    stages = section.stages
    for stage in (stage for stage in Stage if OWNERS in stages.people(stage)):
        own = stages.of(stage)
        people = with_owners(own.people, owners or ())
        update = {"people": people} if owners is not None else {"people": people, "permission": Permission.NONE}
        stages = stages.model_copy(update={stage.value: own.model_copy(update=update)})
    return section if stages is section.stages else section.model_copy(update={"stages": stages})


_Staffed = TypeVar("_Staffed", Policy, ModelPolicy)


def parse_policy(data: bytes | None, *, where: str = DEFAULT_PATH) -> Policy:
    """Return the policy of a file; None (no file) gives the defaults.

    Raises:
        InvalidInput: naming every key that is unknown or wrong.
    """
    if data is None:
        return Policy()
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"policy is {len(data):,} bytes; the limit is {MAX_BYTES:,}", where=where)
    try:
        document = yaml.load(data.decode("utf-8"), Loader=StrictLoader)  # noqa: S506 - a SafeLoader, stricter
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as problem:
        raise InvalidInput(f"not a YAML file: {' '.join(str(problem).split())}", where=where) from None
    # An empty file, or one with comments only, is a policy of defaults.
    document = {} if document is None else document
    result = validated_model(Policy, document)
    wrong = share_problems(result.stages, result.models) if isinstance(result, Policy) else result
    if isinstance(result, Policy) and not wrong:
        return result
    problems = in_file(wrong, data.decode("utf-8"))
    raise InvalidInput("; ".join(problems), where=where, remedy="docs/policy.md lists every key")
