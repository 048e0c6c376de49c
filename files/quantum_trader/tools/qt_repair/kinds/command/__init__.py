"""The operator's own program."""
