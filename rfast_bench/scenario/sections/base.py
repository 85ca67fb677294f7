"""The base of every part of a scenario: frozen, and unknown keys are refused with the nearest right word."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, model_validator

from rfast_bench.errors import suggest

Metric = Literal["loss", "gap", "accuracy"]


class Spec(BaseModel):
    """A part of a scenario file. Unknown keys are refused; values cannot change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            names = [field.alias or name for name, field in cls.model_fields.items()]
            unknown = [str(key) for key in data if key not in names and key not in cls.model_fields]
            if unknown:
                raise ValueError(f"unknown key '{unknown[0]}'{suggest(unknown[0], names)}")
        return data


def _from_scenario_folder(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return Path(folder) / path.expanduser() if folder is not None else path.expanduser()


DataPath = Annotated[Path, AfterValidator(_from_scenario_folder)]
"""A path in a scenario file: relative paths start at the folder of that file."""
