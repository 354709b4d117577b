"""Starts the steps of a pipeline when their inputs are there, until all are over."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

from barrido import app
from barrido.core.events import Verb
from barrido.core.layout import PipelineFolder, SweepFolder
from barrido.core.pipeline import Step, StepPhase, decide
from barrido.core.protocols import Clock
from barrido.errors import BarridoError, RequestError, StoreError
from barrido.pipelines.records import PipelineState, StepEnd, read_recipe, read_state, write_state
from barrido.pipelines.standing import StepStanding, look_at

log = logging.getLogger(__name__)

LOOK_S = 0.2
"""How often there is a look at the steps."""

ORIGIN = "pipeline"
TRIES = 5
LONGEST_WAIT_S = 60.0
AGAIN_S = 1.0
"""How soon what the disk did not let it do is tried again."""

UNREADABLE_S = 60.0
"""How long a step's job may be out of reach before the step has failed."""


class Runner:
    """One pipeline, run by one process, which holds its lock.

    Everything is derived from the steps' jobs, but for the ends that were seen: those are written down before
    anything follows from them, so that a step that is run again later changes nothing behind it.
    """

    def __init__(self, folder: PipelineFolder, clock: Clock, *, slots: int) -> None:
        self._folder = folder
        self._clock = clock
        self._slots = slots
        self._recipe = read_recipe(folder)
        self._state = read_state(folder)
        self._told: set[str] = set()  # steps that were told to stop
        self._revived: dict[str, tuple[int, float]] = {}  # how often, and when to try again
        self._in_vain: dict[str, int] = {}  # how often no controller came up, since one did
        self._failures: dict[str, str] = {}  # steps whose jobs cannot be made, or run
        self._unread: dict[str, float] = {}  # since when steps' jobs cannot be read

    def run(self) -> None:
        """To its end. What a full disk, or one that may not be written to, forbids is done once it can be.

        Raises StoreError, OSError if the pipeline's folder is gone.
        """
        trouble = ""
        while not self._state.phase.is_terminal:
            try:
                has_moved = self._turn()
            except (StoreError, OSError) as error:
                if not self._folder.recipe.exists():
                    raise
                if trouble != str(error):
                    log.error("%s", error)
                trouble = str(error)
                self._clock.wait(AGAIN_S)
                continue
            trouble = ""
            if not has_moved:
                self._clock.wait(LOOK_S)

    def _turn(self) -> bool:
        """Look, and do what is to be done; whether that changed how something stands."""
        is_canceled = self._folder.cancel.exists()  # before the look: what it finds is not older
        steps = [self._look(step) for step in self._recipe.steps]
        has_ended = self._note_ends(steps)
        phases = {step.name: step.phase for step in steps}
        moves = decide(self._recipe, phases, is_canceled=is_canceled, slots=self._slots)
        for name in moves.stop:
            self._stop(name)
        for name, reason in moves.skip.items():
            log.info("step %s is not run: %s", name, reason)
            self._end(name, StepEnd(StepPhase.SKIPPED, reason, at=self._clock.now()))
        for name in moves.start:
            self._start(self._recipe.step(name))
        for step in steps:
            if step.is_interrupted and step.phase is StepPhase.RUNNING and step.job is not None:
                self._revive(step.name, step.job)
        if moves.outcome is not None:
            phase, reason = moves.outcome
            log.info("the pipeline is %s: %s", phase, reason)
            self._keep(replace(self._state, phase=phase, reason=reason, ended_at=self._clock.now()))
        return has_ended or bool(moves.start or moves.skip)

    def _look(self, step: Step) -> StepStanding:
        try:
            found = look_at(step, self._folder, self._recipe, self._state.ends.get(step.name))
            self._unread.pop(step.name, None)
        except StoreError as error:
            found = StepStanding(step.name, None, StepPhase.RUNNING)
            now = self._clock.now()
            if now - self._unread.setdefault(step.name, now) >= UNREADABLE_S:
                self._failures[step.name] = f"its job cannot be read: {error.message}"
        if found.phase.is_terminal or step.name not in self._failures:
            return found
        return replace(found, phase=StepPhase.FAILED, reason=self._failures[step.name])

    def _note_ends(self, steps: list[StepStanding]) -> bool:
        """Write down which steps are over, and link to what they made; whether there were any new ones."""
        new = [step for step in steps if step.phase.is_terminal and step.name not in self._state.ends]
        for step in new:
            log.info("step %s is %s: %s", step.name, step.phase, step.reason)
            if step.phase is StepPhase.COMPLETED and step.job is not None and step.trial is not None:
                self._link(step.name, step.job, step.trial)
            self._end(step.name, StepEnd(step.phase, step.reason, step.trial, self._clock.now()))
        return bool(new)

    def _end(self, name: str, end: StepEnd) -> None:
        self._keep(replace(self._state, ends={**self._state.ends, name: end}))

    def _keep(self, state: PipelineState) -> None:
        write_state(self._folder, state)  # first: what cannot be written has not happened
        self._state = state

    def _link(self, name: str, job: SweepFolder, trial: int) -> None:
        """The outputs of the pipeline that are a step's."""
        for output, binding in self._recipe.outputs.items():
            if binding.step != name:
                continue
            self._folder.outputs.mkdir(exist_ok=True)
            to = os.path.relpath(job.trial(trial).named_outputs / binding.output, self._folder.outputs)
            draft = self._folder.outputs / f".{output}.{os.getpid()}"
            draft.unlink(missing_ok=True)
            draft.symlink_to(to)
            draft.replace(self._folder.outputs / output)

    def _start(self, step: Step) -> None:
        """Make its job. One that is there already was made by a runner that died at that moment."""
        paths = {name: self._path(bound.step, bound.output) for name, bound in step.bound.items()}
        for name, path in paths.items():
            if not path.exists():
                self._failures[step.name] = f"its input {name} is gone: there is no {path} any more"
                return
        recipe = step.with_inputs({name: os.fspath(path) for name, path in paths.items()})
        log.info("step %s starts as %s", step.name, recipe.name)
        try:
            app.create(recipe, self._folder.workspace, say=log.info)
        except BarridoError as error:
            if self._folder.workspace.sweep(recipe.name).db.exists():
                log.warning("step %s: %s", step.name, error.message)  # seen, and taken up, at the next look
            elif isinstance(error, StoreError):
                raise
            else:
                self._failures[step.name] = error.message

    def _path(self, name: str, output: str) -> Path:
        """Where an output of a step that completed lies."""
        job = self._folder.workspace.sweep(self._recipe.step(name).recipe.name)
        trial = self._state.ends[name].trial
        assert trial is not None, f"{name} completed without a trial, and its output {output} is bound"
        return job.trial(trial).named_outputs / output

    def _stop(self, name: str) -> None:
        if name in self._told:
            return
        job = self._folder.workspace.sweep(self._recipe.step(name).recipe.name)
        log.info("step %s is told to stop", name)
        try:
            app.request(job, Verb.CANCEL, origin=ORIGIN)
        except RequestError:
            pass  # it came to its end meanwhile
        except BarridoError as error:
            log.warning("step %s: %s", name, error.message)  # asked again at the next look
            return
        self._told.add(name)

    def _revive(self, name: str, job: SweepFolder) -> None:
        """Take up a step whose controller died; less and less often if that does not help."""
        tries, due_at = self._revived.get(name, (0, 0.0))
        now = self._clock.now()
        if now < due_at:
            return
        self._revived[name] = (tries + 1, now + min(LONGEST_WAIT_S, 2.0**tries))
        log.warning("the controller of step %s died: it is taken up again", name)
        try:
            app.resume(job, say=log.info)
            self._in_vain.pop(name, None)
        except BarridoError as error:
            log.warning("step %s: %s", name, error.message)
            self._in_vain[name] = self._in_vain.get(name, 0) + 1
            if self._in_vain[name] >= TRIES and not app.is_running(job):
                self._failures[name] = f"its controller died, and no other can be started: {error.message}"
