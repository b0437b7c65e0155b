"""A second process follows a directory that a first one writes: it sees what was acknowledged soon,
never a part of a batch, never a later write without an earlier one, and never an error.

usage: follower_test.py VIRIDIAN_BINARY [--seconds N] [--followers N] [--seed N]

Meanwhile the writer seals, merges and trims, is killed and started again, and collections come and
go. At the end the followers must hold exactly what the model does.
"""
import argparse
import http.client
import os
import random
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
import harness  # noqa: E402
from model import Client, Writer, batches_of, compare, state_of  # noqa: E402

ALLOWED_LAG = 1.0    # seconds, by the median; the worst also counts what the machine was doing else
WORST_LAG = 10.0
FLAGS = ["--log.segment_bytes", "200000", "--segment.seal_records", "300"]


class Pairs(threading.Thread):
    """Writes number n into A and, once acknowledged, into B."""

    def __init__(self, port, a, b, first):
        super().__init__()
        self.client, self.a, self.b = Client(port), a, b
        self.stop, self.number, self.written_at = threading.Event(), first, 0.0

    def run(self):
        try:
            while not self.stop.is_set():
                number = self.number + 1
                for path in (self.a, self.b):
                    status, answer = self.client.call("POST", f"{path}/add", {
                        "ids": [f"{number:08}"], "embeddings": [[float(number), 1.0]],
                        "metadatas": [{"n": number}]})
                    if status == 409 or status not in (200, 201):
                        self.client.fail(f"add {number}: {status} {answer}")
                self.number, self.written_at = number, time.monotonic()
                self.stop.wait(0.002)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            self.client.close()


class Comings(threading.Thread):
    """Makes, fills, flushes, compacts and drops collections."""

    def __init__(self, port, paths, random_):
        super().__init__()
        self.client, self.paths, self.random = Client(port), paths, random_
        self.stop, self.temporary, self.dropped = threading.Event(), {}, {}

    def run(self):
        try:
            while not self.stop.is_set():
                name = f"temporary_{self.random.randrange(10**9)}"
                _, made = self.client.call("POST", f"{harness.DATABASE}/collections", {"name": name})
                path = f"{harness.DATABASE}/collections/{made['id']}"
                self.temporary[path] = name
                self.client.call("POST", f"{path}/add", {
                    "ids": [str(r) for r in range(400)], "embeddings": [[1.0, 2.0]] * 400})
                for verb in ("flush", "compact"):
                    self.client.call("POST", f"{self.random.choice(self.paths)}/{verb}", {})
                self.stop.wait(self.random.uniform(0, 0.3))
                self.client.call("DELETE", f"{harness.DATABASE}/collections/{name}")
                self.dropped[path] = time.monotonic()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            self.client.close()


class Follower(threading.Thread):
    """Reads one follower all the time and checks what it says."""

    def __init__(self, server, paths, pair_paths, life):
        super().__init__()
        self.client, self.server, self.paths, self.life = Client(server.port), server, paths, life
        self.a, self.b = pair_paths
        self.stop, self.reads, self.errors, self.lags = threading.Event(), 0, [], []
        self.seen = 0

    def run(self):
        try:
            while not self.stop.is_set():
                for check in (self.pairs, self.batches, self.comings):
                    check()
                    self.reads += 1
        except Exception as error:  # noqa: BLE001: reported by the main thread
            self.errors.append(f"{type(error).__name__}: {error}")
        finally:
            self.client.close()

    def ask(self, path, body, allowed=(200,)):
        status, answer = self.client.call("POST", f"{path}/get", body)
        assert status in allowed, (path, status, answer)
        return answer if status == 200 else None

    def numbers(self, path):
        got = self.ask(path, {"include": ["metadatas"]})
        return sorted(m["n"] for m in got["metadatas"])

    def pairs(self):
        """B is read first: whatever it has, A must have by then."""
        pairs = self.life.pairs
        acknowledged, at = pairs.number, pairs.written_at
        b, a = self.numbers(self.b), self.numbers(self.a)
        assert b == list(range(1, len(b) + 1)), "a number is missing in B"
        assert a == list(range(1, len(a) + 1)), "a number is missing in A"
        assert len(a) >= len(b), f"B has {len(b)}, A, which is written before it, {len(a)}"
        assert len(b) >= self.seen, f"went back from {self.seen} to {len(b)}"
        self.seen = len(b)
        if acknowledged and at:
            while len(b) < acknowledged:
                assert time.monotonic() - at < WORST_LAG, f"{acknowledged} is not seen, only {len(b)}"
                b = self.numbers(self.b)
            self.lags.append(time.monotonic() - at)
            self.seen = max(self.seen, len(b))

    def batches(self):
        for path in self.paths:
            batches_of(self.ask(path, {"include": ["documents", "metadatas", "embeddings"]}))

    def comings(self):
        comings = self.life.comings
        dropped = dict(comings.dropped)
        for path in list(comings.temporary)[-3:]:
            got = self.ask(path, {"include": []}, allowed=(200, 404))
            assert not got or len(got["ids"]) in (0, 400), f"{len(got['ids'])} of 400"
            if got is not None and path in dropped:
                assert time.monotonic() - dropped[path] < WORST_LAG, "still there after its drop"


class Life:
    """The writing process and what it does, from a start to a kill or a stop."""

    def __init__(self, test, number):
        port = test.writer.port
        self.pairs = Pairs(port, *test.pair_paths, test.number)
        self.comings = Comings(port, test.paths, random.Random(test.random.random()))
        self.writers = [Writer(port, test.paths[i % len(test.paths)], f"l{number}w{i}",
                               random.Random(test.random.random()), test.known[i % len(test.paths)])
                        for i in range(4)]
        self.threads = [self.pairs, self.comings, *self.writers]


class Test:
    def __init__(self, args, directory):
        self.random = random.Random(args.seed)
        self.args, self.data = args, os.path.join(directory, "data")
        self.writer = harness.Server(args.binary, self.data, *FLAGS)
        self.followers = [harness.Server(args.binary, self.data, "--read_only", "true")
                          for _ in range(args.followers)]
        self.known, self.number = [{}, {}], 0

    def run(self):
        self.writer.start()
        self.paths = [harness.create_collection(self.writer, f"batches_{i}") for i in range(2)]
        self.pair_paths = [harness.create_collection(self.writer, f"pair_{i}") for i in range(2)]
        for follower in self.followers:
            follower.start()
        self.followers_write_nothing()
        life = self.begin(0)
        readers = [Follower(f, self.paths, self.pair_paths, life) for f in self.followers]
        for reader in readers:
            reader.start()
        end, lives = time.monotonic() + self.args.seconds, 0
        while time.monotonic() < end and not any(r.errors for r in readers):
            time.sleep(min(self.random.uniform(2, 6), max(0.1, end - time.monotonic())))
            self.end(life, kill=True)
            lives += 1
            if time.monotonic() < end:
                life = self.begin(lives)
                for reader in readers:
                    reader.life = life
        for reader in readers:
            reader.stop.set()
            reader.join()
            assert not reader.errors, reader.errors
        self.followers_write_nothing()
        self.last_comparison()
        lags = sorted(lag for reader in readers for lag in reader.lags)
        median = lags[len(lags) // 2]
        assert median < ALLOWED_LAG, f"records are seen after {median:.2f} s only"
        print(f"{len(self.followers)} followers, {sum(r.reads for r in readers)} reads, {lives} kills "
              f"of the writer, {self.number} pairs; seen after: median {median * 1e3:.0f} ms, "
              f"99 % {lags[int(len(lags) * 0.99)] * 1e3:.0f} ms, worst {lags[-1] * 1e3:.0f} ms")

    def begin(self, number):
        life = Life(self, number)
        for thread in life.threads:
            thread.start()
        return life

    def end(self, life, kill):
        if kill:
            self.writer.kill()
        for thread in life.threads:
            thread.stop.set()
        for thread in life.threads:
            thread.join()
        self.writer.start()
        # What was under way may have happened; the pairs go on from what is there.
        counts = [self.writer.call("GET", f"{path}/count")[1] for path in self.pair_paths]
        assert life.pairs.number <= counts[1] <= counts[0] <= life.pairs.number + 1, counts
        if counts[0] > counts[1]:
            n = counts[0]
            status, _ = self.writer.call("POST", f"{self.pair_paths[1]}/add", {
                "ids": [f"{n:08}"], "embeddings": [[float(n), 1.0]], "metadatas": [{"n": n}]})
            assert status == 201
        self.number = counts[0]
        for path, known in zip(self.paths, self.known):
            compare(self.writer, path, known, [w for w in life.writers if w.path == path])

    def last_comparison(self):
        deadline = time.monotonic() + WORST_LAG
        for follower in self.followers:
            for path, known in zip(self.paths, self.known):
                expected = {batch: version for batch, version in known.items() if version}
                while state_of(follower, path) != expected:
                    assert time.monotonic() < deadline, f"a follower stays behind in {path}"
                    time.sleep(0.05)

    def followers_write_nothing(self):
        """No file of the directory is open for writing there, and writes are refused."""
        for follower in self.followers:
            status, answer = follower.call("POST", f"{self.paths[0]}/add", {
                "ids": ["x"], "embeddings": [[0.0] * 4]})
            assert status == 403, (status, answer)
            process = pathlib.Path(f"/proc/{follower.process.pid}")
            for fd in (process / "fd").iterdir():
                try:
                    target = os.readlink(fd)
                    info = (process / "fdinfo" / fd.name).read_text(encoding="ascii")
                except OSError:
                    continue
                flags = int(next(x for x in info.splitlines() if x.startswith("flags")).split()[1], 8)
                assert not target.startswith(self.data) or flags & os.O_ACCMODE == os.O_RDONLY, (
                    "open for writing", target)


def offered(binary):
    """Whether the program knows the flag at all."""
    done = subprocess.run([binary, "serve", "--help"], capture_output=True, text=True)
    return "--read_only" in done.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--followers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    if not offered(args.binary):
        print("skipped: this program does not follow")
        sys.exit(harness.SKIPPED)
    directory = tempfile.mkdtemp(prefix="viridian-follow-")
    test = Test(args, directory)
    try:
        test.run()
        assert test.writer.stop() == 0
        for follower in test.followers:
            assert follower.stop() == 0
    except BaseException:
        print("the data directory is kept:", directory)
        directory = None
        raise
    finally:
        for server in [test.writer, *test.followers]:
            if server.process and server.process.poll() is None:
                server.kill()
        if directory:
            shutil.rmtree(directory, ignore_errors=True)


main()
