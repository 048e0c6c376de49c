"""Periods, the ledger of summaries, and what happened in a period, as plain data. Pure.

`report` and everything above it may import this.
"""
