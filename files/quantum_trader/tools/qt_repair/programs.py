"""The three programs that have a configuration: for Ansible and the documentation, which handle them all."""

from __future__ import annotations

from qt_repair.config.loading import AUTO_REPAIR
from qt_repair.monitor import configuration as monitor
from qt_repair.weekly import configuration as weekly

PROGRAMS = (AUTO_REPAIR, monitor.PROGRAM, weekly.PROGRAM)
