"""A decision as a document: what `--format json` prints, with a schema of its own."""

from __future__ import annotations
