"""The records of the benchmark, kept in build/bench-data/python: WordNet's glosses with their vectors by
all-MiniLM-L6-v2 (384 dimensions, length 1), in an order that a seed decides.

A record's document is its gloss and as many others as make some 50 words; its metadata are four keys of
the synset. Queries are the vectors of glosses that are no records. Nearest is by l2, and so by cosine.
"""
import json
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
SEED, VERSION = 15, 1
KEYS = ("pos", "domain", "depth", "word_length")  # two strings, an integer, a float
WORDS = 50
TUNING, MEASURED = 500, 2_000  # queries: those that the breadth of walks is chosen by, and the others
NEAREST = 10


def prepare(home, count):
    """The folder of the set with `count` records, made when first asked for."""
    folder = home / "python" / f"{count}-{VERSION}"
    if not (folder / "truth.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        make(folder, home / "filters", count)
    return folder


def make(folder, vectors_folder, count):
    """Writes the set."""
    sys.path.append(str(HERE.parent / "filters"))
    import records
    vectors_folder.mkdir(parents=True, exist_ok=True)
    source = records.Source("full", vectors_folder)
    random = np.random.default_rng(SEED)
    order = random.permutation(len(source.glosses))
    vectors, documents = source.vectors(), [long_enough(source, at, random) for at in order[:count]]
    metadatas = [{key: source.metadatas[at][key] for key in KEYS} for at in order[:count]]
    base = vectors[order[:count]]
    queries = vectors[order[-(TUNING + MEASURED):]]
    for name, values in (("documents", documents), ("metadatas", metadatas), ("query", queries[0].tolist())):
        (folder / f"{name}.json").write_text(json.dumps(values), encoding="utf-8")
    np.save(folder / "base.npy", base)
    np.save(folder / "queries.npy", queries)
    np.save(folder / "truth.npy", nearest(base, queries))


def long_enough(source, at, random):
    """A gloss, and others after it until there are enough words."""
    parts, words = [source.glosses[at]], source.metadatas[at]["words"]
    while words < WORDS:
        other = int(random.integers(0, len(source.glosses)))
        parts.append(source.glosses[other])
        words += source.metadatas[other]["words"]
    return "; ".join(parts)


def nearest(base, queries):
    """Distances of the nearest, exactly: an answer is right if it is as near as the tenth."""
    found = []
    for first in range(0, len(queries), 100):
        products = queries[first:first + 100].astype(np.float64) @ base.T
        squares = (base.astype(np.float64) ** 2).sum(1) - 2 * products
        squares += (queries[first:first + 100].astype(np.float64) ** 2).sum(1)[:, None]
        found.append(np.sort(np.partition(squares, NEAREST - 1, axis=1)[:, :NEAREST], axis=1))
    return np.concatenate(found)


class Corpus:
    """The set of a folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.queries = np.load(self.folder / "queries.npy")
        self.truth = np.load(self.folder / "truth.npy")
        self.base = np.load(self.folder / "base.npy", mmap_mode="r")

    def batches(self, size):
        """What is added, call by call: ids, vectors, documents, metadatas."""
        documents, metadatas = (json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
                                for name in ("documents", "metadatas"))
        for first in range(0, len(self.base), size):
            rows = slice(first, min(first + size, len(self.base)))
            yield ([str(i) for i in range(rows.start, rows.stop)], np.array(self.base[rows]),
                   documents[rows], metadatas[rows])

    def recall(self, first, answers):
        """The share of the nearest among answers (numbers of records) to queries from `first` on."""
        right = 0
        for at, answer in enumerate(answers, first):
            squares = ((self.base[np.asarray(answer, dtype=np.int64)].astype(np.float64)
                        - self.queries[at]) ** 2).sum(1)
            right += int((squares <= self.truth[at, -1] + 1e-6).sum())
        return right / (len(answers) * NEAREST)
