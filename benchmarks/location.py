"""How fast the location domain answers over many points: ``python -m benchmarks.location postgresql://…/private``.

The database must be one of its own: the benchmark brings it to the newest schema and fills it with invented points,
thick in the cities and thin between them. Prints the median and the 95th percentile of each query in milliseconds,
measured around the domain's own functions: with the way to PostgreSQL, without RPC and HTTP.
"""

import argparse
import csv
import io
import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime
from unittest.mock import patch
from uuid import UUID

import psycopg2
from peewee import PostgresqlDatabase
from playhouse.db_url import parse

from services.kernel import migrations
from services.location import clusters, hours, korea, points, search, tables

CITIES = (  # latitude, longitude, standard deviation in degrees, share
    (37.56, 126.99, 0.09, 0.45),
    (35.18, 129.07, 0.06, 0.12),
    (35.87, 128.60, 0.05, 0.09),
    (36.35, 127.38, 0.05, 0.07),
    (35.16, 126.85, 0.05, 0.07),
    (33.50, 126.53, 0.05, 0.04),
)
KINDS: tuple[points.Kind, ...] = (
    ("clothing_box",) * 60 + ("battery_box",) * 17 + ("lamp_box",) * 12 + ("ewaste_box",) * 7
)
KINDS += ("collection_center",) * 3 + ("zero_waste_shop",)
DISTRICTS = ("마포구", "종로구", "성동구", "해운대구", "수성구", "유성구", "북구", "서귀포시", "강남구", "노원구")
HEADS = (
    "망원",
    "연남",
    "성수",
    "역삼",
    "신림",
    "상도",
    "잠실",
    "화곡",
    "녹번",
    "서초",
    "당산",
    "혜화",
    "을지로",
    "구로",
)
PLACES = ("주민센터", "아파트", "초등학교", "우체국", "공원", "도서관", "시장", "편의점", "빌라", "경로당", "상가")
DAYTIME = datetime(2026, 11, 24, 14, 0, tzinfo=korea.SEOUL)  # a Tuesday
NIGHT = datetime(2026, 11, 24, 3, 0, tzinfo=korea.SEOUL)
OPEN = ("24시간", "매일 10:00~20:00", "평일 09:00~18:00", "월~토 09:00~18:00")


def fill(url: str, count: int, seed: int) -> None:
    """Write `count` points, the same for the same `seed`."""
    chance = random.Random(seed)
    openings = [hours.parse(text).multirange() for text in OPEN]
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    for _ in range(count):
        lat, lon = _place(chance)
        kind, opening = chance.choice(KINDS), chance.choices((0, 1, 2, 3), (6, 1, 2, 1))[0]
        head, number = chance.choice(HEADS), chance.randint(1, 9)
        name = f"{head}{number}동 {chance.choice(PLACES)} {chance.randint(1, 999)}"
        address = f"{chance.choice(DISTRICTS)} {head}로 {chance.randint(1, 999)}"
        point_id = UUID(int=chance.getrandbits(128), version=4)
        writer.writerow([point_id, kind, name, address, lat, lon, OPEN[opening], openings[opening]])
    sheet.seek(0)
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.copy_expert(
            "COPY location.points (id, kind, name, address, lat, lon, hours, opening) FROM STDIN (FORMAT csv)", sheet
        )
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE location.points")
        cursor.execute("VACUUM ANALYZE location.cells")
    connection.close()


def _place(chance: random.Random) -> tuple[float, float]:
    while True:
        part = chance.random()
        for lat, lon, deviation, share in CITIES:
            part -= share
            if part < 0:
                place = chance.gauss(lat, deviation), chance.gauss(lon, deviation)
                break
        else:
            place = chance.uniform(34.3, 38.2), chance.uniform(126.3, 129.4)
        if 33 <= place[0] <= 39 and 124 <= place[1] <= 132:
            return place


def queries(seed: int) -> dict[str, Callable[[], object]]:
    """What is measured: each call asks for something else."""
    chance = random.Random(seed)

    def box(side: float, zoom: int) -> object:
        lat, lon = _place(chance)
        return clusters.points_in(lat - side / 2, lon - side / 2, lat + side / 2, lon + side / 2, zoom)

    def at(moment: datetime, call: Callable[..., object], *arguments: object) -> object:
        with patch.object(korea, "now", lambda: moment):
            return call(*arguments)

    def word() -> str:
        return f"{chance.choice(HEADS)}{chance.randint(1, 9)}동"

    return {
        "nearest, 1 km": lambda: points.nearest(*_place(chance), 1000.0),
        "nearest, 50 km, 100 points": lambda: points.nearest(*_place(chance), 50_000.0, None, 100),
        "nearest, 50 km, rare kind": lambda: points.nearest(*_place(chance), 50_000.0, ["zero_waste_shop"]),
        "nearest, 5 km, open now": lambda: at(DAYTIME, points.nearest, *_place(chance), 5000.0, None, 20, True),
        "nearest, 5 km, open at night": lambda: at(NIGHT, points.nearest, *_place(chance), 5000.0, None, 20, True),
        "map, the country, zoom 7": lambda: clusters.points_in(33.0, 125.0, 38.7, 130.0, 7),
        "map, a city, zoom 11": lambda: box(0.4, 11),
        "map, a district, zoom 14": lambda: box(0.05, 14),
        "map, large for its zoom 20": lambda: box(2.0, 20),
        "map, some streets, zoom 17": lambda: box(0.006, 17),
        "search, a quarter": lambda: search.search(word()),
        "search, quarter and place": lambda: search.search(f"{word()} {chance.choice(PLACES)}"),
        "search, a word of half of all": lambda: search.search("수거함"),
        "search, one syllable": lambda: search.search(chance.choice("망연성역신상잠화녹서")),
        "search, initials": lambda: search.search(
            chance.choice(("ㅁㅇ3ㄷ", "ㅅㅅㄷㅅㄱ", "ㅎㄱㄹ", "ㅇㅊㄱ", "ㅇㅈㄹ"))
        ),
        "search, one initial": lambda: search.search(chance.choice("ㄱㄴㅁㅅㅇㅎ")),
        "search, nothing there": lambda: search.search("없는곳이름"),
        "suggest, half a word": lambda: search.suggest(chance.choice(("망", "망우", "연", "역사", "시", "성수ㄷ"))),
        "suggest, initials": lambda: search.suggest(chance.choice(("ㅁㅇ", "ㅅㅅ", "ㅎㄱㄹ", "ㅇ"))),
    }


def measure(call: Callable[[], object], times: int) -> tuple[float, float, float]:
    """The median, the 95th percentile and the longest of `times` calls, in milliseconds."""
    for _ in range(5):
        call()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1], max(taken)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.location", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", help="of a private database; is filled")
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--times", type=int, default=200, help="how often each query is asked")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    list(migrations.up(options.url))
    arguments = parse(options.url)
    database = PostgresqlDatabase(arguments.pop("database"), **arguments)
    database.bind(tables.ALL)
    held = database.execute_sql("SELECT count(*) FROM location.points WHERE NOT sample").fetchone()[0]
    if held not in (0, options.points):
        print(f"The database holds {held} points already; give one of its own.", file=sys.stderr)
        return 2
    if not held:
        begun = time.perf_counter()
        fill(options.url, options.points, options.seed)
        print(f"{options.points} points written in {time.perf_counter() - begun:.0f} s")
    print(f"{'query':<32}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}")
    for name, call in queries(options.seed).items():
        print(f"{name:<32}" + "".join(f"{figure:>9.1f}" for figure in measure(call, options.times)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
