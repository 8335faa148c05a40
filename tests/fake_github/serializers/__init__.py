"""GitHub's JSON objects: one template for each, filled in from the state."""
