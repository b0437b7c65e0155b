"""USearch from its wheel, which picks kernels for the processor it finds. It answers cosine and squared
l2 as such; what it stores in i8 is scaled by each row's length, so lengths are lost: for cosine only."""
import numpy as np
from usearch.index import Index

import environment

EXPANSION = [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 900, 1300]
METRICS = {"l2": "l2sq", "cosine": "cos", "ip": "ip"}


class Engine:
    """A graph of rows in one of its number types."""

    def __init__(self, rows, dim, metric, params):
        self.rows, self.params = rows, params
        self.shape = {"ndim": dim, "metric": METRICS[metric], "dtype": params["dtype"],
                      "connectivity": params.get("M", 16), "enable_key_lookups": False,
                      "expansion_add": params.get("expansion_add", 128)}
        self.index = Index(**self.shape)
        self.threads = 1

    def build(self, base, threads):
        """In row order; keys are row numbers."""
        self.index.add(np.arange(self.rows), base, threads=threads)

    def prepare_base(self, base):
        """Nothing: the library takes rows as they are."""
        return base

    def bytes(self):
        """The size of its file."""
        return self.index.serialized_length

    def save(self, folder):
        """Keeps the index."""
        self.index.save(str(folder / "index"))

    def load(self, folder):
        """Takes a kept index, into memory."""
        self.index.load(str(folder / "index"))

    def about(self):
        """Versions, and the kernels in use."""
        return environment.versions("usearch", "numkong") | {"kernels": self.index.hardware_acceleration}

    def empty_call(self, query):
        """A search whose work is the binding's."""
        index = Index(**self.shape)
        index.add(np.arange(1), query)
        return lambda: index.search(query, 1, threads=1)

    def knobs(self):
        """Its name for ef."""
        return EXPANSION

    def set_knob(self, knob, threads):
        """The expansion is of the index, threads are of the call."""
        self.index.expansion_search = knob
        self.threads = threads

    def prepare(self, queries):
        """Nothing: the library takes them as they are."""
        return queries

    def search(self, queries, k):
        """Ids; where fewer are found the counts say so."""
        found = self.index.search(queries, k, threads=self.threads)
        if hasattr(found, "counts"):
            keys = found.keys.astype(np.int64)
            keys[np.arange(k) >= np.asarray(found.counts)[:, None]] = -1
            return keys
        keys = np.full((1, k), -1)
        keys[0, :len(found.keys)] = found.keys
        return keys

    def allow(self, bitmap):
        """Its Python binding has no filters."""
        if bitmap is not None:
            raise NotImplementedError("USearch's Python binding has no filter")
