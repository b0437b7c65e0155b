"""What data may come from, and be."""
import datetime
import decimal
import itertools
import unittest
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq

import viridian
from data_common import Case, content, records, table
from viridian.data import columns


class Stream:
    """What other libraries offer of Arrow's interface."""

    def __init__(self, of):
        self._of = of

    def __arrow_c_stream__(self, schema=None):
        return self._of.__arrow_c_stream__(schema)


class Sources(Case):
    def files(self, arrow):
        folder = self.folder / "parts"
        (folder / "deeper").mkdir(parents=True)
        pq.write_table(arrow.slice(0, 4), folder / "a.parquet", row_group_size=3)
        pq.write_table(arrow.slice(4, 6), folder / "deeper" / "b.parquet")
        (folder / "_SUCCESS").write_text("")
        (folder / "_metadata.parquet").write_text("no data")
        return folder

    def test_all_kinds_give_the_same_records(self):
        data = table()
        rows, arrow = records(data), pa.table(table())
        frame, polar = pd.DataFrame(data), pl.DataFrame(data)
        folder = self.files(arrow)
        sources = {
            "list": rows, "generator": (row for row in rows), "columns": data,
            "arrays": {**data, "embedding": np.array(data["embedding"]),
                       "number": np.array(data["number"]), "name": np.array(data["name"])},
            "pandas": frame, "pandas index": frame.set_index("id"),
            "pandas arrow": arrow.to_pandas(types_mapper=pd.ArrowDtype),
            "polars": polar, "lazy": polar.lazy(),
            "table": arrow, "batch": arrow.to_batches()[0], "reader": arrow.to_reader(3),
            "dataset": pa.dataset.dataset(arrow), "stream": Stream(arrow),
            "dataset of files": pa.dataset.dataset(str(folder / "a.parquet")),
            "arrow columns": {name: arrow[name] for name in data},
            "chunks": pa.concat_tables([arrow.slice(0, 3), arrow.slice(3)]),
            "folder": folder, "pattern": str(folder / "**" / "[ab].parquet"),
            "paths": [folder / "a.parquet", str(folder / "deeper" / "b.parquet")],
            "frames": (frame.iloc[i:i + 4] for i in range(0, 10, 4)),
            "batches": iter(arrow.to_batches(max_chunksize=3)),
            "dicts of columns": ({name: column[i:i + 4] for name, column in data.items()}
                                 for i in range(0, 10, 4)),
            "all sorts": itertools.chain(rows[:2], [polar.slice(2, 3)], rows[5:7],
                                         [{name: column[7:] for name, column in data.items()}])}
        expected = self.added(rows)
        self.assertEqual(expected[3], ("id-3", [3.0, 0.5, -1.0], "text 3 é\U0001f600", "file://3",
                                       {"number": 3, "ratio": 0.75, "even": False, "name": "3",
                                        "tags": ["a", "3"]}))
        for name, source in sources.items():
            found = self.added(source, batch_size=3 if name != "reader" else 2)
            expect = expected[:4] if name == "dataset of files" else expected
            self.assertEqual(repr(found), repr(expect), name)

    def test_what_is_no_source_is_refused(self):
        for source in (5, None, np.ones(3), b"bytes"):
            with self.assertRaises(TypeError, msg=repr(source)):
                viridian.data.add(self.collection(), source)
        with self.assertRaises(FileNotFoundError):
            viridian.data.add(self.collection(), self.folder / "nothing.parquet")
        broken = self.folder / "broken.parquet"
        broken.write_bytes(b"no Parquet at all")
        self.addCleanup(broken.unlink)
        with self.assertRaisesRegex(ValueError, "broken.parquet"):
            viridian.data.add(self.collection(), [broken])
        with self.assertRaisesRegex(ValueError, "gave a int"):
            viridian.data.add(self.collection(), iter([1, 2]))

    def test_columns_are_what_they_are_said_to_be(self):
        data = {"key": [1, 2], "vector": [[1.0], [2.0]], "id": ["x", "y"], "b": [1, 2], "c": [3, 4]}
        found = self.added(data, id="key", embedding="vector", metadata=["b"])
        self.assertEqual([(row[0], row[4]) for row in found], [("1", {"b": 1}), ("2", {"b": 2})])
        self.assertEqual(self.added(data, id="key", embedding="vector")[0][4],
                         {"id": "x", "b": 1, "c": 3})
        for options, said in ((dict(embedding="vector", document="text"), "no column 'text'"),
                              (dict(embedding="vector", metadata=["d"]), "no column 'd'"),
                              (dict(id="other", embedding="vector"), "id=None"),
                              (dict(), "nor one 'document' of documents")):
            with self.assertRaisesRegex(ValueError, said):
                self.added(data, **options)
        with self.assertRaisesRegex(TypeError, r"metadata=\['b'\]"):
            self.added(data, metadata="b")
        arrow = pa.table(data)
        pq.write_table(arrow, self.folder / "columns.parquet")
        for source in (arrow, self.folder / "columns.parquet", pl.DataFrame(data).lazy(),
                       pa.dataset.dataset(arrow)):
            again = self.added(source, id="key", embedding="vector", metadata=["b"])
            self.assertEqual(again, found)

    def test_random_ids(self):
        ids = [uuid.UUID(row[0]) for row in self.added([{"embedding": [1.0]}] * 5, id=None)]
        self.assertEqual(len(set(ids)), 5)


class Vectors(Case):
    def test_every_layout_is_read_without_a_loop(self):
        values = np.arange(12, dtype=np.float32).reshape(4, 3)
        flat = pa.array(values.reshape(-1))
        fixed = pa.FixedSizeListArray.from_arrays(flat, 3)
        lists = pa.array(values.tolist(), pa.list_(pa.float64()))
        objects = np.empty(4, dtype=object)
        objects[:] = list(values)
        layouts = {
            "fixed": fixed, "fixed sliced": pa.concat_arrays([fixed, fixed]).slice(4),
            "chunked": pa.chunked_array([fixed.slice(0, 1), fixed.slice(1)]), "list": lists,
            "large list": lists.cast(pa.large_list(pa.float32())),
            "list sliced": pa.concat_arrays([lists.slice(2), lists]).slice(2),
            "half": pa.FixedSizeListArray.from_arrays(pa.array(values.ravel().astype("f2")), 3),
            "bytes": pa.array(values.astype(int).tolist(), pa.list_(pa.int8(), 3)),
            "tensors": pa.FixedShapeTensorArray.from_numpy_ndarray(values),
            "polars list": pl.Series(values.tolist()), "polars array": pl.Series(values),
            "polars sliced": pl.concat([pl.Series(values), pl.Series(values)]).slice(4),
            "pandas lists": pd.Series(values.tolist()), "pandas arrays": pd.Series(list(values)),
            "pandas arrow": pd.Series(pd.arrays.ArrowExtensionArray(lists)),
            "objects": objects, "matrix": values, "columns first": np.asfortranarray(values),
            "big endian": values.astype(">f8"), "small": values.astype(np.uint8),
            "lists": values.tolist(), "list of arrays": list(values),
            "list of small": list(values.astype(np.int16))}
        for name, column in layouts.items():
            found = self.added({"embedding": column}, id=None)
            self.assertEqual([row[1] for row in found], values.tolist(), name)

    def test_numbers_of_arrow_and_polars_are_not_copied(self):
        numbers = np.arange(12, dtype=np.float32)
        fixed = pa.FixedSizeListArray.from_arrays(pa.array(numbers), 3)
        for column in (fixed, fixed.slice(1), pl.Series(numbers.reshape(4, 3))):
            matrix = columns.vectors(column, "embedding")
            own = column.to_numpy() if isinstance(column, pl.Series) else numbers
            self.assertTrue(np.shares_memory(matrix, own), type(column))

    def test_a_row_without_a_vector_is_named(self):
        for column in ([[1.0], None], pa.array([[1.0], None], pa.list_(pa.float32(), 1)),
                       pa.array([[1.0], None]), pl.Series([[1.0], None]),
                       pl.Series([[1.0], None], dtype=pl.Array(pl.Float32, 1)),
                       pd.Series([[1.0], float("nan")]), [[1.0], []], [[1.0], [1.0, 2.0]]):
            with self.assertRaises(viridian.data.AddError, msg=repr(column)) as caught:
                self.added({"id": ["a", "b"], "embedding": column})
            self.assertEqual((caught.exception.row, caught.exception.id), (1, "b"), repr(column))
        for column in (pa.array(["x"]), pl.Series(["x"]), np.array([["x"]]), pa.array([["x"]])):
            with self.assertRaisesRegex(ValueError, "column 'embedding'", msg=repr(column)):
                self.added({"id": ["a"], "embedding": column})

    def test_documents_are_embedded_where_there_are_no_vectors(self):
        calls = []

        def function(input):
            calls.append(len(input))
            return [[float(len(text))] for text in input]

        collection = self.collection(function)
        viridian.data.add(collection, {"id": list("abc"), "document": ["x", "yy", "zzz"],
                                       "uri": ["1", "2", None]}, batch_size=2)
        self.assertEqual([row[1:4] for row in content(collection)],
                         [([1.0], "x", "1"), ([2.0], "yy", "2"), ([3.0], "zzz", None)])
        self.assertEqual(calls, [2, 1])
        with self.assertRaisesRegex(ValueError, r"row 1 \(id 'e'\): there is neither"):
            viridian.data.add(collection, {"id": list("de"), "document": ["x", None]})
        loaded = self.client.create_collection("loaded", embedding_function=function,
                                               data_loader=lambda uris: [uri * 2 for uri in uris])
        viridian.data.add(loaded, {"id": ["a"], "uri": ["12"]})
        self.assertEqual(content(loaded), [("a", [4.0], None, "12", None)])


class Values(Case):
    def test_what_is_missing_is_absent(self):
        row = {"embedding": [1.0], "i": 1, "f": 1.5, "s": "x", "b": True, "l": ["y"], "d": None}
        none = dict.fromkeys(row) | {"embedding": [2.0]}
        kept = {name: row[name] for name in "ifsbl"}
        frame = pd.DataFrame([row, none]).astype({"i": "Int64", "b": "boolean"})
        arrow = pa.Table.from_pylist([row, none])
        for source in ([row, none], [row, {"embedding": [2.0]}], frame, arrow,
                       pl.DataFrame([row, none]), frame.astype({"s": "category"}),
                       arrow.set_column(3, "s", arrow["s"].dictionary_encode())):
            self.assertEqual(repr(self.metadata(source, uri="d")),
                             repr([dict(sorted(kept.items())), None]), type(source))
        lacking = [float("nan"), np.float32("nan"), np.float64("nan"), pd.NA, pd.NaT, None,
                   np.datetime64("NaT"), [], np.array([])]
        rows = [{"embedding": [1.0], "x": value, "document": None} for value in lacking]
        self.assertEqual(self.metadata(rows), [None] * len(rows))
        floats = pd.DataFrame({"embedding": [[1.0]] * 2, "f": [1.5, float("nan")]})
        self.assertEqual(self.metadata(floats), [{"f": 1.5}, None])
        text = pd.DataFrame({"embedding": [[1.0]] * 2, "document": ["x", float("nan")]},
                            dtype=object)
        self.assertEqual([row[2] for row in self.added(text, id=None)], ["x", None])

    def test_scalars_of_numpy_and_lists(self):
        values = {"a": np.int64(1), "b": np.float32(0.5), "c": np.bool_(True), "d": np.str_("x"),
                  "e": np.array([1, 2]), "f": (1, 2.5), "g": [np.float64(1.0)], "h": np.array(7),
                  "i": uuid.UUID(int=1)}
        self.assertEqual(repr(self.metadata([{"embedding": [1.0], **values}])), repr(
            [{"a": 1, "b": 0.5, "c": True, "d": "x", "e": [1, 2], "f": [1.0, 2.5], "g": [1.0],
              "h": 7, "i": str(uuid.UUID(int=1))}]))
        self.assertEqual([row[0] for row in self.added(
            {"id": [np.int64(7), 8, uuid.UUID(int=9)], "embedding": np.ones((3, 1))})],
            ["7", "8", str(uuid.UUID(int=9))])

    def test_times_become_texts(self):
        moment = datetime.datetime(2020, 2, 3, 4, 5, 6, 789012)
        aware = moment.replace(tzinfo=datetime.timezone.utc)
        fine = np.array([moment], "M8[us]").astype("M8[ns]") + np.timedelta64(345, "ns")
        said = "2020-02-03T04:05:06.789012"
        for column in ([moment], fine, pd.Series(fine), pa.array(fine), pl.Series(fine), [fine[0]]):
            self.assertEqual(self.metadata({"embedding": [[1.0]], "t": column}), [{"t": said}],
                             repr(column))
        for column in ([aware], pd.Series([aware]), pa.array([aware]), pl.Series([aware])):
            self.assertEqual(self.metadata({"embedding": [[1.0]], "t": column}),
                             [{"t": said + "+00:00"}], repr(column))
        for column in ([moment.date()], pa.array([moment.date()]), pl.Series([moment.date()])):
            self.assertEqual(self.metadata({"embedding": [[1.0]], "t": column}),
                             [{"t": "2020-02-03"}])

    def test_what_cannot_be_written_is_named(self):
        refused = [(decimal.Decimal("1.5"), "Decimal"), ({"x": 1}, "columns of its fields"),
                   (b"x", "bytes"), (datetime.timedelta(1), "make a number"),
                   ([[1]], "list of lists"),
                   ([1, None], "missing value"), ([1, "x"], "list of int and str"),
                   (object(), "object")]
        for value, said in refused:
            first = {"id": "a", "embedding": [1.0]}
            sources = [[first, {"id": "b", "embedding": [1.0], "x": value}]]
            if said not in ("object", "list of int and str"):
                data = {"id": ["a", "b"], "embedding": [[1.0]] * 2, "x": [None, value]}
                sources += [pa.table(data), pd.DataFrame(data), pl.DataFrame(data)]
            for source in sources:
                with self.assertRaisesRegex(viridian.data.AddError, said) as caught:
                    self.added(source)
                self.assertRegex(str(caught.exception), r"row 1 \(id 'b'\): column 'x'")
        with self.assertRaisesRegex(ValueError, "column 'document' has a int"):
            self.added({"embedding": [[1.0]], "document": [1]}, id=None)
        with self.assertRaisesRegex(ValueError, "column 'id' has a float"):
            self.added({"id": [1.0], "embedding": [[1.0]]})


if __name__ == "__main__":
    unittest.main()
