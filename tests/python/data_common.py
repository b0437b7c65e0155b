"""What the tests of data in and out have in common."""
import itertools
import pathlib
import tempfile
import unittest

import numpy as np

import viridian

NUMBER = itertools.count()
EVERYTHING = ["embeddings", "documents", "uris", "metadatas"]


class Case(unittest.TestCase):
    def setUp(self):
        self.client = viridian.EphemeralClient()
        self.addCleanup(self.client.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def collection(self, function=None):
        return self.client.create_collection(f"data-in-{next(NUMBER)}", embedding_function=function)

    def added(self, source, **options):
        """A collection's records after the source was added to it."""
        collection = self.collection()
        viridian.data.add(collection, source, **options)
        return content(collection)

    def metadata(self, source, **options):
        return [record[4] for record in self.added(source, id=None, **options)]


def content(collection):
    got = collection.get(include=EVERYTHING)
    vectors = np.asarray(got["embeddings"]).tolist()
    return list(zip(got["ids"], vectors, got["documents"], got["uris"], got["metadatas"]))


def table(rows=10):
    """Something of every part, with nothing missing."""
    return {"id": [f"id-{i}" for i in range(rows)],
            "embedding": [[float(i), 0.5, -1.0] for i in range(rows)],
            "document": [f"text {i} é\U0001f600" for i in range(rows)],
            "uri": [f"file://{i}" for i in range(rows)],
            "number": list(range(rows)), "ratio": [i / 4 for i in range(rows)],
            "even": [i % 2 == 0 for i in range(rows)], "name": [str(i) for i in range(rows)],
            "tags": [["a", str(i)] for i in range(rows)]}


def records(columns_of):
    return [dict(zip(columns_of, row)) for row in zip(*columns_of.values())]
