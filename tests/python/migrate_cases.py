"""What moving in from Chroma promises. usage: migrate_cases.py DIRECTORIES CHROMA VIRIDIAN_BINARY

DIRECTORIES has what make_chroma_directory.py makes, by several versions; CHROMA is an interpreter
with the real Chroma, or empty.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
import viridian  # noqa: E402
from viridian import migrate  # noqa: E402

DIRECTORIES, CHROMA, BINARY = sys.argv[1:]
del sys.argv[1:]
MADE = sorted(pathlib.Path(DIRECTORIES).iterdir())
NEWEST = pathlib.Path(DIRECTORIES, "chroma-1.5.9")
ALL = ["embeddings", "metadatas", "documents", "uris"]


def hashes(directory):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in directory.rglob("*") if path.is_file()}


def exact(value):
    """A value with its type; the order of a dict's keys means nothing."""
    return repr(sorted(value.items()) if isinstance(value, dict) else value)


class Interrupted(Exception):
    pass


def interrupting(after):
    """A progress function that ends the migration at that call."""
    calls = iter(range(after))

    def progress(_):
        if next(calls, None) is None:
            raise Interrupted
    return progress


class Case(unittest.TestCase):
    def setUp(self):
        self.client = viridian.EphemeralClient()
        self.addCleanup(self.client.close)
        self.root = pathlib.Path(self.entered(tempfile.TemporaryDirectory()))

    def entered(self, context):
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def copy_of(self, made):
        """A copy of what Chroma wrote, to be changed."""
        return pathlib.Path(shutil.copytree(made / "chroma", self.root / made.name))

    def assert_equal(self, expected, client):
        """The collection is what Chroma said it is, to the type of each value."""
        client.set_tenant(expected["tenant"], expected["database"])
        found = client.get_collection(expected["name"], embedding_function=None)
        self.assertEqual(found.metadata, expected["metadata"])
        self.assertEqual(found.configuration_json, expected["configuration"])
        got = found.get(include=ALL)
        self.assertEqual(sorted(got["ids"]), sorted(expected["ids"]))
        places = {id: place for place, id in enumerate(got["ids"])}
        for index, id in enumerate(expected["ids"]):
            place = places[id]
            np.testing.assert_allclose(got["embeddings"][place], expected["embeddings"][index],
                                       rtol=1e-6, err_msg=id)
            for part in ("metadatas", "documents", "uris"):
                self.assertEqual(exact(got[part][place]), exact(expected[part][index]), (id, part))

    def assert_all_equal(self, made, client):
        expected = json.loads((made / "expected.json").read_text())["collections"]
        self.assertGreater(len(expected), 7)
        for collection in expected:
            with self.subTest(directory=made.name, collection=collection["name"]):
                self.assert_equal(collection, client)


class Copies(Case):
    def test_everything_is_equal_and_the_source_untouched(self):
        for made in MADE:
            before = hashes(made / "chroma")
            with viridian.PersistentClient(self.root / made.name) as client:
                report = migrate.from_chroma(made / "chroma", client)
                self.assertTrue(report.complete, str(report))
                self.assert_all_equal(made, client)
            self.assertEqual(hashes(made / "chroma"), before)

    def test_an_interrupted_copy_goes_on(self):
        for made in MADE:
            with self.subTest(directory=made.name), viridian.PersistentClient(
                    self.root / made.name) as client:
                state = self.root / f"{made.name}.json"
                for after in (0, 1, 3):
                    with self.assertRaises(Interrupted):
                        migrate.from_chroma(made / "chroma", client, interrupting(after), state)
                report = migrate.from_chroma(made / "chroma", client, state=state)
                copied = sum(one.copied for one in report.collections)
                self.assertLess(copied, sum(one.records for one in report.collections))
                self.assertTrue(report.complete, str(report))
                self.assert_all_equal(made, client)
                again = migrate.from_chroma(made / "chroma", client, state=state)
                self.assertEqual(sum(one.copied for one in again.collections), 0)
                self.assertTrue(again.complete)

    def test_a_copy_interrupted_before_its_first_note_goes_on(self):
        class Killed(migrate.copying.State):
            def put(self, *arguments, target, **what):
                if target is not None:
                    raise Interrupted
                return super().put(*arguments, target=target, **what)
        state, source = self.root / "state", NEWEST / "chroma"
        migrate.copying.State, real = Killed, migrate.copying.State
        try:
            with self.assertRaises(Interrupted):
                migrate.from_chroma(source, self.client, state=state)
        finally:
            migrate.copying.State = real
        self.assertEqual(self.client.count_collections(), 1)
        self.assertTrue(migrate.from_chroma(source, self.client, state=state).complete)

    def test_the_command_copies_into_a_directory_and_into_a_server(self):
        with harness.running(BINARY) as server:
            for into in (str(self.root / "data"), f"http://127.0.0.1:{server.port}"):
                command = [sys.executable, "-m", "viridian.migrate", str(NEWEST / "chroma"), "--into", into]
                for _ in range(2):
                    done = subprocess.run(command, cwd=self.root, stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE, text=True)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn("everything is there", done.stdout)
                self.assertNotIn(" of ", done.stderr)
            with viridian.HttpClient(port=server.port) as client:
                self.assert_all_equal(NEWEST, client)
        with viridian.PersistentClient(self.root / "data") as client:
            self.assert_all_equal(NEWEST, client)


class Queues(Case):
    # operation (0 add, 1 update, 2 upsert, 3 delete), id, vector, metadata
    WRITES = [
        (0, "id-0", [9, 9, 9], {"not": "taken"}), (0, "new", [1, 2, 3], {"a": 1, "chroma:document": "n"}),
        (1, "new", None, {"a": None, "b": 2.0}), (1, "nowhere", [1, 1, 1], {"c": True}),
        (2, "id-1", [4, 5, 6], {"whole": None, "d": "x"}), (3, "id-3", None, None),
        (3, "id-2", None, None), (0, "id-2", [7, 8, 9], {"e": False}),
        (3, "gone-again", None, None), (2, "gone-again", [1, 0, 0], None), (3, "gone-again", None, None),
    ]

    def test_writes_that_reached_neither_tables_nor_files_are_there(self):
        source = self.copy_of(NEWEST)
        with sqlite3.connect(source / "chroma.sqlite3") as database:
            topic, = database.execute(
                "SELECT 'persistent://default/default/' || collections.id FROM collections JOIN databases "
                "ON databases.id = database_id WHERE collections.name = 'some-l2' "
                "AND databases.name = 'default_database'").fetchone()
            for operation, id, vector, metadata in self.WRITES:
                database.execute(
                    "INSERT INTO embeddings_queue (operation, topic, id, vector, encoding, metadata) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    (operation, topic, id, vector and np.array(vector, "<f4").tobytes(),
                     vector and "FLOAT32", json.dumps(metadata or {})))
        database.close()
        report = migrate.from_chroma(source, self.client)
        self.assertTrue(report.complete, str(report))
        got = self.records(self.client.get_collection("some-l2", embedding_function=None))
        self.assertEqual(got["new"], ([1, 2, 3], {"b": 2.0}, "n"))
        self.assertEqual(got["id-1"], ([4, 5, 6], {"d": "x"}, "Text 1 ß"))
        self.assertEqual(got["id-2"], ([7, 8, 9], {"e": False}, None))
        self.assertNotIn("not", got["id-0"][1] or {})
        self.assertEqual({"nowhere", "id-3", "gone-again"} & set(got), set())
        if CHROMA:
            self.assertEqual(got, self.as_chroma_says(source))

    def records(self, collection):
        got = collection.get(include=ALL)
        return {id: ([float(x) for x in got["embeddings"][place]], got["metadatas"][place],
                     got["documents"][place]) for place, id in enumerate(got["ids"])}

    def as_chroma_says(self, source):
        """What the real Chroma finds when it replays the queue itself."""
        program = (
            "import chromadb, json, sys\n"
            "client = chromadb.PersistentClient(sys.argv[1])\n"
            "found = client.get_collection('some-l2', embedding_function=None)\n"
            "got = found.get(include=['embeddings', 'metadatas', 'documents'])\n"
            "print(json.dumps({id: (got['embeddings'][i].tolist(), got['metadatas'][i], "
            "got['documents'][i]) for i, id in enumerate(got['ids'])}))\n")
        # Without what the module here needs to be loaded before it.
        said = subprocess.run([CHROMA, "-c", program, source], check=True, stdout=subprocess.PIPE,
                              env={**os.environ, "LD_PRELOAD": ""})
        return {id: tuple(record) for id, record in json.loads(said.stdout).items()}


class WhatViridianDoesNotTake(Case):
    """What Chroma wrote, in its newest version or an older one, because it did not look."""

    def changed(self, statement, *values):
        source = self.copy_of(NEWEST)
        with contextlib.closing(sqlite3.connect(source / "chroma.sqlite3")) as connection, connection:
            connection.create_function("nans", 1, lambda size: b"\xff" * size)
            self.assertEqual(connection.execute(statement, values).rowcount, 1)
        return source

    def test_keys_that_chroma_hides_are_left_out(self):
        source = self.changed("INSERT INTO embedding_metadata (id, key, string_value) "
                              "SELECT max(id), 'chroma:mine', 'x' FROM embeddings")
        self.assertTrue(migrate.from_chroma(source, self.client).complete)
        self.assert_all_equal(NEWEST, self.client)

    def test_vectors_with_nan_are_named_and_the_others_copied(self):
        source = self.changed("UPDATE embeddings_queue SET vector = nans(length(vector)) WHERE seq_id = "
                              "(SELECT max(seq_id) FROM embeddings_queue WHERE vector IS NOT NULL)")
        report = migrate.from_chroma(source, self.client)
        self.assertFalse(report.complete)
        self.assertEqual(sum(len(one.without_vector) for one in report.collections), 1)
        self.assertEqual([one.differences for one in report.collections if one.differences], [])

    def test_metadata_of_a_collection_that_cannot_be_kept_say_whose_they_are(self):
        source = self.changed("INSERT INTO collection_metadata (collection_id, key, float_value) "
                              "SELECT id, 'much', 9e999 FROM collections WHERE name = ? LIMIT 1", "some-l2")
        with self.assertRaisesRegex(migrate.MigrationError, "some-l2.*much"):
            migrate.from_chroma(source, self.client)


class Refusals(Case):
    def test_records_without_a_vector_are_named_and_the_others_copied(self):
        source = self.copy_of(NEWEST)
        for path in source.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
        report = migrate.from_chroma(source, self.client)
        self.assertFalse(report.complete)
        some = next(one for one in report.collections if one.name == "some-l2")
        # The first records were purged from the queue when they were in the files; the last were not.
        self.assertIn("id-0", some.without_vector)
        self.assertIn("'id-0'", str(report))
        got = self.client.get_collection("some-l2", embedding_function=None).get()["ids"]
        self.assertIn("late", got)
        self.assertEqual(len(got), some.records - len(some.without_vector))
        self.assertEqual(some.copied, len(got))
        self.assertEqual(some.differences, [])

    def test_a_directory_of_chromas_is_neither_opened_nor_copied_into_itself(self):
        source = self.copy_of(NEWEST)
        before = hashes(source)
        with self.assertRaisesRegex(viridian.errors.FailedPreconditionError, "viridian.migrate"):
            viridian.PersistentClient(source)
        done = subprocess.run([sys.executable, "-m", "viridian.migrate", source, "--into", source],
                              stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(hashes(source), before)

    def test_nothing_is_made_for_a_source_that_is_not_there(self):
        done = subprocess.run([sys.executable, "-m", "viridian.migrate", self.root / "absent",
                               "--into", self.root / "made"], stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(list(self.root.iterdir()), [])

    def test_a_collection_of_that_name_is_left_alone(self):
        theirs = self.client.create_collection("some-l2", embedding_function=None)
        theirs.add(ids="x", embeddings=[1.0])
        with self.assertRaisesRegex(migrate.MigrationError, "some-l2"):
            migrate.from_chroma(NEWEST / "chroma", self.client)
        self.assertEqual(self.client.count_collections(), 1)
        self.assertEqual(theirs.count(), 1)

    def test_a_source_that_was_written_to_since_is_refused(self):
        source, state = self.copy_of(NEWEST), self.root / "state"
        with self.assertRaises(Interrupted):
            migrate.from_chroma(source, self.client, interrupting(0), state)
        with sqlite3.connect(source / "chroma.sqlite3") as database:
            database.execute("INSERT INTO embeddings_queue (operation, topic, id) SELECT 3, "
                             "'persistent://default/default/' || id, 'id-1' FROM collections")
        database.close()
        with self.assertRaisesRegex(migrate.MigrationError, "written to"):
            migrate.from_chroma(source, self.client, state=state)

    def test_what_chroma_has_not_finished_is_refused(self):
        source = self.copy_of(NEWEST)
        (source / "chroma.sqlite3-journal").write_bytes(b"x")
        with self.assertRaisesRegex(migrate.MigrationError, "journal"):
            migrate.from_chroma(source, self.client)

    def test_pickled_code_does_not_run(self):
        class Evil:
            def __reduce__(self):
                return os.mkdir, (str(ran),)
        source, ran = self.copy_of(NEWEST), self.root / "ran"
        for path in source.rglob("index_metadata.pickle"):
            path.write_bytes(pickle.dumps(Evil()))
        with self.assertRaisesRegex(migrate.MigrationError, "mkdir"):
            migrate.from_chroma(source, self.client)
        self.assertFalse(ran.exists())

    def test_damaged_files_are_refused_or_found_lacking(self):
        for name, size in (("header.bin", 7), ("index_metadata.pickle", 50), ("data_level0.bin", 400),
                           ("length.bin", 8)):
            with self.subTest(file=name):
                made = self.copy_of(NEWEST)
                for path in made.rglob(name):
                    os.truncate(path, size)
                with viridian.PersistentClient(self.root / f"into-{name}") as client:
                    try:
                        self.assertFalse(migrate.from_chroma(made, client).complete)
                    except migrate.MigrationError as error:
                        self.assertIn(name.split("_")[0][:6], str(error))
                shutil.rmtree(made)

    def test_what_is_no_directory_of_chromas_is_refused(self):
        with self.assertRaisesRegex(migrate.MigrationError, "chroma.sqlite3"):
            migrate.from_chroma(self.root, self.client)
        (self.root / "chroma.sqlite3").write_bytes(b"no database" * 100)
        with self.assertRaisesRegex(migrate.MigrationError, "cannot be read"):
            migrate.from_chroma(self.root, self.client)


if __name__ == "__main__":
    unittest.main()
