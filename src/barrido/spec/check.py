"""Checks a description as a whole, part by part, and makes its recipe."""

from __future__ import annotations

from pathlib import Path as FilePath

from barrido.core.recipe import Pausing, Recipe
from barrido.spec.commands import check_command
from barrido.spec.defaults import Defaults
from barrido.spec.draft import draft
from barrido.spec.inputs import check_inputs, check_outputs
from barrido.spec.objective import check_objective, check_patterns
from barrido.spec.placement import check_compute, check_resources, check_room
from barrido.spec.recipes import Place, recipe
from barrido.spec.scheduling import check_scheduler
from barrido.spec.searching import check_space
from barrido.spec.source import Findings
from barrido.spec.surroundings import (
    check_environment,
    check_name,
    check_program,
    code_folder,
    note_strangers,
)  # fmt: skip


def examine(document: object, findings: Findings, *, base: FilePath, defaults: Defaults) -> Recipe | None:
    """The recipe of a description; None if anything is wrong, which ``findings`` then holds.

    Every check runs on the parts that have their right shape, so that all mistakes are found in one go.
    """
    table = defaults.table()
    if table is not None:
        findings.add_elsewhere(table.findings)
    found = draft(document, findings, base, table)
    if found is None:
        return None
    check_name(found)
    compute = check_compute(found)
    needs, said_at = check_resources(found)
    room = None if compute not in (None, "local") else check_room(found, needs, said_at, defaults.machine)
    pausing = Pausing()
    if found.kind == "sweep":
        check_space(found)
        check_objective(found)
        pausing = check_scheduler(found, defaults.memory, holds_gpus=bool(needs.gpu))
    check_patterns(found)
    check_inputs(found)
    check_outputs(found)
    check_command(found)
    chosen = check_environment(found, compute)
    check_program(found, code_folder(found), chosen.environment)
    note_strangers(found, is_compute_known=compute is not None, is_environment_known=chosen.is_known)
    if findings.problems or found.job is None:
        return None
    return recipe(
        found.job,
        inputs=dict(found.mapping("inputs")),
        base=base,
        table=found.table,
        defaults=defaults,
        pausing=pausing,
        place=Place(compute or "local", needs, room, chosen.environment),
        notices=findings.notices,
    )
