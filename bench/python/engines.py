"""The engines, each as a program would use it: a collection that is made, filled, opened and asked.

Imports are within the functions, since what they take is measured. A path of None is memory.
"""
import pathlib

DIMENSION = 384
EF_CONSTRUCTION, LINKS = 200, 16


class ChromaLike:
    """What has Chroma's interface."""
    database, breadths = True, ()

    def __init__(self, path=None, breadth=None):
        self.path, self.breadth = path, breadth
        self.client = self.connect()
        self.collection = None

    def create(self):
        """An empty collection."""
        self.collection = self.client.create_collection("bench", embedding_function=None)

    def open(self):
        """The collection that is there."""
        self.collection = self.client.get_collection("bench", embedding_function=None)

    def add(self, ids, vectors, documents, metadatas):
        """A batch, until it is acknowledged."""
        self.collection.add(ids=ids, embeddings=vectors, documents=documents, metadatas=metadatas)

    def query(self, vectors, count):
        """Ids and distances of the nearest to each vector."""
        return self.collection.query(query_embeddings=vectors, n_results=count, include=["distances"])

    def numbers(self, answer):
        """Of the records that were found."""
        return [[int(one) for one in ids] for ids in answer["ids"]]

    def records(self, vectors, count):
        """The same with documents and metadata."""
        return self.collection.query(query_embeddings=vectors, n_results=count)

    def count(self):
        """How many records there are."""
        return self.collection.count()


class Viridian(ChromaLike):
    """Opened with a share of the nearest that is to be found."""
    name, module, package = "Viridian", "viridian", "viridian"
    breadths = (0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)

    def connect(self):
        import viridian
        if self.path is None:
            return viridian.EphemeralClient()
        settings = {"vectors.recall": str(self.breadth)} if self.breadth else {}
        return viridian.PersistentClient(self.path, viridian.Settings(viridian=settings))

    def settle(self):
        """Everything in files, with indexes."""
        self.collection.compact()

    def close(self):
        """The database."""
        self.client.close()


class Chroma(ChromaLike):
    """The collection keeps `ef_search`."""
    name, module, package = "Chroma", "chromadb", "chromadb==1.5.9"
    breadths = (30, 40, 50, 60, 70, 80, 100, 150, 200, 300, 400, 600, 800)

    def connect(self):
        import chromadb
        settings = chromadb.Settings(anonymized_telemetry=False)
        if self.path is None:
            return chromadb.EphemeralClient(settings)
        return chromadb.PersistentClient(str(self.path), settings)

    def open(self):
        super().open()
        if self.breadth:
            self.collection.modify(configuration={"hnsw": {"ef_search": self.breadth}})

    def settle(self):
        """What was written reaches the index when it is next asked."""
        self.query([[1.0] + [0.0] * (DIMENSION - 1)], 1)

    def close(self):
        """Nothing is closed but with the process."""


class LanceDb:
    """A table with IVF_HNSW_SQ (one partition) of the vectors, which are read again where near."""
    name, module, package, database = "LanceDB", "lancedb", "lancedb", True
    breadths = (20, 40, 60, 80, 100, 150, 200, 300, 400, 600, 800)

    def __init__(self, path=None, breadth=None):
        import lancedb
        self.connection = lancedb.connect("memory://" if path is None else str(path))
        self.breadth, self.table = breadth, None

    def create(self):
        """The table is made with the first batch."""

    def open(self):
        self.table = self.connection.open_table("bench")

    def add(self, ids, vectors, documents, metadatas):
        import pyarrow
        width = vectors.shape[1]
        flat = pyarrow.array(vectors.reshape(-1), pyarrow.float32())
        columns = {"id": ids, "vector": pyarrow.FixedSizeListArray.from_arrays(flat, width),
                   "document": documents}
        columns |= {key: [one[key] for one in metadatas] for key in metadatas[0]}
        rows = pyarrow.table(columns)
        if self.table is None:
            self.table = self.connection.create_table("bench", rows)
        else:
            self.table.add(rows)

    def settle(self):
        """Its index is made by a call of its own."""
        self.table.optimize()
        self.table.create_index("l2", num_partitions=1, vector_column_name="vector",
                                index_type="IVF_HNSW_SQ", m=LINKS, ef_construction=EF_CONSTRUCTION)

    def search(self, vectors, count, columns):
        """As Arrow; several vectors in one call."""
        question = self.table.search(vectors if len(vectors) > 1 else vectors[0],
                                     vector_column_name="vector").distance_type("l2")
        if self.breadth:
            question = question.ef(self.breadth).refine_factor(2)
        return question.select(columns).limit(count).to_arrow()

    def query(self, vectors, count):
        return self.search(vectors, count, ["id", "_distance"]).to_pydict()

    def numbers(self, answer):
        places, ids = answer.get("query_index") or [0] * len(answer["id"]), answer["id"]
        found = [[] for _ in range(max(places, default=0) + 1)]
        for place, one in zip(places, ids):
            found[place].append(int(one))
        return found

    def records(self, vectors, count):
        kept = [name for name in self.table.schema.names if name != "vector"]
        return self.search(vectors, count, [*kept, "_distance"]).to_pylist()

    def count(self):
        return self.table.count_rows()

    def close(self):
        """Nothing is held."""


class Library:
    """An index of vectors alone, loaded from a file as a whole."""
    database, breadths = False, (20, 30, 40, 60, 80, 100, 150, 200, 300, 400, 600, 800)

    def __init__(self, path=None, breadth=None):
        self.file = path and str(pathlib.Path(path) / "index")
        self.breadth, self.index = breadth, None
        self.start()

    def settle(self):
        """Written to its file; until then it was in memory alone."""
        pathlib.Path(self.file).parent.mkdir(parents=True, exist_ok=True)
        self.save()

    def close(self):
        """Nothing is held."""


class Faiss(Library):
    """HNSW over the vectors as they are."""
    name, module, package = "FAISS", "faiss", "faiss-cpu"

    def start(self):
        import faiss
        self.faiss = faiss

    def create(self):
        self.index = self.faiss.IndexHNSWFlat(DIMENSION, LINKS)
        self.index.hnsw.efConstruction = EF_CONSTRUCTION

    def open(self):
        self.index = self.faiss.read_index(self.file)
        self.index.hnsw.efSearch = self.breadth or 100

    def save(self):
        self.faiss.write_index(self.index, self.file)

    def add(self, ids, vectors, documents, metadatas):
        self.index.add(vectors)

    def query(self, vectors, count):
        import numpy
        return self.index.search(numpy.asarray(vectors, dtype=numpy.float32), count)

    def numbers(self, answer):
        return answer[1].tolist()

    def count(self):
        return self.index.ntotal


class Hnswlib(Library):
    """Compiled here, for this processor."""
    name, module, package = "hnswlib", "hnswlib", "hnswlib"
    capacity = 100_000

    def start(self):
        import hnswlib
        self.index = hnswlib.Index("l2", DIMENSION)

    def create(self):
        self.index.init_index(self.capacity, M=LINKS, ef_construction=EF_CONSTRUCTION)

    def open(self):
        self.index.load_index(self.file)
        self.index.set_ef(self.breadth or 100)

    def save(self):
        self.index.save_index(self.file)

    def add(self, ids, vectors, documents, metadatas):
        self.index.add_items(vectors, [int(one) for one in ids])

    def query(self, vectors, count):
        return self.index.knn_query(vectors, count)

    def numbers(self, answer):
        return answer[0].tolist()

    def count(self):
        return self.index.get_current_count()


ENGINES = {engine.module: engine for engine in (Viridian, Chroma, LanceDb, Faiss, Hnswlib)}
