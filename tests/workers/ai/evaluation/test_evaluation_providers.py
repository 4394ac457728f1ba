import sys
from pathlib import Path

import pytest

from workers.ai.evaluation import providers
from workers.ai.evaluation.labels import EvaluationError
from workers.ai.evaluation.providers import vision_named


def test_the_local_provider_needs_no_stack() -> None:
    vision = vision_named("local")
    assert (vision.provider, vision.model) == ("local", "efficientnet-lite0")


def test_a_provider_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(EvaluationError, match=r"no provider 'locale'; there are: .*local"):
        vision_named("locale")


def test_the_threshold_is_the_configured_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECO2_AI__THRESHOLD", "1")
    coffee = (Path(__file__).parents[3] / "photos" / "coffee.jpg").read_bytes()
    assert vision_named("local").recognise(coffee).item_id is None


def test_a_model_that_cannot_be_built_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ECO2_CACHE", str(tmp_path / "file" / "cache"))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EvaluationError, match="the local model cannot be built"):
        vision_named("local")


def test_matplotlib_waits_until_a_picture_is_drawn() -> None:
    import subprocess

    code = f"import sys; import {providers.__package__}.command; print('matplotlib' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "False"
