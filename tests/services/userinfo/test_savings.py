"""Savings: sums of cited figures, with the figures; what nobody has published is null, not a guess."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.userinfo.data_files import FOLDER, DataError, load
from services.userinfo.savings import FACTORS, KG_A_SHORT_TON, Factors, saved


def content() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((FOLDER / "factors.yaml").read_text(encoding="utf-8"))
    return read


def test_a_figure_is_converted_from_short_tons() -> None:
    told = saved({("metal", "aluminium_can"): 1000})

    assert told["co2_kg"] == pytest.approx(1000 * 0.014 * 9130 / KG_A_SHORT_TON)
    assert told["by_kind"] == [{"kind": "metal", "pieces": 1000, "mass_g": 14_000, "co2_kg": told["co2_kg"], "won": 0}]


def test_an_items_own_figure_goes_before_its_kinds() -> None:
    assert saved({("metal", "steel_can"): 1})["co2_kg"] == saved({("metal", "of_a_later_version"): 1})["co2_kg"]
    assert saved({("paper", "newspaper"): 1})["co2_kg"] > saved({("paper", "envelope"): 1})["co2_kg"] > 0


@pytest.mark.parametrize("kind", ["film", "eps", "battery", "clothing", "of_a_later_version"])
def test_what_has_no_published_figure_is_null(kind: str) -> None:
    [told] = saved({(kind, "anything"): 3})["by_kind"]

    assert told == {"kind": kind, "pieces": 3, "mass_g": None, "co2_kg": None, "won": 0}


@pytest.mark.parametrize(
    ("millilitres", "won"), [(100, 70), (189, 70), (190, 100), (399, 100), (400, 130), (1000, 350)]
)
def test_the_deposit_goes_by_the_bottles_volume(millilitres: int, won: int) -> None:
    assert FACTORS.deposits.won(millilitres) == won


def test_only_bottles_with_a_deposit_bring_money() -> None:
    told = saved({("glass_bottle", "soju_bottle"): 2, ("glass_bottle", "beer_bottle"): 1, ("glass_bottle", "jar"): 5})

    assert told["won"] == 2 * 100 + 130


def test_the_answer_carries_its_figures_and_every_source_of_them() -> None:
    told = saved({("metal", "aluminium_can"): 1, ("glass_bottle", "soju_bottle"): 1, ("film", "x"): 1})

    cited = {figure["source"] for figure in [*told["factors"], *told["deposits"]]}
    assert {source["id"] for source in told["sources"]} == cited == {"warm_v16", "deposit"}
    assert all(source["url"].startswith("https://") and source["year"] for source in told["sources"])
    assert {figure["kind"] for figure in told["factors"]} == {"metal", "glass_bottle"}
    assert all(figure["mass_is_estimate"] for figure in told["factors"])
    assert [one["kind"] for one in told["unknown"]] == ["film"]
    assert told["not_counted"]
    assert told["assumptions"]


def test_nothing_has_saved_nothing() -> None:
    told = saved({})

    assert (told["co2_kg"], told["won"], told["by_kind"], told["factors"], told["sources"]) == (0, 0, [], [], [])


@given(
    st.dictionaries(
        st.tuples(
            st.sampled_from(["metal", "paper", "film", "glass_bottle", None]),
            st.sampled_from(["aluminium_can", "newspaper", "soju_bottle", None]),
        ),
        st.integers(1, 1000),
    )
)
def test_the_sum_is_the_sum_of_its_parts(pieces: dict[tuple[str | None, str | None], int]) -> None:
    told = saved(pieces)

    assert told["co2_kg"] == pytest.approx(sum(kind["co2_kg"] or 0 for kind in told["by_kind"]), abs=1e-3)
    assert told["won"] == sum(kind["won"] for kind in told["by_kind"])
    assert sum(kind["pieces"] for kind in told["by_kind"]) == sum(
        times for (kind, _), times in pieces.items() if kind is not None
    )


def broken() -> dict[str, dict[str, Any]]:
    right = content()
    first = right["factors"][0]
    tiers = right["deposits"]["tiers"]
    return {
        "a source that is not cited": {"sources": {**right["sources"], "rumour": right["sources"]["deposit"]}},
        "a source that there is not": {"factors": [{**first, "source": "rumour"}, *right["factors"][1:]]},
        "an item twice": {"factors": [*right["factors"], first]},
        "a kind twice": {"unknown": [*right["unknown"], {**right["unknown"][0], "kind": "metal"}]},
        "items without a rest": {"factors": [*right["factors"], {**first, "kind": "lamp", "items": ["x"]}]},
        "a saving below nothing": {"factors": [{**first, "short_ton_factor": -1}, *right["factors"][1:]]},
        "a mass in kg": {"factors": [{**first, "mass_kg": 1}, *right["factors"][1:]]},
        "a gap between deposits": {"deposits": {**right["deposits"], "tiers": [tiers[0], *tiers[2:]]}},
        "an end of deposits": {"deposits": {**right["deposits"], "tiers": tiers[:-1]}},
        "no word on what is left out": {"not_counted": []},
    }


@pytest.mark.parametrize("fault", list(broken()))
def test_figures_that_are_wrong_are_not_loaded(tmp_path: Path, fault: str) -> None:
    file = tmp_path / "factors.yaml"
    file.write_text(yaml.safe_dump({**content(), **broken()[fault]}, allow_unicode=True), encoding="utf-8")

    with pytest.raises(DataError, match=r"factors\.yaml"):
        load(file, Factors)


@pytest.mark.parametrize("text", ["", "[", "7", "- a"])
def test_a_file_that_is_none_is_not_loaded(tmp_path: Path, text: str) -> None:
    file = tmp_path / "factors.yaml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(DataError):
        load(file, Factors)
    with pytest.raises(DataError):
        load(tmp_path / "nothing.yaml", Factors)
