"""Reads torch's legacy ``.pth`` format without torch.

The file is five pickles (magic, protocol, system info, an ordered dict of tensors, the list of storage keys),
then each storage as an 8-byte element count and its raw little-endian data. Source: ``_legacy_load`` in
torch/serialization.py.

A pickle is a program, so the file is treated as untrusted: only the names that a state dict needs exist here,
what they build are plain strings, tuples and ordered dicts, and every size is checked against the file.
"""

import hashlib
import math
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

DTYPE_OF_STORAGE = {"FloatStorage": "<f4", "LongStorage": "<i8"}
MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
MAX_FILE_BYTES = 64 * 1024 * 1024


class WeightsRejected(Exception):
    """The weights file is not what it should be; nothing of it was used."""


class _Storage(NamedTuple):
    dtype: str
    key: str
    elements: int


class _Tensor(NamedTuple):
    storage: object
    offset: object
    shape: object
    strides: object


class _StateDictUnpickler(pickle.Unpickler):
    """Knows the names of a state dict and no others.

    Names resolve to strings or to what builds tuples: a ``BUILD`` opcode finds nothing to change on them.
    """

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if module == "torch" and name in DTYPE_OF_STORAGE:
            return DTYPE_OF_STORAGE[name]
        raise WeightsRejected(f"the weights file names {module}.{name}, which a state dict does not need")

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", str(dtype), str(key), "cpu", int(elements), None) if dtype in DTYPE_OF_STORAGE.values():
                return _Storage(dtype, key, elements)
        raise WeightsRejected(f"the weights file has an unknown persistent id {pid!r:.80}")

    def _tensor(self, storage: object, offset: object, shape: object, strides: object, *_: object) -> _Tensor:
        return _Tensor(storage, offset, shape, strides)


def sha256_of(path: Path) -> str:
    """Returns the file's SHA-256 as 64 hex digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(path: Path) -> dict[str, NDArray[Any]]:
    """Returns every tensor of the state dict by name, each a fresh C-contiguous array in the file's shape.

    Raises:
        WeightsRejected: the file is damaged, larger than 64 MiB, or holds anything but a state dict.
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise WeightsRejected(f"{path.name} has {size} bytes, more than {MAX_FILE_BYTES}")
    with path.open("rb") as file:
        if _unpickle(file) != MAGIC or _unpickle(file) != PROTOCOL:
            raise WeightsRejected(f"{path.name} is not in torch's legacy format")
        _unpickle(file)  # system info: sizes of C types on the writer's machine
        state = _unpickle(file)
        keys = _unpickle(file)
        if not _is_state_dict(state):
            raise WeightsRejected(f"{path.name} holds no ordered dict of tensors")
        storages = {t.storage for t in state.values() if isinstance(t.storage, _Storage)}
        storage_of = {storage.key: storage for storage in storages}
        if len(storage_of) != len(storages):
            raise WeightsRejected(f"{path.name} says two things about one storage")
        if not _is_list_of_str(keys) or sorted(keys) != sorted(storage_of):
            raise WeightsRejected(f"{path.name} lists other storages than its tensors use")
        data = {key: _read_storage(file, storage_of[key]) for key in keys}
        if file.read(1):
            raise WeightsRejected(f"{path.name} goes on after its last storage")
    return {name: _materialise(name, tensor, data) for name, tensor in state.items()}


def _is_state_dict(value: object) -> TypeGuard[dict[str, _Tensor]]:
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(tensor, _Tensor) for name, tensor in value.items()
    )


def _is_list_of_str(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _unpickle(file: BinaryIO) -> Any:
    try:
        return _StateDictUnpickler(file).load()
    except WeightsRejected:
        raise
    except Exception as error:  # a hostile pickle can raise anything; all of it means the same
        raise WeightsRejected(f"the weights file does not unpickle: {error}") from error


def _read_storage(file: BinaryIO, storage: _Storage) -> NDArray[Any]:
    header = file.read(8)
    if len(header) != 8 or struct.unpack("<q", header)[0] != storage.elements:
        raise WeightsRejected(f"storage {storage.key} does not have the {storage.elements} elements it should")
    wanted = storage.elements * np.dtype(storage.dtype).itemsize
    raw = file.read(min(wanted, MAX_FILE_BYTES)) if wanted >= 0 else b""
    if len(raw) != wanted:
        raise WeightsRejected(f"storage {storage.key} is cut short")
    return np.frombuffer(raw, dtype=storage.dtype)


def _materialise(name: str, tensor: _Tensor, data: dict[str, NDArray[Any]]) -> NDArray[Any]:
    match tensor:
        case _Tensor(_Storage(key=key), int(offset), tuple(shape), tuple(strides)) if (
            len(shape) == len(strides)
            and all(type(n) is int and n > 0 for n in shape)
            and all(type(n) is int and n >= 0 for n in strides)
            and offset >= 0
        ):
            flat = data[key]
            last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
            if last < len(flat) and math.prod(shape) <= len(flat):
                steps = tuple(step * flat.itemsize for step in strides)
                view = np.lib.stride_tricks.as_strided(flat[offset:], shape, steps, writeable=False)
                return np.array(view, order="C")
    raise WeightsRejected(f"tensor {name} does not lie within its storage")
