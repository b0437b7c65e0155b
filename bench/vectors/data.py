"""Prepares data sets for the vector benchmark.

    python3 bench/vectors/data.py NAME... [--seed N] [--again]

Names: glove (340,479 x 100, cosine, real), text (~116,000 x 384, cosine, real), synth768 (100,000 x
768, l2, synthetic), synth768-1m (1,000,000 x 768, l2, synthetic), text-1k, -5k, -10k, -20k and
synth768-1k to -20k (so many random rows of these), adversarial (all of the sets named adv-...), or one
of these. What a set is made of comes first by itself: synth768 needs text.

Each becomes a folder build/bench-data/vectors/NAME of base.npy and queries.npy (float32), truth.npy
(int32, the exact 100 nearest rows of each query), distances.npy (their float64 distances) and set.json,
which says what is real, where it came from and how it is spread. A set that is there is left alone
(--again makes it anew). Everything follows from the seed; vectors may differ in their last bits where
another processor adds in another order, which is why set.json has the files' digests.
"""
import argparse
import hashlib
import json
import shutil
import time

import environment

environment.enter()

import numpy as np  # noqa: E402

import sets_adversarial  # noqa: E402
import sets_real  # noqa: E402
import sets_small  # noqa: E402
import sets_synth  # noqa: E402
import truth  # noqa: E402

MAKERS = {"glove": sets_real.glove, "text": sets_real.text, "synth768": sets_synth.synth768,
          "synth768-1m": sets_synth.synth768_1m}
MAKERS |= {name: sets_small.maker(name) for name in sets_small.SETS}
NEEDS = {"synth768": ["text"], "synth768-1m": ["text"]}
NEEDS |= {name: [sets_small.source_of(name)] for name in sets_small.SETS}


def digest(path):
    """The sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def prepare(name, seed, again=False):
    """Makes a set, in a folder that gets its name when all is there."""
    folder = environment.VECTORS / name
    if (folder / "set.json").exists() and not again:
        print(f"{name}: is there")
        return
    for needed in NEEDS.get(name, []):
        prepare(needed, seed)
    began = time.monotonic()
    part = folder.with_name(name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    make = MAKERS.get(name) or sets_adversarial.maker(name)
    notes = {"name": name, "seed": seed} | make(part, seed)
    notes |= describe(part, notes["metric"])
    notes["prepared_with"] = environment.versions("numpy")
    (part / "set.json").write_text(json.dumps(notes, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    print(f"{name}: {notes['rows']} x {notes['dim']}, {notes['metric']}, effective dimension "
          f"{notes['effective_dimension']}, {time.monotonic() - began:.0f} s")


def describe(folder, metric):
    """Writes the exact answers and says what can be computed about a set."""
    base = np.load(folder / "base.npy", mmap_mode="r")
    queries = np.load(folder / "queries.npy")
    for values in (base, queries):
        assert values.dtype == np.float32 and values.flags.c_contiguous and values.ndim == 2
    ids, distances, hard = truth.exact(base, queries, metric)
    np.save(folder / "truth.npy", ids)
    np.save(folder / "distances.npy", distances)
    local = truth.local_dimension(distances, metric)
    return {"rows": len(base), "dim": base.shape[1], "queries": len(queries),
            "queries_wholly_in_float64": hard,
            "effective_dimension": round(truth.effective_dimension(base, metric), 1),
            "local_dimension": local and round(local, 1),
            "sha256": {name: digest(folder / f"{name}.npy") for name in ("base", "queries", "truth")}}


def main():
    """Command line."""
    names = [*MAKERS, "adversarial", *sets_adversarial.SETS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="make it anew if it is there")
    arguments = parser.parse_args()
    for name in arguments.name:
        for one in sets_adversarial.SETS if name == "adversarial" else [name]:
            prepare(one, arguments.seed, arguments.again)


if __name__ == "__main__":
    main()
