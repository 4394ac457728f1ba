"""The fears: half a model under the right name, and a model from other weights."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from workers.ai.local import build as builder
from workers.ai.local.build import build, model_path
from workers.ai.local.weights import WeightsRejected

BUILD = [sys.executable, "-m", "workers.ai.local.build"]


def test_building_again_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    path = build(tmp_path)
    first = path.stat()
    assert build(tmp_path) == path == model_path(tmp_path)
    assert path.stat().st_mtime_ns == first.st_mtime_ns
    assert path.stat().st_ino == first.st_ino


def test_two_processes_that_build_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    cache = tmp_path / "made" / "by the build"
    racers = [subprocess.Popen([*BUILD, str(cache)], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [racer.communicate(timeout=60)[0].strip() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    assert printed == [str(model_path(cache))] * 2
    assert [file.name for file in cache.iterdir()] == [model_path(cache).name]
    session = onnxruntime.InferenceSession(printed[0], providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == [1, 3, 224, 224]


def test_two_builds_are_equal_byte_for_byte(tmp_path: Path, model: Path) -> None:
    assert build(tmp_path).read_bytes() == model.read_bytes()


def test_a_changed_builder_makes_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = model_path(tmp_path)
    monkeypatch.setattr(builder, "WEIGHTS_SHA256", "0" * 64)
    assert model_path(tmp_path) != before


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        build(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_other_weights_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "WEIGHTS_SHA256", "0" * 64)
    monkeypatch.setattr(builder, "read_weights", lambda _: pytest.fail("unpickled"))
    with pytest.raises(WeightsRejected, match="has SHA-256 5793"):
        build(tmp_path)


def test_the_model_gives_probabilities(model: Path) -> None:
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"image": np.zeros((1, 3, 224, 224), np.float32)})
    assert output.shape == (1, 1000)
    assert output.sum() == pytest.approx(1, abs=1e-4)
    assert (output >= 0).all()
