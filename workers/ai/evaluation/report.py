"""The result as text for a terminal and as JSON for scripts."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from workers.ai.evaluation.metrics import Bin, ClassResult, Result, Share
from workers.ai.evaluation.outcome import Outcome


def show(result: Result, provider: str, model: str, console: Console) -> None:
    """Writes the result onto the console."""
    console.print(f"[bold]{provider}/{model}[/bold] on {result.photos} photos; brackets: Wilson's 95 % interval")
    console.print(_overall(result))
    console.print(_by_class(result.by_class))
    console.print(_bins(result))


def as_json(result: Result, outcomes: Sequence[Outcome], provider: str, model: str) -> dict[str, Any]:
    """Returns the same, with every single answer, in plain types. Shares are ``{right, of, share, low, high}``."""
    return {
        "provider": provider,
        "model": model,
        "photos": result.photos,
        "top1": _share(result.top1),
        "top3": _share(result.top3),
        "same_class": _share(result.same_class),
        "answered": _share(result.answered),
        "right_when_answered": _share(result.right_when_answered),
        "refused": _share(result.refused),
        "classes": {name: _class(found) for name, found in result.by_class.items()},
        "confusion": [
            {"truth": truth, "answer": answer, "photos": count}
            for (truth, answer), count in sorted(result.confusion.items())
        ],
        "calibration": {
            "expected_error": round(result.calibration.expected_error, 4),
            "brier": round(result.calibration.brier, 4),
            "bins": [
                {"low": bin_.low, "high": bin_.high, "confidence": bin_.confidence, **_share(bin_.right)}
                for bin_ in result.calibration.bins
            ],
        },
        "latency_s": {"p50": round(result.latency.p50_s, 4), "p95": round(result.latency.p95_s, 4)},
        "cost": {"tokens": result.cost.tokens, "won": result.cost.won},
        "answers": [
            {
                "file": outcome.photo.path.name,
                "truth": outcome.photo.item_id,
                "answer": outcome.item_id,
                "confidence": round(outcome.confidence, 4),
                "guesses": list(outcome.guesses),
                "right": outcome.right,
                "latency_s": round(outcome.latency_s, 4),
            }
            for outcome in outcomes
        ],
    }


def _overall(result: Result) -> Table:
    table = Table(show_header=False, box=None)
    for name, share in (
        ("right item (top 1)", result.top1),
        ("right item among answer and guesses (top 3)", result.top3),
        ("right class, whatever the item", result.same_class),
        ("answered", result.answered),
        ("right when answered", result.right_when_answered),
        ('"don\'t know" where it is the right answer', result.refused),
    ):
        table.add_row(name, text_of(share))
    table.add_row("expected calibration error", f"{result.calibration.expected_error:.3f}")
    table.add_row("Brier score", f"{result.calibration.brier:.3f}")
    table.add_row("latency, p50 and p95", f"{result.latency.p50_s * 1000:.0f} ms, {result.latency.p95_s * 1000:.0f} ms")
    tokens, won = result.cost.tokens, result.cost.won
    table.add_row("tokens", "not told by the provider" if tokens is None else f"{tokens:,}")
    table.add_row("cost", "not told by the provider" if won is None else f"{won:,.1f} won")
    return table


def _by_class(classes: Mapping[str, ClassResult]) -> Table:
    table = Table("class", "photos", "top 1", "top 3", "right class", "answered", title="By class")
    for name, found in classes.items():
        shares = (found.top1, found.top3, found.same_class, found.answered)
        table.add_row(name, str(found.top1.whole), *(text_of(share) for share in shares))
    return table


def _bins(result: Result) -> Table:
    table = Table("confidence", "answers", "mean confidence", "right", title="Calibration")
    for bin_ in result.calibration.bins:
        if bin_.confidence is not None:
            table.add_row(_range(bin_), str(bin_.right.whole), f"{bin_.confidence:.2f}", text_of(bin_.right))
    return table


def text_of(share: Share) -> str:
    """Returns for example ``15/28 = 54 % [36-71]``."""
    if share.value is None or share.interval is None:
        return "-"
    low, high = share.interval
    return f"{share.part}/{share.whole} = {share.value:.0%} \\[{low * 100:.0f}-{high * 100:.0f}]"


def _range(bin_: Bin) -> str:
    return f"{bin_.low:.1f} to {bin_.high:.1f}"


def _share(share: Share) -> dict[str, float | int | None]:
    low, high = share.interval or (None, None)
    return {"right": share.part, "of": share.whole, "share": share.value, "low": low, "high": high}


def _class(found: ClassResult) -> dict[str, Any]:
    return {name: _share(getattr(found, name)) for name in ("top1", "top3", "same_class", "answered")}
