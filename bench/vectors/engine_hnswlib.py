"""hnswlib 0.8, compiled by its setup.py with -O3 -march=native: the instructions of the machine at hand.
For cosine it normalises rows and queries itself."""
import hnswlib
import numpy as np

import environment

EF = [10, 12, 16, 20, 26, 34, 44, 58, 76, 100, 130, 170, 220, 290, 380, 500, 700, 1000]


class Engine:
    """A graph of float32 rows."""

    def __init__(self, rows, dim, metric, params):
        self.rows, self.dim, self.space = rows, dim, metric
        self.links = params["M"]
        self.effort = params.get("ef_construction", 200)
        self.index = hnswlib.Index(self.space, dim)
        self.threads, self.filter = 1, None

    def build(self, base, threads):
        """In row order, without deleted rows."""
        self.index.init_index(self.rows, M=self.links, ef_construction=self.effort, random_seed=1)
        self.index.add_items(base, num_threads=threads)

    def prepare_base(self, base):
        """Nothing: the library takes rows as they are."""
        return base

    def bytes(self):
        """The size of the file that save_index() would write."""
        return self.index.index_file_size()

    def save(self, folder):
        """Keeps the index."""
        self.index.save_index(str(folder / "index"))

    def load(self, folder):
        """Takes a kept index."""
        self.index.load_index(str(folder / "index"), max_elements=self.rows)

    def about(self):
        """Versions, and what they were compiled for."""
        return environment.versions("hnswlib") | {"compiled": "-O3 -march=native"}

    def empty_call(self, query):
        """A search whose work is the binding's."""
        index = hnswlib.Index(self.space, self.dim)
        index.init_index(1, M=self.links)
        index.add_items(query)
        return lambda: index.knn_query(query, k=1, num_threads=1)

    def knobs(self):
        """ef from the smallest that k = 10 allows."""
        return EF

    def set_knob(self, knob, threads):
        """ef is of the index, threads are of the call."""
        self.index.set_ef(knob)
        self.threads = threads

    def prepare(self, queries):
        """Nothing: the library normalises."""
        return queries

    def search(self, queries, k):
        """Ids; the library refuses a whole call if one query finds too few, so then one by one."""
        try:
            threads = 1 if self.filter else self.threads
            return self.index.knn_query(queries, k=k, num_threads=threads, filter=self.filter)[0]
        except RuntimeError:
            if len(queries) == 1:
                return np.full((1, k), -1)
            return np.concatenate([self.search(queries[i:i + 1], k) for i in range(len(queries))])

    def allow(self, bitmap):
        """Its filter is a function that is called with each id it meets. With a filter the binding
        must not use threads: Python would be called by all of them."""
        if bitmap is None:
            self.filter = None
        else:
            self.filter = np.unpackbits(bitmap, bitorder="little").astype(bool).tolist().__getitem__
