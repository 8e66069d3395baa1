"""Batches as containers: `executor` is the host, `command` the words of `docker create`, `scripts` the bash texts."""
