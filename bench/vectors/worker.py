"""One engine and one set, driven over standard input and output: a JSON object a line, each answered by
one line, {"ok": true, ...} or {"ok": false, "error": TEXT}. field.py starts these; so can a person:

    python3 bench/vectors/worker.py ENGINE

{"op": "build", "set": FOLDER, "threads": N, "params": {...}, "keep": FOLDER}
    Builds from float32 rows in memory. -> "seconds", "cpu" (of the process), "bytes" (of the index as
    it would be stored, vectors included), "rss" and "peak" (of the process), "overhead" (seconds that a
    call takes on an index of nearly nothing: what the binding costs), "params" as used, "about".
    "keep" may be left out: where to keep the index; one that is there already is loaded and the answer
    is that of its building, with "reused": true.
{"op": "knobs"}
    -> "knobs": the values worth sweeping, any JSON.
{"op": "search", "k": 10, "knob": KNOB, "threads": N, "batch": BOOL, "out": FILE.npy}
    Asks all queries of the set once and writes their ids to FILE.npy (int32, one row a query, -1 where
    fewer were found). "batch": one call of the library for all; else one call a query, on one thread.
    What queries need first, such as normalising, is part of the time: done at once for all, and its
    share added to each. -> "seconds", "cpu", and of single calls "p50" and "p99".
{"op": "filter", "bitmap": FILE.npy, "queries": FILE.npy, ...as search}
    The same with an allowed set: uint8, bit i & 7 of byte i >> 3 is row i; and with these queries instead
    of the set's. "convert" has the seconds that the library's form of it takes, not part of the others.
{"op": "quit"}

A program of another language that speaks this is a worker as well.
"""
import gc
import hashlib
import importlib
import json
import os
import pathlib
import re
import resource
import sys
import time

import environment

environment.enter()

import numpy as np  # noqa: E402

# Engine: module, then the parameters that make it different from others of the module.
ENGINES = {
    "hnswlib": ("engine_hnswlib", {"M": 16}),
    "hnswlib-cpp": ("engine_hnswlib", {"M": 16}),  # engine_hnswlib.cpp, which machine.worker() starts
    "hnswlib-m32": ("engine_hnswlib", {"M": 32}),
    "faiss-hnsw-flat": ("engine_faiss", {"kind": "hnsw-flat"}),
    "faiss-hnsw-sq8": ("engine_faiss", {"kind": "hnsw-sq8"}),
    "faiss-ivfpq-fs": ("engine_faiss", {"kind": "ivfpq-fs"}),
    "faiss-rabitq": ("engine_faiss", {"kind": "rabitq"}),
    "usearch-f32": ("engine_usearch", {"dtype": "f32"}),
    "usearch-i8": ("engine_usearch", {"dtype": "i8"}),
}


def kept(folder, notes, name, params, threads):
    """Where the index of an engine is kept, beside the set that it is of."""
    text = json.dumps([ENGINES[name], params, threads, notes["sha256"]["base"],
                       environment.REQUIREMENTS.read_text(encoding="utf-8")])
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    # hnswlib-cpp is the same library, and reads the same file.
    return folder / "index" / f"{name.removesuffix('-cpp')}-{digest}"


def memory():
    """Resident bytes of this process now, and at most."""
    with open("/proc/self/status", encoding="ascii") as status:
        now = int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) * 1024
    return {"rss": now, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


class Clock:
    """Wall and processor time of a block."""

    def __enter__(self):
        self.wall, self.processor = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.seconds = time.perf_counter() - self.wall
        self.cpu = time.process_time() - self.processor


class Worker:
    """Answers the operations with one engine."""

    def __init__(self, name):
        module, self.fixed = ENGINES[name]
        self.kind = importlib.import_module(module).Engine
        self.engine = self.queries = None

    def build(self, request):
        """Builds, or loads what an earlier run kept."""
        folder = pathlib.Path(request["set"])
        notes = json.loads((folder / "set.json").read_text(encoding="utf-8"))
        params = self.fixed | request.get("params", {})
        threads = request.get("threads", 1)
        self.engine = self.kind(notes["rows"], notes["dim"], notes["metric"], params)
        self.queries = np.load(folder / "queries.npy")
        keep = request.get("keep") and pathlib.Path(request["keep"])
        if keep and (keep / "built.json").exists():
            self.engine.load(keep)
            answer = json.loads((keep / "built.json").read_text(encoding="utf-8")) | {"reused": True}
        else:
            base = self.engine.prepare_base(np.load(folder / "base.npy"))
            with Clock() as clock:
                self.engine.build(base, threads)
            del base
            gc.collect()
            answer = {"seconds": clock.seconds, "cpu": clock.cpu, "threads": threads,
                      "bytes": self.engine.bytes()} | memory()
            if keep:
                keep.mkdir(parents=True, exist_ok=True)
                self.engine.save(keep)
                (keep / "built.json").write_text(json.dumps(answer), encoding="utf-8")
        return answer | {"params": params, "about": self.engine.about(), "overhead": self.overhead()}

    def overhead(self):
        """The median time of a call on an index of one row."""
        call = self.engine.empty_call(self.queries[:1])
        took = []
        for _ in range(300):
            with Clock() as clock:
                call()
            took.append(clock.seconds)
        return float(np.median(took))

    def knobs(self, _):
        """What to sweep."""
        return {"knobs": self.engine.knobs()}

    def search(self, request):
        """All queries once."""
        asked = np.load(request["queries"]) if "queries" in request else self.queries
        k, threads = request["k"], request.get("threads", 1)
        self.engine.set_knob(request["knob"], threads if request["batch"] else 1)
        gc.collect()
        gc.disable()
        try:
            with Clock() as clock:
                queries = self.engine.prepare(asked)
            times = [clock.seconds, clock.cpu]
            took = None
            with Clock() as clock:
                if request["batch"]:
                    ids = self.engine.search(queries, k)
                else:
                    ids, took = self.one_by_one(queries, k)
        finally:
            gc.enable()
        np.save(request["out"], ids.astype(np.int32))
        answer = {"seconds": times[0] + clock.seconds, "cpu": times[1] + clock.cpu}
        if took is not None:
            took = np.array(took) + times[0] / len(queries)
            answer |= {"p50": float(np.quantile(took, 0.5)), "p99": float(np.quantile(took, 0.99))}
        return answer

    def one_by_one(self, queries, k):
        """One call a query; ids and the time of each."""
        search, now = self.engine.search, time.perf_counter
        ids, took = [], []
        for i in range(len(queries)):
            began = now()
            found = search(queries[i:i + 1], k)
            took.append(now() - began)
            ids.append(found[0])
        return np.array(ids), took

    def filter(self, request):
        """A search among allowed rows."""
        bitmap = np.load(request["bitmap"])
        with Clock() as clock:
            self.engine.allow(bitmap)
        try:
            return self.search(request) | {"convert": clock.seconds}
        finally:
            self.engine.allow(None)


def main():
    """Answers requests until there are no more. What libraries print goes to the standard error."""
    if len(sys.argv) != 2 or sys.argv[1] not in ENGINES:
        sys.exit(f"usage: worker.py ENGINE, which is one of {', '.join(ENGINES)}")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        if request["op"] == "quit":
            break
        try:
            if request["op"] not in ("build", "knobs", "search", "filter"):
                raise ValueError(f"no operation {request['op']}")
            answer = {"ok": True} | getattr(worker, request["op"])(request)
        except Exception as error:  # whatever a library throws is an answer, too
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
