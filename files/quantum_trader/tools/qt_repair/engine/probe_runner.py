"""Ask a probe, whatever it does: one that hangs or breaks says nothing, and keeps nobody waiting for ever."""

from __future__ import annotations

import threading
import time

from qt_repair.finding import Finding, Probe, ProbeError

_GRACE_S = 2.0
_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 5.0


def run_probe(probe: Probe, timeout: float) -> Finding:
    """What the probe sees. Raises ProbeError, also for one that does not answer or has a fault of its own."""
    answers: list[Finding | ProbeError] = []

    def run() -> None:
        try:
            answers.append(probe.check(timeout))
        except ProbeError as error:
            answers.append(error)
        except Exception as error:  # a fault of one probe must not stop the others
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
    """Ask again until it is healthy or `patience` seconds are over; the last answer, and how many there were.

    A probe that cannot tell counts as not healthy: what cannot be seen did not help.
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
