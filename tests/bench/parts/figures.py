# SPDX-License-Identifier: LGPL-2.1-or-later
"""The arithmetic: ratios pair by pair, their spread, and how well a straight line fits."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Spread:
    """The median of some values, the least and the greatest of them."""

    median: float
    low: float
    high: float

    def text(self, form='.2f', unit=''):
        return f'{self.median:{form}}{unit} ({self.low:{form}}..{self.high:{form}})'


def spread(values):
    values = list(values)
    return Spread(statistics.median(values), min(values), max(values))


def ratios(ours, theirs):
    """How many times as much they took as we did, of the two runs of each round."""
    if len(ours) != len(theirs):
        raise ValueError(f'{len(ours)} rounds of ours, {len(theirs)} of theirs')
    return [b / a for a, b in zip(ours, theirs)]


@dataclasses.dataclass(frozen=True)
class Line:
    """y = base + slope * x. @worst: the greatest deviation of a point, in parts of its y."""

    slope: float
    base: float
    worst: float


def fit(points):
    """The line whose relative deviations have the least squares, of (x, y) with positive y.

    Relative, since x goes over several powers of ten: otherwise the last points alone would count.
    """
    if len({x for x, _ in points}) < 2:
        raise ValueError('a line needs two points')
    weights = [1 / (y * y) for _, y in points]
    total = sum(weights)
    x_mean = sum(w * x for w, (x, _) in zip(weights, points)) / total
    y_mean = sum(w * y for w, (_, y) in zip(weights, points)) / total
    slope = (sum(w * (x - x_mean) * (y - y_mean) for w, (x, y) in zip(weights, points)) /
             sum(w * (x - x_mean) ** 2 for w, (x, _) in zip(weights, points)))
    base = y_mean - slope * x_mean
    return Line(slope, base, max(abs(base + slope * x - y) / y for x, y in points))
