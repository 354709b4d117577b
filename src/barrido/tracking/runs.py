"""The sweep's runs in MLflow: made once each, and written to now or later.

A run is made in three steps that may each be cut off: note that it is asked for, ask, note its id. A run
that was asked for and has no id is looked for by its alias, a tag, before it is asked for again. What
the sweep gave to a trial travels with the first thing that is logged to its run, and with each further
one until MLflow confirmed it.

Each attempt of a trial has a run here. Where trials pause, all attempts are one run in MLflow: those
after the first take its id.
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
from barrido.tracking.protocol import Item, Pair
from barrido.tracking.reader import StoreReader
from barrido.tracking.upstream import Refused, Unreachable, Upstream


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

    def _swept(self, run: Run) -> list[Pair]:
        return portrait.loggable(self.trial_params(run.trial)) if run.kind is Kind.TRIAL else []

    def _missing(self, run: Run) -> list[Item]:
        return [] if run.prepared else protocol.to_items(params=self._swept(run))

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
        if run.run_id is not None:
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
        if run.run_id is None and self.goes_on(run):
            before = self.of_trial(run.trial, run.attempt - 1)
            run.run_id, run.asked = await self.real(before), True
            run.info = before.info
            self.ledger.save(run)
        if run.run_id is None:
            body = await self._creation(run)
            found = await self._look_for(run) if run.asked else None
            if found is None:
                run.asked = True
                self.ledger.save(run, durable=True)
                answer = await self._upstream.post("runs/create", body, repeatable=False)
                made = answer["run"]
                found = made["info"]
                params = protocol.pairs_to_json(self._swept(run))
                self._untouched[run.alias] = {**made, "data": {**made.get("data", {}), "params": params}}
            run.run_id, run.info = str(found["run_id"]), found
            self.ledger.save(run)
        return run.run_id

    def goes_on(self, run: Run) -> bool:
        """Whether ``run`` is, in MLflow, the one of the trial's attempt before: it was paused there."""
        return run.kind is Kind.TRIAL and run.attempt > 1 and self._reader.recipe.is_staged

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

    async def log(self, run: Run, items: Sequence[Item] = ()) -> None:
        """Bring ``items`` to MLflow. What it refuses is dropped, with a notice, and takes nothing along."""
        await self.real(run)
        if items:
            self.touch(run)
        async with self._locks[f"log {run.alias}"]:
            await self._log_or_drop(run, [*self._missing(run), *items])
            self._confirm(run)

    async def update(self, run: Run, body: Mapping[str, Any]) -> None:
        """Change what MLflow says of ``run`` itself. Where it refuses that, it is dropped, with a notice."""
        self.touch(run)
        try:
            await self.real(run)
            await self._update(run, body)
        except Refused as refused:
            name = self.name(run)
            self._notices.say(f"MLflow refused an update of run {name}: {refused}", trial=run.number)

    async def write(self, run: Run, kind: str, bodies: Sequence[Any]) -> None:
        """Parameters ("param") or tags ("tag") as pairs, metrics ("metric") or an update ("update") as JSON.

        Kept for later if MLflow is away. Raises Refused if it says no.
        """
        if not bodies:
            return
        self.touch(run)
        if not self.ledger.has_deferred(run) and run.run_id is not None and self._upstream.up.is_set():
            try:
                await self._write_now(run, kind, bodies)
            except Unreachable:
                pass
            else:
                return
        self.ledger.defer(run, kind, bodies)

    async def drain(self, run: Run) -> None:
        """Write what was kept for later, in order. What MLflow refuses now is dropped, with a notice."""
        if not self.ledger.has_deferred(run):
            return
        async with self._locks[f"drain {run.alias}"]:
            while kept := _together(self.ledger.deferred(run)):
                if kept[0].kind == "update":
                    await self.update(run, kept[0].body)
                else:
                    await self.log(run, [_item(one.kind, one.body) for one in kept])
                self.ledger.done(run, kept)

    async def _write_now(self, run: Run, kind: str, bodies: Sequence[Any]) -> None:
        if kind == "update":
            for body in bodies:
                await self._update(run, body)
            return
        items = [_item(kind, body) for body in bodies]
        async with self._locks[f"log {run.alias}"]:
            try:
                await self._log(run, [*self._missing(run), *items])
            except Refused:
                if run.prepared:
                    raise
                await self._log_or_drop(run, self._missing(run))  # the no may be about these
                await self._log(run, items)
            self._confirm(run)

    async def _log_or_drop(self, run: Run, items: Sequence[Item]) -> None:
        """All at once; where MLflow refuses that, in ever smaller parts, down to the item that is bad."""
        try:
            await self._log(run, items)
        except Refused as refused:
            if refused.status == 404 or "'active' state" in str(refused):
                text = f"run {run.run_id} was deleted in MLflow; what is logged to it is not shown there"
                self._notices.say(text, trial=run.number)
            elif len(items) > 1:
                kinds = [kind for kind, _ in items]
                alike = kinds.count(kinds[0])
                middle = alike if alike < len(items) else len(items) // 2
                await self._log_or_drop(run, items[:middle])
                await self._log_or_drop(run, items[middle:])
            else:
                ((kind, body),) = items
                shown = ", ".join(f"{name} {body[name]!s:.200}" for name in ("value", "step") if name in body)
                self._notices.say(
                    f"MLflow refused {kind} {body['key']!r} ({shown}): {refused}",
                    trial=run.number,
                    once=(run.alias, kind, body["key"]),
                )

    async def _log(self, run: Run, items: Sequence[Item]) -> None:
        for batch in protocol.to_batches(items):
            await self._upstream.post("runs/log-batch", {"run_id": run.run_id, **batch})

    def _confirm(self, run: Run) -> None:
        if not run.prepared:
            run.prepared = True
            self.ledger.save(run)

    async def _update(self, run: Run, body: Mapping[str, Any]) -> None:
        await self._upstream.post("runs/update", {**body, "run_id": run.run_id})

    def untouched(self, run: Run) -> dict[str, Any] | None:
        """``run`` as MLflow made it, if nothing was written to it since: it need not be asked again.

        The parameters that the sweep gave to a trial are in it, whether MLflow has them already or not.
        """
        return self._untouched.get(run.alias)

    def touch(self, run: Run) -> None:
        """Something is written to ``run``, or may be."""
        self._untouched.pop(run.alias, None)

    def imagine(self, run: Run) -> dict[str, Any]:
        """``run`` as MLflow would show it, from what is known here."""
        params = [*self._swept(run), *self.ledger.deferred_pairs(run, "param")]
        tags = [(portrait.NAME, self.name(run)), *self.ledger.deferred_pairs(run, "tag")]
        info = run.info if run.info is not None and not run.virtual else self._imagine_info(run)
        return portrait.run_json(info, params, tags)

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


def _together(deferred: Sequence[Deferred]) -> list[Deferred]:
    """The first, as far as one request takes them: an update alone, no parameter or tag twice."""
    kept: list[Deferred] = []
    keys = set()
    for one in deferred:
        key = (one.kind, json.dumps(one.body[0] if isinstance(one.body, list) else one.body))
        if kept and (key in keys or "update" in (one.kind, kept[0].kind)):
            break
        keys.add(key)
        kept.append(one)
    return kept


def _item(kind: str, body: Any) -> Item:
    return kind, body if kind == "metric" else {"key": body[0], "value": body[1]}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
