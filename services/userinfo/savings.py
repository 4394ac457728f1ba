"""What sorted things have saved: CO2 in kg by cited factors, and deposits in won. Estimates, and told as such.

The figures, their sources and all that is not counted stand in ``factors.yaml``, and go to clients with the sums.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, HttpUrl, model_validator

from services.userinfo.data_files import FOLDER, Strict, Text, load

KG_A_SHORT_TON = 907.18474
"""By definition 2000 pounds of 0.45359237 kg."""

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")]


class Source(Strict):
    title: Text
    publisher: Text
    year: int = Field(ge=1990, le=2100)
    url: HttpUrl


class Factor(Strict):
    """`short_ton_factor`: tonnes of CO2 equivalent avoided for each short ton, as the source gives it."""

    kind: Identifier
    material: Text
    items: list[Identifier]
    mass_g: float = Field(gt=0, le=10_000)
    short_ton_factor: float = Field(gt=0, le=50)
    source: Identifier
    part: str

    @property
    def co2_kg_per_kg(self) -> float:
        return self.short_ton_factor * 1000 / KG_A_SHORT_TON

    @property
    def co2_kg_a_piece(self) -> float:
        return self.co2_kg_per_kg * self.mass_g / 1000


class Unknown(Strict):
    kind: Identifier
    why: Text


class Tier(Strict):
    """The deposit on a bottle of `from_ml` to under `below_ml`."""

    from_ml: int = Field(ge=0)
    below_ml: int | None
    won: int = Field(gt=0)


class DepositBottle(Strict):
    item_id: Identifier
    usual_ml: int = Field(gt=0)


class Deposits(Strict):
    source: Identifier
    tiers: list[Tier] = Field(min_length=1)
    items: list[DepositBottle]

    @model_validator(mode="after")
    def _without_gaps(self) -> Self:
        edges = [edge for tier in self.tiers for edge in (tier.from_ml, tier.below_ml)]
        if edges[0] != 0 or edges[-1] is not None or edges[1:-1:2] != edges[2::2]:
            raise ValueError("the tiers must follow each other from 0 to the largest")
        return self

    def won(self, volume_ml: int) -> int:
        return next(tier.won for tier in self.tiers if tier.below_ml is None or volume_ml < tier.below_ml)


class Factors(Strict):
    sources: dict[Identifier, Source]
    factors: list[Factor]
    unknown: list[Unknown]
    deposits: Deposits
    not_counted: list[Text] = Field(min_length=1)
    assumptions: list[Text] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        cited = {self.deposits.source, *(factor.source for factor in self.factors)}
        if cited != set(self.sources):
            raise ValueError(f"sources and citations differ: {', '.join(sorted(cited ^ set(self.sources)))}")
        items = [item for factor in self.factors for item in factor.items]
        general = [factor.kind for factor in self.factors if not factor.items]
        kinds = [*general, *(one.kind for one in self.unknown)]
        bottles = [bottle.item_id for bottle in self.deposits.items]
        if repeated := [one for one, times in Counter([*items, *kinds, *bottles]).items() if times > 1]:
            raise ValueError(f"more than once: {', '.join(repeated)}")
        if stray := {factor.kind for factor in self.factors} - set(general):
            raise ValueError(f"without a factor for the kind's other items: {', '.join(sorted(stray))}")
        return self

    def factor(self, kind: str | None, item_id: str | None) -> Factor | None:
        """The item's own factor, else its kind's; None where no figure is known."""
        ours = [factor for factor in self.factors if factor.kind == kind]
        return next((one for one in ours if item_id in one.items), next((one for one in ours if not one.items), None))

    def deposit(self, item_id: str | None) -> int:
        """Won that a bottle brings back; 0 for what has no deposit."""
        bottle = next((one for one in self.deposits.items if one.item_id == item_id), None)
        return self.deposits.won(bottle.usual_ml) if bottle else 0


FACTORS = load(FOLDER / "factors.yaml", Factors)


def saved(pieces: Mapping[tuple[str | None, str | None], int], factors: Factors = FACTORS) -> dict[str, Any]:
    """What clean recyclables have saved; `pieces` counts them by (kind, item).

    ``co2_kg`` and ``mass_g`` of a kind are null where no figure is known; the sum is of those that are.
    """
    kinds: dict[str, dict[str, Any]] = {}
    for (kind, item_id), count in sorted(pieces.items(), key=str):
        if kind is None:
            continue
        sums = kinds.setdefault(kind, {"kind": kind, "pieces": 0, "mass_g": None, "co2_kg": None, "won": 0})
        sums["pieces"] += count
        sums["won"] += count * factors.deposit(item_id)
        if factor := factors.factor(kind, item_id):
            sums["mass_g"] = (sums["mass_g"] or 0) + count * factor.mass_g
            sums["co2_kg"] = (sums["co2_kg"] or 0) + count * factor.co2_kg_a_piece
    by_kind = sorted(kinds.values(), key=lambda sums: (-sums["pieces"], sums["kind"]))
    co2_kg, won = sum(sums["co2_kg"] or 0 for sums in by_kind), sum(sums["won"] for sums in by_kind)
    for sums in by_kind:
        sums["co2_kg"] = None if sums["co2_kg"] is None else round(sums["co2_kg"], 4)
    return {
        "co2_kg": round(co2_kg, 4),
        "won": won,
        "estimated": True,
        "by_kind": by_kind,
        **_explained(set(kinds), factors),
    }


def _explained(kinds: set[str], factors: Factors) -> dict[str, Any]:
    """The figures behind the sums of `kinds`, where they are from, and what they leave out."""
    used = [factor for factor in factors.factors if factor.kind in kinds]
    bottles = factors.deposits.items if "glass_bottle" in kinds else []
    cited = {factor.source for factor in used} | ({factors.deposits.source} if bottles else set())
    return {
        "factors": [
            {
                "kind": factor.kind,
                "items": factor.items,
                "material": factor.material.model_dump(),
                "mass_g": factor.mass_g,
                "mass_is_estimate": True,
                "co2_kg_per_kg": round(factor.co2_kg_per_kg, 4),
                "source": factor.source,
                "part": factor.part,
            }
            for factor in used
        ],
        "deposits": [
            {
                "item_id": bottle.item_id,
                "usual_ml": bottle.usual_ml,
                "won": factors.deposit(bottle.item_id),
                "source": factors.deposits.source,
            }
            for bottle in bottles
        ],
        "unknown": [one.model_dump() for one in factors.unknown if one.kind in kinds],
        "sources": [
            {"id": source_id, **source.model_dump(mode="json")}
            for source_id, source in factors.sources.items()
            if source_id in cited
        ],
        "not_counted": [text.model_dump() for text in factors.not_counted],
        "assumptions": [text.model_dump() for text in factors.assumptions],
    }
