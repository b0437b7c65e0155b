"""Filters that allow a share of a set's rows, and the queries that are asked with each.

random    a random share; with it, the first QUERIES queries of the set
near      the rows nearest to a pivot, which is one of the queries; with it, the queries nearest to it
far       the rows farthest from a pivot; with it, the queries nearest to it: no row near to them is
          allowed

Of near and far there are PIVOTS, drawn at random. They themselves are not asked: for a pivot, the
nearest rows of `far` all lie at one distance, where the filter was cut.
"""
import numpy as np

import figures
import truth

LIES = ("random", "near", "far")
QUERIES = 80
PIVOTS = 8


class Part:
    """What a request asks beside the knob, and who judges the answer."""

    def __init__(self, request, judge):
        self.request, self.judge = request, judge


def whole(folder, notes):
    """All queries of the set, without a filter."""
    base, queries = np.load(folder / "base.npy", mmap_mode="r"), np.load(folder / "queries.npy")
    return Part({}, figures.Judge(base, queries, notes["metric"], np.load(folder / "truth.npy"),
                                  np.load(folder / "distances.npy")))


def draw(folder, notes, share, lie, scratch):
    """The parts of a measurement with filters of that kind; their files are put into `scratch`."""
    base, queries = np.load(folder / "base.npy", mmap_mode="r"), np.load(folder / "queries.npy")
    random = np.random.default_rng(1)
    if lie == "random":
        return [part(base, queries[:QUERIES], notes["metric"], random.random(len(base)) < share,
                     scratch / "0")]
    parts = []
    for number, pivot in enumerate(random.choice(len(queries), PIVOTS, replace=False)):
        order = np.argsort(distances(base, queries[pivot], notes["metric"]), kind="stable")
        count = max(1, round(share * len(base)))
        allowed = np.zeros(len(base), dtype=bool)
        allowed[order[:count] if lie == "near" else order[-count:]] = True
        nearest = np.argsort(distances(queries, queries[pivot], notes["metric"]), kind="stable")
        parts.append(part(base, queries[nearest[1:1 + QUERIES // PIVOTS]], notes["metric"], allowed,
                          scratch / str(number)))
    return parts


def distances(rows, query, metric):
    """Float32 values that order the rows as their distances do."""
    scores, _ = truth.block_scores(truth.unit(np.asarray(rows)) if metric == "cosine" else
                                   np.asarray(rows), query[None], metric)
    return scores[0]


def part(base, queries, metric, allowed, stem):
    """The files and the exact answers of one filter."""
    bitmap, asked = stem.with_suffix(".bitmap.npy"), stem.with_suffix(".queries.npy")
    np.save(bitmap, np.packbits(allowed, bitorder="little"))
    np.save(asked, queries)
    rows = np.flatnonzero(allowed)
    ids, exact, _ = truth.exact(base[rows], queries, metric)
    return Part({"bitmap": str(bitmap), "queries": str(asked)},
                figures.Judge(base, queries, metric, rows[ids], exact, allowed))
