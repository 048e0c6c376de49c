"""Directory trees of Python modules: digests, bytecode, imports, the accepted state.

Only `weekly` imports this.
"""
