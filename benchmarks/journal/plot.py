"""The picture of the report, drawn in the peers' environment: ``… plot FIGURES.json PICTURE.png``."""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

OURS, PEER = "#1b7f4d", "#9aa5b1"


def _alone(axes: Any, figures: dict[str, Any]) -> None:
    styles = {
        "greenlets": (OURS, "-", "journal, greenlets"),
        "threads": (OURS, "--", "journal, threads"),
        "huey": (PEER, "-", "Huey's SQLite storage"),
    }
    for kind, (colour, line, label) in styles.items():
        points = [(n, rate) for n, rate in zip(figures["levels"], figures["alone"][kind], strict=True) if rate]
        axes.plot(*zip(*points, strict=True), color=colour, linestyle=line, marker="o", label=label)
    for batch, label in (("1", "raw sqlite3, one commit a row"), ("100", "raw sqlite3, 100 rows a commit")):
        if figures["raw"][batch]:
            axes.axhline(figures["raw"][batch], color="#c2410c", linestyle=":" if batch == "1" else "-.", label=label)
    axes.set(xscale="log", yscale="log", xlabel="tasks at once", ylabel="tasks/s", title="Durable transitions alone")
    axes.set_xticks(figures["levels"], [str(n) for n in figures["levels"]])
    axes.legend(fontsize=7)
    axes.grid(alpha=0.3)


def _bars(axes: Any, rates: dict[str, float | None], title: str) -> None:
    names = list(rates)[::-1]
    values = [rates[name] or 0 for name in names]
    bars = axes.barh(names, values, color=[OURS if name.startswith("Eco²") else PEER for name in names])
    axes.bar_label(bars, labels=[f" {value:,.0f}" if value else " failed" for value in values], fontsize=8)
    axes.set(title=title, xlabel="tasks/s")
    axes.margins(x=0.15)
    axes.tick_params(axis="y", labelsize=7)


def main(figures: dict[str, Any], picture: Path) -> None:
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(16, 4.5), layout="constrained")
    _alone(left, figures)
    _bars(middle, figures["flow"], "Put and completed")
    _bars(right, figures["backlog"], "Working off a backlog")
    right.set_yticklabels([])
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
