"""Where the checkout that is tested lies, and what of it the tests run."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DELIVERED = ROOT / "files/quantum_trader"
TOOLS = DELIVERED / "tools"
FACE = TOOLS / "audit_logger.py"
