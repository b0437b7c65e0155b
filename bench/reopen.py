"""Time from the start of a process to its first answer, on a large directory.

usage: reopen.py VIRIDIAN_BINARY [--rows N] [--dimension N] [--rounds N] [--path DIRECTORY]

The directory is made once and kept below build/. Each round starts a server on it and asks one
query as soon as it is answered, with the files' pages in memory ("warm") and after they were put
out ("cold"; the kernel is asked to forget the files' pages, which it does where nothing uses them).
The same for the command line's own process, and for a query that a filter narrows down.
"""
import argparse
import array
import http.client
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import time

import load
from load import directory_bytes, harness, memory, mib

POOL = 1 << 22
NAME = "large"


def make(binary, directory, rows, dimension):
    """A .npy file of distinct rows, cut out of a pool of random numbers at random places, imported."""
    random_ = random.Random(7)
    part = directory.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    pool = array.array("f", (random_.random() - 0.5 for _ in range(POOL))).tobytes()
    source = part / "vectors.npy"
    with open(source, "wb") as file:
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dimension}), }}"
        header += " " * (-(len(header) + 11) % 64) + "\n"
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
        for _ in range(rows):
            start = 4 * random_.randrange(POOL - dimension)
            file.write(pool[start:start + 4 * dimension])
    records = part / "records.jsonl"
    with open(records, "w", encoding="ascii") as file:
        for i in range(rows):
            file.write(f'{{"id": "r{i}", "metadata": {{"n": {i}, "part": {i % 1000}}}}}\n')
    began = time.monotonic()
    subprocess.run([binary, "import", NAME, str(source), "--records", str(records), "--path",
                    str(part / "data")], check=True, stdout=subprocess.DEVNULL)
    print(f"made {rows:,} x {dimension} in {time.monotonic() - began:.0f} s")
    source.unlink()
    records.unlink()
    server = harness.Server(binary, part / "data").start(300)
    status, collection = server.call("GET", f"{harness.DATABASE}/collections/{NAME}")
    assert status == 200
    server.call("POST", f"{harness.DATABASE}/collections/{collection['id']}/flush", {}, timeout=600)
    assert server.stop(300) == 0
    part.rename(directory)


def forget(directory):
    """Asks the kernel to drop the pages of all files."""
    for path in pathlib.Path(directory).rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def touch(directory):
    """Reads every file, so that its pages are in memory."""
    for path in pathlib.Path(directory).rglob("*"):
        if path.is_file():
            with open(path, "rb", buffering=0) as file:
                while file.read(1 << 22):
                    pass


def first_answer(binary, data, path, body):
    """Seconds from the start of a server to the answer of its first and of its second query."""
    server = harness.Server(binary, data)
    began = time.monotonic()
    server.process = subprocess.Popen(
        [binary, "serve", "--path", str(data), "--port", str(server.port), "--log.level", "warn"],
        stdout=subprocess.DEVNULL)
    times = []
    try:
        while len(times) < 2:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
            asked = time.monotonic()
            try:
                connection.request("POST", f"{path}/query", body, {"content-type": "application/json"})
                response = connection.getresponse()
                answer = response.read()
                if response.status == 200:
                    times.append(time.monotonic() - (asked if times else began))
                elif response.status != 503:
                    raise RuntimeError(f"{response.status} {answer[:300]}")
            except OSError:
                assert server.process.poll() is None, "the server ended"
                time.sleep(0.002)
            finally:
                connection.close()
        return (*times, memory(server.process.pid)[1])
    finally:
        server.stop(120)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--path", type=pathlib.Path)
    args = parser.parse_args()
    directory = args.path or load.ROOT / "build" / "bench-data" / f"reopen-{args.rows}x{args.dimension}"
    if not directory.exists():
        make(args.binary, directory, args.rows, args.dimension)
    data = directory / "data"
    server = harness.Server(args.binary, data).start(300)
    _, collection = server.call("GET", f"{harness.DATABASE}/collections/{NAME}")
    assert server.stop(120) == 0
    path = f"{harness.DATABASE}/collections/{collection['id']}"
    vector = [((i * 37) % 101) / 101 - 0.5 for i in range(args.dimension)]
    plain = {"query_embeddings": [vector], "n_results": 10, "include": ["distances"]}
    narrowed = {**plain, "where": {"part": 7}}
    print(f"{args.rows:,} x {args.dimension}, {mib(directory_bytes(data))}; {load.busy()}\n")
    print("| first request | pages | first answer ms | worst | second answer ms | memory |")
    print("|---|---|--:|--:|--:|--:|")
    for name, body in (("query", plain), ("query with a filter", narrowed)):
        for state, prepare in (("warm", touch), ("cold", forget)):
            rounds = []
            for _ in range(args.rounds):
                prepare(data)
                rounds.append(first_answer(args.binary, data, path, json.dumps(body)))
            first, second, own = zip(*rounds)
            print(f"| {name} | {state} | {statistics.median(first) * 1e3:,.0f} | "
                  f"{max(first) * 1e3:,.0f} | {statistics.median(second) * 1e3:,.0f} | "
                  f"{mib(max(own))} |", flush=True)


main()
