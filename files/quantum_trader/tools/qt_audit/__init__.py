"""The audit trail: record, read back, verify and summarise what a server did to itself.

The modules that recording needs (those of `record` and `settings`, `wake` and `recorder`) import only the
standard library, and little of it, because every repair script imports them. They use plain classes, not
dataclasses: importing `dataclasses` and `typing` would double the time.
"""
