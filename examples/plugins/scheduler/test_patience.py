from __future__ import annotations

from barrido_patience import Patience

from barrido.testing.schedulers import Rehearsal, SchedulerSuite, Script


class TestPatience(SchedulerSuite):
    def scheduler(self, trials: int) -> Patience:
        return Patience(trials=trials, max_resource=20, every=3)


def test_who_stays_behind_is_stopped_after_so_many_looks() -> None:
    """Trial k always has the loss k: of each two that came as far, the later one is in the worse half."""
    for patience in (1, 3):
        played = Rehearsal(
            lambda patience=patience: Patience(trials=4, max_resource=9, patience=patience),
            lambda k: Script(lambda _: float(k)),
            trials=4,
            workers=1,
        ).run()
        assert [played.tracks[k].resource for k in range(4)] == [9, patience, patience, patience]
        assert [played.tracks[k].fate for k in range(4)] == ["completed", "stopped", "stopped", "stopped"]
