"""Incidents: what entries make one problem, when it is over, and when people are told of it. Pure.

Only `delivery` imports this.
"""
