"""768-dimensional sets for l2. SYNTHETIC: no encoder of that width is to be had from a registry.

Each row is a fixed random two-layer network of a MiniLM vector of the set `text`, so that clusters,
hubs and the fall of the spectrum come from real text and not from a random generator; nothing is
normalised afterwards, so lengths vary, too. The larger set has ten times the rows: each is the
network of a mixture of a gloss with two others, the first of which is of the same topic, as a passage
is about one thing and touches others.
"""
import json

import numpy as np

from truth import unit

WIDTH, HIDDEN = 768, 1536
BLOCK = 20_000
SOURCE = "text"


class Network:
    """384 -> 1536 -> 768 with tanh between. The gain makes typical inputs of tanh about one: enough
    to bend, not enough to cut; the offsets break the symmetry of x and -x."""

    def __init__(self, seed, inputs):
        random = np.random.default_rng([seed, 768])
        self.first = random.standard_normal((inputs, HIDDEN), dtype=np.float32)
        self.offsets = random.standard_normal(HIDDEN, dtype=np.float32) * np.float32(0.5)
        self.second = random.standard_normal((HIDDEN, WIDTH), dtype=np.float32)
        self.second /= np.float32(np.sqrt(HIDDEN))

    def __call__(self, rows):
        return np.tanh(rows @ self.first + self.offsets) @ self.second


def source(folder):
    """The set that the vectors are made of: base, queries, their topics, and its notes."""
    text = folder.parent / SOURCE
    load = [np.load(text / f"{name}.npy", mmap_mode="r")
            for name in ("base", "queries", "labels", "query_labels")]
    return *load, json.loads((text / "set.json").read_text(encoding="utf-8"))


def synth768(folder, seed):
    """100,000 of the glosses, and the example sentences."""
    base, queries, _, _, notes = source(folder)
    network = Network(seed, base.shape[1])
    kept = np.sort(np.random.default_rng(seed).permutation(len(base))[:100_000])
    np.save(folder / "base.npy", network(np.asarray(base[kept])))
    np.save(folder / "queries.npy", network(np.asarray(queries)))
    return {"metric": "l2", "real": "synthetic: a random two-layer network of the vectors of the set "
            "text, whose glosses, sentences and encoder are real", "packages": notes["packages"]}


class Mixtures:
    """Vectors that are mostly one of a set's and partly two others."""

    def __init__(self, base, labels):
        self.base = np.asarray(base)
        self.order = np.argsort(labels, kind="stable")
        sizes = np.bincount(labels)
        self.sizes, self.starts = sizes, np.concatenate([[0], np.cumsum(sizes)[:-1]])

    def make(self, rows, topics, random):
        """Mixes each row with one of its topic, and with any one, which weighs the least."""
        count = len(rows)
        shares = random.dirichlet([6, 3, 1], count).astype(np.float32)
        shares = -np.sort(-shares, axis=1)
        position = (random.random(count) * self.sizes[topics]).astype(np.int64)
        near = self.base[self.order[self.starts[topics] + position]]
        far = self.base[random.integers(0, len(self.base), count)]
        return unit(shares[:, :1] * rows + shares[:, 1:2] * near + shares[:, 2:] * far)


def synth768_1m(folder, seed):
    """1,000,000 mixtures, written block by block."""
    base, queries, labels, query_labels, notes = source(folder)
    network, mixtures = Network(seed, base.shape[1]), Mixtures(base, np.asarray(labels))
    rows = 1_000_000
    out = np.lib.format.open_memmap(folder / "base.npy", "w+", np.float32, (rows, WIDTH))
    for start in range(0, rows, BLOCK):
        random = np.random.default_rng([seed, start])
        picked = random.integers(0, len(base), min(BLOCK, rows - start))
        mixed = mixtures.make(mixtures.base[picked], np.asarray(labels)[picked], random)
        out[start:start + len(picked)] = network(mixed)
    out.flush()
    mixed = mixtures.make(np.asarray(queries), np.asarray(query_labels), np.random.default_rng([seed, 1]))
    np.save(folder / "queries.npy", network(mixed))
    return {"metric": "l2", "real": "synthetic: a random two-layer network of mixtures of three "
            "vectors of the set text, whose glosses, sentences and encoder are real",
            "packages": notes["packages"]}
