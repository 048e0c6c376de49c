"""The repair programs: probe, decide, record, repair, probe again.

They share the configuration (config), the kinds of repair (kinds: each a probe that changes nothing, and a
repair), the guard that limits repairs, and the engine, which repairs nothing unrecorded (engine).
A library that only one kind needs is imported by that kind.
"""
