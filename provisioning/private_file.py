"""Files for their owner's eyes alone, written whole: host keys, the kubeconfig, outputs, receipts."""

import os
import secrets
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Makes the file say this, durably: all of it or nothing, mode 0600. Raises OSError."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(
            os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
