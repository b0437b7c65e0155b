"""Queries with a filter on metadata, over HTTP: Viridian, and a real Chroma where one is given.

usage: filtered.py VIRIDIAN_BINARY [--chroma CHROMA_PROGRAM] [--rows N] [--queries N] [--rounds R]

Both servers get the vectors of the set `text` (bench/vectors/data.py: real), each with an id and
metadata: a random number below 1000, and per pivot, one of the queries, the thousandth of all rows
among which it comes by its distance to it. Then `where` allows a share of the rows: at random, the
nearest to a pivot, or the farthest from it, and the queries are those nearest to the pivot. One client
asks one query at a time, with the same body; the servers take turns. Per filter: milliseconds a query,
processor time of the server a query, and the recall against exact answers. Viridian keeps nothing of a
filter between queries.
"""
import argparse
import base64
import http.client
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "vectors"), str(HERE), str(HERE.parent / "tests" / "e2e")]
import environment  # noqa: E402

environment.enter()

from chroma import Chroma  # noqa: E402
import harness  # noqa: E402
import numpy as np  # noqa: E402

import figures  # noqa: E402
import filters  # noqa: E402
import machine  # noqa: E402
import truth  # noqa: E402

SHARES = (0.001, 0.01, 0.1, 0.5)
PIVOTS = 2
BATCH = 1000
READY = 600  # seconds


class Side:
    """A collection of a server."""

    def __init__(self, name, server):
        self.name, self.pid = name, server.process.pid
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=READY)
        made = self.call("", {"name": "filtered", "configuration": {"hnsw": {"space": "cosine"}}})
        self.path = "/" + made["id"]

    def call(self, path, body):
        """The answer to a POST below the collections."""
        self.connection.request("POST", f"{harness.DATABASE}/collections{path}", json.dumps(body),
                                {"content-type": "application/json"})
        response = self.connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{self.name}: {response.status} {text[:300]}")
        return json.loads(text)

    def fill(self, base, columns):
        """All rows; seconds of processor time."""
        began = machine.used_by(self.pid)
        for first in range(0, len(base), BATCH):
            rows = range(first, min(first + BATCH, len(base)))
            self.call(self.path + "/add", {
                "ids": [str(row) for row in rows],
                "embeddings": [base64.b64encode(base[row].tobytes()).decode() for row in rows],
                "metadatas": [{name: int(values[row]) for name, values in columns.items()}
                              for row in rows]})
        return machine.used_by(self.pid) - began

    def ask(self, queries, where):
        """Ids, seconds of each call, and processor time of the server a query."""
        self.connection.close()  # it may have been idle for too long
        began, took, ids = machine.used_by(self.pid), [], []
        for query in queries:
            started = time.perf_counter()
            answer = self.call(self.path + "/query", {"query_embeddings": [query], "n_results": 10,
                                                      "where": where, "include": ["distances"]})
            took.append(time.perf_counter() - started)
            ids.append([int(id) for id in answer["ids"][0]])
        spent = (machine.used_by(self.pid) - began) / len(queries)
        return np.array([row + [-1] * (10 - len(row)) for row in ids]), statistics.median(took), spent


def cases(base, queries, count):
    """The metadata columns, and per filter: lie, share, where, allowed rows, queries."""
    random = np.random.default_rng(1)
    columns = {"r": random.integers(0, 1000, len(base))}
    found = []
    for share in SHARES:
        limit = round(1000 * share)
        found.append(("random", share, {"r": {"$lt": limit}}, columns["r"] < limit, queries[:count]))
    for number, pivot in enumerate(random.choice(len(queries), PIVOTS, replace=False)):
        order = np.argsort(filters.distances(base, queries[pivot], "cosine"), kind="stable")
        ranks = np.empty(len(base), dtype=np.int64)
        ranks[order] = np.arange(len(base)) * 1000 // len(base)
        name = f"p{number}"
        columns[name] = ranks
        nearest = np.argsort(filters.distances(queries, queries[pivot], "cosine"), kind="stable")
        asked = queries[nearest[1:1 + max(1, count // PIVOTS)]]
        for share in SHARES:
            limit = round(1000 * share)
            found.append(("near", share, {name: {"$lt": limit}}, ranks < limit, asked))
            found.append(("far", share, {name: {"$gte": 1000 - limit}}, ranks >= 1000 - limit, asked))
    return columns, found


def measure(side, case, base, rounds):
    """Milliseconds, milliseconds of processor, recall."""
    _, _, where, allowed, queries = case
    rows = np.flatnonzero(allowed)
    ids, distances, _ = truth.exact(base[rows], queries, "cosine")
    judge = figures.Judge(base, queries, "cosine", rows[ids], distances, allowed)
    bodies = [[float(value) for value in query] for query in queries]
    side.ask(bodies[:2], where)
    asked = [side.ask(bodies, where) for _ in range(rounds)]
    found = judge.recall(asked[-1][0], 10)
    if found["twice"] or found["foreign"]:
        raise RuntimeError(f"{side.name}: {found}")
    return (1e3 * statistics.median(one[1] for one in asked),
            1e3 * statistics.median(one[2] for one in asked), found["recall"])


def main():
    """Fills both, asks both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--chroma")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder = environment.VECTORS / "text"
    base = np.load(folder / "base.npy")[:arguments.rows]
    columns, found = cases(base, np.load(folder / "queries.npy"), arguments.queries)
    directory = tempfile.mkdtemp(prefix="viridian-bench-")
    servers = [("Viridian", harness.Server(arguments.binary, os.path.join(directory, "v")).start(120))]
    if arguments.chroma:
        servers.append(("Chroma", Chroma(arguments.chroma, os.path.join(directory, "c"))))
    try:
        sides = [Side(name, server) for name, server in servers]
        for side in sides:
            print(f"{side.name}: {len(base)} rows, {side.fill(base, columns):.1f} s of processor", flush=True)
        servers[0][1].call("POST", f"{harness.DATABASE}/collections{sides[0].path}/compact", timeout=READY)
        print("| lie | allowed | " + " | ".join(f"{side.name} ms | processor ms | recall" for side in sides)
              + " | ratio of ms | of processor |\n|---|--:|" + "--:|" * (3 * len(sides) + 2))
        for lie in filters.LIES:
            for share in SHARES:
                mine = [case for case in found if case[:2] == (lie, share)]
                cells = []
                for side in sides:
                    figures_ = [measure(side, case, base, arguments.rounds) for case in mine]
                    cells.append([statistics.fmean(one[i] for one in figures_) for i in range(3)])
                text = " | ".join(f"{cell[0]:.2f} | {cell[1]:.2f} | {cell[2]:.3f}" for cell in cells)
                ratios = [f"{cells[-1][i] / max(1e-9, cells[0][i]):.1f}" for i in range(2)]
                print(f"| {lie} | {100 * share:g} % | {text} | {' | '.join(ratios)} |", flush=True)
    finally:
        for _, server in servers:
            server.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
