"""FAISS from its wheel, which picks kernels for the processor it finds (`about` says which). For cosine,
rows are normalised before building (not timed) and queries when they are asked (timed).

Kinds: hnsw-flat and hnsw-sq8 (M 32, efConstruction 200); ivfpq-fs, inverted lists of 4-bit product codes
of 2 dimensions each by fast scan; rabitq, the same of RaBitQ codes after a random rotation. Those of
inverted lists compute exact distances of the best k * k_factor, from the float32 rows they keep.
"""
import math

import faiss

import environment
from truth import unit

EF = [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 900]
PROBES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]
FACTORS = [2, 4, 8, 16, 32, 64]


def lists_for(rows):
    """The power of two nearest 4 * sqrt(rows): 2048 for 340,479, 1024 for 100,000, 4096 for a million."""
    return 2 ** max(2, round(math.log2(4 * math.sqrt(rows))))


def factory(kind, rows, dim, params):
    """What FAISS calls the index."""
    links = params.get("M", 32)
    lists = params.get("nlist", lists_for(rows))
    parts = params.get("parts", dim // 2 if dim % 2 == 0 else dim)
    bits = params.get("bits", 1)
    return {"hnsw-flat": f"HNSW{links},Flat",
            "hnsw-sq8": f"HNSW{links},SQ8",
            "ivfpq-fs": f"IVF{lists},PQ{parts}x4fs,RFlat",
            "rabitq": f"RR{dim},IVF{lists},RaBitQfs{bits},RFlat"}[kind]


class Engine:
    """An index that the factory makes."""

    def __init__(self, rows, dim, metric, params):
        self.dim, self.cosine = dim, metric == "cosine"
        self.graph = params["kind"].startswith("hnsw")
        kinds = {"l2": faiss.METRIC_L2, "ip": faiss.METRIC_INNER_PRODUCT}
        self.metric = kinds[params.get("cosine_as", "l2") if self.cosine else metric]
        self.factory = factory(params["kind"], rows, dim, params)
        self.index = faiss.index_factory(dim, self.factory, self.metric)
        self.effort = params.get("efConstruction", 200)
        self.lists = None if self.graph else faiss.extract_index_ivf(self.index)
        self.selector = self.params = None

    def prepare_base(self, base):
        """What building starts from; not timed, being a few parts in a thousand of it."""
        return unit(base) if self.cosine else base

    def build(self, base, threads):
        """Trains and adds what prepare_base() answered."""
        faiss.omp_set_num_threads(threads)
        if self.graph:
            self.index.hnsw.efConstruction = self.effort
        self.index.train(base)
        self.index.add(base)

    def bytes(self):
        """Counts what it would write, without keeping it."""
        total = 0

        def count(data):
            nonlocal total
            total += len(data)
            return len(data)
        writer = faiss.PyCallbackIOWriter(count)
        faiss.write_index(self.index, writer)
        return total

    def save(self, folder):
        """Keeps the index."""
        faiss.write_index(self.index, str(folder / "index"))

    def load(self, folder):
        """Takes a kept index."""
        self.index = faiss.read_index(str(folder / "index"))
        self.lists = None if self.graph else faiss.extract_index_ivf(self.index)

    def about(self):
        """Versions, and the kernels in use."""
        return environment.versions("faiss-cpu") | {
            "factory": self.factory, "compiled": faiss.get_compile_options().strip(),
            "kernels": faiss.SIMDConfig.get_level_name()}

    def empty_call(self, query):
        """A search whose work is the binding's."""
        index = faiss.IndexFlat(self.dim, self.metric)
        index.add(query)
        return lambda: index.search(query, 1)

    def knobs(self):
        """ef, or lists to visit with how many times k to compute exactly."""
        if self.graph:
            return EF
        probes = [n for n in PROBES if n <= self.lists.nlist]
        return [{"nprobe": n, "k_factor": f} for n in probes for f in FACTORS]

    def set_knob(self, knob, threads):
        """On the index itself, so that no call has to carry it; with an allowed set calls must."""
        faiss.omp_set_num_threads(threads)
        if self.graph:
            self.index.hnsw.efSearch = knob
        else:
            self.lists.nprobe, self.index.k_factor = knob["nprobe"], knob["k_factor"]
        self.params = self.with_filter(knob) if self.selector else None

    def with_filter(self, knob):
        """Parameters of a call, in the nesting of the index."""
        if self.graph:
            return faiss.SearchParametersHNSW(sel=self.selector, efSearch=knob)
        inner = faiss.SearchParametersIVF(sel=self.selector, nprobe=knob["nprobe"])
        if isinstance(faiss.downcast_index(self.index.base_index), faiss.IndexPreTransform):
            inner = faiss.SearchParametersPreTransform(index_params=inner)
        return faiss.IndexRefineSearchParameters(k_factor=knob["k_factor"], base_index_params=inner)

    def prepare(self, queries):
        """Length one where the space needs it."""
        return unit(queries) if self.cosine else queries

    def search(self, queries, k):
        """Ids, -1 where there are fewer."""
        return self.index.search(queries, k, params=self.params)[1]

    def allow(self, bitmap):
        """A selector over the bitmap, which must outlive it."""
        self.selector = None if bitmap is None else faiss.IDSelectorBitmap(bitmap)
        self.bitmap = bitmap
        if bitmap is None:
            self.params = None
