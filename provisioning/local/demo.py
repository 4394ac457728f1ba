"""``./inv demo``: one photo, the whole way through the public API, as any client would send it."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import connect_sse
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from provisioning.local.down import down
from provisioning.local.errors import LocalError
from provisioning.local.home import REPOSITORY, Home
from provisioning.local.settings import Stack
from provisioning.local.supervise import Supervisor
from provisioning.local.up import up

PHOTO = REPOSITORY / "tests" / "photos" / "coffee.jpg"
ANSWER_S = 60.0


class DemoFailed(LocalError):
    """The photo got no answer."""

    exit_code = 1


def demo(photo: Path | None = None, *, keep: bool = False, console: Console | None = None) -> None:
    """Send `photo`, show its stages and its answer, fetch its picture back.

    Starts the stack when it is not up, and then stops it again unless `keep`. Raises `LocalError`.
    """
    console = console or Console()
    path = photo or PHOTO
    try:
        picture = path.read_bytes()
    except OSError as error:
        raise DemoFailed(f"{path}: {error.strerror}") from None
    home = Home.open()
    was_up = home.exists and Supervisor(home).pid() is not None
    up(console=console)
    try:
        _send(f"http://127.0.0.1:{Stack.load(home).ports['gateway']}", path.name, picture, console)
    finally:
        if not was_up and not keep:
            down(console=console)


def _send(gateway: str, name: str, picture: bytes, console: Console) -> None:
    began = time.monotonic()
    with httpx.Client(base_url=gateway, timeout=30) as client:
        sent = client.post("/api/waste/scans", files={"image": (name, picture, "application/octet-stream")})
        if sent.status_code != 202:
            raise DemoFailed(f"The API refused {name}: {_reason(sent)}")
        scan = _follow(client, sent.json()["events_url"], console)
        took = time.monotonic() - began
        if scan["status"] != "completed":
            raise DemoFailed(f"No answer: {scan['error']['detail']} ({scan['error']['code']})")
        back = client.get(scan["image"]["url"])
        back.raise_for_status()
    console.print(Panel(_told(scan, back, took), title=f"[bold]{name}[/]", expand=False))


def _follow(client: httpx.Client, events_url: str, console: Console) -> dict[str, Any]:
    columns = (
        TextColumn("{task.description:8}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        stage = bar.add_task("sent", total=100)
        for event, data in _events(client, events_url):
            if event in ("completed", "failed"):
                bar.update(stage, description="done" if event == "completed" else "failed", completed=100)
                return data
            bar.update(stage, description=data["stage"], completed=data["percent"])
    raise DemoFailed("The progress stream ended without an answer. ./inv logs waste and ./inv logs ai may say why.")


def _events(client: httpx.Client, url: str) -> Iterator[tuple[str, dict[str, Any]]]:
    deadline = time.monotonic() + ANSWER_S
    with connect_sse(client, "GET", url) as source:
        for event in source.iter_sse():
            yield event.event, event.json()
            if time.monotonic() > deadline:
                return


def _told(scan: dict[str, Any], back: httpx.Response, took: float) -> str:
    result = scan["result"]
    disposal = result["disposal"]
    if disposal is None:
        guesses = ", ".join(f"{guess['label']} {guess['probability']:.0%}" for guess in result["guesses"])
        answer = [f"[bold]?[/]  {result['answer']}", f"nearest guesses  {guesses}"]
    else:
        steps = [f"  {number}. {step}" for number, step in enumerate(disposal["steps"], 1)]
        answer = [f"[bold]{disposal['name']}[/] → {disposal['place']}", *steps]
        answer += [f"  ✗ {do_not}" for do_not in disposal["do_nots"]]
        answer += [f"[dim]{citation}[/]" for rule in disposal["rules"] for citation in rule["citations"]]
    digest = hashlib.sha256(back.content).hexdigest()[:12]
    return "\n".join(
        [
            *answer,
            "",
            f"confidence  {result['confidence']:.0%}   by {result['provider']}/{result['model']}   in {took:.2f} s",
            f"picture     {scan['image']['url']}",
            f"            fetched back: {len(back.content)} bytes, {back.headers['content-type']}, sha256 {digest}…",
        ]
    )


def _reason(response: httpx.Response) -> str:
    try:
        problem = response.json()
        return f"{problem['detail']} ({problem['code']})"
    except (ValueError, KeyError):
        return f"HTTP {response.status_code}"
