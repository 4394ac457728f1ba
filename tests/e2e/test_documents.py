"""What docs/api.md says is so: its table of routes, and its client."""

import ast
import os
import re
import subprocess
import sys

from services.gateway.table import written
from services.kernel.errors import KINDS, Problem
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


def test_every_code_of_an_error_is_told() -> None:
    errors = {kind.__name__ for kind in (*KINDS, Problem)}
    codes = set()
    for file in (ROOT / "services").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.args:
                told = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
                if call.func.id in errors and isinstance(told, str):
                    codes.add(told)
                if call.func.id in ("missing", "Id") and isinstance(told, str):
                    codes.add(f"{told}_not_found")

    assert len(codes) > 60
    assert {code for code in codes if f"`{code}`" not in DOCUMENT} == set()
