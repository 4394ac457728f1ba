"""The result as two pictures, PNG. matplotlib is imported when one is drawn: it takes half a second."""

from pathlib import Path
from typing import Any

from workers.ai.evaluation.metrics import UNKNOWN, Calibration, Result

RIGHT, WRONG, MUTED = "#1b7f4d", "#c2410c", "#9aa5b1"
DPI = 120
# Inches of a matrix: what a class takes, and what the longest label, title and margins take at least.
CELL, LABELS = 0.55, 3.2


def confusion_matrix(result: Result, title: str, path: Path) -> None:
    """Draws how often which class (row) was answered with which (column); only classes that occur."""
    truths = _ordered({truth for truth, _ in result.confusion})
    answers = _ordered({answer for _, answer in result.confusion})
    size = (LABELS + CELL * len(answers), LABELS + CELL * len(truths))
    figure, axes = _figure(size)
    axes.set(xlim=(-0.5, len(answers) - 0.5), ylim=(len(truths) - 0.5, -0.5))
    for (truth, answer), count in result.confusion.items():
        row, column = truths.index(truth), answers.index(answer)
        of_row = sum(number for (other, _), number in result.confusion.items() if other == truth)
        colour = RIGHT if truth == answer else MUTED if answer == UNKNOWN else WRONG
        cell = {"facecolor": colour, "alpha": 0.25 + 0.75 * count / of_row, "edgecolor": "white"}
        axes.add_patch(_rectangle((column - 0.5, row - 0.5), **cell))
        axes.text(column, row, str(count), ha="center", va="center", fontsize=9)
    axes.set_xticks(range(len(answers)), answers, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(len(truths)), truths, fontsize=8)
    axes.set_xticks([column - 0.5 for column in range(len(answers))], minor=True)
    axes.set_yticks([row - 0.5 for row in range(len(truths))], minor=True)
    axes.grid(which="minor", color="#dddddd", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    axes.set(xlabel="answered", ylabel="truth")
    axes.set_title(f"{title}\ngreen: right class, grey: refused, orange: wrong class", fontsize=9, loc="right")
    figure.savefig(path, dpi=DPI, bbox_inches="tight")


def reliability(calibration: Calibration, title: str, path: Path) -> None:
    """Draws, for each bin of confidence, how many answers were right, with Wilson's 95 % interval and their number."""
    figure, axes = _figure((5.2, 4.6))
    axes.plot([0, 1], [0, 1], color=MUTED, linestyle="--", label="as sure as right")
    labelled = False
    for bin_ in calibration.bins:
        if bin_.confidence is None or bin_.right.value is None or bin_.right.interval is None:
            continue
        low, high = bin_.right.interval
        value = bin_.right.value
        axes.errorbar(
            bin_.confidence,
            value,
            yerr=[[max(0.0, value - low)], [max(0.0, high - value)]],
            fmt="o",
            color=RIGHT,
            capsize=3,
            label=None if labelled else "answers, 95 % interval",
        )
        axes.annotate(
            f"n={bin_.right.whole}", (bin_.confidence, value), textcoords="offset points", xytext=(6, -12), fontsize=8
        )
        labelled = True
    axes.set(xlim=(0, 1.1), ylim=(-0.03, 1.06), xlabel="confidence (mean of the bin)", ylabel="share that is right")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower left")
    errors = f"expected calibration error {calibration.expected_error:.3f}, Brier score {calibration.brier:.3f}"
    axes.set_title(f"{title}\n{errors}", fontsize=9)
    figure.savefig(path, dpi=DPI, bbox_inches="tight")


def _figure(size: tuple[float, float]) -> tuple[Any, Any]:
    # Not pyplot: it keeps every figure alive, and asks for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _rectangle(corner: tuple[float, float], **style: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, 1, 1, **style)


def _ordered(classes: set[str]) -> list[str]:
    return sorted(classes, key=lambda name: (name == UNKNOWN, name))
