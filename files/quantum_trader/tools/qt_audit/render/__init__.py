"""The forms of summaries and reports for people: text, HTML, SVG, mail; their templates.

`filing` and everything above it may import this.
"""
