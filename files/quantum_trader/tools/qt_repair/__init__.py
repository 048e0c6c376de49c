"""The repair programs: probe, decide, record, repair, prove.

What they share: a configuration (config), probes that look and change nothing, repairs that
act, a guard that bounds them, and the engine, which lets nothing happen unrecorded.
Libraries that only one kind needs are imported where that kind needs them.
"""
