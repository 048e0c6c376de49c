"""The forms that a summary takes for people."""
