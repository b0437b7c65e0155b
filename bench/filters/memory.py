"""What a server takes of memory while records whose every value is another one are added and filtered.

    ./dev bench filters --memory [--records N] [--heads BYTES]

Each record has a string, an integer and a float that no other record has, and a vector of 4 dimensions.
`memory.heads_bytes` is small, and `segment.seal_bytes` a quarter of it. "own" is what the process has for
itself (RssAnon of /proc, of which the kernel knows the greatest only together with the next), "mapped" its
files' pages that are in memory, which the kernel takes back when it wants them. Both are looked at every
10 ms; the greatest of each step is shown, and what the metrics say that records outside of files take.
Answers are held against what is known of the values. A budget holds where "own" stays as it was at twice
the records, and this is said at the end: run it with --records 500000 and 1000000.
"""
import argparse
import contextlib
import http.client
import json
import pathlib
import sys
import tempfile
import threading
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import load  # noqa: E402
from load import harness  # noqa: E402

BATCH = 2_000
LISTED = 10_000  # values of `$in`


class Watch(threading.Thread):
    """The greatest own and mapped bytes of a process, and of what the metrics say, since they were last
    asked for."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.lock, self.stopped = server, threading.Lock(), threading.Event()
        self.most = [0, 0, 0]

    def run(self):
        rounds = 0
        while not self.stopped.wait(0.01):
            rounds += 1
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.look(self.heads() if rounds % 20 == 0 else 0)

    def look(self, heads):
        """Once."""
        both, own = load.memory(self.server.process.pid)
        with self.lock:
            self.most = [max(one) for one in zip(self.most, (own, both - own, heads))]

    def heads(self):
        """Bytes of records that are not in files."""
        text = self.server.call("GET", "/metrics")[1]
        line = next(line for line in text.splitlines() if line.startswith("viridian_segment_heads_bytes "))
        return int(float(line.split()[1]))

    def take(self):
        """The greatest until now; begins anew."""
        self.look(0)
        with self.lock:
            most, self.most = self.most, [0, 0, 0]
        return most


def record(number, records):
    """Its three values; none is in the order in which records come."""
    mixed = number * 7_919 % records if records % 7_919 else number
    return {"text": f"a value of its own {mixed:09d}", "whole": mixed, "real": mixed + 0.5}


def fill(server, path, records):
    """Adds all."""
    for first in range(0, records, BATCH):
        numbers = range(first, min(first + BATCH, records))
        status, answer = server.call("POST", f"{path}/add", {
            "ids": [f"r{i}" for i in numbers], "embeddings": [[i % 97, i % 89, i % 83, 1] for i in numbers],
            "metadatas": [record(i, records) for i in numbers]}, timeout=600)
        assert status == 201, answer


def steps(records):
    """What is asked: a name, the call, the body, and how many results there are."""
    tenth, listed = records // 10, min(LISTED, records)
    texts = [f"a value of its own {i:09d}" for i in range(0, records, records // listed)][:listed]
    yield "count of a range of integers", "count", {"where": {"whole": {"$lt": tenth}}}, tenth
    yield "count of a range of floats", "count", {"where": {"real": {"$gte": tenth}}}, records - tenth
    yield "count of all but one string", "count", {"where": {"text": {"$ne": texts[0]}}}, records - 1
    yield f"get of {listed:,} strings of a list", "get", {"where": {"text": {"$in": texts}}, "include": []}, listed
    yield "count of all but a list of integers", "count", {
        "where": {"whole": {"$nin": list(range(listed))}}}, records - listed
    for key in ("text", "whole", "real"):
        yield f"the first 100 in the order of {key}", "get", {"order_by": key, "limit": 100, "include": []}, 100
        yield f"10 from the 90,000th on, {key} falling", "get", {
            "order_by": [{"key": key, "direction": "desc"}], "offset": min(90_000, records - 10), "limit": 10,
            "include": []}, 10
        yield f"the first 100 of half of all, by {key}", "get", {
            "order_by": key, "limit": 100, "include": [], "where": {"whole": {"$gte": records // 2}}}, 100
        yield f"facets of {key}", "facets", {"keys": [key], "limit": 10}, records
    yield "facets of half of all", "facets", {
        "keys": ["text"], "limit": 10, "where": {"whole": {"$lt": records // 2}}}, records // 2
    yield "extents of all three", "extents", {"keys": ["text", "whole", "real"]}, 3


def found(call, answer):
    """How many results an answer tells of."""
    if call == "count":
        return answer
    if call == "get":
        return len(answer["ids"])
    if call == "facets":
        return next(iter(answer["facets"].values()))["distinct"]
    return sum(extent["max"] is not None for extent in answer["extents"].values())


def row(watch, what, seconds):
    """A line of the table; the greatest own bytes."""
    own, mapped, heads = watch.take()
    print(f"| {what} | {seconds:,.2f} | {own >> 20:,} | {mapped >> 20:,} | {heads >> 20:,} |", flush=True)
    return own


def measure(server, arguments):
    """The table."""
    watch = Watch(server)
    watch.start()
    path = harness.create_collection(server, "distinct")
    print(f"\n## {arguments.records:,} records of three values of their own, memory.heads_bytes "
          f"{arguments.heads >> 20} MiB, {load.busy()}\n\n"
          "| | s | own MiB | mapped MiB | outside of files, MiB |\n|---|--:|--:|--:|--:|", flush=True)
    time.sleep(0.1)
    idle, began = row(watch, "nothing yet", 0), time.perf_counter()
    fill(server, path, arguments.records)
    most = row(watch, "adds", time.perf_counter() - began)
    for name in ("flush", "compact"):
        began = time.perf_counter()
        status, answer = server.call("POST", f"{path}/{name}", {}, timeout=3_600)
        assert status == 200, answer
        most = max(most, row(watch, name, time.perf_counter() - began))
    for what, call, body, right in steps(arguments.records):
        began = time.perf_counter()
        status, answer = server.call("POST", f"{path}/{call}", body, timeout=600)
        took = time.perf_counter() - began
        assert status == 200 and found(call, answer) == right, (what, str(answer)[:300])
        most = max(most, row(watch, what, took))
    watch.stopped.set()
    watch.join()
    print(f"\nown: {idle >> 20} MiB at first, {most >> 20} MiB at most", flush=True)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("viridian")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--heads", type=int, default=32 << 20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="viridian-memory-") as directory:
        server = harness.Server(
            arguments.viridian, pathlib.Path(directory) / "data",
            "--memory.heads_bytes", str(arguments.heads), "--segment.seal_bytes", str(arguments.heads // 4),
            "--vectors.memory_bytes", "67108864", "--log.level", "warn").start()
        try:
            measure(server, arguments)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
