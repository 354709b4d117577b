"""The OpenAPI document of the studio, made of its routes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

import barrido
from barrido.studio.routes import Route
from barrido.studio.shapes import Error

_REF = "#/components/schemas/{model}"
_ERRORS: Mapping[str, str] = {
    "400": "The request is not as it must be; `problems` has every mistake.",
    "401": "The token is missing.",
    "403": "The request comes from another site, or the header X-Barrido is missing.",
    "404": "There is no such sweep, trial or file.",
    "409": "It makes no sense now: the sweep or the trial is over, the name is taken.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "421": "The studio does not answer to that name (the Host header).",
    "500": "A mistake in barrido; its number is in the studio's log.",
    "503": "The sweep's database cannot be read, no controller can be started, or the studio ends.",
}
_MARKER = {
    "name": "X-Barrido",
    "in": "header",
    "required": True,
    "description": "Any text. No other site's page can send it.",
    "schema": {"type": "string"},
}


def document(routes: Sequence[Route]) -> dict[str, Any]:
    models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Error, "serialization"): None}
    for route in routes:
        if isinstance(route.answer, type):
            models[route.answer, "serialization"] = None
        if route.body is not None:
            models[route.body, "validation"] = None
    refs, definitions = models_json_schema(list(models), ref_template=_REF)
    error = {"application/json": {"schema": refs[Error, "serialization"]}}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = re.sub(r"{(\w+):\w+}", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "barrido studio", "version": barrido.__version__},
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "responses": {code: {"description": text, "content": error} for code, text in _ERRORS.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route, refs: Mapping[Any, Any]) -> dict[str, Any]:
    if isinstance(route.answer, str):
        kind = "object" if route.answer == "application/json" else "string"
        content: dict[str, Any] = {route.answer: {"schema": {"type": kind}}}
    else:
        content = {"application/json": {"schema": refs[route.answer, "serialization"]}}
    success = {"description": route.summary, "content": content}
    errors = {code: {"$ref": f"#/components/responses/{code}"} for code in _ERRORS}
    operation: dict[str, Any] = {
        "summary": route.summary,
        "parameters": _parameters(route),
        "responses": {str(route.status): success, **errors},
    }
    if route.method == "POST":
        operation["parameters"].append(_MARKER)
    if route.body is not None:
        body = {"application/json": {"schema": refs[route.body, "validation"]}}
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    schema = route.asked.model_json_schema()
    required = schema.get("required", ())
    found = []
    for name, one in schema.get("properties", {}).items():
        is_in_path = re.search(rf"{{{name}[:}}]", route.path) is not None
        parameter = {"name": name, "in": "path" if is_in_path else "query", "required": name in required}
        if "description" in one:
            parameter["description"] = one.pop("description")
        if _is_list(one):
            parameter |= {"style": "form", "explode": False}
        found.append({**parameter, "schema": one})
    return found


def _is_list(schema: Mapping[str, Any]) -> bool:
    return any(one.get("type") == "array" for one in (schema, *schema.get("anyOf", ())))
