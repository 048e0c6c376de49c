"""The monitor's state file, and how the next monitor continues from it.

Only `monitor` imports this.
"""
