"""What the right answers are, by reading every record: numpy for metadata, Python's `in` and `re` for
documents, all distances for queries. Filters are in Chroma's language."""
import re

import numpy as np

COMPARE = {"$eq": np.equal, "$ne": np.not_equal, "$gt": np.greater, "$gte": np.greater_equal,
           "$lt": np.less, "$lte": np.less_equal}
NEAR = 1e-5  # distances that engines may take for each other


def rows_where(set_, where):
    """Which records a filter on metadata lets through, as booleans."""
    (key, condition), = where.items()
    if key in ("$and", "$or"):
        combine = np.logical_and if key == "$and" else np.logical_or
        return combine.reduce([rows_where(set_, one) for one in condition])
    (name, value), = condition.items()
    if name == "$contains":
        return np.array([value in set_.lemmas(row) for row in range(len(set_))])
    if name == "$in":
        return np.isin(set_.column(key), value)
    return COMPARE[name](set_.column(key), value)


def rows_where_document(set_, where):
    """Which records a filter on documents lets through, as booleans."""
    (name, value), = where.items()
    if name == "$contains":
        return np.array([value in document for document in set_.documents])
    search = re.compile(value).search
    return np.array([search(document) is not None for document in set_.documents])


def allowed(set_, request):
    """Which records a request's ids and filters let through, as booleans."""
    mask = np.ones(len(set_), dtype=bool)
    if request.ids is not None:
        mask[:] = False
        mask[[int(id_) for id_ in request.ids]] = True
    if request.where:
        mask &= rows_where(set_, request.where)
    if request.where_document:
        mask &= rows_where_document(set_, request.where_document)
    return mask


class Expected:
    """The right answer to a request, and whether another one is right."""

    def __init__(self, set_, request):
        self.allowed, self.query = allowed(set_, request), request.vector is not None
        self.count = int(self.allowed.sum())
        if self.query:
            distances = 1 - set_.vectors.astype(np.float64) @ request.vector
            self.distances = np.where(self.allowed, distances, np.inf)
            self.count = min(request.n_results, self.count)
            self.last = np.sort(self.distances)[self.count - 1] + NEAR if self.count else 0
        elif request.limit is not None:
            self.count = max(0, min(request.limit, self.count - (request.offset or 0)))

    def judge(self, found):
        """Of ids that were answered: None if they are right, else what is wrong. A query's may miss
        some of the nearest (`recall` says how many)."""
        rows = [int(id_) for id_ in found]
        if len(rows) != self.count:
            return f"{len(rows):,} instead of {self.count:,} results"
        if len(set(rows)) != len(rows):
            return "a record twice"
        wrong = len(rows) - int(self.allowed[rows].sum())
        return f"{wrong:,} of {len(rows):,} results should not be there" if wrong else None

    def recall(self, found):
        """The share of a query's answers that are no farther than the farthest right one."""
        return sum(self.distances[int(id_)] <= self.last for id_ in found) / max(1, self.count)
