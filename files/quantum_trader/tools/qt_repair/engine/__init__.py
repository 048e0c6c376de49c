"""Probe, record the intent, repair, probe again, record the outcome; the guard that bounds it.

`monitor` and `weekly` import this.
"""
