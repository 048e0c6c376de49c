"""Run a probe within its time limit. One that hangs or crashes is like one that cannot tell: ProbeError."""

from __future__ import annotations

import threading
import time

from qt_repair.finding import Finding, Probe, ProbeError

_GRACE_S = 2.0
_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 5.0


def run_probe(probe: Probe, timeout: float) -> Finding:
    """The probe's result. Raises ProbeError, also if the probe does not answer in time or has a bug."""
    answers: list[Finding | ProbeError] = []

    def run() -> None:
        try:
            answers.append(probe.check(timeout))
        except ProbeError as error:
            answers.append(error)
        except Exception as error:  # a bug in one probe must not stop the others
            answers.append(ProbeError(f"the probe itself failed ({type(error).__name__})"))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout + _GRACE_S)
    if not answers:
        raise ProbeError(f"the probe did not answer within {timeout:g} s")
    if isinstance(answers[0], ProbeError):
        raise answers[0]
    return answers[0]


def run_until_healthy(probe: Probe, timeout: float, patience: float) -> tuple[Finding, int]:
    """Repeat the probe until it finds health or `patience` seconds are over; the last result, and the count.

    A probe that cannot tell counts as unhealthy: a repair that cannot be confirmed did not help.
    """
    deadline, pause, count = time.monotonic() + patience, _PAUSE_S, 0
    while True:
        count += 1
        try:
            found = run_probe(probe, timeout)
        except ProbeError as error:
            found = Finding(False, str(error))
        left = deadline - time.monotonic()
        if found.healthy or left <= 0:
            return found, count
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)
