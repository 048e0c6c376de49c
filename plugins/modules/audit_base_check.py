#!/usr/bin/python
"""What is checked before anything is changed; the action of this name does it, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_base_check
short_description: Check the collection and the variables of its roles, before anything is changed
description:
  - Runs on the controller and connects to no host.
  - The collection must be whole, and the only version of it that Ansible can find.
  - A variable with the prefix of a role that no role knows is refused, with the name that was probably meant.
  - A variable that refers to one that is not defined, or a vault that cannot be opened, is refused.
  - No value is ever shown.
author: Quantum Trader (@quantum-trader)
"""

EXAMPLES = r"""
- name: Check the variables
  quantum_trader.audit.audit_base_check:
"""

RETURN = r""" # """
