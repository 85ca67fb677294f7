"""The base of every part of a scenario: frozen, and unknown keys are refused with the nearest right word."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from rfast_bench.errors import suggest

Metric = Literal["loss", "gap", "accuracy"]


class Spec(BaseModel):
    """A part of a scenario file. Unknown keys are refused; values cannot change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    trailing: ClassVar[tuple[str, ...]] = ()
    """Keys that a message names last."""
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Keys that are no part of it, and under which key they belong."""

    @model_validator(mode="wrap")
    @classmethod
    def _known_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """pydantic finds unknown keys beside all other mistakes; here each gets the nearest right word."""
        try:
            return handler(data)
        except ValidationError as problem:
            fields = sorted(cls.model_fields.items(), key=lambda field: field[0] in cls.trailing)
            names = [field.alias or name for name, field in fields]
            told = [_told(error, data, names, cls.elsewhere) for error in problem.errors(include_url=False)]
            raise ValidationError.from_exception_data(cls.__name__, told) from problem


def _told(error: ErrorDetails, data: Any, names: list[str], elsewhere: Mapping[str, str]) -> InitErrorDetails:
    """The same mistake; of an unknown key of `data` itself, where `data` stands and which keys it may have."""
    kind, message, where, found = error["type"], error["msg"], error["loc"], error["input"]
    if kind in ("extra_forbidden", "invalid_key") and len(where) == 1:
        key = str(where[0])
        ending = suggest(key, names)
        if key in elsewhere:
            ending = f": it belongs under '{elsewhere[key]}'. Allowed here: {', '.join(names)}"
        kind, message = "unknown_key", f"unknown key '{key}'{ending}"
        where, found = (), data
    return InitErrorDetails(type=PydanticCustomError(kind, message, error.get("ctx")), loc=where, input=found)


def _from_scenario_folder(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return Path(folder) / path.expanduser() if folder is not None else path.expanduser()


DataPath = Annotated[Path, AfterValidator(_from_scenario_folder)]
"""A path in a scenario file: relative paths start at the folder of that file."""


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
    return f"{next((place for place in places if place.is_file()), places[0]).resolve()}:{name}"


def _only_code(text: str) -> str:
    if not is_code(text):
        raise ValueError("expected FILE.py:NAME, for example my_data.py:load")
    return text


Code = Annotated[str, AfterValidator(_code)]
"""`path/to/file.py:name`: what a file of the user's defines. A relative path is looked up in the folder of the scenario
file, then in the current one; other words stay as they are."""
SourceName = Annotated[Code, AfterValidator(_only_code)]
"""The same where no other word is allowed."""
