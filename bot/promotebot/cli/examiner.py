"""What examines artifacts for a command, from its options; it works without git, too."""

from __future__ import annotations

import argparse

from promotebot.planning.examiner import Examiner
from promotebot.storage.buckets import Buckets


def examiner_of(options: argparse.Namespace) -> Examiner:
    """Return an examiner that reads files outside of git as the environment says."""
    return Examiner(store=Buckets(options.environment))
