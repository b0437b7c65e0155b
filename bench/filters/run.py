"""The benchmark of filters, documents and texts (./dev bench filters): Viridian's server beside Chroma's,
LanceDB, DuckDB and SQLite with FTS5.

    python3 bench/filters/run.py VIRIDIAN [--chroma CHROMA] [--quick | --full] [--only a,b] [--engines a,b]
                                 [--prepare]

VIRIDIAN is the server's program, CHROMA Chroma's (without it there is no ratio). The records are real,
WordNet's synsets, or grown from them by a method that records.py states: 117,659 with vectors of 384
dimensions (`glosses`), 1,000,000 of one or two glosses (`grown`), and records of 200 words (`ingest`).
--quick takes 20,000, 50,000 and 3,000. operations.py has what is asked; every answer is held against one
that oracle.py computes, and the remarks below a table say which engine's are not right (a star). Engines
take turns; figures are medians. --full takes three times the rounds and five times the patience.

The two servers are asked over HTTP by the same client. The others are libraries in this process: they
pay neither for HTTP nor for JSON, and the columns are to be read with that in mind.

What the peers loaded is kept in build/bench-data/filters (another VERSION is loaded anew), and --prepare
only loads it: Chroma takes long. Viridian is loaded anew each time. --only takes names of operations,
and ingest, bytes, delete.
"""
import argparse
import pathlib
import shutil
import sqlite3
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "vectors"))
import environment  # noqa: E402

VENV = environment.HOME / "filters-venv"
environment.enter(VENV, HERE / "requirements.txt")

import changes  # noqa: E402
import measure  # noqa: E402
import operations  # noqa: E402
import oracle  # noqa: E402
import records  # noqa: E402
from engine_duckdb import DuckDb  # noqa: E402
from engine_http import Chroma, Viridian  # noqa: E402
from engine_lancedb import LanceDb  # noqa: E402
from engine_sqlite import Sqlite  # noqa: E402
from table import Table, milliseconds, times  # noqa: E402

VERSION = 1  # of the records and of how engines keep them
ENGINES = {"viridian": Viridian, "chroma": Chroma, "lancedb": LanceDb, "duckdb": DuckDb, "sqlite": Sqlite}
DONE = ("ingest", "bytes", "delete")  # what changes.py measures
INGEST_ROUNDS = 3
PAGES = ("ids", "documents")


def say(text):
    """Progress, which is not a result: to the other stream."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Bench:
    """A run: engines, records, and where they are kept."""

    def __init__(self, arguments):
        size = "quick" if arguments.quick else "full"
        home = environment.HOME / "filters"
        self.folder = home / f"{size}-{VERSION}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.source = records.Source(size, home)
        self.engines = [ENGINES[name] for name in arguments.engines.split(",")]
        self.engines = [one for one in self.engines if one is not Chroma or Chroma.program]
        self.names = [one.name for one in self.engines]
        self.only = arguments.only and arguments.only.split(",")
        self.plan = measure.Plan(15, 300) if arguments.full else measure.Plan()

    def place(self, engine, set_name):
        """An engine's directory for a set."""
        return self.folder / set_name / engine.__name__.lower()

    def prepare(self):
        """Loads what may be kept, that is the peers'."""
        for name in ("grown", "glosses"):
            set_ = self.source.make(name)
            for engine in self.engines:
                if engine.cached:
                    self.opened(engine, set_).close()

    def opened(self, engine, set_):
        """An engine with the set in it."""
        made = engine(self.place(engine, set_.name))
        try:
            made.load(set_, say)
        except BaseException:
            made.close()
            raise
        return made

    def wanted(self, name):
        """Whether it is to be measured."""
        return not self.only or name in self.only

    def run(self):
        """All tables."""
        versions = environment.versions("lancedb", "duckdb", "numpy") | {"SQLite": sqlite3.sqlite_version}
        print(f"# {', '.join(f'{name} {version}' for name, version in versions.items())}; "
              f"{changes.load.busy()} at the start", flush=True)
        left = None if self.only is None else set(self.only) - set(DONE)
        for name in ("grown", "glosses"):
            changed = name == "grown" and (self.wanted("bytes") or self.wanted("delete"))
            if left or left is None or changed:
                set_ = self.source.make(name)
                mine = operations.Operations(set_).build(left)
                if left is not None:
                    left -= {operation.name for operation in mine}
                if mine or changed:
                    self.measure(set_, mine)
        if left:
            sys.exit(f"no operations {', '.join(sorted(left))}")
        if self.wanted("ingest"):
            self.ingest(self.source.make("ingest"))

    def measure(self, set_, asked):
        """One set: its operations, then what it takes on disk, then deletes."""
        for engine in self.engines:
            if not engine.cached:
                shutil.rmtree(self.place(engine, set_.name), ignore_errors=True)
        opened = []
        try:
            for engine in self.engines:
                opened.append(self.opened(engine, set_))
            print(f"\n## {set_.name}: {len(set_):,} records, {set_.vectors.shape[1]} dimensions")
            self.ask(opened, set_, asked)
        finally:
            for engine in opened:
                engine.close()
        table = Table(self.names)
        if set_.name == "grown" and self.wanted("bytes"):
            self.bytes(table, set_, "all files less 4 bytes a dimension",
                       [changes.bytes_a_record(self.place(engine, set_.name), set_) for engine in self.engines])
        if set_.name == "grown" and self.wanted("delete"):
            self.delete(table, set_)
        table.foot()

    def ask(self, opened, set_, asked):
        """Prints the operations' table."""
        table, seconds = Table(self.names), {}
        if asked:
            table.head()
        for operation in asked:
            expected = [oracle.Expected(set_, request) for request in operation.requests]
            outcomes = measure.operation(opened, set_, operation, expected, self.plan)
            table.row(operation, expected, outcomes)
            seconds[operation.name] = [outcome.seconds() for outcome in outcomes]
        for page in PAGES:
            if f"page_far_{page}" in seconds and f"page_first_{page}" in seconds:
                both = list(zip(seconds[f"page_first_{page}"], seconds[f"page_far_{page}"]))
                cells = [f"{far / first:.2f}" if first and far else "-" for first, far in both]
                table.line(f"the far page's time / the first one's, {page}", ["", *cells], "", "2x", "1.2x")
        table.foot()

    def bytes(self, table, set_, what, found):
        """A row of bytes a record."""
        print(f"\n| bytes a record of {set_.name} |" + "".join(f" {name} |" for name in self.names)
              + " share of Chroma's | floor | aim |\n|---|" + "--:|" * (len(self.names) + 3))
        by_name = dict(zip(self.names, found))
        share = by_name["Viridian"] / by_name["Chroma"] \
            if by_name.get("Viridian") and by_name.get("Chroma") else None
        table.line(what, ["-" if one is None else f"{one:,.0f}" for one in found],
                   f"1/{1 / share:.2f}" if share else "", "1/3", "1/5")

    def delete(self, table, set_):
        """A row of the deletes."""
        took = {}
        for engine in self.engines:
            scratch = self.folder / f"delete-{engine.__name__.lower()}"
            try:
                took[engine.name], wrong = changes.delete(engine, self.place(engine, set_.name), scratch, set_)
                if wrong:
                    table.remarks.append(f"delete: {engine.name} does not agree: {wrong}")
            except Exception as error:  # its answer, whatever it is  # pylint: disable=broad-except
                table.remarks.append(f"delete: {engine.name}: {type(error).__name__}: {str(error)[:200]}")
        table.head()
        table.line("delete by a filter, in one request",
                   [f"{len(set_) // 10:,}", *(milliseconds(took.get(name)) or "-" for name in self.names)],
                   times(took.get("Viridian"), took.get("Chroma")))

    def ingest(self, set_):
        """The table of ingest, and what its records take on disk."""
        table = Table(self.names)
        print(f"\n## ingest: {len(set_):,} records of 8 keys and {records.WORDS} words, batches of "
              f"{changes.INGEST_BATCH:,}, one client")
        found = changes.ingest({one.name: one for one in self.engines}, self.folder, set_, INGEST_ROUNDS, say)
        for name, figures in found.items():
            if isinstance(figures, str):
                table.remarks.append(f"ingest: {name}: {figures}")
                found[name] = [None] * 3
        print("\n| records a second |" + "".join(f" {name} |" for name in self.names)
              + " times Chroma | floor | aim |\n|---|" + "--:|" * (len(self.names) + 3))
        for number, what, floor, aim in ((0, "until acknowledged", 10, 20),
                                         (1, "until every index is made", None, None)):
            figures = [found[name][number] for name in self.names]
            by_name = dict(zip(self.names, figures))
            table.line(what, [f"{one:,.0f}" if one else "-" for one in figures],
                       times(by_name.get("Chroma"), by_name.get("Viridian")), floor, aim)
        self.bytes(table, set_, "all files less 4 bytes a dimension", [found[name][2] for name in self.names])
        table.foot()


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("viridian")
    parser.add_argument("--chroma")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--prepare", action="store_true")
    arguments = parser.parse_args()
    Viridian.program, Chroma.program = arguments.viridian, arguments.chroma
    bench = Bench(arguments)
    if arguments.prepare:
        bench.prepare()
    else:
        bench.run()


if __name__ == "__main__":
    main()
