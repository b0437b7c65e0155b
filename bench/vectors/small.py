"""What a query costs where rows have no index: small sets, and the set text with 15,000 rows unindexed.

    python3 bench/vectors/small.py WORKER... [--rounds R] [--cpu N]

WORKER is build/bench/bin/vectors_worker, or several builds of it to compare. Each answers all queries, one call
each, on one thread; rounds go through the workers in turn. Beside them hnswlib (M 16) with the least ef
of its knobs whose recall@10 is 0.99. Microseconds of processor time a query: the median of the rounds.
"""
import argparse
import json
import os
import statistics
import sys
import tempfile

import environment

environment.enter()

import numpy as np  # noqa: E402

import data  # noqa: E402
import figures  # noqa: E402
import machine  # noqa: E402
import sets_small  # noqa: E402

CASES = [(name, {}) for name in sets_small.SETS] + [("text", {}), ("text", {"in_head": 15_000})]
PEER, RECALL, K = "hnswlib", 0.99, 10


def judge_of(folder, notes):
    """Says what a worker's answers are worth."""
    load = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("base", "queries")]
    return figures.Judge(*load, notes["metric"], np.load(folder / "truth.npy"),
                         np.load(folder / "distances.npy"))


def ask(peer, knob, out):
    """All queries once."""
    answer = peer.ask("search", k=K, knob=knob, batch=False, threads=1, out=out)
    return answer["cpu"] * 1e6 / len(np.load(out))


def enough(peer, judge, out):
    """The first of its knobs that finds enough."""
    for knob in peer.ask("knobs")["knobs"]:
        ask(peer, knob, out)
        recall = judge.recall(np.load(out), K)["recall"]
        if recall >= RECALL:
            return knob, recall
    raise RuntimeError(f"{peer.name} does not get to {RECALL}")


def measure(case, params, arguments, scratch):
    """A line for each worker."""
    data.prepare(case, 1)
    folder = environment.VECTORS / case
    notes = json.loads((folder / "set.json").read_text(encoding="utf-8"))
    judge, out = judge_of(folder, notes), os.path.join(scratch, "ids.npy")
    commands = [(os.path.relpath(path), [path]) for path in arguments.workers]
    if case in sets_small.SETS:
        commands.append((PEER, machine.worker(PEER)))
    peers, costs = [], {}
    with open(os.path.join(scratch, "log"), "w", encoding="utf-8") as log:
        for name, command in commands:
            peer = machine.Peer(name, command, arguments.cpu, 1, log)
            peer.ask("build", set=str(folder), threads=1, params=params)
            peers.append((peer, *enough(peer, judge, out)))
        for _ in range(arguments.rounds):
            for peer, knob, _ in peers:
                costs.setdefault(peer.name, []).append(ask(peer, knob, out))
        for peer, knob, recall in peers:
            print(f"{case:14} {json.dumps(params):18} {notes['rows']:7,} x {notes['dim']:<4} {peer.name:40} "
                  f"knob {knob:<4} recall {recall:.4f} {statistics.median(costs[peer.name]):8.1f} us", flush=True)
            peer.stop()


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workers", nargs="+", type=os.path.abspath)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu", default="1")
    parser.add_argument("--cases", help="of " + ", ".join(dict(CASES)))
    arguments = parser.parse_args()
    print(f"{machine.processor()}, load average {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for case, params in CASES:
            if not arguments.cases or case in arguments.cases.split(","):
                measure(case, params, arguments, scratch)
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    sys.exit(main())
