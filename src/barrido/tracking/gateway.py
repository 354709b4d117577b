"""What trials take for an MLflow server.

Metrics of the trial's runs are journaled and acknowledged at once, and forwarded later. The calls that
the sweep has a word in are answered here, by `barrido.tracking.rules`. All else passes through.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from barrido.tracking import portrait, protocol, proxy, rules
from barrido.tracking.door import Door, Doors
from barrido.tracking.forward import Forwarder, Logs
from barrido.tracking.identity import Identity
from barrido.tracking.ledger import Kind, Run
from barrido.tracking.notices import Notices
from barrido.tracking.protocol import Invalid, Metric, Pair
from barrido.tracking.reader import StoreReader
from barrido.tracking.runs import Runs
from barrido.tracking.upstream import Refused, Unreachable, Upstream

log = logging.getLogger(__name__)

ROW_S = 2.0
"""How long a trial that nobody knows is waited for: its launch is committed before it starts."""

_CALL = re.compile(r"/(?:ajax-)?api/2\.0/(?:preview/)?mlflow/([a-z-]+/[a-z-]+)")

_HERE = re.compile(r"(?:127\.0\.0\.1|localhost)(?::\d+)?")
"""The values of the Host header that are served; a trial on another machine has another port."""

Body = Mapping[str, Any]
Answer = Mapping[str, Any] | None
"""A JSON object, or None: MLflow is to answer."""


class Gateway:
    """An aiohttp handler. One of it serves all trials of a sweep."""

    def __init__(
        self,
        identity: Identity,
        reader: StoreReader,
        runs: Runs,
        logs: Logs,
        doors: Doors,
        forwarder: Forwarder,
        upstream: Upstream,
        notices: Notices,
    ) -> None:
        self._identity = identity
        self._reader = reader
        self._runs = runs
        self._logs = logs
        self._doors = doors
        self._forwarder = forwarder
        self._upstream = upstream
        self._notices = notices
        self.active = 0
        self._calls: Mapping[tuple[str, str], Callable[[Door, Body, web.BaseRequest], Awaitable[Answer]]] = {
            ("POST", "runs/log-metric"): self._log_metric,
            ("POST", "runs/log-batch"): self._log_batch,
            ("POST", "runs/log-parameter"): self._log_parameter,
            ("POST", "runs/set-tag"): self._set_tag,
            ("POST", "runs/create"): self._create_run,
            ("POST", "runs/update"): self._update_run,
            ("POST", "runs/delete"): self._keep_run,
            ("GET", "runs/get"): self._get_run,
            ("GET", "experiments/get-by-name"): self._experiment,
            ("POST", "experiments/create"): self._create_experiment,
            ("GET", "experiments/get"): self._get_experiment,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.active += 1
        try:
            return await self._handle(request)
        finally:
            self.active -= 1

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        found = self._identity.match(request.path)
        if not _HERE.fullmatch(request.headers.get("Host", "")) or found is None:
            return web.Response(status=404)
        trial, attempt, path = found
        if not await self._knows(trial, attempt):
            return web.Response(status=404)
        door = self._doors.open(trial, attempt)
        call = _CALL.fullmatch(path)
        answer_it = self._calls.get((request.method, call[1])) if call else None
        raw: bytes | None = None
        try:
            if answer_it is not None:
                body: Body = request.query
                if request.method == "POST":
                    raw = await proxy.read_body(request)
                    body = protocol.read_object(raw)
                answer = await answer_it(door, body, request)
                if answer is not None:
                    return web.json_response(answer)
        except Invalid as error:
            return web.json_response(protocol.error(str(error)), status=400)
        except proxy.TooLarge as error:
            return web.json_response(protocol.error(str(error)), status=413)
        except Refused as refused:
            return web.json_response(refused.body, status=refused.status)
        return await self._pass_on(door, request, raw)

    async def _knows(self, trial: int, attempt: int) -> bool:
        deadline = time.monotonic() + ROW_S
        while True:
            row = self._reader.trial(trial)
            if row is not None and attempt <= row.attempt:
                return True
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)

    async def _pass_on(self, door: Door, request: web.BaseRequest, raw: bytes | None) -> web.StreamResponse:
        for run in self._all_of(door):
            self._runs.touch(run)
        if not await self._upstream.ready(proxy.WAIT_S):
            return proxy.unavailable(self._upstream)
        try:
            ids = await self._ids(door)
            await self._flush(door)
        except (Unreachable, Refused) as error:
            log.info("%s", error)
            return proxy.unavailable(self._upstream)
        path = request.raw_path.removeprefix(self._identity.path(door.trial, door.attempt))
        return await proxy.forward(request, path or "/", self._upstream, ids, raw)

    async def _ids(self, door: Door) -> dict[str, str]:
        """What the script may have been told, and what MLflow knows instead."""
        real = await self._runs.real(door.run)
        ids = dict.fromkeys(door.ids, real)
        for alias in door.ids:
            if (earlier := self._runs.ledger.runs[alias].run_id) is not None and earlier != real:
                ids[earlier] = real
        ids[self._identity.experiment] = await self._runs.experiment()
        for run in self._runs.ledger.nested(door.trial, door.attempt):
            if run.virtual and run.status != "REFUSED":
                ids[run.alias] = await self._runs.real(run)
        return ids

    def _all_of(self, door: Door) -> list[Run]:
        """The trial's own run, and those nested below it."""
        return [door.run, *self._runs.ledger.nested(door.trial, door.attempt)]

    async def _flush(self, door: Door) -> None:
        for run in self._all_of(door):
            await self._forwarder.flush(run)

    def _run(self, door: Door, body: Body) -> Run | None:
        """The run a call is about, if barrido looks after it: the trial's own, or one nested below it."""
        run_id = protocol.run_of(body)
        if run_id in door.ids:
            return door.run
        run = self._runs.ledger.find(run_id)
        if run is None or run.trial != door.trial:
            return None
        if run.kind is Kind.TRIAL:  # a script that was launched again may remember its first run
            return door.run
        return run if run.status is None else None

    async def _log_metric(self, door: Door, body: Body, request: web.BaseRequest) -> Answer:
        if (run := self._run(door, body)) is None:
            return None
        await self._take(door, run, [protocol.read_metric(body)], request)
        return {}

    async def _log_batch(self, door: Door, body: Body, request: web.BaseRequest) -> Answer:
        if (run := self._run(door, body)) is None:
            return None
        batch = protocol.read_batch(body)
        if batch.metrics:
            await self._take(door, run, batch.metrics, request)
        await self._write_params(door, run, batch.params)
        await self._write_tags(door, run, batch.tags)
        return {}

    async def _log_parameter(self, door: Door, body: Body, request: web.BaseRequest) -> Answer:
        if (run := self._run(door, body)) is None:
            return None
        await self._write_params(door, run, [protocol.read_pair(body, "param")])
        return {}

    async def _set_tag(self, door: Door, body: Body, request: web.BaseRequest) -> Answer:
        if (run := self._run(door, body)) is None:
            return None
        await self._write_tags(door, run, [protocol.read_pair(body, "tag")])
        return {}

    async def _take(self, door: Door, run: Run, metrics: Sequence[Metric], request: web.BaseRequest) -> None:
        """Journal, then wait for the controller where it has to decide."""
        appended = self._logs.of(run).append(metrics)
        if appended.relinked:
            await self._write(run, "metric", [metric.to_json() for metric in appended.relinked])
        self._forwarder.touch(run)
        if run is door.run and door.decides_on(appended.reports):
            await door.wait_for_answer(appended.offset, lambda: _gone(request))

    async def _write_params(self, door: Door, run: Run, params: Sequence[Pair]) -> None:
        if run is door.run:
            params, conflicts = rules.part_params(params, door.swept)
            for conflict in conflicts:
                self._notices.say(str(conflict), trial=door.trial, once=("param", conflict.key))
        try:
            await self._write(run, "param", params)
        except Refused as refused:
            if not run.shared:
                raise
            # The script takes this for another run than the one that has these parameters.
            for param in params:
                await self._write_shared(run, param, refused)

    async def _write_shared(self, run: Run, param: Pair, refused: Refused) -> None:
        try:
            await self._write(run, "param", [param])
        except Refused:
            text = f"param {param[0]!r} was logged again with another value; the first is kept: {refused}"
            self._notices.say(text, trial=run.number, once=("param", param[0]))

    async def _write_tags(self, door: Door, run: Run, tags: Sequence[Pair]) -> None:
        await self._write(run, "tag", rules.part_tags(tags) if run is door.run else tags)

    async def _write(self, run: Run, kind: str, bodies: Sequence[Any]) -> None:
        if bodies:
            await self._upstream.ready()
            await self._runs.write(run, kind, bodies)

    async def _get_run(self, door: Door, body: Body, request: web.BaseRequest) -> Answer:
        run = self._run(door, body)
        return None if run is None else {"run": await self._show(run)}

    async def _show(self, run: Run) -> dict[str, Any]:
        """``run`` as MLflow has it; where it cannot say, as barrido knows it."""
        if await self._upstream.ready():
            try:
                run_id = await self._runs.real(run)
                shown = None if self._forwarder.has_news(run) else self._runs.untouched(run)
                if shown is None:
                    await self._forwarder.flush(run)
                    shown = (await self._upstream.get("runs/get", run_id=run_id))["run"]
            except Unreachable as error:
                log.info("%s", error)
            else:
                if run.virtual:  # what the script was told stays true
                    shown = {**shown, "info": {**shown["info"], **self._told(run)}}
                return shown
        if run.run_id is None and not run.virtual:
            run.virtual = True
            self._runs.ledger.save(run)
        return self._runs.imagine(run)

    def _told(self, run: Run) -> dict[str, str]:
        return {"run_id": run.alias, "run_uuid": run.alias, "experiment_id": self._identity.experiment}

    async def _create_run(self, door: Door, body: Body, request: web.BaseRequest) -> Answer:
        tags = {
            str(tag.get("key")): str(tag.get("value", ""))
            for tag in body.get("tags") or []
            if isinstance(tag, dict)
        }
        own = door.run
        silent = self._reader.recipe.objective is not None and door.log.reports == 0
        if rules.adopts(tags, started=own.started, holders=own.holders, silent=silent):
            own.shared = own.shared or own.started
            own.started, own.holders = True, own.holders + 1
            self._runs.ledger.save(own)
            if name := body.get("run_name"):
                tags[portrait.NAME] = str(name)
            await self._write_tags(door, own, portrait.tag_pairs(tags))
            return {"run": await self._show(own)}
        run = self._runs.nested(door.trial, door.attempt, body)
        run.started, run.holders = True, 1
        self._runs.ledger.save(run)
        return {"run": await self._show(run)}

    async def _update_run(self, door: Door, body: Body, request: web.BaseRequest) -> Answer:
        """The status of the trial's own run is the sweep's to say; that of a nested one the script's."""
        if (run := self._run(door, body)) is None:
            return None
        status = body.get("status")
        run.holders = rules.held_after(run.holders, status)
        run.started = True
        self._runs.ledger.save(run)
        asked = {key: body[key] for key in ("status", "end_time", "run_name") if body.get(key) is not None}
        if run is not door.run:
            await self._write(run, "update", [asked])
        elif name := asked.pop("run_name", None):
            await self._write_tags(door, run, [(portrait.NAME, str(name))])
        info = self._runs.imagine(run)["info"]
        return {"run_info": {**info, **asked}}

    async def _keep_run(self, door: Door, body: Body, request: web.BaseRequest) -> Answer:
        if self._run(door, body) is not door.run:
            return None
        self._notices.say("the script wanted to delete its run; it is kept", trial=door.trial)
        return {}

    async def _experiment(self, door: Door, body: Body, request: web.BaseRequest) -> Answer:
        name = self._reader.recipe.experiment
        asked = body.get("experiment_name", name)
        if asked != name:
            self._notices.say(
                f"set_experiment({asked!r}) has no effect: the sweep's runs are in experiment {name!r}",
                once="experiment",
            )
        return await self._show_experiment(door)

    async def _create_experiment(self, door: Door, body: Body, request: web.BaseRequest) -> Answer:
        shown = await self._experiment(door, {"experiment_name": body.get("name")}, request)
        assert shown is not None
        return {"experiment_id": shown["experiment"]["experiment_id"]}

    async def _get_experiment(self, door: Door, body: Body, request: web.BaseRequest) -> Answer:
        if body.get("experiment_id") != self._identity.experiment:
            return None
        return await self._show_experiment(door)

    async def _show_experiment(self, door: Door) -> dict[str, Any]:
        """The sweep's experiment. Scripts compare its id with their run's: both are told, or neither."""
        if not door.run.virtual and await self._upstream.ready():
            try:
                return {"experiment": await self._runs.experiment_json()}
            except Unreachable as error:
                log.info("%s", error)
        if not door.run.virtual:
            door.run.virtual = True
            self._runs.ledger.save(door.run)
        return {
            "experiment": {
                "experiment_id": self._identity.experiment,
                "name": self._reader.recipe.experiment,
                "artifact_location": f"mlflow-artifacts:/{self._identity.experiment}",
                "lifecycle_stage": "active",
                "tags": [],
            }
        }


def _gone(request: web.BaseRequest) -> bool:
    return request.transport is None or request.transport.is_closing()
