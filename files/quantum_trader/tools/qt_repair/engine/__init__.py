"""Probe, record the intent, repair, probe again, record the outcome; and the guard that limits repairs.

`monitor` and `weekly` import this.
"""
