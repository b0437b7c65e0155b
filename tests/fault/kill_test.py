"""Kills the server with SIGKILL at random moments under concurrent writers and checks, after each
restart, that every acknowledged record is there and none is half there.

usage: kill_test.py VIRIDIAN_BINARY [--rounds N] [--writers N] [--seed N]

Each batch writes records that all carry the batch's number, a document and a vector made from it.
After a restart a batch must be there whole, value by value, if it was acknowledged, and whole or
not at all if it was not. Upserts and deletes of earlier batches are checked the same way: their
last acknowledged state, or the state of the one operation that was under way.

Meanwhile collections are flushed, compacted and closed, others are made, filled and dropped, and
snapshots are taken, restored and deleted, as far as the server offers these. What was dropped or
made must be gone or there; a snapshot that was acknowledged must verify.
"""
import argparse
import http.client
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
from model import ROWS, Client, Writer, compare, state_of  # noqa: E402

SNAPSHOTS = "/api/v2/viridian/snapshots"
COLLECTIONS = 3


def not_offered(status, answer):
    return status == 501 or status == 404 and "nothing at the path" in answer["message"]


class Upkeep(threading.Thread):
    """Everything besides writing, until the connection breaks. What it did is checked afterwards:
    `collections` is name -> True (there), False (gone) or None (asked for, not answered), and
    `snapshots` likewise."""

    def __init__(self, port, paths, random_, round_, offered):
        super().__init__()
        self.client, self.paths, self.random, self.round = Client(port), paths, random_, round_
        self.offered = offered  # verb -> how often it was done, over all rounds
        self.collections, self.snapshots = {}, {}

    def run(self):
        try:
            while True:
                self.random.choice([self.flush, self.compact, self.close, self.churn_collection,
                                    self.snapshot])()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            self.client.close()

    def ask(self, what, method, path, body=None, but=()):
        """Whether it was done; a server that does not know it is no failure."""
        status, answer = self.client.call(method, path, body)
        if status in (200, 201):
            self.offered[what] = self.offered.get(what, 0) + 1
            return answer
        if not not_offered(status, answer) and status not in but:
            self.client.fail(f"{what}: {status} {answer}")
        return None

    def flush(self):
        self.ask("flush", "POST", f"{self.random.choice(self.paths)}/flush", {})

    def compact(self):
        self.ask("compact", "POST", f"{self.random.choice(self.paths)}/compact", {})

    def close(self):
        # 412: somebody is using it.
        self.ask("close", "POST", f"{self.random.choice(self.paths)}/close", {}, but=(412,))

    def churn_collection(self):
        name = f"temporary_{self.round}_{self.random.randrange(10**9)}"
        self.collections[name] = None
        made = self.ask("create", "POST", f"{harness.DATABASE}/collections", {"name": name})
        self.collections[name] = True
        path = f"{harness.DATABASE}/collections/{made['id']}"
        for i in range(self.random.randrange(4)):
            self.ask("fill", "POST", f"{path}/add", {
                "ids": [f"{i}/{r}" for r in range(200)], "embeddings": [[1.0, float(i)]] * 200})
        if self.random.random() < 0.7:
            self.collections[name] = None
            self.ask("drop", "DELETE", f"{harness.DATABASE}/collections/{name}")
            self.collections[name] = False

    def snapshot(self):
        name = f"s{self.round}-{self.random.randrange(10**9)}"
        self.snapshots[name] = None
        if self.ask("snapshot", "POST", SNAPSHOTS, {"name": name}) is None:
            del self.snapshots[name]
            return
        self.snapshots[name] = True
        if self.random.random() < 0.3:
            copy = f"restored_{self.round}_{self.random.randrange(10**9)}"
            self.collections[copy] = None
            done = self.ask("restore", "POST", f"{SNAPSHOTS}/{name}/restore", {
                "collection": "kill_0", "new_name": copy, "tenant": "default_tenant",
                "database": "default_database"})
            self.collections[copy] = done is not None
        if self.random.random() < 0.7:
            self.snapshots[name] = None
            self.ask("delete snapshot", "DELETE", f"{SNAPSHOTS}/{name}")
            self.snapshots[name] = False


def check_upkeep(server, upkeep):
    """Removes what it left, so that every round begins alike."""
    status, listed = server.call("GET", f"{harness.DATABASE}/collections")
    assert status == 200, listed
    there = {c["name"]: c["id"] for c in listed}
    for name, expected in upkeep.collections.items():
        assert expected is None or (name in there) == expected, (name, expected)
        if name in there:
            path = f"{harness.DATABASE}/collections/{there[name]}"
            if name.startswith("restored_"):
                state_of(server, path)  # whole batches only
            else:
                status, count = server.call("GET", f"{path}/count")
                assert status == 200 and count % 200 == 0, (name, status, count)
            status, _ = server.call("DELETE", f"{harness.DATABASE}/collections/{name}")
            assert status == 200, name
    strays = [n for n in there if n.startswith(("temporary_", "restored_"))
              and n not in upkeep.collections]
    assert not strays, strays
    if not upkeep.snapshots:
        return
    status, listed = server.call("GET", SNAPSHOTS)
    if not_offered(status, listed):
        return
    assert status == 200, listed
    there = {s["name"] for s in (listed if isinstance(listed, list) else listed["snapshots"])}
    for name, expected in upkeep.snapshots.items():
        assert expected is None or (name in there) == expected, (name, expected, there)
        if name in there:
            status, answer = server.call("GET", f"{SNAPSHOTS}/{name}/verify")
            assert status == 200, (name, status, answer)
            status, answer = server.call("DELETE", f"{SNAPSHOTS}/{name}")
            assert status == 200, (name, status, answer)


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
    # Small files, so that sealing, merging and rolling are often under way when the end comes.
    flags = ["--segment.seal_records", "300", "--log.segment_bytes", "200000"]
    server = harness.Server(args.binary, os.path.join(directory, "data"), *flags)
    acknowledged, offered = 0, {}
    try:
        server.start()
        paths = [harness.create_collection(server, f"kill_{i}") for i in range(COLLECTIONS)]
        knowns = [{} for _ in paths]
        for round_ in range(args.rounds):
            writers = [Writer(server.port, paths[i % COLLECTIONS], f"r{round_}w{i}",
                              random.Random(random_.random()), knowns[i % COLLECTIONS])
                       for i in range(args.writers)]
            upkeep = Upkeep(server.port, paths, random.Random(random_.random()), round_, offered)
            for thread in [*writers, upkeep]:
                thread.start()
            time.sleep(random_.uniform(0.02, 0.5))
            server.kill()
            for thread in [*writers, upkeep]:
                thread.join()
            acknowledged += sum(w.acknowledged for w in writers)
            server.start()
            for path, known in zip(paths, knowns):
                compare(server, path, known, [w for w in writers if w.path == path])
            check_upkeep(server, upkeep)
            if (round_ + 1) % 20 == 0:
                print(f"round {round_ + 1}: {acknowledged} acknowledged", flush=True)
        assert server.stop() == 0
        print(f"{args.rounds} kills, {acknowledged} acknowledged batches of {ROWS}, "
              "none lost, none half there; done besides:",
              ", ".join(f"{what} {n}" for what, n in sorted(offered.items())))
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
