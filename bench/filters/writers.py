"""What adds take alone, and beside clients that filter heavily all the time.

    ./dev bench filters --writers [--records N] [--clients N] [--rounds N] [--seconds S]

The server holds N records of 40 words and three keys. One client adds batches of 10 records to the same
collection, each sent when the one before was acknowledged. In turns it is alone, beside clients that ask
filters which look at every document (`$not_regex` without any text to look up), orders and facets over
all values, and beside as many clients that only burn processor time without asking anything: that is what
the processors' being shared costs, locks or none. Rounds follow each other, so that whatever else the
machine does falls on all three alike. "longest" tells of locks: a writer that waited for a filter would
wait as long as filters take, which the last columns show.
"""
import argparse
import json
import multiprocessing
import pathlib
import random
import statistics
import sys
import tempfile
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import load  # noqa: E402
from load import harness  # noqa: E402

BATCH, LOADED = 10, 1_000
WORDS = [f"word{i}" for i in range(5_000)]
HEAVY = (
    ("count", {"where_document": {"$not_regex": "[0-9][5-9][a-z]?$"}}),
    ("get", {"order_by": "text", "limit": 100, "offset": 5_000, "include": []}),
    ("facets", {"keys": ["text", "number"], "limit": 100}),
    ("count", {"where": {"$or": [{"text": {"$ne": "t1"}}, {"number": {"$lt": 9}}]},
               "where_document": {"$regex": "d[0-9]+ .*d[0-9]*7 "}}),
)


def body(numbers):
    """Records of these numbers."""
    random_ = random.Random(numbers[0])
    return json.dumps({
        "ids": [f"r{i}" for i in numbers], "embeddings": [[i % 97, i % 89, i % 83, 1] for i in numbers],
        "documents": [" ".join(random_.choices(WORDS, k=40)) for _ in numbers],
        "metadatas": [{"text": f"t{i}", "number": i, "part": i % 100} for i in numbers]})


def filters(port, path, number, stop, took):
    """A client that asks until it is told to stop."""
    client = load.Client(port)
    which = number
    while not stop.is_set():
        call, request = HEAVY[which % len(HEAVY)]
        which += 1
        began = time.perf_counter()
        client.call("POST", f"{path}/{call}", json.dumps(request))
        took.put(time.perf_counter() - began)


def burn(stop):
    """Only takes processor time."""
    while not stop.is_set():
        sum(range(10_000))


class Neighbours:
    """Processes beside the writer for a while; `took` are the seconds of each filter."""

    def __init__(self, target, count, *arguments):
        self.stop, self.queue, self.took = multiprocessing.Event(), multiprocessing.Queue(), []
        extra = (lambda i: (*arguments, i, self.stop, self.queue)) if arguments else (lambda i: (self.stop,))
        self.processes = [multiprocessing.Process(target=target, args=extra(i)) for i in range(count)]

    def __enter__(self):
        for process in self.processes:
            process.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        while any(process.is_alive() for process in self.processes):
            while not self.queue.empty():
                self.took.append(self.queue.get())
            time.sleep(0.01)


class Writer:
    """Adds to one collection."""

    def __init__(self, port, path):
        self.client, self.path, self.next = load.Client(port), path, 0

    def add(self, count):
        """Seconds of one add."""
        text = body(range(self.next, self.next + count))
        began = time.perf_counter()
        self.client.call("POST", f"{self.path}/add", text)
        took = time.perf_counter() - began
        self.next += count
        return took

    def add_for(self, seconds):
        """Seconds of each."""
        end, took = time.perf_counter() + seconds, []
        while time.perf_counter() < end:
            took.append(self.add(BATCH))
        return took


def figures(took):
    """Adds, p50, p99 and the longest, in ms."""
    ordered = sorted(took)
    at = [ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1]]
    return [len(took), *(1e3 * one for one in at)]


def measure(server, arguments):
    """The table."""
    path = harness.create_collection(server, "written")
    writer = Writer(server.port, path)
    while writer.next < arguments.records:
        writer.add(LOADED)
    server.call("POST", f"{path}/flush", {}, timeout=600)
    print(f"\n## {arguments.records:,} records, adds of {BATCH}, {arguments.clients} clients that filter, "
          f"{arguments.rounds} rounds of {arguments.seconds} s each, {load.busy()}\n\n"
          "| round | | adds | p50 ms | p99 ms | longest ms | filters | their p50 ms | longest ms |\n"
          "|--:|---|--:|--:|--:|--:|--:|--:|--:|", flush=True)
    all_of = {}
    for number in range(arguments.rounds):
        for name, beside in (("alone", None), ("beside filters", filters), ("beside other work", burn)):
            filtering = (server.port, path) if beside is filters else ()
            with Neighbours(beside, arguments.clients if beside else 0, *filtering) as neighbours:
                time.sleep(0.5)
                took = writer.add_for(arguments.seconds)
            all_of.setdefault(name, ([], []))[0].extend(took)
            all_of[name][1].extend(neighbours.took)
            show(number + 1, name, took, neighbours.took)
    for name, (took, asked) in all_of.items():
        show("all", name, took, asked)


def show(number, name, took, asked):
    """A line."""
    count, *times = figures(took)
    cells = [f"{one:.2f}" for one in times]
    others = [f"{len(asked):,}", f"{1e3 * statistics.median(asked):.1f}", f"{1e3 * max(asked):.1f}"] \
        if asked else ["", "", ""]
    print(f"| {number} | {name} | {count:,} | {' | '.join(cells)} | {' | '.join(others)} |", flush=True)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("viridian")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="viridian-writers-") as directory:
        server = harness.Server(arguments.viridian, pathlib.Path(directory) / "data", "--log.level", "warn").start()
        try:
            measure(server, arguments)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
