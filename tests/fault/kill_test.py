"""Kills the server with SIGKILL at random moments under concurrent writers and checks, after each
restart, that every acknowledged record is there and none is half there.

usage: kill_test.py VIRIDIAN_BINARY [--rounds N] [--writers N] [--seed N]

Each batch writes records that all carry the batch's number, a document and a vector made from it.
After a restart a batch must be there whole, value by value, if it was acknowledged, and whole or
not at all if it was not. Upserts and deletes of earlier batches are checked the same way: their
last acknowledged state, or the state of the one operation that was under way.
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
import harness  # noqa: E402

ROWS = 7


def body_of(batch, version):
    rows = range(ROWS)
    return {
        "ids": [f"{batch}/{r}" for r in rows],
        "embeddings": [[float(version), float(r), 0.5, float(len(batch))] for r in rows],
        "documents": [f"batch {batch} version {version} row {r}" for r in rows],
        "metadatas": [{"batch": batch, "version": version, "row": r} for r in rows],
    }


class Writer(threading.Thread):
    """Writes until the connection breaks; remembers what was acknowledged and what was under way."""

    def __init__(self, port, path, name, random_, known):
        super().__init__()
        self.port, self.path, self.name_, self.random, self.known = port, path, name, random_, known
        self.pending = None  # (batch, version after it; 0 = deleted)
        self.acknowledged = 0

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            while True:
                batch, version, verb, body = self.next_operation()
                self.pending = (batch, version)
                connection.request("POST", f"{self.path}/{verb}", json.dumps(body),
                                   {"content-type": "application/json"})
                response = connection.getresponse()
                text = response.read()
                if response.status not in (200, 201):
                    print("refused:", response.status, text[:300])
                    os._exit(3)
                self.known[batch] = version
                self.pending = None
                self.acknowledged += 1
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    def next_operation(self):
        live = [b for b, v in list(self.known.items()) if v and b.startswith(self.name_ + "-")]
        roll = self.random.random()
        if live and roll < 0.25:
            batch = self.random.choice(live)
            version = self.known[batch] + 1
            return batch, version, "upsert", body_of(batch, version)
        if live and roll < 0.35:
            batch = self.random.choice(live)
            return batch, 0, "delete", {"where": {"batch": batch}}
        batch = f"{self.name_}-{len(self.known)}-{self.random.randrange(10**9)}"
        return batch, 1, "add", body_of(batch, 1)


def state_of(server, path):
    """batch -> version, checked row by row."""
    status, got = server.call("POST", f"{path}/get",
                              {"include": ["documents", "metadatas", "embeddings"]})
    assert status == 200, (status, str(got)[:300])
    rows = {}
    for i, id_ in enumerate(got["ids"]):
        batch, row = id_.rsplit("/", 1)
        rows.setdefault(batch, {})[int(row)] = (got["documents"][i], got["metadatas"][i],
                                                got["embeddings"][i])
    state = {}
    for batch, by_row in rows.items():
        version = by_row[min(by_row)][1]["version"]
        expected = body_of(batch, version)
        assert len(by_row) == ROWS, f"half a batch: {batch} has rows {sorted(by_row)}"
        for r in range(ROWS):
            document, metadata, embedding = by_row[r]
            assert document == expected["documents"][r], (batch, r, document)
            assert metadata == expected["metadatas"][r], (batch, r, metadata)
            assert embedding == expected["embeddings"][r], (batch, r, embedding)
        state[batch] = version
    status, count = server.call("GET", f"{path}/count")
    assert status == 200 and count == ROWS * len(state), (status, count, len(state))
    return state


def check(server, paths, knowns, writers):
    for path, known in zip(paths, knowns):
        state = state_of(server, path)
        pending = {w.pending[0]: w.pending[1] for w in writers if w.path == path and w.pending}
        for batch in set(known) | set(state) | set(pending):
            there = state.get(batch, 0)
            acknowledged = known.get(batch, 0)
            allowed = {acknowledged} | ({pending[batch]} if batch in pending else set())
            assert there in allowed, (
                f"{batch}: version {there} is there, acknowledged {acknowledged}, "
                f"under way {pending.get(batch)}")
            known[batch] = there


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    random_ = random.Random(args.seed)
    directory = tempfile.mkdtemp(prefix="viridian-kill-")
    # Small files, so that sealing and rolling are often under way when the end comes.
    flags = ["--segment.seal_records", "300", "--log.segment_bytes", "200000"]
    server = harness.Server(args.binary, os.path.join(directory, "data"), *flags)
    acknowledged = 0
    try:
        server.start()
        paths = [harness.create_collection(server, f"kill_{i}") for i in range(3)]
        knowns = [{} for _ in paths]
        for round_ in range(args.rounds):
            writers = [Writer(server.port, paths[i % 3], f"r{round_}w{i}",
                              random.Random(random_.random()), knowns[i % 3])
                       for i in range(args.writers)]
            for writer in writers:
                writer.start()
            time.sleep(random_.uniform(0.02, 0.5))
            server.kill()
            for writer in writers:
                writer.join()
            acknowledged += sum(w.acknowledged for w in writers)
            server.start()
            check(server, paths, knowns, writers)
            if (round_ + 1) % 20 == 0:
                print(f"round {round_ + 1}: {acknowledged} acknowledged", flush=True)
        assert server.stop() == 0
        print(f"{args.rounds} kills, {acknowledged} acknowledged batches of {ROWS}, none lost, none half there")
    except BaseException:
        print("the data directory is kept:", directory)
        directory = None
        raise
    finally:
        if server.process and server.process.poll() is None:
            server.kill()
        if directory:
            shutil.rmtree(directory, ignore_errors=True)


main()
