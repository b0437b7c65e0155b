"""What many small collections cost: memory of the server, and the time until one answers.

usage: many.py VIRIDIAN_BINARY [--collections N] [--records N] [--dimension N]
"""
import argparse
import base64
import json
import os
import random
import shutil
import tempfile
import time

import load
from load import Client, directory_bytes, harness, memory, mib, percentile


def body(random_, records, dimension):
    return json.dumps({
        "ids": [f"r{i}" for i in range(records)],
        "embeddings": [base64.b64encode(random_.randbytes(4 * dimension).replace(b"\x7f", b"\x3f")
                                        .replace(b"\xff", b"\x3f")).decode()
                       for _ in range(records)],
        "documents": [f"document {i} of a small collection" for i in range(records)],
        "metadatas": [{"n": i, "kind": "small"} for i in range(records)]}).encode()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--collections", type=int, default=1000)
    parser.add_argument("--records", type=int, default=100)
    parser.add_argument("--dimension", type=int, default=384)
    args = parser.parse_args()
    random_ = random.Random(1)
    root = tempfile.mkdtemp(prefix="viridian-many-")
    directory = os.path.join(root, "data")
    server = harness.Server(args.binary, directory).start(120)

    def note(what):
        total, own = memory(server.process.pid)
        print(f"| {what} | {mib(total)} | {mib(own)} | {mib(directory_bytes(directory))} |", flush=True)

    def ask_all():
        client, took = Client(server.port), []
        for path in paths:
            began = time.perf_counter()
            client.call("POST", f"{path}/query", query)
            took.append(time.perf_counter() - began)
        return took

    try:
        print(f"{args.collections:,} collections of {args.records} records of {args.dimension} "
              f"dimensions; {load.busy()}\n")
        print("| state | resident | of that not files | directory |")
        print("|---|--:|--:|--:|")
        note("empty server")
        client, paths, bodies = Client(server.port), [], []
        bodies = [body(random_, args.records, args.dimension) for _ in range(20)]
        query = json.dumps({"query_embeddings": [[0.5] * args.dimension], "n_results": 5}).encode()
        began = time.monotonic()
        for i in range(args.collections):
            paths.append(harness.create_collection(server, f"many_{i:05}"))
            client.call("POST", f"{paths[-1]}/add", bodies[i % 20])
        filled = time.monotonic() - began
        note("filled")
        ask_all()
        note("each queried")
        if client.offers(f"{paths[0]}/flush"):
            for path in paths:
                client.offers(f"{path}/flush")
            note("flushed")
            ask_all()
            note("each queried again")
        assert server.stop() == 0
        began = time.monotonic()
        server.start(120)
        opened = time.monotonic() - began
        note("started again")
        took = ask_all()
        note("each queried after the start")
        print(f"\nfilled in {filled:.1f} s; started in {opened * 1e3:.0f} ms; first query of a "
              f"collection: p50 {percentile(took, .5) * 1e3:.1f} ms, p99 "
              f"{percentile(took, .99) * 1e3:.1f} ms; later ones: p50 "
              f"{percentile(ask_all(), .5) * 1e3:.1f} ms")
        assert server.stop() == 0
    finally:
        if server.process.poll() is None:
            server.kill()
        shutil.rmtree(root, ignore_errors=True)


main()
