"""The engine: probe, decide, record, repair, probe again. Each repair goes through it; none is unrecorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qt_audit.recorder import AuditError, action, log_action
from qt_repair import kinds
from qt_repair.config.loading import Config
from qt_repair.engine.actor import BusyError, hold_actor_lock
from qt_repair.engine.guard import Guard, GuardError, Limits
from qt_repair.engine.probe_runner import run_probe, run_until_healthy
from qt_repair.finding import Finding, Probe, ProbeError, Repair, RepairError

FINE = frozenset({"healthy", "repaired"})
"""The states after which nothing is left to do."""


@dataclass(frozen=True)
class Result:
    """The result of one repair."""

    name: str
    kind: str
    state: str
    """healthy or repaired; unhealthy (only probed), dry_run, failed, frozen, held (by cooldown or budget),
    busy (another program is repairing), unknown (the probe cannot tell), or refused (not done, because the
    guard's state or the record could not be written)."""
    text: str
    """One line for people."""
    details: Mapping[str, Any] = field(default_factory=dict)
    run: str | None = None
    """The `run` of its entries; None if there are none."""

    @property
    def fine(self) -> bool:
        return self.state in FINE

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "state": self.state,
            "text": self.text,
            "run": self.run,
            "details": dict(self.details),
        }


class Engine:
    """Runs the repairs of one configuration. `trigger` is what asked for it, such as the monitor's `run`."""

    def __init__(
        self,
        config: Config,
        source: str,
        *,
        trigger: str | None = None,
        dry_run: bool = False,
        force: bool = False,
    ) -> None:
        self._config = config
        self._source = source
        self._trigger = trigger
        self._dry_run = dry_run
        self._force = force
        self._bounds = config.value["guard"]
        self.guard = Guard(config.home, self._bounds["max_per_hour"])

    def probe(self, name: str) -> Result:
        """Run the probe of a repair. Changes nothing but the guard's state."""
        return self._run_probe(_Task(name, self._config))

    def repair(self, name: str) -> Result:
        """Repair what is unhealthy, if the guard allows it; recorded before and after."""
        task = _Task(name, self._config)
        before = self._run_probe(task)
        if before.state != "unhealthy":
            return before
        if self._dry_run:
            return self._dry_run_result(task, before)
        try:
            with hold_actor_lock(self._config.home, self._source, name, self._bounds["lock_wait"]):
                before = self._run_probe(task)  # it may have been repaired while we waited
                if before.state != "unhealthy":
                    return before
                return self._decide(task, before)
        except BusyError as error:
            return task.result("busy", f"{before.text}; not repaired: {error}")
        except GuardError as error:
            return self._record_refusal(task, before, str(error))

    def unfreeze(self, name: str) -> bool:
        """Lift a freeze by hand, and record that; whether there was one. Raises GuardError."""
        was = self.guard.unfreeze(name)
        if was:
            self._record(f"Auto-repair: Unfrozen {name} by hand", "info", name)
        return was

    def _run_probe(self, task: _Task) -> Result:
        try:
            found = run_probe(task.probe, task.settings["probe_timeout"])
        except ProbeError as error:
            return task.result("unknown", f"cannot tell: {error}")
        task.finding = found
        try:
            if self.guard.record_probe(task.name, found.healthy, task.limits):
                healthy_for = f"healthy for {task.limits.thaw_after:g} s"
                self._record(f"Auto-repair: Unfrozen {task.name}: {healthy_for}", "info", task.name)
        except GuardError:
            pass  # it is reported when something must be repaired
        return task.result("healthy" if found.healthy else "unhealthy", found.summary, found.details)

    def _dry_run_result(self, task: _Task, before: Result) -> Result:
        try:
            decision = self.guard.decision(task.name, task.limits)
        except GuardError as error:
            return task.result("dry_run", f"{before.text}; would do nothing: {error}")
        if decision.allowed or self._force:
            return task.result("dry_run", f"{before.text}; would record and do: {task.intent()}")
        return task.result("dry_run", f"{before.text}; would do nothing: {decision.why or decision.freeze}")

    def _decide(self, task: _Task, before: Result) -> Result:
        decision = self.guard.decision(task.name, task.limits)
        if decision.allowed or self._force:
            return self._repair(task, before)
        if decision.freeze:
            return self._freeze(task, before, decision.freeze)
        if decision.frozen:
            return task.result("frozen", f"{before.text}; {decision.why}")
        return task.result("held", f"{before.text}; {decision.why}", {"wait_s": round(decision.wait_s, 1)})

    def _repair(self, task: _Task, before: Result) -> Result:
        details = {"repair": task.name, "kind": task.kind, "before": before.text, **self._trigger_details()}
        self.guard.record_attempt(task.name)
        act = action(
            task.sentence(), intent=task.intent(), source=self._source, details=details, required=True
        )
        begun, healthy, text, end_not_recorded = False, False, "", ""
        try:
            with act:
                begun = True
                healthy, text = self._repair_and_verify(task, act)
        except AuditError as error:
            if not begun:
                self.guard.withdraw_attempt(task.name)
                return task.result("refused", f"{before.text}; not repaired: {error}")
            end_not_recorded = "; how it ended is not in the record, which cannot be written in any place"
        done = act.sentence if healthy else f"{act.sentence} - FAILED: {text}"
        state = "repaired" if healthy and not end_not_recorded else "failed"
        try:
            frozen = self._report_to_guard(task, before, healthy, act.run)
        except GuardError as error:  # for the guard the attempt did not help
            return task.result(state, f"{done}{end_not_recorded}; {error}", run=act.run)
        return frozen or task.result(state, f"{done}{end_not_recorded}", run=act.run)

    def _report_to_guard(self, task: _Task, before: Result, healthy: bool, run: str) -> Result | None:
        """Report an attempt to the guard; the result if that froze the repair. Raises GuardError."""
        if healthy:
            self.guard.record_success(task.name)
            return None
        decision = self.guard.decision(task.name, task.limits)
        if decision.freeze and not self._force:
            return self._freeze(task, before, decision.freeze, run)
        return None

    def _repair_and_verify(self, task: _Task, act: action) -> tuple[bool, str]:
        """Repair, then probe until healthy: whether it helped, and else why not."""
        assert task.finding is not None
        try:
            result = task.repair.run(task.finding, task.settings["timeout"])
        except RepairError as error:
            return self._failed(act, str(error), error.exit_code, error.output)
        except Exception as error:  # a bug in one repair must not stop the others
            return self._failed(act, f"the repair itself failed ({type(error).__name__})", None, "")
        act.sentence = result.sentence
        act.detail(**{"exit_code": 0, **result.details})
        after, probes = run_until_healthy(
            task.probe, task.settings["probe_timeout"], task.settings["patience"]
        )
        act.detail(after=after.summary, probes=probes)
        if not after.healthy:
            act.fail(f"it did not help: {after.summary}")
            return False, f"it did not help: {after.summary}"
        return True, ""

    def _failed(self, act: action, why: str, exit_code: int | None, output: str) -> tuple[bool, str]:
        act.detail(exit_code=1 if exit_code is None else exit_code)
        if output:
            act.detail(output=output)
        act.fail(why)
        return False, why

    def _freeze(self, task: _Task, before: Result, why: str, run: str | None = None) -> Result:
        """Freeze a repair and escalate: only once, because a frozen repair is not tried again."""
        self.guard.freeze(task.name, why)
        details = {"escalation": True, "kind": task.kind, "before": before.text}
        self._record(f"Auto-repair: Frozen {task.name}: {why}", "failed", task.name, details)
        return task.result(
            "frozen", f"{before.text}; frozen: {why}; look at it, then --unfreeze {task.name}", run=run
        )

    def _record_refusal(self, task: _Task, before: Result, why: str) -> Result:
        details = {"kind": task.kind, "before": before.text}
        self._record(f"Auto-repair: Nothing done about {task.name}: {why}", "failed", task.name, details)
        return task.result("refused", f"{before.text}; not repaired: {why}")

    def _record(self, text: str, outcome: str, name: str, details: Mapping[str, Any] | None = None) -> None:
        about = {"repair": name, **(details or {}), **self._trigger_details()}
        log_action(text, source=self._source, outcome=outcome, details=about)

    def _trigger_details(self) -> dict[str, Any]:
        """What asked for the repair, as a detail of each entry."""
        return {} if self._trigger is None else {"trigger": self._trigger}


class _Task:
    """One repair: its settings, its probe and the probe's last finding."""

    def __init__(self, name: str, config: Config) -> None:
        self.name = name
        self.settings = config.repairs[name]
        self.kind: str = self.settings["kind"]
        self.limits = Limits.from_settings(self.settings)
        self.probe: Probe = kinds.probe_of(self.settings, config.home)
        self.repair: Repair = kinds.repair_of(self.settings, config.home, self.probe)
        self.finding: Finding | None = None

    def intent(self) -> str:
        assert self.finding is not None
        return self.repair.intent(self.finding)

    def sentence(self) -> str:
        assert self.finding is not None
        return self.repair.sentence(self.finding)

    def result(
        self, state: str, text: str, details: Mapping[str, Any] | None = None, run: str | None = None
    ) -> Result:
        return Result(self.name, self.kind, state, text, details or {}, run)
