"""The audit trail: record, read back, verify and summarise what a server did to itself.

Modules that recording needs (those of `record` and `settings`, `wake` and `recorder`) import the
standard library alone, and little of it: a repair script pays for their import. They use plain
classes where the rest uses dataclasses: `dataclasses` and `typing` would double the time that it takes.
"""
