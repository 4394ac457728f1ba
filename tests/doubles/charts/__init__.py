"""A repository of charts over HTTP, with stand-ins for those that the cluster's components come from.

For tests only, which call `ChartRepository`. A stand-in has its real chart's name, version, workloads and values, and
refuses every value that the real one does not know; its templates are our own and as small as they can be.
"""

from tests.doubles.charts.repository import ChartRepository

__all__ = ["ChartRepository"]
