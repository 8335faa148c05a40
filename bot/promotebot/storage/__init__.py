"""Files outside of git: what a place there may be called, and the buckets that hold them.

Nothing here looks at a policy, and nothing of fsspec is loaded before a file is read.
"""
