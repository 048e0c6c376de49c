"""The one table of settings, audit.env, and the redaction of secrets.

Everything may import this; it imports no other part.
"""
