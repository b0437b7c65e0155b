"""The Python package beside others that keep vectors in a process (./dev bench python): Chroma, LanceDB,
FAISS and hnswlib.

    python3 bench/python/run.py PACKAGE_ROOT [--wheel FILE] [--chroma PYTHON] [--quick] [--rounds N]
                                [--only import,first,add,search,calls,size] [--engines a,b]

PACKAGE_ROOT is where `viridian` is imported from, PYTHON an interpreter with Chroma. corpus.py has what is
stored: 100,000 x 384 (--quick: 10,000), with a document and four keys each, in calls of 5,000. FAISS and
hnswlib have vectors alone. Each task is a process of its own (worker.py); engines take turns, and figures
are medians of the rounds, so that what else the machine does meets all. Breadths of walks are chosen by
other queries than those that are measured: for each engine the least that finds a share of 0.98.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent), str(HERE.parent / "vectors")]
import environment  # noqa: E402

VENV = environment.ROOT / "build" / "tools" / "bench-python"
environment.enter(VENV, HERE / "requirements.txt")

import corpus as corpora  # noqa: E402
import load  # noqa: E402
import report  # noqa: E402
import sizes  # noqa: E402
from engines import ENGINES  # noqa: E402

WANTED = 0.98  # recall
STARTS = 10  # processes that are started to measure imports and first results
PARTS = ("import", "first", "add", "search", "calls", "size")


def say(text):
    """Progress, which is not a result: to the other stream."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def spent_below():
    """Seconds of a processor that processes took which were started here and are over."""
    times = os.times()
    return times.children_user + times.children_system


class Bench:
    """A run: engines, their interpreters and directories."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.engines = [ENGINES[name] for name in arguments.engines.split(",")]
        self.count = 10_000 if arguments.quick else 100_000
        self.home = environment.HOME / "python"
        self.folder = corpora.prepare(environment.HOME, self.count)
        self.scratch = self.home / f"databases-{self.count}"
        self.breadths = {}

    def interpreter(self, engine):
        """With the engine's package."""
        return self.arguments.chroma if engine.module == "chromadb" else sys.executable

    def start(self, engine, command):
        """What a new process prints; None if it fails, which is its answer."""
        surroundings = {**os.environ, "PYTHONPATH": self.arguments.package,
                        "ANONYMIZED_TELEMETRY": "False"}
        done = subprocess.run([self.interpreter(engine), "-W", "ignore", *command], env=surroundings,
                              stdout=subprocess.PIPE, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def ask(self, engine, task, path, breadth=None):
        """A task's answer."""
        command = [str(HERE / "worker.py"), engine.module, task, str(self.folder), str(path)]
        return self.start(engine, command + ([json.dumps(breadth)] if breadth else []))

    def turns(self, part, rounds, measure):
        """The answers of measure(engine) for each engine, which take turns; without those that fail."""
        found = {engine.name: [] for engine in self.engines}
        for number in range(rounds):
            for engine in self.engines:
                answer = measure(engine)
                say(f"{part} {number + 1} of {rounds}, {engine.name}: {answer}")
                if answer is not None:
                    found[engine.name].append(answer)
        return found

    def path(self, engine):
        """The engine's directory."""
        return self.scratch / engine.module

    def load(self, engine):
        """Fills the engine's directory anew; that it is whole is noted beside it."""
        whole = self.path(engine).with_suffix(".whole")
        whole.unlink(missing_ok=True)
        shutil.rmtree(self.path(engine), ignore_errors=True)
        self.scratch.mkdir(parents=True, exist_ok=True)
        answer = self.ask(engine, "load", self.path(engine))
        if answer is None:
            return None
        whole.touch()
        return answer | {"bytes": load.directory_bytes(self.path(engine))}

    def imports(self):
        """Seconds of an import, and those of a processor."""
        program = ("import time; now = lambda: [time.perf_counter(), time.process_time()]; a = now(); "
                   "import {}; print([y - x for x, y in zip(a, now())])")

        def measure(engine):
            return self.start(engine, ["-c", program.format(engine.module)])

        for engine in self.engines:
            measure(engine)  # writes what is compiled
        return self.turns("import", STARTS, measure)

    def firsts(self):
        """Seconds from the start of a process until it has an answer from the directory, and those of
        a processor until it is over."""
        def measure(engine):
            breadth = None if engine.module == "chromadb" else self.breadths[engine.module]
            began, spent = time.perf_counter(), spent_below()
            answer = self.ask(engine, "first", self.path(engine), breadth)
            return answer and [time.perf_counter() - began, spent_below() - spent]
        return self.turns("first", STARTS, measure)

    def add(self):
        """Seconds until acknowledged and until settled, and bytes on the disk; the last are kept."""
        return self.turns("add", self.arguments.rounds, self.load)

    def search(self):
        """What worker.py's `search` tells."""
        return self.turns("search", self.arguments.rounds, lambda engine: self.ask(
            engine, "search", self.path(engine), self.breadths[engine.module]))

    def calls(self):
        """Seconds of calls with nearly nothing to search."""
        return self.turns("calls", self.arguments.rounds, lambda engine: self.ask(engine, "calls", "-"))

    def size(self):
        """Of wheels; Viridian's is the one that was given."""
        found = {}
        for engine in self.engines:
            ours = engine.module == "viridian"
            wanted = self.arguments.wheel if ours else engine.package
            folder = self.home / "wheels" / (pathlib.Path(wanted).name if wanted else "-")
            if wanted:
                if ours:  # another one each time, of the same name
                    shutil.rmtree(folder, ignore_errors=True)
                found[engine.name] = [sizes.of(engine.package, wanted, folder)]
        return found

    def choose(self):
        """The directories, filled if they are not, and the least breadths that find enough."""
        for engine in self.engines:
            if not self.path(engine).with_suffix(".whole").exists():
                say(f"load {engine.name}: {self.load(engine)}")
            for breadth in engine.breadths:
                answer = self.ask(engine, "recall", self.path(engine), breadth)
                say(f"{engine.name}, breadth {breadth}: {answer}")
                self.breadths[engine.module] = breadth
                if answer is None or answer["recall"] >= WANTED:
                    break

    def run(self):
        """All parts that are wanted, and their tables."""
        wanted = self.arguments.only.split(",")
        print(f"# {self.count:,} x {corpora.Corpus(self.folder).base.shape[1]}, {load.busy()} at the start",
              flush=True)
        parts = {"import": self.imports, "add": self.add, "first": self.firsts, "search": self.search,
                 "calls": self.calls, "size": self.size}
        for name, measure in parts.items():
            if name not in wanted:
                continue
            if name in ("first", "search") and not self.breadths:
                self.choose()
            busy = load.busy()
            found = measure()
            report.TABLES[name]([engine.name for engine in self.engines], found, self.count)
            print(f"({busy} before)", flush=True)
        if self.breadths:
            print("\nbreadths: " + ", ".join(f"{ENGINES[name].name} {breadth}"
                                             for name, breadth in self.breadths.items()))


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package")
    parser.add_argument("--wheel")
    parser.add_argument("--chroma")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--engines", default=",".join(ENGINES))
    arguments = parser.parse_args()
    arguments.package = str(pathlib.Path(arguments.package).resolve())
    if arguments.chroma is None:
        arguments.engines = ",".join(one for one in arguments.engines.split(",") if one != "chromadb")
    Bench(arguments).run()


if __name__ == "__main__":
    main()
