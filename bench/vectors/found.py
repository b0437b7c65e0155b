"""What a set's queries find at the recalls asked for, and whether its rows are found by their own vectors.

    python3 bench/vectors/found.py WORKER SET...

Per set (data.py) a row: the share of the ten nearest that is found, of all queries together, where 0.95 and
0.99 of them are asked for; of how many queries less than half is found; how many rows are not among the
1 and the 10 nearest to their own vectors, though by exact answers they are (default recall, 0.99). Sets that
are too small for an index by default get one, too.
"""
import argparse
import json
import os
import pathlib
import tempfile

import environment

environment.enter()

import numpy as np  # noqa: E402

import figures  # noqa: E402
import machine  # noqa: E402

RECALLS = (0.95, 0.99)
LEAST_ROWS = 1000  # that get an index
HEADS = ["set", "rows", "dim", "metric", "build, s of a processor",
         *[f"{what}, {recall}" for recall in RECALLS for what in ("recall@10", "below half", "us a query")],
         "lost of own, 1 result", "10"]


def measure(worker, name, scratch, log):
    """A set's row."""
    folder = environment.VECTORS / name
    notes = json.loads((folder / "set.json").read_text(encoding="utf-8"))
    judge = figures.Judge(np.load(folder / "base.npy", mmap_mode="r"), np.load(folder / "queries.npy"),
                          notes["metric"], np.load(folder / "truth.npy"),
                          np.load(folder / "distances.npy"))
    peer = machine.Peer("ours", [worker], "0-%d" % (os.cpu_count() - 1), 1, log)
    try:
        built = peer.ask("build", set=str(folder), params={"index_rows": LEAST_ROWS})
        cells = [name, f"{notes['rows']:,}", f"{notes['dim']}", notes["metric"], f"{built['cpu']:.1f}"]
        for recall in RECALLS:
            out = scratch / "ids.npy"
            answer = peer.ask("search", k=10, knob=1, recall=recall, batch=False, threads=1, out=str(out))
            found = judge.recall(np.load(out), 10)
            if found["twice"] or found["foreign"]:
                raise RuntimeError(f"{name}: ids that came twice or are not of the set: {found}")
            cells += [f"{found['recall']:.4f}", f"{found['low']:.1%}",
                      f"{1e6 * answer['cpu'] / notes['queries']:.0f}"]
        for k in (1, 10):
            cells.append(str(peer.ask("own", k=k, recall=0.99)["lost"]))
        return cells
    finally:
        peer.stop()


def main():
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("worker")
    parser.add_argument("set", nargs="+")
    arguments = parser.parse_args()
    print(f"| {' | '.join(HEADS)} |\n|---|{'--:|' * (len(HEADS) - 1)}", flush=True)
    with tempfile.TemporaryDirectory() as scratch, open(os.devnull, "w", encoding="ascii") as log:
        for name in arguments.set:
            row = measure(arguments.worker, name, pathlib.Path(scratch), log)
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
