"""What all models of the language share: unknown keys are mistakes, and mistakes are said in plain words.

Every error that leaves a model was made by `said`, and carries a message and a hint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails, PydanticCustomError, core_schema

from barrido.core.command import text_of
from barrido.spec import plugins
from barrido.spec.messages import closest, did_you_mean, got, in_words, listed
from barrido.spec.source import Path

Scalar = str | int | float | bool


def said(what: str, hint: str = "", *, at: Path = ()) -> PydanticCustomError:
    """An error for pydantic that is already in the user's words; ``at`` is where below the value it is."""
    return PydanticCustomError("said", "{what}", {"what": what, "hint": hint, "at": at})


class Node(BaseModel):
    """A mapping of the language.

    ``aliases`` are other words that people use for its keys; ``elsewhere`` tells, for keys that people put
    here by mistake, where they belong. Descriptions and examples of fields are shown by editors (through
    the JSON schema) and when a required key is missing.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, serialize_by_alias=True)

    aliases: ClassVar[Mapping[str, str]] = {}
    elsewhere: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="wrap")
    @classmethod
    def _in_plain_words(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            mistakes = error.errors(include_url=False)
            unknown = [str(m["loc"][-1]) for m in mistakes if m["type"] == "extra_forbidden"]
            mistyped = {cls._meant(key) for key in unknown}
            worded = [
                cls._worded(mistake)
                for mistake in mistakes
                if mistake["type"] != "missing" or mistake["loc"][-1] not in mistyped
            ]
            raise ValidationError.from_exception_data(cls.__name__, worded) from None

    @classmethod
    def known_keys(cls) -> list[str]:
        return [field.alias or name for name, field in cls.model_fields.items() if name != "schema_uri"]

    @classmethod
    def _worded(cls, error: ErrorDetails) -> InitErrorDetails:
        loc = error["loc"]
        if error["type"] == "said":
            context = error["ctx"]
            custom = said(context["what"], context["hint"], at=context["at"])
        elif error["type"] == "model_type" and not loc:
            # Only the model around this one knows the key, and how to give it
            return InitErrorDetails(type="model_type", loc=loc, input=error["input"], ctx=error["ctx"])
        elif error["type"] == "missing":
            custom = said("is missing", cls._how_to_give(str(loc[-1])))
        elif error["type"] == "extra_forbidden":
            custom = said("is not a known key", cls._what_was_meant(str(loc[-1])))
        else:
            what, hint = in_words(error)
            if error["input"] is None:
                what = "has no value"
            if len(loc) == 1 and (error["input"] is None or error["type"] in ("model_type", "dict_type")):
                hint = cls._how_to_give(str(loc[0])) or hint
            custom = said(what, hint)
        return InitErrorDetails(type=custom, loc=loc, input=error["input"])

    @classmethod
    def _how_to_give(cls, key: str) -> str:
        fields = {field.alias or name: field for name, field in cls.model_fields.items()}
        if (field := fields.get(key)) is None:
            return ""
        parts = [field.description or ""]
        if field.examples:
            parts.append(f"for example `{key}: {field.examples[0]}`")
        return "; ".join(part for part in parts if part)

    @classmethod
    def _what_was_meant(cls, key: str) -> str:
        if key in cls.elsewhere:
            return cls.elsewhere[key]
        if (meant := cls._meant(key)) is not None:
            return f"did you mean '{meant}'?"
        if (near := closest(key, cls.elsewhere)) is not None:
            return f"did you mean '{near}'? {cls.elsewhere[near]}"
        return f"the keys here are {listed(cls.known_keys(), last='and')}"

    @classmethod
    def _meant(cls, key: str) -> str | None:
        if key in cls.elsewhere:
            return None
        return cls.aliases.get(key.lower()) or closest(key, cls.known_keys())


class CheckedBy:
    """Validate with ``check`` alone; the annotated type is what the JSON schema says, or one of ``names``."""

    def __init__(self, check: Callable[[Any], Any], *names: str) -> None:
        self._check = check
        self._names = names

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            lambda value, _: self._check(value), handler(source)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        shape = handler(schema)
        return {"anyOf": [{"type": "string", "enum": list(self._names)}, shape]} if self._names else shape


def dispatched(
    value: Any, models: Mapping[str, type[Node]], *, what: str, example: str, word: Callable[[str], str]
) -> Any:
    """Validate ``value`` with the model that its ``type`` names.

    ``what`` says what the types are ("a distribution"); ``word`` brings a type's name to the form it has in
    ``models``.
    """
    if not isinstance(value, Mapping):
        raise said(f"must be {what}, a mapping with a `type` (got {got(value)})", f"for example {example}")
    if "type" not in value:
        raise said("has no `type`", f"for example {example}")
    kind = value["type"]
    if not isinstance(kind, str):
        raise said(f"must be the name of {what} (got {got(kind)})", f"for example {example}", at=("type",))
    if (name := word(kind)) not in models:
        raise said(f"is not {what} (got {got(kind)})", did_you_mean(name, models), at=("type",))
    return models[name].model_validate({**value, "type": name})


def named(
    value: Any, models: Mapping[str, type[Node]], *, what: str, example: str, word: Callable[[str], str]
) -> Any:
    """As `dispatched`, but ``value`` may be the name alone."""
    if isinstance(value, str):
        if (name := word(value)) not in models:
            raise said(f"is not {what} (got {got(value)})", did_you_mean(name, models))
        return models[name].model_validate({"type": name})
    if not isinstance(value, Mapping):
        hint = f"for example {example}"
        raise said(f"must be the name of {what}, or a mapping with a `type` (got {got(value)})", hint)
    return dispatched(value, models, what=what, example=example, word=word)


def with_plugins(
    value: Any,
    models: Mapping[str, type[Node]],
    plugged: type[Node],
    *,
    kind: str,
    word: Callable[[str], str],
) -> Mapping[str, type[Node]]:
    """``models``, and ``plugged`` for what other packages bring, if ``value`` names none of ours."""
    given = value.get("type") if isinstance(value, Mapping) else value
    if not isinstance(given, str) or word(given) in models:
        return models
    return {**dict.fromkeys(plugins.names(kind), plugged), **models}


def snake(word: str) -> str:
    """
    >>> snake("MedianStopping"), snake("median-stopping")
    ('median_stopping', 'median_stopping')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word.strip())
    return re.sub(r"[\s-]+", "_", spaced).lower()


def _to_text(value: Any) -> Any:
    return text_of(value) if isinstance(value, bool | int | float) else value


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def one_of(*words: str) -> WrapValidator:
    """For a Literal: whatever the case, with the nearest word as a hint."""

    def check(value: Any, handler: Callable[[Any], Any]) -> Any:
        if not isinstance(value, str):
            raise said(f"must be {listed(words)} (got {got(value)})")
        if _lower(value) not in words:
            hint = did_you_mean(value, words, otherwise=" ")
            raise said(f"must be {listed(words)} (got {got(value)})", hint.strip())
        return handler(_lower(value))

    return WrapValidator(check)


def _keeping_integers(value: Any, handler: Callable[[Any], float]) -> float:
    result = handler(value)
    return value if isinstance(value, int) else result


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip()
    try:
        return float(text)
    except ValueError:
        pass
    if (iso := _ISO_DURATION.fullmatch(text)) and any(iso.groups()):
        total = sum(int(count or 0) * unit for count, unit in zip(iso.groups(), _ISO_UNITS_S, strict=True))
        raise said(f"must be a number of seconds (got {got(value)})", f"write {total}")
    if match := _DURATION.fullmatch(text):
        seconds = float(match[1]) * _UNIT_S[match[2][0].lower()]
        shown = int(seconds) if isfinite(seconds) and seconds.is_integer() else seconds
        raise said(f"must be a number of seconds (got {got(value)})", f"write {shown}")
    raise said(f"must be a number of seconds (got {got(value)})")


_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)", re.I)
_ISO_DURATION = re.compile(r"P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?", re.I)
_ISO_UNITS_S = (86400, 3600, 60, 1)
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Number = Annotated[float, Field(allow_inf_nan=False), WrapValidator(_keeping_integers)]
"""A finite number; whole numbers stay ints."""

Amount = Annotated[float, Field(allow_inf_nan=False, ge=0), WrapValidator(_keeping_integers)]
"""A finite number of 0 or more; whole numbers stay ints."""

Positive = Annotated[float, Field(allow_inf_nan=False, gt=0), WrapValidator(_keeping_integers)]
"""A finite number above 0; whole numbers stay ints."""

Seconds = Annotated[float, Field(allow_inf_nan=False, gt=0), BeforeValidator(_seconds)]
"""A duration; a number in quotes is taken as well, as Azure does."""

Text = Annotated[str, BeforeValidator(_to_text), WithJsonSchema({"type": ["string", "number", "boolean"]})]
"""Text, or a number or a boolean that becomes text."""

FilledText = Annotated[str, Field(min_length=1)]
