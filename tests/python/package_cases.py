"""What the Python package promises beyond Chroma's interface. usage: package_cases.py VIRIDIAN_BINARY"""
import copy
import doctest
import gc
import importlib
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
import viridian  # noqa: E402

BINARY = sys.argv.pop()
MODULES = ["viridian", "viridian.client", "viridian.collection", "viridian.config",
           "viridian.configuration", "viridian.embedding", "viridian.errors", "viridian.remote",
           "viridian.schema", "viridian.session"]


def in_a_process(text, *arguments):
    """A program's output, from an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", text, *arguments], stdout=subprocess.PIPE, text=True,
                          timeout=120)
    return done.stdout.strip(), done.returncode


def filled(client, name, count, dimension=16):
    collection = client.create_collection(name, embedding_function=None)
    values = np.random.default_rng(1).standard_normal((count, dimension)).astype(np.float32)
    collection.add(ids=[str(i) for i in range(count)], embeddings=values)
    return collection, values


class Documentation(unittest.TestCase):
    def test_examples_do_what_they_say(self):
        for name in MODULES:
            result = doctest.testmod(importlib.import_module(name))
            self.assertEqual(result.failed, 0, name)


class Arrays(unittest.TestCase):
    def setUp(self):
        self.client = viridian.EphemeralClient()
        self.addCleanup(self.client.close)

    def test_results_are_arrays_that_outlive_what_they_came_from(self):
        collection, values = filled(self.client, "arrays", 100)
        got = collection.get(include=["embeddings"])["embeddings"]
        near = collection.query(query_embeddings=values[:2], n_results=3,
                                include=["embeddings"])["embeddings"]
        self.client.delete_collection("arrays")
        del collection
        gc.collect()
        self.assertEqual((got.dtype, got.shape), (np.float32, values.shape))
        np.testing.assert_array_equal(got, values)
        np.testing.assert_array_equal([rows[0] for rows in near], values[:2])
        got[0, 0] = 5.0
        self.assertFalse(got.flags.owndata)

    def test_every_kind_of_number_is_read_as_it_is(self):
        kinds = [np.float16, np.float32, np.float64, np.int8, np.uint8, np.int16, np.uint16, np.int32,
                 np.uint32, np.int64, np.uint64, np.longlong, np.ulonglong]
        whole = np.arange(48).reshape(4, 12)
        layouts = [lambda a: a, lambda a: np.asfortranarray(a), lambda a: a[::-1][::-1],
                   lambda a: np.repeat(a, 2, axis=1)[:, ::2], lambda a: list(a), lambda a: a.tolist(),
                   lambda a: tuple(a)]
        for number, kind in enumerate(kinds):
            for other, layout in enumerate(layouts):
                collection = self.client.create_collection(f"kinds-{number}-{other}",
                                                           embedding_function=None)
                collection.add(ids=list("abcd"), embeddings=layout(whole.astype(kind)))
                np.testing.assert_array_equal(collection.get(include=["embeddings"])["embeddings"],
                                              whole, f"{kind} {number}")

    def test_numbers_of_other_kinds_are_refused(self):
        collection = self.client.create_collection("other-kinds", embedding_function=None)
        for values in (np.ones((1, 4), dtype=bool), np.ones((1, 4), dtype=">f4"),
                       np.ones((1, 2, 2)), np.array(1.0), b"bytes", bytearray(b"bytes"), {"a": 1},
                       [[None]], [["x"]], np.ma.masked_array([[1.0, 2.0]], [[True, False]])):
            with self.assertRaises(ValueError, msg=repr(values)):
                collection.add(ids="a", embeddings=values)

    def test_a_list_that_changes_while_it_is_read_is_refused(self):
        collection, _ = filled(self.client, "changing", 1, 2)

        class Number:
            def __float__(self):
                numbers.clear()
                gc.collect()
                return 1.0

            def __array__(self, *arguments, **options):
                float(self)
                return np.ones(2, dtype=np.float32)

        for rest in ([1.0] * 1000, [np.ones(2, dtype=np.float32)] * 1000):
            numbers = [rest[0], Number(), *rest]
            with self.assertRaisesRegex(ValueError, "changed"):
                collection.add(ids="a", embeddings=numbers)

    def test_ctrl_c_within_a_number_is_no_wrong_number(self):
        collection, _ = filled(self.client, "interrupted", 1, 2)

        class Number:
            def __float__(self):
                raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            collection.add(ids="a", embeddings=[1.0, Number()])


class Lifetime(unittest.TestCase):
    def test_a_closed_client_says_so_and_with_closes(self):
        with tempfile.TemporaryDirectory() as path:
            with viridian.PersistentClient(path) as client:
                collection, _ = filled(client, "closed", 3)
            for call in (collection.count, client.list_collections, client.heartbeat):
                with self.assertRaises(viridian.errors.FailedPreconditionError):
                    call()
            client.close()
            with viridian.PersistentClient(path) as again:
                self.assertEqual(again.get_collection("closed").count(), 3)

    def test_clients_of_one_directory_share_it_until_the_last_is_closed(self):
        with tempfile.TemporaryDirectory() as path:
            one, two = viridian.PersistentClient(path), viridian.PersistentClient(path + "/.")
            collection, _ = filled(one, "shared", 3)
            one.close()
            self.assertEqual(two.get_collection("shared").count(), collection.count())
            with self.assertRaises(ValueError):
                viridian.PersistentClient(path, viridian.Settings(allow_reset=True))
            two.close()
            with viridian.PersistentClient(path, viridian.Settings(allow_reset=True)) as client:
                self.assertTrue(client.reset())

    def test_a_relative_path_stays_where_it_was(self):
        with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as other:
            self.addCleanup(os.chdir, os.getcwd())
            os.chdir(root)
            with viridian.PersistentClient("data") as client:
                collection, _ = filled(client, "moved", 3)
                os.chdir(other)
                collection.flush()
                with viridian.PersistentClient(os.fsencode(os.path.join(root, "data"))) as same:
                    self.assertEqual(same.get_collection("moved").count(), 3)
            self.assertEqual(os.listdir(other), [])

    def test_a_copy_of_a_client_is_one_more_of_them(self):
        client = viridian.EphemeralClient()
        copied = copy.copy(client)
        copied.close()
        self.assertGreater(client.heartbeat(), 0)
        client.close()

    def test_the_collector_may_end_a_client_while_another_opens(self):
        class Path:
            def __fspath__(self):
                client = viridian.EphemeralClient()
                client.itself = client
                del client
                gc.collect()
                return path

        with tempfile.TemporaryDirectory() as path:
            thread = threading.Thread(target=lambda: viridian.PersistentClient(Path()).close(),
                                      daemon=True)
            thread.start()
            thread.join(60)
            self.assertFalse(thread.is_alive())

    def test_a_collection_keeps_what_it_needs(self):
        with tempfile.TemporaryDirectory() as path:
            collection, _ = filled(viridian.PersistentClient(path), "kept", 3)
            gc.collect()
            self.assertEqual(collection.count(), 3)

    def test_another_process_is_told_who_has_the_directory(self):
        with tempfile.TemporaryDirectory() as path, viridian.PersistentClient(path):
            said, _ = in_a_process(
                "import sys, viridian\n"
                "try: viridian.PersistentClient(sys.argv[1])\n"
                "except viridian.errors.FailedPreconditionError as e: print(e)", path)
            self.assertIn(str(os.getpid()), said)

    def test_the_interpreter_ends_with_databases_open(self):
        said, code = in_a_process(
            "import viridian\n"
            "c = viridian.EphemeralClient().create_collection('abc', embedding_function=None)\n"
            "c.add(ids='a', embeddings=[1.0]); print(c.count())")
        self.assertEqual((said, code), ("1", 0))

    def test_the_interpreter_ends_while_a_thread_is_within_a_call(self):
        program = (
            "import itertools, sys, threading, time, viridian\n"
            "client = viridian.PersistentClient(sys.argv[1])\n"
            "c = client.get_or_create_collection('abc', embedding_function=None)\n"
            "def work():\n"
            "    for i in itertools.count(): c.upsert(ids='a', embeddings=[float(i)])\n"
            "threading.Thread(target=work, daemon=True).start()\n"
            "time.sleep(0.2)\n"
            "print('ends')")
        with tempfile.TemporaryDirectory() as path:
            for _ in range(5):
                self.assertEqual(in_a_process(program, path), ("ends", 0))
            with viridian.PersistentClient(path) as client:
                self.assertEqual(client.get_collection("abc").count(), 1)

    def test_what_is_no_name_is_refused_in_a_sentence(self):
        with viridian.EphemeralClient() as client:
            for wrong, sentence in ((None, "a NoneType"), (7, "a int"), ("\ud800", "surrogate")):
                for call in (client.get_collection, client.delete_collection, client.set_tenant,
                             client.set_database, client.get_collection_by_id):
                    if call == client.get_collection_by_id and wrong in (None, 7):
                        continue  # which are made texts of: they are no UUIDs
                    with self.assertRaisesRegex(ValueError, f"names must be .*{sentence}"):
                        call(wrong)
            collection, _ = filled(client, "surrogates", 1, 2)
            with self.assertRaisesRegex(ValueError, "documents must be texts that UTF-8 has"):
                collection.update(ids="0", embeddings=[[1.0, 2.0]], documents="\ud800")

    def test_a_file_is_no_directory(self):
        with tempfile.NamedTemporaryFile() as file:
            with self.assertRaisesRegex(viridian.errors.FailedPreconditionError, "is a file"):
                viridian.PersistentClient(file.name)

    def test_no_server_is_a_value_error(self):
        with self.assertRaises(ValueError):
            viridian.HttpClient(port=harness.free_port())


@unittest.skipIf("tsan" in os.environ.get("LD_PRELOAD", ""),
                 "the thread sanitizer ends a fork that starts threads")
class Forks(unittest.TestCase):
    def test_a_forked_process_is_refused_and_may_open_its_own(self):
        client = viridian.EphemeralClient()
        self.addCleanup(client.close)
        collection, _ = filled(client, "forked", 3)

        def child(answers):
            try:
                collection.count()
            except viridian.errors.FailedPreconditionError as error:
                answers.put(str(error))
            with viridian.EphemeralClient() as own:
                answers.put(own.count_collections())
            answers.put("done")

        context = multiprocessing.get_context("fork")
        answers = context.Queue()
        process = context.Process(target=child, args=(answers,))
        process.start()
        said = [answers.get(timeout=60) for _ in range(3)]
        process.join(60)
        self.assertIn(str(os.getpid()), said[0])
        self.assertEqual((said[1:], process.exitcode), ([0, "done"], 0))
        self.assertEqual(collection.count(), 3)


class Threads(unittest.TestCase):
    def test_many_threads_write_and_read(self):
        with viridian.EphemeralClient() as client:
            collection = client.create_collection("threads", embedding_function=None)
            collection.add(ids="seed", embeddings=[0.0] * 16)
            failures = []

            def work(number):
                try:
                    for i in range(50):
                        name = f"{number}-{i}"
                        collection.add(ids=name, embeddings=[float(number)] * 16)
                        found = collection.query(query_embeddings=[float(number)] * 16, n_results=1)
                        if not found["ids"][0][0].startswith(f"{number}-"):
                            failures.append((name, found))
                except Exception as error:  # shown below
                    failures.append(error)

            threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])
            self.assertEqual(collection.count(), 401)

    def test_threads_open_one_directory_and_close_or_forget_it(self):
        failures = []

        def work(path, close):
            try:
                for _ in range(100):
                    client = viridian.PersistentClient(path)
                    client.heartbeat()
                    if close:
                        client.close()
                    del client
            except Exception as error:  # shown below
                failures.append(error)

        for close in (True, False):
            with tempfile.TemporaryDirectory() as path:
                threads = [threading.Thread(target=work, args=(path, close)) for _ in range(4)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            self.assertEqual(failures, [])

    def test_other_threads_run_while_a_call_works(self):
        with viridian.EphemeralClient() as client:
            collection, values = filled(client, "unlocked", 2000, 512)
            turns, over = [0], threading.Event()

            def spin():
                while not over.is_set():
                    turns[0] += 1
                    time.sleep(0)

            thread = threading.Thread(target=spin)
            thread.start()
            before = turns[0]
            collection.query(query_embeddings=values[:1000], n_results=50, include=["distances"])
            during = turns[0] - before
            over.set()
            thread.join()
            # Were the lock held, the other thread would have had a turn or two around the call.
            self.assertGreater(during, 20)


class Interrupts(unittest.TestCase):
    def setUp(self):
        # Programs that a shell starts in the background ignore it.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def test_ctrl_c_ends_a_long_call(self):
        with viridian.EphemeralClient() as client:
            collection, values = filled(client, "long", 60000, 64)
            # Of another type, so that reading it takes a while, in which other threads run. Not
            # interrupted, the query takes longer than this program may.
            many = np.tile(values[:15000].astype(np.float64), (40, 1))
            for seconds in (0, 0.001, 0.01, 0.05, 0.3):
                interrupt = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
                with self.assertRaises(KeyboardInterrupt):
                    interrupt.start()
                    collection.query(query_embeddings=many, n_results=100)
                self.assertEqual(collection.count(), 60000)
        self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler)


class Imports(unittest.TestCase):
    def test_an_import_does_not_load_numpy_or_asyncio(self):
        said, _ = in_a_process("import sys, viridian\n"
                               "print([m for m in ('numpy', 'asyncio', 'chromadb') if m in sys.modules])")
        self.assertEqual(said, "[]")


if __name__ == "__main__":
    unittest.main()
