"""The sweep's runs in MLflow: made once each, and written to now or later.

A run is made in three steps that may each be cut off: note that it is asked for, ask, note its id. A run
that was asked for and has no id is looked for by its alias, a tag, before it is asked for again.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from barrido.core.layout import SweepFolder
from barrido.tracking import portrait, protocol, rules
from barrido.tracking.identity import Identity
from barrido.tracking.ledger import Deferred, Kind, Ledger, Run
from barrido.tracking.notices import Notices
from barrido.tracking.portrait import milliseconds
from barrido.tracking.protocol import Pair
from barrido.tracking.reader import StoreReader
from barrido.tracking.upstream import Refused, Unreachable, Upstream

_FIELD = {"param": "params", "tag": "tags", "metric": "metrics"}


class Runs:
    """Makes runs and fills them. Methods that talk to MLflow raise `Unreachable`."""

    def __init__(
        self,
        folder: SweepFolder,
        identity: Identity,
        ledger: Ledger,
        reader: StoreReader,
        upstream: Upstream,
        notices: Notices,
    ) -> None:
        self.ledger = ledger
        self._folder = folder
        self._identity = identity
        self._reader = reader
        self._upstream = upstream
        self._notices = notices
        self._user = _user()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._untouched: dict[str, dict[str, Any]] = {}  # by alias: runs as MLflow made them

    def of_sweep(self) -> Run:
        return self._known(self._identity.alias("sweep"), Kind.SWEEP)

    def of_trial(self, trial: int, attempt: int) -> Run:
        return self._known(self._identity.alias(trial, attempt), Kind.TRIAL, trial, attempt)

    def nested(self, trial: int, attempt: int, wish: Mapping[str, Any]) -> Run:
        """The run that a script wants to create; the same for the same request, sent again."""
        alias = self._identity.alias(trial, attempt, json.dumps(wish, sort_keys=True))
        run = self.ledger.runs.get(alias)
        if run is None:
            run = Run(alias=alias, kind=Kind.NESTED, trial=trial, attempt=attempt, wish=wish, prepared=True)
            self.ledger.save(run)
        return run

    def _known(self, alias: str, kind: Kind, trial: int = -1, attempt: int = 0) -> Run:
        run = self.ledger.runs.get(alias)
        if run is None:
            run = Run(alias=alias, kind=kind, trial=trial, attempt=attempt)
            self.ledger.save(run)
        return run

    def trial_params(self, trial: int) -> dict[str, str]:
        """The values that the sweep gave to a trial, as text."""
        row = self._reader.trial(trial)
        return {} if row is None else portrait.flat(json.loads(row.params))

    async def experiment(self) -> str:
        """The id of the sweep's experiment, made if there is none of its name."""
        return str((await self.experiment_json())["experiment_id"])

    async def experiment_json(self) -> dict[str, Any]:
        async with self._locks["experiment"]:
            known = self.ledger.fact("experiment")
            if known is None:
                known = await self._find_experiment(self._reader.recipe.experiment)
                self.ledger.note("experiment", known)
            return dict(known)

    async def real(self, run: Run) -> str:
        """The id of ``run`` in MLflow, which is made if it is not there. Raises Refused for a nested one."""
        if run.run_id is not None and run.prepared:
            return run.run_id
        async with self._locks[run.alias]:
            try:
                return await self._make(run)
            except Refused as refused:
                if run.kind is Kind.NESTED:  # the script's own mistake, if it is one
                    raise
                name = self.name(run)
                self._notices.say(f"MLflow refused to create run {name}: {refused}", trial=run.number)
                self.ledger.note("experiment", None)  # it may have been deleted meanwhile
                raise Unreachable(str(refused)) from refused

    async def _make(self, run: Run) -> str:
        if run.run_id is None:
            body = await self._creation(run)
            found = await self._look_for(run) if run.asked else None
            if found is None:
                run.asked = True
                self.ledger.save(run)
                answer = await self._upstream.post("runs/create", body, repeatable=False)
                found = answer["run"]["info"]
                self._untouched[run.alias] = answer["run"]
            run.run_id, run.info = str(found["run_id"]), found
            self.ledger.save(run)
        if not run.prepared:
            params = self.trial_params(run.trial) if run.kind is Kind.TRIAL else {}
            new = self._untouched.get(run.alias)
            await self._send(run, "param", portrait.loggable(params))
            if new is not None:
                data = {**new.get("data", {}), "params": protocol.pairs_to_json(portrait.loggable(params))}
                self._untouched[run.alias] = {**new, "data": data}
            run.prepared = True
            self.ledger.save(run)
        return run.run_id

    async def _creation(self, run: Run) -> dict[str, Any]:
        """The request that makes ``run``."""
        experiment = await self.experiment()
        sweep = self._reader.sweep()
        match run.kind:
            case Kind.NESTED:
                own = self.of_trial(run.trial, run.attempt)
                parent = await self.real(own)
                text = json.dumps(run.wish or {}).replace(own.alias, parent)
                body = rules.nested_body(json.loads(text), experiment=experiment, parent=parent)
            case Kind.SWEEP:
                body = self._body(experiment, sweep.run_name(), sweep.started_at)
                body["tags"] = protocol.pairs_to_json(portrait.sweep_tags(sweep, self._user))
            case Kind.TRIAL:
                top = await self.real(self.of_sweep()) if sweep.is_search else None
                row = self._reader.trial(run.trial)
                body = self._body(experiment, sweep.run_name(run.trial), row.started_at if row else None)
                tags = portrait.trial_tags(sweep, run.trial, run.attempt, top, self._user)
                body["tags"] = protocol.pairs_to_json(tags)
        body["tags"] = [*body["tags"], {"key": portrait.ALIAS, "value": run.alias}]
        return body

    def _body(self, experiment: str, name: str, started_at: float | None) -> dict[str, Any]:
        return {
            "experiment_id": experiment,
            "run_name": name,
            "user_id": self._user,
            "start_time": milliseconds(time.time() if started_at is None else started_at),
        }

    async def _look_for(self, run: Run) -> dict[str, Any] | None:
        answer = await self._upstream.post(
            "runs/search",
            {
                "experiment_ids": [await self.experiment()],
                "filter": f"tags.`{portrait.ALIAS}` = '{run.alias}'",
                "run_view_type": "ALL",
                "max_results": 1,
            },
        )
        found = answer.get("runs") or []
        return dict(found[0]["info"]) if found else None

    async def _find_experiment(self, name: str) -> dict[str, Any]:
        try:
            try:
                answer = await self._upstream.get("experiments/get-by-name", experiment_name=name)
            except Refused as refused:
                if refused.status != 404:
                    raise
                created = await self._upstream.post("experiments/create", {"name": name}, repeatable=False)
                answer = await self._upstream.get("experiments/get", **created)
            experiment = dict(answer["experiment"])
            if experiment.get("lifecycle_stage") == "deleted":
                await self._upstream.post(
                    "experiments/restore", {"experiment_id": experiment["experiment_id"]}
                )
                self._notices.say(f"experiment {name!r} was deleted; it is restored for this sweep")
                experiment["lifecycle_stage"] = "active"
        except Refused as refused:  # somebody else may have made it at the same time: it is tried again
            self._notices.say(f"MLflow has no experiment {name!r} for the sweep: {refused}")
            raise Unreachable(str(refused)) from refused
        return experiment

    async def write(self, run: Run, kind: str, bodies: Sequence[Any]) -> None:
        """Parameters ("param") or tags ("tag") as pairs, metrics ("metric") or an update ("update") as JSON.

        Kept for later if MLflow is away. Raises Refused if it says no.
        """
        if not bodies:
            return
        self.touch(run)
        if not self.ledger.has_deferred(run) and run.run_id is not None and self._upstream.up.is_set():
            try:
                await self.real(run)
                await self._send(run, kind, bodies)
            except Unreachable:
                pass
            else:
                return
        self.ledger.defer(run, kind, bodies)

    async def drain(self, run: Run) -> None:
        """Write what was kept for later, in order. What MLflow refuses now is dropped, with a notice."""
        if not self.ledger.has_deferred(run):
            return
        await self.real(run)
        async with self._locks[f"drain {run.alias}"]:
            while items := _alike(self.ledger.deferred(run)):
                await self._send_or_drop(run, items)
                self.ledger.done(run, items)

    async def _send_or_drop(self, run: Run, items: Sequence[Deferred]) -> None:
        try:
            await self._send(run, items[0].kind, [item.body for item in items])
        except Refused as refused:
            if len(items) > 1:
                middle = len(items) // 2
                await self._send_or_drop(run, items[:middle])
                await self._send_or_drop(run, items[middle:])
                return
            self._notices.say(f"MLflow refused {_shown(items[0])}: {refused}", trial=run.number)

    def untouched(self, run: Run) -> dict[str, Any] | None:
        """``run`` as MLflow made it, if nothing was written to it since: it need not be asked again."""
        return self._untouched.get(run.alias)

    def touch(self, run: Run) -> None:
        """Something is written to ``run``, or may be."""
        self._untouched.pop(run.alias, None)

    async def _send(self, run: Run, kind: str, bodies: Sequence[Any]) -> None:
        assert run.run_id is not None
        self.touch(run)
        if kind == "update":
            for body in bodies:
                await self._upstream.post("runs/update", {**body, "run_id": run.run_id})
            return
        if kind != "metric":
            bodies = protocol.pairs_to_json(bodies)
        for start in range(0, len(bodies), protocol.PARAMS_PER_BATCH):
            part = bodies[start : start + protocol.PARAMS_PER_BATCH]
            await self._upstream.post("runs/log-batch", {"run_id": run.run_id, _FIELD[kind]: part})

    def imagine(self, run: Run) -> dict[str, Any]:
        """``run`` as MLflow would show it, from what is known here."""
        params: list[Pair] = []
        if run.kind is Kind.TRIAL:
            params = portrait.loggable(self.trial_params(run.trial))
        tags = [(portrait.NAME, self.name(run)), *self.ledger.deferred_pairs(run, "tag")]
        info = run.info if run.info is not None and not run.virtual else self._imagine_info(run)
        return portrait.run_json(info, [*params, *self.ledger.deferred_pairs(run, "param")], tags)

    def name(self, run: Run) -> str:
        if run.kind is Kind.NESTED:
            wish = run.wish or {}
            tags = {tag.get("key"): str(tag.get("value")) for tag in wish.get("tags") or []}
            return str(wish.get("run_name") or tags.get(portrait.NAME) or run.alias[:8])
        return self._reader.sweep().run_name(run.number)

    def _imagine_info(self, run: Run) -> dict[str, Any]:
        artifacts = f"mlflow-artifacts:/{self._identity.experiment}/{run.alias}/artifacts"
        if self._upstream.never:  # then MLflow's client writes them by itself
            artifacts = str((self._folder.trial(run.trial).root / "artifacts" / run.alias[:8]).absolute())
        row = self._reader.trial(run.trial)
        return portrait.info_json(
            run.alias,
            self._identity.experiment,
            name=self.name(run),
            user=self._user,
            start_time=milliseconds((row and row.started_at) or time.time()),
            artifacts=artifacts,
        )


def _alike(items: Sequence[Deferred]) -> list[Deferred]:
    """The first items, as far as they are of one kind and no parameter or tag comes twice."""
    kept: list[Deferred] = []
    keys = set()
    for item in items:
        key = json.dumps(item.body[0] if isinstance(item.body, list) else item.body)
        if kept and (item.kind != kept[0].kind or key in keys):
            break
        keys.add(key)
        kept.append(item)
    return kept


def _shown(item: Deferred) -> str:
    return f"{item.kind} {json.dumps(item.body)[:200]}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
