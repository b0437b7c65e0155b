"""A real file system that runs full under 8 clients: nothing acknowledged is lost, reads go on,
retries grow no file, the server opens on the full disk after a SIGKILL, and once there is room
writes succeed again without a restart.

usage: full_disk_test.py VIRIDIAN_BINARY [--size MIB] [--ext4] [--rounds N] [--seed N]

Mounts a small tmpfs (or an ext4 in a file, which allocates late), which takes root: skipped where
that is not allowed. Each round fills the disk, lets the clients go on against it, kills the server,
compares, and frees space in one of three ways: another program's file goes; a collection is
dropped; records are deleted and their collection compacted.
"""
import argparse
import http.client
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
import harness  # noqa: E402
from model import ROWS, Client, Writer, compare  # noqa: E402

WRITERS = 8
COLLECTIONS = 4
PAD = 600          # bytes that every document is longer, so that the disk is soon full
OTHERS_SHARE = 3   # another program has this part of the disk, enough to rewrite a collection in
FREE_FLAGS = ["--log.segment_bytes", "1MiB", "--segment.seal_records", "3000",
              "--segment.seal_bytes", "4MiB"]


class Disk:
    """A mounted file system of a few MiB, gone at the end."""

    def __init__(self, mib, ext4):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="viridian-full-"))
        self.at, image = self.root / "disk", self.root / "image"
        self.at.mkdir()
        if ext4:
            image.write_bytes(b"")
            os.truncate(image, mib << 20)
            commands = [["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(image)],
                        ["mount", "-o", "loop", str(image), str(self.at)]]
        else:
            commands = [["mount", "-t", "tmpfs", "-o", f"size={mib}m", "none", str(self.at)]]
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                shutil.rmtree(self.root)
                print("skipped: a file system cannot be mounted here:", done.stderr.strip())
                sys.exit(harness.SKIPPED)

    def free(self):
        state = os.statvfs(self.at)
        return state.f_bavail * state.f_frsize

    def files(self):
        """path -> allocated bytes."""
        found = {}
        for path in self.at.rglob("*"):
            try:
                found[path] = path.stat().st_blocks * 512
            except FileNotFoundError:
                pass
        return found

    def remove(self):
        for _ in range(50):
            if subprocess.run(["umount", str(self.at)], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        shutil.rmtree(self.root, ignore_errors=True)


class Reader(threading.Thread):
    """Reads all the time; a read that is refused, full disk or not, fails the test."""

    def __init__(self, port, paths, seed):
        super().__init__()
        self.client, self.paths, self.random = Client(port), paths, random.Random(seed)
        self.stop, self.done, self.slowest = threading.Event(), 0, 0.0

    def run(self):
        try:
            while not self.stop.is_set():
                began = time.monotonic()
                path = self.random.choice(list(self.paths))
                verb, body = self.random.choice([
                    ("get", {"limit": 14, "include": ["documents"]}),
                    ("query", {"query_embeddings": [[1.0, 2.0, 0.5, 9.0]], "n_results": 5})])
                status, answer = self.client.call("POST", f"{path}/{verb}", body)
                if status != 200:
                    self.client.fail(f"{verb} at a full disk: {status} {answer}")
                self.done += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            self.client.close()


class Round:
    """The threads of one stretch of work."""

    def __init__(self, test, name):
        self.test = test
        port, paths, random_ = test.server.port, test.paths, test.random
        self.writers = [Writer(port, paths[i % COLLECTIONS], f"{name}w{i}",
                               random.Random(random_.random()), test.known[paths[i % COLLECTIONS]],
                               full=True, pad=PAD) for i in range(WRITERS)]
        self.readers = [Reader(port, paths, i) for i in range(2)]

    def __enter__(self):
        for thread in [*self.writers, *self.readers]:
            thread.start()
        return self

    def __exit__(self, *_):
        for thread in [*self.writers, *self.readers]:
            thread.stop.set()
        for thread in [*self.writers, *self.readers]:
            thread.join()
        self.test.acknowledged += sum(w.acknowledged for w in self.writers)
        self.test.refused += sum(w.refused for w in self.writers)
        self.test.slowest_read = max([self.test.slowest_read, *(r.slowest for r in self.readers)])

    def wait(self, what, condition, seconds=600):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not come within {seconds} s: {self.test.disk.free()} "
                                     f"bytes free, {[(w.acknowledged, w.refused) for w in self.writers]}")
            time.sleep(0.05)

    def until_full(self):
        """Until every client was refused many times in a row."""
        before = {}

        def all_refused():
            counts = {w: (w.acknowledged, w.refused) for w in self.writers}
            for writer, (acknowledged, refused) in counts.items():
                if writer not in before or before[writer][0] != acknowledged:
                    before[writer] = (acknowledged, refused)
            return all(refused - before[w][1] > 20 for w, (_, refused) in counts.items())
        self.wait("a full disk", all_refused)

    def until_written(self, batches=20):
        start = {w: w.acknowledged for w in self.writers}
        self.wait("room for writes", lambda: all(
            w.acknowledged - start[w] >= batches for w in self.writers))


class Test:
    def __init__(self, args):
        self.random = random.Random(args.seed)
        self.disk = Disk(args.size, args.ext4)
        self.others_bytes = (args.size << 20) // OTHERS_SHARE
        self.server = harness.Server(args.binary, self.disk.at / "data", *FREE_FLAGS)
        self.acknowledged = self.refused = 0
        self.slowest_read = 0.0
        self.made, self.names = 0, {}
        self.ways = [self.drop_collection, self.delete_and_compact, self.others_file_goes]

    def begin(self):
        """Empty collections, and the other program's file beside them."""
        for path in self.names:
            self.server.call("DELETE", f"{harness.DATABASE}/collections/{self.names[path]}")
        self.names.clear()
        self.write_others_file()
        self.paths = [self.new_collection() for _ in range(COLLECTIONS)]
        self.known = {path: {} for path in self.paths}

    def write_others_file(self):
        """As much as fits: another program's data on the same disk."""
        with open(self.disk.at / "others", "wb", buffering=0) as file:
            try:
                for _ in range(self.others_bytes >> 16):
                    file.write(b"\1" * 65536)
            except OSError:
                pass

    def new_collection(self):
        self.made += 1
        path = harness.create_collection(self.server, f"full_{self.made}")
        self.names[path] = f"full_{self.made}"
        return path

    def round(self, number):
        self.begin()
        with Round(self, f"r{number}") as work:
            work.until_full()
            self.retries_grow_nothing()
            self.server.kill()
        self.server.start()  # on a full disk
        self.compare(work.writers)
        self.server.kill()
        self.server.start()
        self.compare([])
        way = self.ways[number % len(self.ways)]
        with Round(self, f"r{number}b") as work:
            work.until_full()
            way(work)
            work.until_written()
            print(f"round {number + 1}: full at {self.acknowledged} acknowledged, "
                  f"{self.refused} refused; {way.__name__}, then written again", flush=True)
        self.compare(work.writers)

    def retries_grow_nothing(self):
        time.sleep(1.0)  # what was under way when it became full may still end
        before, used = self.disk.files(), self.disk.free()
        time.sleep(2.0)
        after = self.disk.files()
        grown = sum(max(0, size - before.get(path, 0)) for path, size in after.items())
        assert grown <= 256 << 10 and len(after) <= len(before) + 8, (
            "files grew while writes were refused", grown, len(before), len(after),
            {str(p): s for p, s in after.items() if s > before.get(p, 0)}, used)

    def compare(self, writers):
        for path in self.paths:
            compare(self.server, path, self.known[path], [w for w in writers if w.path == path], PAD)

    # --- Ways to get room ----------------------------------------------------------------------

    def others_file_goes(self, _):
        (self.disk.at / "others").unlink(missing_ok=True)
        time.sleep(0.1)

    def drop_collection(self, work):
        """At a full disk. Its writers begin anew in another collection."""
        path = self.paths[0]
        for thread in [w for w in work.writers if w.path == path] + work.readers:
            thread.stop.set()
            thread.join()
        drop = lambda: self.server.call(  # noqa: E731
            "DELETE", f"{harness.DATABASE}/collections/{self.names[path]}")
        status, answer = drop()
        if status == 429:
            print("  no room to drop a collection; it takes a little", flush=True)
            self.others_file_goes(work)
            status, answer = drop()
        assert status == 200, ("a collection cannot be dropped", status, answer)
        del self.names[path]
        work.writers = [w for w in work.writers if w.path != path]
        del self.known[path]
        self.paths[0] = self.new_collection()
        self.known[self.paths[0]] = {}

    def delete_and_compact(self, work):
        """What an operator does who can free a little elsewhere: the files that are rewritten need
        room for a while."""
        others = self.disk.at / "others"
        if others.exists():
            others.unlink()
        for thread in work.writers:
            thread.stop.set()
            thread.join()
        self.compare(work.writers)
        for path in self.paths:
            known = self.known[path]
            victims = [b for b, version in known.items() if version][::2]
            if victims:
                ids = [f"{batch}/{row}" for batch in victims for row in range(ROWS)]
                status, answer = self.server.call("POST", f"{path}/delete", {"ids": ids})
                assert status == 200, ("deleting", status, answer)
                known.update({batch: 0 for batch in victims})
            status, answer = self.server.call("POST", f"{path}/compact", {}, timeout=120)
            assert status in (200, 404), ("compacting", status, answer)
        writers = [Writer(self.server.port, w.path, w.name_ + "c", w.random, w.known, True, PAD)
                   for w in work.writers]
        work.writers = writers
        for writer in writers:
            writer.start()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--ext4", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    test = Test(args)
    try:
        test.server.start()
        for number in range(args.rounds):
            test.round(number)
        assert test.server.stop() == 0
        print(f"{args.rounds} times full, {test.acknowledged} acknowledged batches of {ROWS}, "
              f"{test.refused} refused, none lost, none half there; "
              f"slowest read {test.slowest_read:.2f} s")
    finally:
        if test.server.process and test.server.process.poll() is None:
            test.server.kill()
        test.disk.remove()


main()
