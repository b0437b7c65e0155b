"""How data are written: failures, memory, progress, servers. usage: data_writing_cases.py BINARY"""
import asyncio
import doctest
import importlib
import io
import pathlib
import subprocess
import sys
import tracemalloc
import unittest

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
import viridian  # noqa: E402
from data_common import Case, content, records, table  # noqa: E402
from viridian.data import progress  # noqa: E402

BINARY = sys.argv.pop()


class Documentation(unittest.TestCase):
    def test_examples_do_what_they_say(self):
        for name in ("data", "data.adding", "data.pages"):
            result = doctest.testmod(importlib.import_module("viridian." + name))
            self.assertEqual((result.failed, result.attempted > 0), (0, True), name)


class Failures(Case):
    def failure(self, source, collection=None, **options):
        collection = collection or self.collection()
        with self.assertRaises(viridian.data.AddError) as caught:
            viridian.data.add(collection, source, batch_size=4, **options)
        error = caught.exception
        self.assertIn(f"({error.written:,} records were written before)", str(error))
        self.assertEqual(collection.count(), error.written)
        return error

    def test_the_record_at_fault_is_named_and_what_was_before_stays(self):
        changes = {"nan": dict(embedding=[1.0, float("nan"), 0.0]), "twice": dict(id="id-4"),
                   "infinite": dict(ratio=float("inf")), "no id": dict(id=None),
                   "infinite list": dict(tags=[float("-inf")]), "empty id": dict(id="")}
        for name, change in changes.items():
            rows = records(table())
            rows[6].update(change)
            error = self.failure(iter(rows))
            self.assertEqual((error.row, error.written), (6, 4), name)
            self.assertEqual(error.id, change["id"] or None if "id" in change else "id-6", name)

    def test_rows_are_counted_in_the_pieces_of_a_batch(self):
        vectors = np.ones((1200, 4096), dtype=np.float32)
        vectors[1100, 7] = np.inf
        with self.assertRaisesRegex(viridian.data.AddError, r"row 1100 \(id '1100'\)"):
            viridian.data.add(self.collection(), {"id": np.arange(1200), "embedding": vectors})

    def test_a_batch_that_does_not_fit_is_named_with_its_cause(self):
        rows = records(table())
        rows[4:8] = [{**row, "embedding": [1.0]} for row in rows[4:8]]
        error = self.failure(rows)
        self.assertRegex(str(error), "rows 4 to 7: .*dimension")
        self.assertIsInstance(error.__cause__, viridian.errors.InvalidArgumentError)

    def test_a_source_that_fails_is_continued_with_upsert(self):
        rows = records(table())

        def broken():
            yield from rows[:6]
            raise OSError("the line was cut")

        collection = self.collection()
        error = self.failure(broken(), collection)
        self.assertRegex(str(error), "after 4 rows: OSError: the line was cut")
        self.assertEqual((error.written, error.row), (4, None))
        self.assertIsInstance(error.__cause__, OSError)
        rows[0]["number"] = 100
        self.assertEqual(viridian.data.add(collection, rows, upsert=True), 10)
        self.assertEqual([row[4]["number"] for row in content(collection)], [100, *range(1, 10)])

    def test_add_leaves_what_exists(self):
        collection = self.collection()
        viridian.data.add(collection, {"id": ["a"], "embedding": [[1.0]]})
        both = {"id": ["a", "b"], "embedding": [[2.0]] * 2}
        self.assertEqual(viridian.data.add(collection, both), 2)
        self.assertEqual([row[:2] for row in content(collection)], [("a", [1.0]), ("b", [2.0])])

    def test_columns_that_contradict_each_other(self):
        frame = pd.DataFrame([[[1.0], 1, 2]], columns=["embedding", "x", "x"])
        for source in (frame, pd.DataFrame({"embedding": [[1.0]], 5: [1]}),
                       {"embedding": [[1.0]], "x": [1, 2]}):
            with self.assertRaises(ValueError):
                self.added(source, id=None)
        with self.assertRaises(ValueError):
            self.added({}, id="x", document="x")
        with self.assertRaises(ValueError):
            self.added([], batch_size=0)


class Memory(Case):
    ROWS = 200_000

    def test_a_generator_is_never_collected(self):
        def stream():
            for i in range(self.ROWS):
                yield {"id": str(i), "embedding": [float(i), 1.0], "document": f"text {i}", "n": i}

        collection = self.collection()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.assertEqual(viridian.data.add(collection, stream()), self.ROWS)
        peak = tracemalloc.get_traced_memory()[1]
        # All of them take some 150 MB, a batch of 5,461 some 5 MB.
        self.assertLess(peak, 40 << 20)
        self.assertEqual(collection.count(), self.ROWS)

    def test_a_file_is_read_in_pieces(self):
        rows, width = 40_000, 512
        numbers = np.random.default_rng(1).standard_normal(rows * width, dtype=np.float32)
        path = self.folder / "large.parquet"
        pq.write_table(pa.table({
            "id": [str(i) for i in range(rows)],
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(numbers), width)}), path,
            row_group_size=rows, use_dictionary=False)
        before, held, steps = pa.total_allocated_bytes(), [], []

        def look(*step):
            steps.append(step)
            held.append(pa.total_allocated_bytes() - before)

        self.assertEqual(viridian.data.add(self.collection(), path, progress=look), rows)
        self.assertEqual(steps[-1], (rows, rows))
        self.assertGreater(max(held), 0)
        self.assertLess(max(held), 40 << 20)  # of 82 MB in one row group

    def test_batches_are_as_large_as_the_server_takes_and_of_some_megabytes(self):
        def steps(source, **options):
            seen = [0]
            viridian.data.add(self.collection(), source, id=None,
                              progress=lambda done, total: seen.append(done), **options)
            return [after - before for before, after in zip(seen, seen[1:])]

        most = self.client.get_max_batch_size()
        vectors = {"embedding": np.ones((2 * most + 5, 2), dtype=np.float32)}
        self.assertEqual(steps(vectors), [most, most, 5])
        self.assertEqual(steps(vectors, batch_size=10_000), [most, most, 5])
        self.assertEqual(steps({"embedding": np.ones((25, 2))}, batch_size=10), [10, 10, 5])
        # Of 16 KiB a vector 512 make the 8 MiB.
        self.assertEqual(steps({"embedding": np.ones((1000, 4096), dtype=np.float32)}), [500, 500])
        long = "x" * (1 << 20)
        records_of = ({"embedding": [1.0], "document": long} for _ in range(20))
        self.assertEqual(steps(records_of), [8, 8, 4])


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Progress(Case):
    def shown(self, stream, **options):
        before, sys.stderr = sys.stderr, stream
        try:
            viridian.data.add(self.collection(), table(100), batch_size=1, **options)
        finally:
            sys.stderr = before
        return stream.getvalue()

    def test_one_line_that_is_written_over(self):
        for text in (self.shown(Terminal()), self.shown(io.StringIO(), progress=True)):
            self.assertEqual(text.count("\n"), 1)
            self.assertIn("100 of 100", text.splitlines()[-1])
        self.assertLess(self.shown(io.StringIO(), progress=True).count("\r"), 90)

    def test_silence_where_nobody_looks(self):
        self.assertEqual(self.shown(io.StringIO()), "")
        self.assertEqual(self.shown(Terminal(), progress=False), "")

    def test_a_function_is_told(self):
        steps = []
        viridian.data.add(self.collection(), table(), batch_size=4,
                          progress=lambda *step: steps.append(step))
        self.assertEqual(steps, [(4, 10), (8, 10), (10, 10)])
        steps.clear()
        viridian.data.add(self.collection(), iter(records(table())),
                          progress=lambda *step: steps.append(step))
        self.assertEqual(steps, [(10, None)])

    def test_what_a_bar_says(self):
        self.assertEqual(progress.line(2500, 10_000, 10.0),
                         f"[{'#' * 6}{'-' * 18}] 2,500 of 10,000, 250 records/s, 0:30 left")
        self.assertEqual(progress.line(10_000, 10_000, 4000.0),
                         f"[{'#' * 24}] 10,000 of 10,000, 2 records/s, 1:06:40")
        self.assertEqual(progress.line(500, None, 5.0), "500 records, 100 records/s, 0:05")
        self.assertEqual(progress.line(0, 0, 0.0), "0 records, 0 records/s, 0:00")


class Elsewhere(Case):
    def test_a_server(self):
        with harness.running(BINARY) as server, \
                viridian.HttpClient("127.0.0.1", server.port) as client:
            far = client.create_collection("far", embedding_function=None)
            self.assertEqual(viridian.data.add(far, pa.table(table(100)), batch_size=30), 100)
            self.assertEqual(content(far), self.added(table(100)))
            pages = list(viridian.data.batches(far, batch_size=30))
            self.assertEqual([len(page["ids"]) for page in pages], [30, 30, 30, 10])
            path = self.folder / "far.parquet"
            self.assertEqual(viridian.data.to_parquet(far, path), 100)
            self.assertEqual(self.added(path), content(far))

    def test_asyncio(self):
        async def work():
            async with await viridian.AsyncEphemeralClient() as client:
                near = await client.create_collection("near", embedding_function=None)
                await asyncio.to_thread(viridian.data.add, near, table())
                return await asyncio.to_thread(viridian.data.to_pandas, near)

        self.assertEqual(asyncio.run(work())["id"].tolist(), table()["id"])


class Extras(unittest.TestCase):
    def run_without(self, modules, program):
        text = f"import sys\nfor name in {modules!r}: sys.modules[name] = None\n" + program
        return subprocess.run([sys.executable, "-c", text], text=True, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    START = ("import viridian\nclient = viridian.EphemeralClient()\n"
             "c = client.create_collection('extras', embedding_function=None)\n")

    def test_the_import_brings_none_of_it(self):
        done = self.run_without([], self.START + "print([name for name in sys.modules if name in "
                                "('viridian.data', 'pandas', 'polars', 'pyarrow')])")
        self.assertEqual(done.stdout.strip(), "[]")

    def test_what_is_not_installed_is_named(self):
        cases = {"viridian.data.to_pandas(c)": "viridian[pandas]",
                 "viridian.data.to_polars(c)": "viridian[polars]",
                 "viridian.data.to_arrow(c)": "viridian[arrow]",
                 "viridian.data.to_parquet(c, 'x.parquet')": "viridian[arrow]",
                 "viridian.data.add(c, sys.executable)": "viridian[arrow]"}
        for call, extra in cases.items():
            done = self.run_without(["pandas", "polars", "pyarrow"], self.START + call)
            self.assertIn("ImportError: this needs", done.stdout)
            self.assertIn(f"pip install {extra}", done.stdout, call)

    def test_records_need_nothing_and_frames_no_arrow(self):
        program = self.START + (
            "rows = [{'id': 'a', 'embedding': [1.0, 2.0], 'x': ['y'], 'n': 1}, "
            "{'id': 'b', 'embedding': [1.0, 2.0]}]\n"
            "viridian.data.add(c, rows)\n"
            "for frame in (viridian.data.to_pandas(c), viridian.data.to_polars(c)):\n"
            "    other = client.create_collection(type(frame).__module__[:6], "
            "embedding_function=None)\n"
            "    viridian.data.add(other, frame)\n"
            "    assert other.get() == c.get(), other.get()\n"
            "print('fine')")
        done = self.run_without(["pyarrow"], program)
        self.assertEqual(done.stdout.strip(), "fine")
        done = self.run_without(["pandas", "polars", "pyarrow"],
                                self.START +
                                "viridian.data.add(c, [{'id': 'a', 'embedding': [1.0]}])\n"
                                "print(len(list(viridian.data.batches(c))))")
        self.assertEqual(done.stdout.strip(), "1")


if __name__ == "__main__":
    unittest.main()
