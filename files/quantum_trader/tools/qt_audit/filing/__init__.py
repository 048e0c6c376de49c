"""Make the summaries and pages of a period, file them, and keep the ledger of it.

`delivery`, `doctor` and `commands` may import this.
"""
