"""The domain's data files: YAML, checked as a whole when loaded, so that a wrong one keeps the process down."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

FOLDER = Path(__file__).parent

Shape = TypeVar("Shape", bound=BaseModel)


class DataError(Exception):
    """A data file is missing or wrong; the text names the file and each fault."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(Strict):
    """One text in both languages."""

    ko: str
    en: str


def load(path: Path, shape: type[Shape]) -> Shape:
    """The file's content as `shape`. Raises `DataError`."""
    try:
        return shape.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path.name}: {error}") from error
    except ValidationError as error:
        faults = [f"{path.name}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise DataError("\n".join(faults)) from None
