"""What the benchmarks of a running server share: data, ready-made requests, load processes that
note each latency, and figures made of these."""
import array
import base64
import http.client
import json
import multiprocessing
import os
import pathlib
import random
import struct
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402,F401


class Vectors:
    """Rows of a float32 .npy file, read as they are asked for."""

    def __init__(self, path):
        self.file = open(path, "rb")
        magic = self.file.read(10)
        assert magic[:6] == b"\x93NUMPY", path
        size = struct.unpack("<H", magic[8:])[0]
        header = self.file.read(size).decode()
        assert "'<f4'" in header, header
        self.start = 10 + size
        shape = header.split("'shape':")[1].split("(")[1].split(")")[0].split(",")
        self.rows, self.dimension = int(shape[0]), int(shape[1])

    def row(self, i):
        """The bytes of a row."""
        return os.pread(self.file.fileno(), 4 * self.dimension, self.start + 4 * self.dimension * i)


class Words:
    """`count` words with their vectors and metadata: the full package where it was fetched, else the
    sample, whose words are used again with the vectors a little moved."""

    def __init__(self, count):
        full = ROOT / "build" / "full" / "words.npy"
        stem = str(full)[:-4] if full.exists() else str(ROOT / "data" / "glove-sample")
        self.vectors = Vectors(stem + ".npy")
        with open(stem + ".jsonl", encoding="utf-8") as lines:
            self.records = [json.loads(line) for line, _ in zip(lines, range(count))]
        self.count, self.dimension = count, self.vectors.dimension
        self.source = "real words" if len(self.records) >= count else "the sample, repeated"

    def vector(self, i, version=0):
        real = len(self.records)
        row = self.vectors.row(i % real)
        if i < real and not version:
            return row
        values = array.array("f", row)
        values[(i // real + version) % self.dimension] += 0.01 * (i // real + version)
        return values.tobytes()

    def body(self, numbers, version=0):
        records = [self.records[i % len(self.records)] for i in numbers]
        suffix = f" v{version}" if version else ""
        return json.dumps({
            "ids": [f"w{i}" for i in numbers],
            "embeddings": [base64.b64encode(self.vector(i, version)).decode() for i in numbers],
            "documents": [r["document"] + suffix for r in records],
            "metadatas": [{**r["metadata"], "v": version} for r in records]}).encode()

    def query(self, i, k=10):
        vector = struct.unpack(f"<{self.dimension}f", self.vector(i))
        return json.dumps({"query_embeddings": [vector], "n_results": k,
                           "include": ["distances"]}).encode()


class Client:
    """One keep-alive connection; bodies are ready-made bytes."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def call(self, method, path, body=None):
        self.connection.request(method, path, body, {"content-type": "application/json"})
        response = self.connection.getresponse()
        data = response.read()
        if response.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {response.status} {data[:300]}")
        return data

    def offers(self, path):
        """Asks for an extension; False where the server does not have it."""
        self.connection.request("POST", path, b"{}", {"content-type": "application/json"})
        response = self.connection.getresponse()
        data = response.read()
        if response.status in (404, 501):
            return False
        assert response.status == 200, data
        return True


def reads(port, path, bodies, pause, stop, results):
    """Queries until told to stop; each latency with its moment."""
    client, random_, notes = Client(port), random.Random(os.getpid()), []
    while not stop.is_set():
        began = time.monotonic()
        client.call("POST", f"{path}/query", random_.choice(bodies))
        notes.append((began, time.monotonic() - began))
        if pause:
            time.sleep(pause)
    results.put(notes)


class Readers:
    """Processes that query for as long as a block runs; `notes` has the latencies afterwards."""

    def __init__(self, port, path, bodies, count, pause):
        self.stop, self.results = multiprocessing.Event(), multiprocessing.Queue()
        self.processes = [multiprocessing.Process(
            target=reads, args=(port, path, bodies, pause, self.stop, self.results))
            for _ in range(count)]
        self.notes = []

    def __enter__(self):
        for process in self.processes:
            process.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for _ in self.processes:
            self.notes += self.results.get()
        for process in self.processes:
            process.join()


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def windows(notes, seconds):
    """p99 of each stretch of that many seconds that has enough calls for one."""
    buckets = {}
    for began, took in notes:
        buckets.setdefault(int(began / seconds), []).append(took)
    return [percentile(took, 0.99) for _, took in sorted(buckets.items()) if len(took) >= 100]


def directory_bytes(path):
    """Allocated bytes of all files below, as `du` counts them."""
    total = 0
    for file in pathlib.Path(path).rglob("*"):
        try:
            total += file.stat().st_blocks * 512
        except FileNotFoundError:
            pass
    return total


def memory(pid):
    """Resident bytes of a process: all, and those that are not files'."""
    fields = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name in ("VmRSS", "RssAnon"):
            fields[name] = int(value.split()[0]) * 1024
    return fields["VmRSS"], fields["RssAnon"]


def mib(count):
    return f"{count / (1 << 20):,.1f} MiB"


def busy():
    """How busy the machine is with other things, for the reader of the figures."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
