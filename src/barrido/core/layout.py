"""Where things lie in a workspace. Path arithmetic only; nothing here touches the disk.

```
.barrido/                        a workspace
  sweeps/<name>/
    sweep.db                     the log and what readers look at (SQLite, WAL)
    lock                         flock of the controller that runs the sweep; holds its pid, and is
                                 touched as long as the controller lives
    controller.log
    code/                        the snapshot of the training code
    bin/                         python and python3, where the interpreter's own folder has no such names
    program/, package/           barrido, for trials in another environment: to be run, and to be imported
    .answer, .gpus               the next of their kind, written here and put into feed/ by rename
    archived                     is there if the sweep was put away
    requests/<id>.json           people's wishes, put in by rename, taken in by the controller
    feed/<trial>.<attempt>.life      claimed by the attempt's session leader; gets its exit code
    feed/<trial>.<attempt>.<door>    metric journals: report, mlflow, file (see barrido.trial.journal)
    feed/<trial>.<attempt>.answer    what the controller decided, for a trial that waits for it
    feed/<trial>.<attempt>.gpus      the GPUs that it holds, if it needs any; written before it starts
    trials/<trial>/
      work/                      the script's working directory: a private copy of code/
      work/outputs/              its default outputs
      work/logs/                 what it logs by itself
      work.<k>/                  the same of attempt k, when there was another one after it
      named-outputs/<output>/    what ${{outputs.<output>}} points to
      checkpoints/               what a later attempt goes on from, if the scheduler pauses trials
      logs/std_log.txt           stdout and stderr
      logs/std_log.<k>.txt       the same of attempt k
    tracking/                    gateway and mirror (barrido.tracking)
  pipelines/<name>/
    pipeline.json                what was asked for: the steps, each as a sweep to be
    state.json                   how steps ended, and the pipeline; replaced by rename
    cancel                       somebody wants it stopped
    archived                     is there if the pipeline was put away
    lock, runner.log             those of the process that starts the steps
    code/<n>/                    snapshots of the steps' training code
    outputs/<output>             links to what the steps made
  mlflow/                        the default MLflow store, shared by the workspace's sweeps
  mapping.yaml                   what names of Azure's are called on this machine (barrido.spec.mapping)
  environments/<key>/            Pythons that were built for trials (barrido.environments)
  assets.json                    environments, data and models registered by name (barrido.store.assets)
  models/<name>/<version>/       the files of registered models
```
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DOORS = ("report", "mlflow", "file")
LOG = "log"
"""The door without a journal: what is found in a trial's log by patterns."""


@dataclass(frozen=True, slots=True)
class TrialFolder:
    root: Path

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def named_outputs(self) -> Path:
        return self.root / "named-outputs"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def log(self) -> Path:
        return self.root / "logs/std_log.txt"


@dataclass(frozen=True, slots=True)
class SweepFolder:
    root: Path

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def db(self) -> Path:
        return self.root / "sweep.db"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def log(self) -> Path:
        return self.root / "controller.log"

    @property
    def code(self) -> Path:
        return self.root / "code"

    @property
    def archived(self) -> Path:
        return self.root / "archived"

    @property
    def requests(self) -> Path:
        return self.root / "requests"

    @property
    def feed(self) -> Path:
        return self.root / "feed"

    @property
    def tracking(self) -> Path:
        return self.root / "tracking"

    @property
    def trials(self) -> Path:
        return self.root / "trials"

    def trial(self, number: int) -> TrialFolder:
        return TrialFolder(self.root / f"trials/{number}")

    def feed_stem(self, trial: int, attempt: int) -> str:
        """Prefix of an attempt's files in ``feed/``; add ``.life``, ``.answer`` or ``.<door>``."""
        return f"{self.root}/feed/{trial}.{attempt}"


@dataclass(frozen=True, slots=True)
class PipelineFolder:
    root: Path

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def recipe(self) -> Path:
        return self.root / "pipeline.json"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def archived(self) -> Path:
        return self.root / "archived"

    @property
    def cancel(self) -> Path:
        return self.root / "cancel"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def log(self) -> Path:
        return self.root / "runner.log"

    @property
    def code(self) -> Path:
        return self.root / "code"

    @property
    def outputs(self) -> Path:
        return self.root / "outputs"

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.root.parent.parent)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder that holds everything: ``.barrido`` in the current folder unless told otherwise."""

    root: Path

    @property
    def sweeps(self) -> Path:
        return self.root / "sweeps"

    @property
    def pipelines(self) -> Path:
        return self.root / "pipelines"

    @property
    def mlflow(self) -> Path:
        return self.root / "mlflow"

    @property
    def mapping(self) -> Path:
        return self.root / "mapping.yaml"

    @property
    def environments(self) -> Path:
        return self.root / "environments"

    @property
    def assets(self) -> Path:
        return self.root / "assets.json"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def warm(self) -> Path:
        """What nurseries learned: modules that trials must import themselves, with the reason."""
        return self.root / "warm.json"

    def sweep(self, name: str) -> SweepFolder:
        return SweepFolder(self.sweeps / name)

    def pipeline(self, name: str) -> PipelineFolder:
        return PipelineFolder(self.pipelines / name)
