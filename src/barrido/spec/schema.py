"""The JSON schema of the language, for editors that complete and check YAML."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from barrido.spec.models import CommandJob, SweepJob

_ADAPTER: TypeAdapter[SweepJob | CommandJob] = TypeAdapter(SweepJob | CommandJob)


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of what `barrido.spec.load` reads.

    It knows the canonical spelling only: it does not say that `Maximize` may be written for `maximize`, or
    a timeout in quotes.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "barrido job",
        **_ADAPTER.json_schema(by_alias=True),
    }
