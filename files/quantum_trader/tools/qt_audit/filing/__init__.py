"""Make the summary and the page of a period, file them, and keep the ledger of filed periods.

`delivery`, `doctor` and `commands` may import this.
"""
