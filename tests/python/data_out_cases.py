"""Collections as frames and files, and back again."""
import os
import random
import unittest

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from data_common import NUMBER, Case, content
from viridian import data

TEXTS = ["", " ", "é", "\U0001f600", "null", "1", "[1]", 'a "quoted"\n\\ one', "\x00", "日本"]


def scalar(random, kind):
    return {"int": lambda: random.choice([0, -1, 2**63 - 1, -2**63, random.randrange(100)]),
            "float": lambda: random.choice([0.0, -0.0, 1.0, 1e300, 5e-324, random.random()]),
            "bool": lambda: random.random() < 0.5,
            "str": lambda: random.choice(TEXTS)}[kind]()


def value(random, kind):
    if kind.startswith("list of "):
        return [scalar(random, kind[8:]) for _ in range(random.randint(1, 3))]
    return scalar(random, kind)


KINDS = [prefix + kind for prefix in ("", "list of ") for kind in ("int", "float", "bool", "str")]


def exactly(collection):
    """All that a collection holds, in which 1, 1.0 and True are told apart."""
    return repr(content(collection))


class BothWays(Case):
    def random_collection(self, random, rows, mixed):
        """Each key has one type, or several where `mixed`; all but ids and vectors may lack."""
        keys = {f"key {random.choice(TEXTS)!r} {i}": random.choices(KINDS, k=3 if mixed else 1)
                for i in range(random.randint(0, 6))}
        collection = self.collection()
        for row in range(rows):
            metadata = {key: value(random, random.choice(kinds)) for key, kinds in keys.items()
                        if random.random() < 0.7}
            collection.add(ids=f"{random.choice(TEXTS)}{row}",
                           embeddings=[random.uniform(-1, 1) for _ in range(5)],
                           documents=[random.choice([None, *TEXTS])],
                           uris=[random.choice([None, "file://x", ""])],
                           metadatas=[metadata or None])
        return collection

    def both_ways(self, collection, to):
        back = self.collection()
        given = to(collection)
        self.assertEqual(data.add(back, given), collection.count())
        return exactly(back)

    def to_a_file(self, collection):
        path = self.folder / f"{next(NUMBER)}.parquet"
        self.assertEqual(data.to_parquet(collection, path), collection.count())
        return path

    def test_what_goes_out_comes_in_the_same(self):
        chance = random.Random(7)
        for round in range(60):
            mixed = round % 2 == 1
            collection = self.random_collection(chance, chance.choice([0, 1, 2, 9, 30]), mixed)
            ways = [data.to_arrow, data.to_pandas, self.to_a_file]
            ways += [] if mixed else [data.to_polars]
            for to in ways:
                self.assertEqual(self.both_ways(collection, to), exactly(collection), (round, to))

    def test_through_the_files_of_the_other_libraries(self):
        collection = self.random_collection(random.Random(8), 30, mixed=False)
        path = self.folder / "other.parquet"
        for write in (lambda: data.to_pandas(collection).to_parquet(path),
                      lambda: data.to_polars(collection).write_parquet(path)):
            write()
            self.assertEqual(self.both_ways(collection, lambda _: path), exactly(collection))

    def test_an_empty_list_goes_out(self):
        # Chroma's clients write none, but whoever speaks HTTP does.
        schema = data.schema.Schema({"id": "id"})
        pages = [{"ids": ["a", "b"], "embeddings": None, "metadatas": [{"x": []}, {"x": [1]}]}]
        schema.see(pages[0])
        self.assertEqual(schema.keys, {"x": "list of int"})
        self.assertEqual(schema.columns(pages[0], schema.keys), {"x": [[], [1]]})


class Columns(Case):
    def setUp(self):
        super().setUp()
        self.few = self.collection()
        self.few.add(ids=["a", "b"], embeddings=[[1.0, 2.0], [3.0, 4.0]], documents=["x", "yy"],
                     metadatas=[{"n": 1, "m": 1, "t": ["p"]}, {"m": 1.0, "f": 0.5, "b": True}])

    def test_their_types(self):
        fields = {field.name: str(field.type) for field in data.to_arrow(self.few).schema}
        self.assertEqual(fields, {
            "id": "string", "embedding": "fixed_size_list<item: float>[2]", "document": "string",
            "uri": "string", "b": "bool", "f": "double", "m": "string", "n": "int64",
            "t": "list<item: string>"})
        types = data.to_pandas(self.few).dtypes.astype(str)
        self.assertEqual(list(types[["b", "f", "m", "n", "t"]]),
                         ["boolean", "float64", "object", "Int64", "object"])
        frame = data.to_polars(self.few)
        self.assertEqual(frame.schema["embedding"], pl.Array(pl.Float32, 2))
        self.assertEqual((frame.schema["n"], frame.schema["t"]), (pl.Int64, pl.List(pl.String)))

    def test_values_of_several_types_are_json(self):
        for frame in (data.to_arrow(self.few).to_pydict(), data.to_polars(self.few).to_dict()):
            self.assertEqual(list(frame["m"]), ["1", "1.0"])
        self.assertEqual(repr(data.to_pandas(self.few)["m"].tolist()), "[1, 1.0]")

    def test_what_is_included(self):
        for to, names in ((data.to_arrow, lambda frame: frame.column_names),
                          (data.to_pandas, list), (data.to_polars, lambda frame: frame.columns)):
            self.assertEqual(names(to(self.few, include=["documents"])), ["id", "document"])
            self.assertEqual(names(to(self.few, include=[])), ["id"])
            found = to(self.few, where={"n": 1}, include=["metadatas"])
            self.assertEqual((len(found), names(found)), (1, ["id", "m", "n", "t"]))
            self.assertEqual(len(to(self.few, where_document={"$contains": "yy"})), 1)
            with self.assertRaises(ValueError):
                to(self.few, include=["distances"])
        path = self.folder / "some.parquet"
        self.assertEqual(data.to_parquet(self.few, path, where={"n": 1}, include=["embeddings"]), 1)
        self.assertEqual(pq.read_table(path).column_names, ["id", "embedding"])

    def test_other_names(self):
        self.few.add(ids="c", embeddings=[0.0, 0.0], metadatas={"id": 5, "uri": "u"})
        for to in (data.to_arrow, data.to_pandas, data.to_polars):
            with self.assertRaisesRegex(ValueError, "names={'id'"):
                to(self.few)
            frame = to(self.few, names={"id": "key", "uri": "address"})
            back = self.collection()
            data.add(back, frame, id="key", uri="address", metadata=["id", "uri"])
            self.assertEqual(back.get(ids="c")["metadatas"], [{"id": 5, "uri": "u"}])
            for names in ({"key": "x"}, {"id": "document"}):
                with self.assertRaises(ValueError):
                    to(self.few, names=names)

    def test_a_file_that_cannot_be_made_leaves_what_was_there(self):
        path = self.folder / "kept.parquet"
        path.write_text("before")
        self.few.add(ids="c", embeddings=[0.0, 0.0], metadatas={"id": 5})
        with self.assertRaises(ValueError):
            data.to_parquet(self.few, path)
        self.assertEqual((path.read_text(), os.listdir(self.folder)), ("before", ["kept.parquet"]))


class Pages(Case):
    def filled(self, rows, width=4, **metadata):
        collection = self.collection()
        step = self.client.get_max_batch_size()
        for first in range(0, rows, step):
            ids = [str(i) for i in range(first, min(rows, first + step))]
            values = np.random.default_rng(first).standard_normal((len(ids), width))
            collection.add(ids=ids, embeddings=values.astype(np.float32),
                           metadatas=[{"n": int(id), **metadata} for id in ids])
        return collection

    def test_records_that_stay_come_once_whatever_is_written(self):
        collection = self.filled(300)
        seen = []
        for number, page in enumerate(data.batches(collection, batch_size=10)):
            seen += page["ids"]
            # Gone from before the place and from behind it, changed on both sides, and new ones.
            collection.delete(ids=[str(3 * number), str(299 - 3 * number)])
            collection.update(ids=[str(3 * number + 1)], metadatas=[{"n": -1}])
            collection.add(ids=f"new {number}", embeddings=[0.0] * 4)
            if number > 20:
                break
        rest = collection.get(where={"n": {"$gte": 0}})["ids"]
        stayed = [id for id in rest if int(id) < 200]
        self.assertGreater(len(stayed), 100)
        self.assertEqual([id for id in seen if id in set(stayed)], stayed)

    def test_pages_are_of_some_megabytes(self):
        sizes = [len(page["ids"]) for page in data.batches(self.filled(3000, 4096))]
        self.assertEqual(sizes, [500, 512, 512, 512, 512, 452])
        sizes = [len(page["ids"]) for page in data.batches(self.filled(30_000), include=[])]
        self.assertEqual(sizes, [500, 20_000, 9500])

    def test_arguments(self):
        collection = self.filled(10)
        page = next(data.batches(collection, where={"n": 3}, include=["metadatas"]))
        self.assertEqual((page["ids"], page["metadatas"], page["embeddings"]),
                         (["3"], [{"n": 3}], None))
        self.assertEqual(list(data.batches(self.collection())), [])
        with self.assertRaises(ValueError):
            data.batches(collection, batch_size=0)
        with self.assertRaises(ValueError):
            list(data.batches(collection, where={"$nothing": 1}))

    def test_a_key_that_appears_between_two_readings_is_refused(self):
        collection = self.filled(1200, 4096)
        path = self.folder / "changed.parquet"

        def write(done, total):
            self.assertEqual(total, 1200)
            collection.upsert(ids=f"new {done}", embeddings=[0.0] * 4096, metadatas={"other": 1})

        with self.assertRaisesRegex(data.ChangedError, "'other' of record 'new"):
            data.to_parquet(collection, path, progress=write)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_file_is_written_in_a_page_of_memory(self):
        collection = self.filled(20_000, 1024)
        path = self.folder / "large.parquet"
        before, held = pa.total_allocated_bytes(), []
        written = data.to_parquet(collection, path, progress=lambda *step: held.append(
            pa.total_allocated_bytes() - before))
        self.assertEqual(written, 20_000)
        self.assertGreater(max(held), 0)
        self.assertLess(max(held), 40 << 20)  # of 80 MB
        self.assertEqual(pq.read_metadata(path).num_rows, 20_000)


if __name__ == "__main__":
    unittest.main()
