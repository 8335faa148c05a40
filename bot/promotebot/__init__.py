"""promotebot: the pull request is the only way a model reaches a stage."""

__version__ = "0.1.0"
