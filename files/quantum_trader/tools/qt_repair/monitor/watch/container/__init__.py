"""A container: does it run, and is it healthy?"""

from __future__ import annotations

OBJECT: tuple[str, ...] = ("container",)
