"""What a busy large collection costs a small one in the same server.

usage: neighbours.py VIRIDIAN_BINARY [--records N] [--small N] [--seconds S] [--rounds N]

Queries to a small collection are timed alone and beside a large one under heavy load (writers that
upsert batches and readers that query, each as fast as it is answered), in turns; the medians of
the rounds count. The load's clients take processor time too, and what that alone costs is measured
by a third turn, in which the same clients load another server with the same data.
"""
import argparse
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time

import load
from load import Client, Readers, harness, percentile

BATCH = 500


def upserts(port, path, bodies, stop, results):
    client, done = Client(port), 0
    while not stop.is_set():
        client.call("POST", f"{path}/upsert", bodies[done % len(bodies)])
        done += 1
    results.put(done * BATCH)


class Heavy:
    """The load on the large collection."""

    def __init__(self, port, path, bodies, queries, writers, readers):
        self.stop, self.results = multiprocessing.Event(), multiprocessing.Queue()
        self.writers = [multiprocessing.Process(
            target=upserts, args=(port, path, bodies[i::writers], self.stop, self.results))
            for i in range(writers)]
        self.readers = Readers(port, path, queries, readers, 0)
        self.upserted = self.queried = 0

    def __enter__(self):
        self.readers.__enter__()
        for writer in self.writers:
            writer.start()
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.upserted = sum(self.results.get() for _ in self.writers)
        for writer in self.writers:
            writer.join()
        self.readers.__exit__()
        self.queried = len(self.readers.notes)


def fill(server, name, words, count):
    path = harness.create_collection(server, name, configuration={"hnsw": {"space": "cosine"}})
    client = Client(server.port)
    for first in range(0, count, BATCH):
        client.call("POST", f"{path}/upsert", words.body(range(first, min(first + BATCH, count))))
    return path


def timed(port, path, queries, seconds):
    """Latencies of one client's queries, a few milliseconds apart."""
    client, took, end = Client(port), [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        client.call("POST", f"{path}/query", queries[len(took) % len(queries)])
        took.append(time.perf_counter() - began)
        time.sleep(0.003)
    return percentile(took, 0.5), percentile(took, 0.99), len(took)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--small", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--readers", type=int, default=2)
    args = parser.parse_args()
    words = load.Words(args.records)
    root = tempfile.mkdtemp(prefix="viridian-neighbours-")
    servers = [harness.Server(args.binary, os.path.join(root, name)).start(120)
               for name in ("measured", "other")]
    try:
        small = fill(servers[0], "small", words, args.small)
        large = [fill(server, "large", words, args.records) for server in servers]
        bodies = [words.body(range(i * BATCH, (i + 1) * BATCH), 1)
                  for i in range(min(40, args.records // BATCH))]
        queries = [words.query(i) for i in range(0, min(args.small, 500), 10)]
        figures = {"alone": [], "beside another server's": [], "beside its neighbour's": []}
        for _ in range(args.rounds):
            figures["alone"].append(timed(servers[0].port, small, queries, args.seconds))
            for name, i in (("beside another server's", 1), ("beside its neighbour's", 0)):
                with Heavy(servers[i].port, large[i], bodies, queries, args.writers,
                           args.readers) as heavy:
                    figures[name].append(timed(servers[0].port, small, queries, args.seconds))
                print(f"{name} load: {heavy.upserted / args.seconds:,.0f} upserts/s, "
                      f"{heavy.queried / args.seconds:,.0f} queries/s", flush=True)
        print(f"\n{args.small:,} records beside {args.records:,}, {args.writers} writers, "
              f"{args.readers} readers; {load.busy()}\n")
        print("| small collection | p50 ms | p99 ms | queries | p99 / alone |")
        print("|---|--:|--:|--:|--:|")
        alone = statistics.median(p99 for _, p99, _ in figures["alone"])
        for name, rounds in figures.items():
            p50, p99 = (statistics.median(r[i] for r in rounds) for i in (0, 1))
            print(f"| {name}{' load' if name != 'alone' else ''} | {p50 * 1e3:.2f} | "
                  f"{p99 * 1e3:.2f} | {sum(r[2] for r in rounds)} | {p99 / alone:.2f} |")
    finally:
        for server in servers:
            server.kill()
        shutil.rmtree(root, ignore_errors=True)


main()
