import json
from math import inf

from barrido.core.protocols import GO_ON, Sample, Scheduler
from barrido.schedulers.fifo import Fifo


def test_every_free_worker_gets_a_new_trial_that_runs_to_its_end() -> None:
    scheduler: Scheduler = Fifo()
    state = scheduler.init()
    for number in range(3):
        state, work = scheduler.next(state, number)
        assert work == Sample(until=None)
        state, verdict = scheduler.report(state, number, 1, inf)
        assert verdict == GO_ON
        state = scheduler.ended(state, number, None)
    assert json.loads(json.dumps(state)) == state == {}
