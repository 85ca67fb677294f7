"""The base of every part of a scenario: frozen, and unknown keys are refused with the nearest right word."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from os.path import isfile
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from rfast_bench.errors import suggest
from rfast_bench.scenario.values.forms import DESCRIBED, Reads, text

Where = tuple[int | str, ...]
"""A place below the part that is read."""
NO_NUMBER = "a number is wanted here"


def mistake(where: Where, message: str, found: Any) -> InitErrorDetails:
    """One mistake, told at its place with what stands there."""
    return InitErrorDetails(
        type=PydanticCustomError("mistake", "{said}", {"said": message}), loc=where, input=found
    )


def together(mistakes: list[InitErrorDetails]) -> ValidationError:
    """Several of them, to be raised."""
    return ValidationError.from_exception_data("", mistakes)


class Spec(BaseModel):
    """A part of a scenario file. Unknown keys are refused; values cannot change after reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=DESCRIBED in os.environ
    )
    trailing: ClassVar[tuple[str, ...]] = ()
    """Keys that a message names last."""
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Keys that are no part of it, and under which key they belong."""

    @model_validator(mode="wrap")
    @classmethod
    def _known_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """pydantic finds unknown keys beside all other mistakes; here each gets the nearest right word."""
        try:
            read = handler(data)
            _no_truths(read, data)
        except ValidationError as problem:
            fields = sorted(cls.model_fields.items(), key=lambda field: field[0] in cls.trailing)
            names = [field.alias or name for name, field in fields]
            told = [_told(error, data, names, cls.elsewhere) for error in problem.errors(include_url=False)]
            raise ValidationError.from_exception_data(cls.__name__, told) from problem
        return read


def without(later: tuple[str, ...], spec: Spec, plain: dict[str, Any]) -> dict[str, Any]:
    """The plain values of a part, less the `later` keys that are at their defaults."""
    defaults = {name: type(spec).model_fields[name].default for name in later}
    return {k: v for k, v in plain.items() if k not in later or getattr(spec, k) != defaults[k]}


def _no_truths(spec: Spec, data: Any) -> None:
    """Raises ValidationError where `true` or `false` was taken for a number."""
    for name, field in type(spec).model_fields.items() if isinstance(data, dict) else ():
        key = field.alias or name
        for where, truth in _taken(data.get(key), getattr(spec, name, None), (key,)):
            raise together([mistake(where, NO_NUMBER, truth)])


def _taken(given: Any, read: Any, where: Where) -> Iterator[tuple[Where, bool]]:
    """Where `given` says true or false and `read` is a number."""
    if isinstance(given, bool) and isinstance(read, int | float) and not isinstance(read, bool):
        yield where, given
    elif isinstance(given, list | tuple) and isinstance(read, tuple | list) and len(given) == len(read):
        for k, (one, other) in enumerate(zip(given, read, strict=True)):
            yield from _taken(one, other, (*where, k))
    elif isinstance(given, Mapping) and isinstance(read, Mapping):
        for key, one in given.items():
            yield from _taken(one, read.get(key), (*where, key))


def _told(error: ErrorDetails, data: Any, names: list[str], elsewhere: Mapping[str, str]) -> InitErrorDetails:
    """The same mistake; of an unknown key of `data` itself, where `data` stands and which keys it may have."""
    kind, message, where, found = error["type"], error["msg"], error["loc"], error["input"]
    context = error.get("ctx")
    if kind in ("extra_forbidden", "invalid_key") and len(where) == 1:
        key = str(where[0])
        ending = suggest(key, names)
        if key in elsewhere:
            ending = f": it belongs under '{elsewhere[key]}'. Allowed here: {', '.join(names)}"
        kind, message = "unknown_key", f"unknown key '{key}'{ending}"
        where, found, context = (), data, {"unknown": key}
    return InitErrorDetails(type=PydanticCustomError(kind, message, context), loc=where, input=found)


def _from_scenario_folder(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return Path(folder) / path.expanduser() if folder is not None else path.expanduser()


DataPath = Annotated[Path, AfterValidator(_from_scenario_folder)]
"""A path in a scenario file: relative paths start at the folder of that file."""


CODE = r"\.py:[A-Za-z_]\w*$"
"""The pattern of what `is_code` finds."""


def is_code(text: str) -> bool:
    """Whether it says `path/to/file.py:name`."""
    file, _, name = text.rpartition(":")
    return file.endswith(".py") and name.isidentifier()


def _code(text: str, info: ValidationInfo) -> str:
    """With its whole path: from the folder of the scenario file, else from the current one."""
    if not is_code(text):
        return text
    file, _, name = text.rpartition(":")
    places = [_from_scenario_folder(Path(file), info), Path.cwd() / file]
    return f"{next((place for place in places if isfile(place)), places[0]).resolve()}:{name}"


def _only_code(text: str) -> str:
    if not is_code(text):
        raise ValueError("expected FILE.py:NAME, for example my_data.py:load")
    return text


Code = Annotated[str, AfterValidator(_code)]
"""`path/to/file.py:name`: what a file of the user's defines. A relative path is looked up in the folder of the scenario
file, then in the current one; other words stay as they are."""
SourceName = Annotated[Code, AfterValidator(_only_code), Reads(lambda own: text(CODE, "my_data.py:load"))]
"""The same where no other word is allowed."""
