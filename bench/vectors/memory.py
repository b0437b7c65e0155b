"""Searches a set with less memory than its files take.

    python3 bench/vectors/memory.py SET [--ours PROGRAM] [--rows N] [--shares 1,0.5,0.25] [--keep DIR]

Builds the index of the set's first N rows once, without a limit, and keeps it in DIR. Then, for each
share, a process that may use that share of the files' bytes (a control group: memory.max, or
memory.limit_in_bytes in version 1, so it takes a user who may make one) opens it, with
vectors.memory_bytes at half of that as is the default. The files' pages are given back first. It asks
--warm queries near random rows, then those of the set one by one at a recall of 0.95; recall@10 is
counted against reading everything. "read" is what the process had the disk read, per query; "waits"
are its major page faults. The raw lines are JSON; so is what is printed.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

import environment

environment.enter()

import numpy as np  # noqa: E402

GROUPS = pathlib.Path("/sys/fs/cgroup")


class Group:
    """A control group with a limit of memory; none where the limit is none."""

    def __init__(self, limit):
        self.path = None
        if limit is None:
            return
        second = (GROUPS / "cgroup.controllers").exists()
        self.path = (GROUPS if second else GROUPS / "memory") / f"viridian-bench-{os.getpid()}"
        self.path.mkdir()
        name = "memory.max" if second else "memory.limit_in_bytes"
        (self.path / name).write_text(str(limit), encoding="ascii")

    def enter(self):
        """To be called by the child."""
        if self.path:
            (self.path / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

    def remove(self):
        """After the child has ended."""
        if self.path:
            self.path.rmdir()


class Worker:
    """A process that speaks lines of JSON (worker.py)."""

    def __init__(self, program, group):
        self.group = group
        # The group is to be entered by the child, before it takes any memory.
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,  # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
                                        text=True, preexec_fn=group.enter)

    def ask(self, **request):
        """The answer to one request."""
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        if not answer["ok"]:
            raise SystemExit(answer["error"])
        return answer

    def reads(self):
        """Bytes read from disks, and major page faults, so far."""
        folder = pathlib.Path(f"/proc/{self.process.pid}")
        lines = (folder / "io").read_text(encoding="ascii").split()
        faults = (folder / "stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[9]
        return int(lines[lines.index("read_bytes:") + 1]), int(faults)

    def end(self):
        """Ends it."""
        print('{"op": "quit"}', file=self.process.stdin, flush=True)
        self.process.wait()
        self.group.remove()


def drop(folder):
    """Gives back the pages of its files."""
    for path in folder.iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def recall(found, exact):
    """The share of the nearest that was found."""
    return float(np.mean([len(set(f) & set(e)) / len(e) for f, e in zip(found, exact)]))


def near_rows(base, count, path):
    """Queries near random rows."""
    random = np.random.default_rng(7)
    rows = base[np.sort(random.choice(len(base), count, replace=False))]
    random.shuffle(rows)
    np.save(path, (rows + random.normal(0, 0.1 * rows.std(), rows.shape)).astype(np.float32))


def measure(arguments, folder, share, scratch):
    """One line of the table."""
    files = sum(path.stat().st_size for path in arguments.keep.iterdir())
    limit = None if share >= 1 else int(files * share)
    drop(arguments.keep)
    worker = Worker(arguments.ours, Group(limit))
    asked = {"op": "search", "k": 10, "batch": False, "threads": 1, "knob": 1, "recall": 0.95,
             "out": str(scratch / "found.npy")}
    opening = {"op": "build", "set": str(folder), "keep": str(arguments.keep), "threads": 1}
    if limit:
        opening["memory"] = limit // 2
    worker.ask(**opening)
    first = worker.ask(**asked, queries=str(scratch / "first.npy"))
    worker.ask(**asked, queries=str(scratch / "warm.npy"))
    before = worker.reads()
    taken = worker.ask(**asked, queries=str(folder / "queries.npy"))
    after = worker.reads()
    count = len(np.load(folder / "queries.npy", mmap_mode="r"))
    line = {"share": share, "limit": limit, "files": files,
            "first_p50_us": round(1e6 * first["p50"]), "first_p99_us": round(1e6 * first["p99"]),
            "p50_us": round(1e6 * taken["p50"]), "p99_us": round(1e6 * taken["p99"]),
            "cpu_us": round(1e6 * taken["cpu"] / count),
            "read_kib": round((after[0] - before[0]) / 1024 / count, 1),
            "waits": round((after[1] - before[1]) / count, 2),
            "recall": round(recall(np.load(scratch / "found.npy"), np.load(scratch / "exact.npy")), 4)}
    worker.end()
    return line


def main():
    """Builds, then measures each share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set")
    parser.add_argument("--ours", default="build/bench/bin/vectors_worker")
    parser.add_argument("--rows", type=int, default=1 << 40)
    parser.add_argument("--shares", default="1,0.5,0.25")
    parser.add_argument("--warm", type=int, default=20000)
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    folder = environment.VECTORS / arguments.set
    arguments.keep = arguments.keep or folder / "larger-than-memory"
    arguments.keep.mkdir(exist_ok=True)
    print(json.dumps({"date": datetime.date.today().isoformat(), "command": " ".join(sys.argv[1:]),
                      "kernel": platform.release(), "processors": os.cpu_count()}), flush=True)
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        base = np.load(folder / "base.npy", mmap_mode="r")[:arguments.rows]
        near_rows(base, arguments.warm, scratch / "warm.npy")
        np.save(scratch / "first.npy", np.load(scratch / "warm.npy")[:200] * np.float32(1.001))
        worker = Worker(arguments.ours, Group(None))
        built = worker.ask(op="build", set=str(folder), keep=str(arguments.keep), threads=1,
                           rows=len(base))
        print(json.dumps({"rows": len(base), "seconds": round(built["seconds"], 1),
                          "bytes": built["bytes"]}), flush=True)
        worker.ask(op="search", k=10, batch=True, threads=1, knob=1, recall=1,
                   out=str(scratch / "exact.npy"))
        named = (arguments.keep / "kept.txt").read_text(encoding="ascii")
        for path in arguments.keep.glob("*.vec*"):
            if path.name not in named:
                path.unlink()
        worker.end()
        for share in arguments.shares.split(","):
            print(json.dumps(measure(arguments, folder, float(share), scratch)), flush=True)


if __name__ == "__main__":
    main()
