"""Durable ingest over HTTP: Viridian, a real Chroma where one is given, and the machine's limits,
interleaved in one run.

usage: ingest.py VIRIDIAN_BINARY [--chroma CHROMA_PROGRAM] [--seconds S] [--rounds N]

For every (dimension, batch, clients) each server gets a fresh collection and is fed for S seconds
by that many client processes, which send ready-made bodies (base64 embeddings, as the official
clients do) over keep-alive connections; the rounds alternate between the servers and the medians
are reported. `records` rows have a 60-word document and four metadata keys; the others are bare.
The machine's limits: appends of the same number of bytes as a batch's floats, each followed by
fdatasync, by one thread; and the sequential write speed.
"""
import argparse
import base64
import http.client
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import statistics
import struct
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests" / "e2e"))
import harness  # noqa: E402

from chroma import Chroma  # noqa: E402

WORDS = ("the a of to in is on for with by from at as it that this meaning vector search store "
         "word index log record read write fast safe small large open close green blue red").split()


def body(random_, dim, batch, with_records):
    value = {
        "ids": [f"{random_.getrandbits(64):016x}" for _ in range(batch)],
        "embeddings": [base64.b64encode(struct.pack(
            f"<{dim}f", *[random_.gauss(0, 1) for _ in range(dim)])).decode() for _ in range(batch)],
    }
    if with_records:
        value["documents"] = [" ".join(random_.choices(WORDS, k=60)) for _ in range(batch)]
        value["metadatas"] = [{"topic": random_.choice(WORDS), "year": random_.randrange(1990, 2026),
                               "score": random_.random(), "open": random_.random() < 0.5}
                              for _ in range(batch)]
    return value


def client(port, path, dim, batch, with_records, seconds, seed, results, gate):
    """Sends batches until the time is up; the ids change, the vectors are from a small pool."""
    random_ = random.Random(seed)
    pool = [body(random_, dim, batch, with_records) for _ in range(max(1, min(8, 4000 // batch)))]
    texts = []
    for value in pool:
        ids = value.pop("ids")
        texts.append((len(ids), json.dumps(value)[1:]))
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.connect()
    gate.wait()
    sent, latencies = 0, []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        count, rest = texts[len(latencies) % len(texts)]
        ids = ",".join(f'"{seed}-{sent + i}"' for i in range(count))
        connection.request("POST", path + "/add", f'{{"ids": [{ids}], {rest}'.encode(),
                           {"content-type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        if response.status != 201:
            raise RuntimeError(f"{response.status} {text[:200]}")
        sent += count
        latencies.append(time.perf_counter() - began)
    results.put((sent, time.perf_counter() - end + seconds, latencies))


def feed(port, dim, batch, clients, with_records, seconds):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    name = f"ingest_{time.time_ns()}"
    connection.request("POST", harness.DATABASE + "/collections", json.dumps({"name": name}),
                       {"content-type": "application/json"})
    path = f"{harness.DATABASE}/collections/{json.loads(connection.getresponse().read())['id']}"
    results, gate = multiprocessing.Queue(), multiprocessing.Barrier(clients)
    workers = [multiprocessing.Process(target=client, args=(
        port, path, dim, batch, with_records, seconds, i, results, gate)) for i in range(clients)]
    for worker in workers:
        worker.start()
    done = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    connection.request("GET", path + "/count")
    count = json.loads(connection.getresponse().read())
    assert count == sum(sent for sent, _, _ in done), (count, done)
    connection.request("DELETE", f"{harness.DATABASE}/collections/{name}")
    connection.getresponse().read()
    latencies = sorted(x for _, _, each in done for x in each)
    return (sum(sent / took for sent, took, _ in done), latencies[len(latencies) // 2],
            latencies[int(len(latencies) * 0.99)])


def appends(directory, size, seconds):
    """Appends with fdatasync a second."""
    data, done = os.urandom(size), 0
    with open(os.path.join(directory, "append"), "wb", buffering=0) as file:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            file.write(data)
            os.fdatasync(file.fileno())
            done += 1
    return done / seconds


def sequential_write(directory):
    block = os.urandom(8 << 20)
    began = time.perf_counter()
    with open(os.path.join(directory, "sequential"), "wb", buffering=0) as file:
        for _ in range(64):
            file.write(block)
        os.fdatasync(file.fileno())
    return 64 * len(block) / (time.perf_counter() - began) / 1e9


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--chroma")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dims", type=int, nargs="*", default=[100, 768])
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 100, 1000])
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 8])
    args = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="viridian-bench-")
    server = harness.Server(args.binary, os.path.join(directory, "viridian")).start()
    chroma = Chroma(args.chroma, os.path.join(directory, "chroma")) if args.chroma else None
    try:
        print(f"machine: sequential write {sequential_write(directory):.2f} GB/s, "
              f"4 KiB append + fdatasync {appends(directory, 4096, 1):,.0f}/s")
        print("| dim | batch | clients | rows | machine: append+fdatasync of the floats, vectors/s "
              "| Viridian vectors/s | p50 ms | p99 ms | Chroma vectors/s | p50 ms | p99 ms | ratio |")
        print("|--:|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|")
        for dim in args.dims:
            for batch in args.batches:
                limit = appends(directory, 4 * dim * batch, 0.5) * batch
                for clients in args.clients:
                    for with_records in (False, True):
                        row(args, server, chroma, dim, batch, clients, with_records, limit)
    finally:
        server.stop()
        if chroma:
            chroma.stop()
        shutil.rmtree(directory, ignore_errors=True)


def row(args, server, chroma, dim, batch, clients, with_records, limit):
    ours, theirs = [], []
    for _ in range(args.rounds):
        ours.append(feed(server.port, dim, batch, clients, with_records, args.seconds))
        if chroma:
            theirs.append(feed(chroma.port, dim, batch, clients, with_records, args.seconds))
    median = lambda runs, i: statistics.median(run[i] for run in runs)  # noqa: E731
    cells = [f"{median(ours, 0):,.0f}", f"{median(ours, 1) * 1e3:.2f}", f"{median(ours, 2) * 1e3:.2f}"]
    if chroma:
        cells += [f"{median(theirs, 0):,.0f}", f"{median(theirs, 1) * 1e3:.2f}",
                  f"{median(theirs, 2) * 1e3:.2f}", f"{median(ours, 0) / median(theirs, 0):.1f}"]
    else:
        cells += ["", "", "", ""]
    kind = "records" if with_records else "bare"
    print(f"| {dim} | {batch} | {clients} | {kind} | {limit:,.0f} | " + " | ".join(cells) + " |",
          flush=True)


main()
