"""Many threads on one embedded database, and many databases one after the other.

usage: concurrency_cases.py
"""
import tempfile
import threading
import unittest

import cycles
import numpy as np
import viridian

DIMENSION = 32
READERS = 8
BATCHES = 120
BATCH = 10  # records of a batch, which come and go together
KEPT = 300


def place(number):
    """Where the records of a batch lie: far from all others."""
    vector = np.zeros(DIMENSION, dtype=np.float32)
    vector[:2] = 1000.0, 10.0 * number
    return vector


class Life:
    """Batches that one thread adds and deletes, and what others may see of them."""

    def __init__(self, collection):
        self.collection = collection
        self.kept = np.random.default_rng(7).standard_normal((KEPT, DIMENSION)).astype(np.float32)
        squares = ((self.kept[:, None] - self.kept[None]) ** 2).sum(2)
        self.nearest = np.argsort(squares, axis=1, kind="stable")[:, :5]
        collection.add(ids=[f"kept-{i}" for i in range(KEPT)], embeddings=self.kept)
        self.added, self.deleted = 0, 0  # batches whose addition, or deletion, was acknowledged
        self.starting, self.ending = 0, 0  # and those whose was begun
        self.done = threading.Event()
        self.failures = []

    def write(self):
        """Adds all batches; each is deleted two after it."""
        for number in range(BATCHES):
            self.starting = number + 1
            self.collection.add(ids=[f"{number}-{i}" for i in range(BATCH)],
                                embeddings=np.tile(place(number), (BATCH, 1)),
                                metadatas=[{"batch": number}] * BATCH)
            self.added = number + 1
            if number >= 2:
                self.ending = number - 1
                self.collection.delete(where={"batch": number - 2})
                self.deleted = number - 1

    def read(self, number):
        """Asks for a kept record and for a batch that was just, or is being, added or deleted, until
        writing is over."""
        asked = 0
        while not self.done.is_set() or asked < 20:
            at = (number * 37 + asked) % KEPT
            found = self.collection.query(query_embeddings=self.kept[at], n_results=5)["ids"][0]
            expected = [f"kept-{i}" for i in self.nearest[at]]
            self.check(found == expected, (found, expected))
            self.see(max(0, (self.starting, self.added, self.ending)[asked % 3] - 1))
            asked += 1

    def see(self, batch):
        """A batch is there as a whole or not at all. It is there if its addition was acknowledged
        before the question and its deletion did not begin before the answer; it is gone if that was
        acknowledged before the question."""
        added, gone = self.added > batch, self.deleted > batch
        found = self.collection.query(query_embeddings=place(batch), n_results=BATCH,
                                      include=["metadatas"])
        mine = sum(one == {"batch": batch} for one in found["metadatas"][0])
        allowed = {0} if gone else {BATCH} if added and self.ending <= batch else {0, BATCH}
        self.check(mine in allowed, (batch, mine, allowed, found))

    def check(self, right, seen):
        if not right:
            self.failures.append(seen)

    def run(self, work, *arguments):
        """A thread's work; what it raises is a failure."""
        try:
            work(*arguments)
        except Exception as error:  # shown by the test
            self.failures.append(error)


class Threads(unittest.TestCase):
    def answers_are_right(self, client):
        life = Life(client.create_collection("life", embedding_function=None))
        readers = [threading.Thread(target=life.run, args=(life.read, n)) for n in range(READERS)]
        writer = threading.Thread(target=life.run, args=(life.write,))
        for thread in (*readers, writer):
            thread.start()
        writer.join()
        life.done.set()
        for thread in readers:
            thread.join()
        self.assertEqual(life.failures[:3], [])
        self.assertEqual(life.collection.count(), KEPT + 2 * BATCH)

    def test_eight_ask_in_memory_while_a_ninth_writes(self):
        with viridian.EphemeralClient() as client:
            self.answers_are_right(client)

    def test_eight_ask_a_directory_while_a_ninth_writes(self):
        with tempfile.TemporaryDirectory() as path, viridian.PersistentClient(path) as client:
            self.answers_are_right(client)


class Cycles(unittest.TestCase):
    """The long form is `./dev bench python --cycles`."""

    def leaves_nothing(self, cycle, warm_up, count):
        before, after, more = cycles.left(cycle, warm_up, count)
        self.assertEqual(after, before, "descriptors, threads")
        self.assertLess(more, 8 << 20)

    def test_databases_in_memory_leave_nothing(self):
        self.leaves_nothing(cycles.memory, 100, 300)

    def test_databases_in_a_directory_leave_nothing(self):
        with tempfile.TemporaryDirectory() as path:
            self.leaves_nothing(cycles.in_directory(path), 30, 100)


if __name__ == "__main__":
    unittest.main()
