"""Writes the table of routes into docs/api.md: ``python -m services.gateway.table docs/api.md``."""

import sys
from pathlib import Path

from services.gateway.route import Media, Route
from services.gateway.routes import ROUTES

BEGIN, END = "<!-- routes: begin -->\n", "<!-- routes: end -->\n"
WHO = {"public": "", "optional": "token if any", "user": "token"}


def written(text: str) -> str:
    """`text` with the table of today's routes between the two marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the text has no {BEGIN.strip()} and {END.strip()}")
    return f"{before}{begin}{table()}{end}{after}"


def table() -> str:
    lines = ["| method | path | purpose | takes | who | success |", "| --- | --- | --- | --- | --- | --- |"]
    shown = sorted((route for route in ROUTES if not route.private), key=lambda route: route.path)
    return "\n".join([*lines, *map(_line, shown)]) + "\n"


def _line(route: Route) -> str:
    names = [f"`{name}`" for shape in (route.query, route.body) if shape for name in shape.model_fields]
    if route.upload:
        names += [f"file `{route.upload.file}`", *(f"`{name}`" for name in route.upload.form.model_fields)]
    statuses = sorted({route.status, *route.also, *((200,) if route.streams else ())})
    media = " (events)" if isinstance(route.answer, Media) and route.answer.stream else ""
    success = ", ".join(map(str, statuses)) + media
    takes = ", ".join(dict.fromkeys(names))
    key = "; `Idempotency-Key`" if route.idempotent or route.own_key else ""
    return f"| {route.method} | `{route.path}` | {route.summary} | {takes}{key} | {WHO[route.auth]} | {success} |"


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(written(document.read_text(encoding="utf-8")), encoding="utf-8")
