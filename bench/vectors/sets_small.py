"""Small sets, which Viridian keeps without an index: random rows of another set, and its queries."""
import json

import numpy as np

SIZES = {"1k": 1_000, "5k": 5_000, "10k": 10_000, "20k": 19_999}  # from 20,000 rows on, they are indexed
SOURCES = ("text", "synth768")
SETS = [f"{source}-{size}" for source in SOURCES for size in SIZES]


def source_of(name):
    """The set that a small one is of."""
    return name.split("-")[0]


def maker(name):
    """What makes a set of SETS."""
    def make(folder, seed):
        source, size = name.split("-")
        source = folder.parent / source
        base = np.load(source / "base.npy", mmap_mode="r")
        kept = np.sort(np.random.default_rng(seed).permutation(len(base))[:SIZES[size]])
        np.save(folder / "base.npy", np.asarray(base[kept]))
        np.save(folder / "queries.npy", np.load(source / "queries.npy"))
        notes = json.loads((source / "set.json").read_text(encoding="utf-8"))
        return {"metric": notes["metric"], "real": f"random rows of: {notes['real']}"}
    return make
