"""The fear: a weights file that is a program."""

import io
import os
import pickle
import struct
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from workers.ai.local.weights import MAGIC, MAX_FILE_BYTES, PROTOCOL, WeightsRejected, read_weights


class Call:
    """Pickles as a call of ``function``."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.reduced


class StorageId(NamedTuple):
    pid: tuple[Any, ...]


class TorchPickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        return obj.pid if isinstance(obj, StorageId) else None


@pytest.fixture(autouse=True)
def torch(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Just enough of torch for a pickle to name it; the reader must not import it."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2() -> None:
        raise AssertionError("the reader called torch")

    for module, thing in ((utils, _rebuild_tensor_v2), (torch, type("FloatStorage", (), {}))):
        thing.__module__ = module.__name__
        thing.__qualname__ = thing.__name__
        setattr(module, thing.__name__, thing)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    yield torch
    monkeypatch.undo()


def tensor(shape: Any = (2, 3), strides: Any = (3, 1), offset: Any = 0, elements: int = 6, where: str = "cpu") -> Call:
    torch: Any = sys.modules["torch"]
    utils: Any = sys.modules["torch._utils"]
    storage = StorageId(("storage", torch.FloatStorage, "7", where, elements, None))
    return Call(utils._rebuild_tensor_v2, storage, offset, shape, strides, False, OrderedDict())


def pth(
    tmp_path: Path,
    state: Any,
    keys: tuple[str, ...] = ("7",),
    counts: tuple[int, ...] = (6,),
    tail: bytes = b"",
    protocol: int = 2,
) -> Path:
    buffer = io.BytesIO()
    for part in (MAGIC, PROTOCOL, {"little_endian": True}, state, list(keys)):
        TorchPickler(buffer, protocol).dump(part)
    for count in counts:
        buffer.write(struct.pack("<q", count) + np.arange(count, dtype="<f4").tobytes())
    path = tmp_path / "weights.pth"
    path.write_bytes(buffer.getvalue() + tail)
    return path


def test_a_tensor_is_read_by_its_shape(tmp_path: Path) -> None:
    weights = read_weights(pth(tmp_path, OrderedDict(w=tensor())))
    assert weights["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_transposed_tensor_comes_out_in_order(tmp_path: Path) -> None:
    weights = read_weights(pth(tmp_path, OrderedDict(w=tensor((3, 2), (1, 3)))))
    assert weights["w"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert weights["w"].flags.c_contiguous


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_pickle_that_runs_a_command_is_refused_and_nothing_runs(tmp_path: Path, protocol: int) -> None:
    witness = tmp_path / "it-ran"
    path = pth(tmp_path, OrderedDict(w=Call(os.system, f"touch {witness}")), protocol=protocol)
    with pytest.raises(WeightsRejected, match=r"names posix\.system"):
        read_weights(path)
    assert not witness.exists()


@pytest.mark.parametrize(
    "call",
    [Call(eval, "1"), Call(getattr, OrderedDict, "clear"), Call(__import__, "os"), Call(bytearray, 1 << 40)],
)
def test_builtins_are_refused(tmp_path: Path, call: Call) -> None:
    with pytest.raises(WeightsRejected, match=r"names (__builtin__|builtins)\."):
        read_weights(pth(tmp_path, OrderedDict(w=call)))


def test_the_first_pickle_is_no_safer_than_the_others(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps(Call(os.getcwd), protocol=2))
    with pytest.raises(WeightsRejected, match="names posix"):
        read_weights(path)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ([1, 2], "no ordered dict of tensors"),
        ({"w": 5}, "no ordered dict of tensors"),
        ({"w": lambda: tensor(where="cuda:0")}, "unknown persistent id"),
        ({"w": lambda: tensor((3, 3), (3, 1))}, "does not lie within"),
        ({"w": lambda: tensor(offset=1)}, "does not lie within"),
        ({"w": lambda: tensor(offset=-6)}, "does not lie within"),
        ({"w": lambda: tensor((2, 3), (-3, 1))}, "does not lie within"),
        ({"w": lambda: tensor((1 << 40,), (0,))}, "does not lie within"),
        ({"w": lambda: tensor(shape="23")}, "does not lie within"),
        ({"w": lambda: tensor(elements=5)}, "does not have the 5 elements"),
        ({"w": lambda: tensor(elements=-1)}, "does not have the -1 elements"),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path: Path, state: Any, reason: str) -> None:
    if isinstance(state, dict):
        state = {name: value() if callable(value) else value for name, value in state.items()}
    with pytest.raises(WeightsRejected, match=reason):
        read_weights(pth(tmp_path, state))


def test_storages_that_are_not_listed_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsRejected, match="other storages"):
        read_weights(pth(tmp_path, OrderedDict(w=tensor()), keys=("8",)))


def test_two_sizes_for_one_storage_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsRejected, match="two things"):
        read_weights(pth(tmp_path, OrderedDict(w=tensor(), v=tensor(elements=1 << 60))))


def test_bytes_after_the_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsRejected, match="goes on"):
        read_weights(pth(tmp_path, OrderedDict(w=tensor()), tail=b"\0"))


def test_a_file_cut_at_any_place_is_refused(tmp_path: Path) -> None:
    path = pth(tmp_path, OrderedDict(w=tensor()))
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsRejected):
            read_weights(path)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(WeightsRejected, match="more than"):
        read_weights(path)
