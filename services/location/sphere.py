"""The earth as a sphere: places as points in space, and distances over ground. All lengths in metres."""

from math import asin, cos, radians, sin

RADIUS_M = 6_371_008.8  # the mean radius (IUGG), as in migrations/0001-points.sql


def cube(lat: float, lon: float) -> str:
    """The place as a literal of PostgreSQL's type cube."""
    north, east = radians(lat), radians(lon)
    xyz = (cos(north) * cos(east), cos(north) * sin(east), sin(north))
    return "(" + ", ".join(repr(RADIUS_M * part) for part in xyz) + ")"


def chord(ground_m: float) -> float:
    """The straight line between two places that lie `ground_m` apart over ground."""
    return 2 * RADIUS_M * sin(ground_m / (2 * RADIUS_M))


def ground(chord_m: float) -> float:
    """The way over ground between two places whose straight line is `chord_m`."""
    return 2 * RADIUS_M * asin(min(1.0, chord_m / (2 * RADIUS_M)))
