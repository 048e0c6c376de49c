"""The weekly validation: its phases, report and schedule.

Only its face and `programs` import this.
"""
