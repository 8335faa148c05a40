"""The JSON of every answer, one module per kind of thing, as GitHub's REST description has it."""
