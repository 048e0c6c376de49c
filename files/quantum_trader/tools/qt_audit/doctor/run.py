"""Run all checks of an installation. Nothing is created or changed."""

from __future__ import annotations

import os

from qt_audit.doctor.check import Check
from qt_audit.doctor.delivery import delivery_checks
from qt_audit.doctor.host import HostPaths, host_checks
from qt_audit.doctor.installation import installation_checks
from qt_audit.doctor.record import record_checks
from qt_audit.settings.loading import Settings


def run_checks(settings: Settings, paths: HostPaths) -> list[Check]:
    """All checks, in the order in which they are shown; without a home directory only the check of it."""
    checks = installation_checks(settings)
    if os.path.isdir(settings.home):
        checks += record_checks(settings) + delivery_checks(settings) + host_checks(settings.home, paths)
    return checks
