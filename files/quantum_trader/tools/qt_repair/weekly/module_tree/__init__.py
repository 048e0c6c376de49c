"""Directory trees of Python modules: their digests, bytecode and imports, and the accepted state.

Only `weekly` imports this.
"""
