"""Turnover: what deleting, adding again and replacing everything does to size and latency.

usage: churn.py VIRIDIAN_BINARY [--records N] [--turnovers N] [--window SECONDS]

A fresh load of the records is the measure. Then, per turnover, every record is replaced once: in
odd ones deleted and added again, in even ones upserted with another vector, document and metadata.
Two readers query all the while. Then the same data are upserted again and again, which must not
make the directory grow. p99 is that of a window of some seconds; the stall is the worst window's
over the median of all.
"""
import argparse
import os
import shutil
import statistics
import tempfile
import time

import load
from load import Client, Readers, directory_bytes, harness, mib, percentile, windows

BATCH = 500


def settle(client, path, directory, seconds=20):
    """Until the directory's size stands still: what is due in the background is done."""
    client.offers(f"{path}/flush")
    last, same, end = -1, 0, time.monotonic() + seconds
    while same < 4 and time.monotonic() < end:
        size = directory_bytes(directory)
        same, last = (same + 1, last) if size == last else (0, size)
        time.sleep(0.5)
    return last


class Writes:
    def __init__(self, client, path, words, count):
        self.client, self.path, self.words, self.count, self.notes = client, path, words, count, []

    def send(self, verb, body):
        began = time.monotonic()
        self.client.call("POST", f"{self.path}/{verb}", body)
        self.notes.append((began, time.monotonic() - began))

    def batches(self):
        for first in range(0, self.count, BATCH):
            yield range(first, min(first + BATCH, self.count))

    def load(self):
        for numbers in self.batches():
            self.send("add", self.words.body(numbers))

    def turn_over(self, turnover):
        for numbers in self.batches():
            body = self.words.body(numbers, turnover)
            if turnover % 2:
                ids = ",".join(f'"w{i}"' for i in numbers)
                self.send("delete", f'{{"ids": [{ids}]}}'.encode())
                self.send("add", body)
            else:
                self.send("upsert", body)

    def upsert_same(self, version):
        for numbers in self.batches():
            self.send("upsert", self.words.body(numbers, version))


def row(name, size, fresh, peak, reads, writes, seconds):
    r, w = windows(reads, seconds), windows(writes, seconds)
    stall = lambda series: (f"{max(series) / statistics.median(series):.2f}"  # noqa: E731
                            if series else "")
    ms = lambda notes, part: f"{percentile([t for _, t in notes], part) * 1e3:.1f}"  # noqa: E731
    print(f"| {name} | {mib(size)} | {size / fresh:.2f} | {peak / fresh:.2f} | {ms(reads, .5)} | "
          f"{ms(reads, .99)} | {ms(reads, 1)} | {ms(writes, .5)} | {ms(writes, .99)} | "
          f"{ms(writes, 1)} | {stall(r)} | {stall(w)} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--turnovers", type=int, default=10)
    parser.add_argument("--upserts", type=int, default=3)
    parser.add_argument("--window", type=float, default=3)
    args = parser.parse_args()
    words = load.Words(args.records)
    root = tempfile.mkdtemp(prefix="viridian-churn-", dir=os.environ.get("BENCH_TMP"))
    directory = os.path.join(root, "data")
    server = harness.Server(args.binary, directory).start(120)
    try:
        path = harness.create_collection(server, "churn", configuration={"hnsw": {"space": "cosine"}})
        client = Client(server.port)
        writes = Writes(client, path, words, args.records)
        began = time.monotonic()
        writes.load()
        took = time.monotonic() - began
        fresh = settle(client, path, directory)
        print(f"{args.records:,} records of {words.dimension} dimensions ({words.source}), "
              f"loaded in {took:.1f} s; fresh: {mib(fresh)}; {load.busy()}\n")
        print("| turnover | size | x fresh | at most | read p50 ms | p99 | worst | write p50 ms "
              f"({BATCH} records) | p99 | worst | read stall | write stall |")
        print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
        queries = [words.query(i) for i in range(0, args.records, max(1, args.records // 50))]
        reads_all, writes_all = [], []
        for turnover in range(1, args.turnovers + args.upserts + 1):
            writes.notes, peak = [], 0
            with Readers(server.port, path, queries, 2, 0.01) as readers:
                if turnover <= args.turnovers:
                    writes.turn_over(turnover)
                else:
                    writes.upsert_same(args.turnovers)
                peak = directory_bytes(directory)
            size = settle(client, path, directory)
            same = turnover > args.turnovers
            row(f"same again {turnover - args.turnovers}" if same else turnover, size, fresh,
                max(peak, size), readers.notes, writes.notes, args.window)
            reads_all += readers.notes if not same else []
            writes_all += writes.notes if not same else []
        count = int(client.call("GET", f"{path}/count"))
        assert count == args.records, count
        for name, notes in (("reads", reads_all), ("writes", writes_all)):
            series = windows(notes, args.window)
            if series:
                print(f"\n{name}: {len(series)} windows of {args.window:g} s, p99: median "
                      f"{statistics.median(series) * 1e3:.1f} ms, worst {max(series) * 1e3:.1f} ms, "
                      f"ratio {max(series) / statistics.median(series):.2f}; worst call "
                      f"{max(t for _, t in notes) * 1e3:.1f} ms")
        if client.offers(f"{path}/compact"):
            size = directory_bytes(directory)
            print(f"\ncompacted: {mib(size)}, {size / fresh:.2f} x fresh")
        assert server.stop() == 0
        print(f"stopped: {directory_bytes(directory) / fresh:.2f} x fresh; {load.busy()}")
    finally:
        if server.process.poll() is None:
            server.kill()
        shutil.rmtree(root, ignore_errors=True)


main()
