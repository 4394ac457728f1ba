"""Where panels stand: lines of equal height, one under the other, in sections with a heading.

Grafana's grid has 24 columns; a unit of height is 30 pixels. Places are computed, so panels cannot overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.models import dashboard as models

COLUMNS: Final = 24
FIGURES: Final = 4
GRAPHS: Final = 8


@dataclass(frozen=True)
class Line:
    """Panels side by side over the whole width. Raises ValueError for widths that do not fill it."""

    height: int
    panels: tuple[models.Panel, ...]
    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.panels) or sum(self.widths) != COLUMNS or min(self.widths) < 2:
            titles = ", ".join(str(panel.title) for panel in self.panels)
            raise ValueError(f"the widths {self.widths} of {titles} do not make {COLUMNS} columns")


@dataclass(frozen=True)
class Section:
    title: str
    lines: tuple[Line, ...]


def line(height: int, *panels: models.Panel, widths: Sequence[int] | None = None) -> Line:
    """Without widths all are equal; where 24 cannot be divided the first are a column wider. Raises ValueError."""
    if not panels:
        raise ValueError("a line with no panels")
    if widths is None:
        each, left = divmod(COLUMNS, len(panels))
        widths = [each + 1 if index < left else each for index in range(len(panels))]
    return Line(height, panels, tuple(widths))


def placed(sections: Sequence[Section]) -> list[models.Panel | models.RowPanel]:
    """All panels with their headings, from top to bottom, with a place and a number each."""
    panels: list[models.Panel | models.RowPanel] = []
    top = 0
    for section in sections:
        panels.append(
            models.RowPanel(
                title=section.title,
                collapsed=False,
                id_val=len(panels) + 1,
                grid_pos=models.GridPos(x=0, y=top, w=COLUMNS, h=1),
                panels=[],
            )
        )
        top += 1
        for each in section.lines:
            left = 0
            for panel, width in zip(each.panels, each.widths, strict=True):
                panel.id_val = len(panels) + 1
                panel.grid_pos = models.GridPos(x=left, y=top, w=width, h=each.height)
                panels.append(panel)
                left += width
            top += each.height
    return panels
