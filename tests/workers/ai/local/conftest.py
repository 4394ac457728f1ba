import os
from pathlib import Path

import pytest

from workers.ai.local.build import build
from workers.ai.local.classifier import LocalClassifier

REPOSITORY = Path(__file__).parents[4]


@pytest.fixture(scope="session")
def model() -> Path:
    """The built model; kept between runs, since its name changes whenever its builder does."""
    return build(Path(os.environ.get("ECO2_CACHE") or REPOSITORY / ".eco2" / "cache"))


@pytest.fixture(scope="session")
def classifier(model: Path) -> LocalClassifier:
    return LocalClassifier(model)


@pytest.fixture(scope="session")
def photos() -> Path:
    return REPOSITORY / "tests" / "photos"
