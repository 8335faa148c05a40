"""The result of reading another tool's registry: pointers as they are written there, and remarks on everything else."""

from __future__ import annotations

from dataclasses import dataclass, field

from promotebot.registry.names import Stage


@dataclass(frozen=True)
class Remark:
    """One line on something that is not taken over, or not as it is written."""

    place: str
    message: str
    is_blocking: bool = False
    """It may name what a stage holds, and cannot be mapped: without somebody's decision nothing is imported."""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True)
class Written:
    """A pointer as another tool wrote it: texts, not checked yet; empty where the tool says nothing."""

    model: str
    stage: Stage
    place: str
    """Where it stands, such as `$.models.fraud.production`."""
    artifact: str = ""
    """A path or an address of the model."""
    artifact_id: str = ""
    version: str = ""
    git_sha: str = ""
    dataset_id: str = ""
    promoted_at: str = ""
    actor: str = ""
    notes: str = ""
    holds_tree: str = ""
    """The git tree that the tool says is meant, where it says so."""


@dataclass
class Found:
    """What was found in one file, folder or database."""

    format: str
    """flat, MLflow or GTO."""
    pointers: list[Written] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def tell(self, place: str, message: str, *, blocking: bool = False) -> None:
        """Add a remark."""
        self.remarks.append(Remark(place, message, blocking))
