"""What docs/api.md says is so: its table of routes, and its client."""

import os
import re
import subprocess
import sys

from services.gateway.table import written
from tests.stack import ROOT, TestStack

DOCUMENT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def test_the_table_of_routes_is_todays() -> None:
    assert written(DOCUMENT) == DOCUMENT, "run: .venv/bin/python -m services.gateway.table docs/api.md"


def test_the_client_in_python_runs_as_it_stands_there(stack: TestStack) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)

    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "ECO2_GATEWAY_URL": stack.gateway},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
    assert "100 done" in ran.stdout
    assert "Ceramic" in ran.stdout
    assert "batter" in ran.stdout
