"""`promotebot doctor`: is the repository on GitHub set up so that promotions work, and not past the rules?"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from promotebot.cli.github_settings import ORIGIN, origin_on, settings_of
from promotebot.cli.output import add_format, write_document, write_file, write_lines
from promotebot.doctor.catalogue import diagnose
from promotebot.doctor.facts import Facts
from promotebot.doctor.fix import missing_files
from promotebot.doctor.read import connected, gather
from promotebot.doctor.report import DoctorReport, Status
from promotebot.doctor.setting_checks import labels_of, missing_labels
from promotebot.errors import PromotebotError, UsageError
from promotebot.git.checkout import Checkout
from promotebot.settings import Settings
from promotebot.text import visible

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `promotebot doctor`."""
    parser.add_argument("--repo", metavar="OWNER/NAME", help="the repository on GitHub (default: the one of origin)")
    add_format(parser)
    parser.add_argument("--fix", action="store_true", help="make missing labels, write missing files; nothing else")


def run(options: argparse.Namespace, now: datetime) -> int:  # noqa: ARG001 - as every command
    """Print a line for each check, with what mends it.

    Returns:
        0 nothing is wrong, 1 there are problems, 4 something could not be known.

    Raises:
        UsageError: without a token or a repository.
        CouldNotVerify: when GitHub does not answer at all.
    """
    checkout = _checkout()
    settings = _settings(options.repo, checkout, options.environment)
    with connected(settings) as github:
        facts = gather(settings, github)
        if options.fix:
            _write_files(facts, checkout if settings.repository == _repository_of(checkout) else None)
            made = missing_labels(facts)
            for name in made:
                github.create_label(name, labels_of(facts)[name])
                log.info("made    label %s", name)
            facts = gather(settings, github) if made else facts
    report = diagnose(facts)
    if options.format == "json":
        write_document(report)
    else:
        write_lines(_lines(report))
    return report.exit_code


def _checkout() -> Checkout | None:
    try:
        return Checkout.open(Path())
    except UsageError:
        return None


def _settings(repo: str | None, checkout: Checkout | None, environment: Mapping[str, str]) -> Settings:
    """Return what the client needs: the token and addresses of the environment, the repository as asked for."""
    remedy = "GITHUB_TOKEN=$(gh auth token) promotebot doctor; an administrator's token is told everything"
    return settings_of(repo, environment, otherwise=lambda server: origin_on(checkout, server), remedy=remedy)


def _repository_of(checkout: Checkout | None) -> str:
    """Return the repository that origin names, whatever its server; empty without one."""
    match = ORIGIN.fullmatch(checkout.origin_url()) if checkout else None
    return match["name"] if match else ""


def _write_files(facts: Facts, checkout: Checkout | None) -> None:
    """Write the missing files into the work tree, overwriting nothing and through no link, and say so."""
    for path, data in missing_files(facts).items():
        if checkout is None:
            log.warning("left    %s: run it in a clone of %s", path, facts.repository)
            continue
        target = checkout.root / path
        if any((checkout.root / parent).is_symlink() for parent in Path(path).parents):
            log.warning("left    %s: a symbolic link is on the way there", path)
        elif target.exists() or target.is_symlink():
            log.info("kept    %s: it is here already; commit and push it", path)
        else:
            _write(target, path, data)


def _write(target: Path, path: str, data: bytes) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, data)
    except (OSError, PromotebotError) as problem:
        log.warning("left    %s: %s", path, problem)
    else:
        log.info("created %s: commit and push it", path)


def _lines(report: DoctorReport) -> Iterator[str]:
    """Yield the report for a terminal; what stands in settings is shown as plain characters."""
    for line in report.lines:
        where = f" [{line.where}]" if line.where else ""
        yield visible(f"{line.status.value:<7} {line.id}{where}: {line.found}. {line.meaning}")
        if line.status is not Status.OK:
            yield visible(f"        Next: {line.remedy}")
    yield visible(report.title)
