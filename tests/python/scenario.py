"""What programs do with Chroma's Python client, written once for whatever answers it.

usage: scenario.py BACKEND [ADDRESS|DIRECTORY]
BACKEND: chromadb, component (chromadb on viridian.chroma), ephemeral, persistent, http
Prints one JSON object: each step's name and what came of it. What differs between two runs of one
backend (ids of collections, times) is left out; exceptions are kept as what a program can catch.
Collections stay until the end, since Chroma 1.5.9 gives lists in the metadata of deleted ones to
records that come later.
"""
import json
import math
import sys

import numpy as np

import scenario_schemas

STEPS = []
DIMENSION = 8


def step(function):
    """Registers a step; it is given a client and the package that the client is from."""
    STEPS.append(function)
    return function


def raised(error, package):
    """What a program that catches Chroma's exceptions takes an error for."""
    errors = package.errors
    for name in ("NotFoundError", "DuplicateIDError", "AuthorizationError", "InternalError"):
        if isinstance(error, getattr(errors, name)):
            return name
    # Chroma stumbles over some arguments instead of refusing them.
    if isinstance(error, (ValueError, TypeError, ArithmeticError, LookupError, AttributeError,
                          errors.InvalidArgumentError)):
        return "refused"
    if isinstance(error, NotImplementedError):
        return "not implemented"
    return f"unexpected {type(error).__name__}: {error}"


def plain(value):
    """A result as JSON knows it; numbers to six digits, since distances are summed in some order."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if value == {}:
        return None  # metadata that is not there (docs/decisions/0009-where-chroma-differs.md)
    if isinstance(value, dict):
        return {key: plain(held) for key, held in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else str(value)
    return value


def attempt(package, call):
    """A call's result, or its exception as one word."""
    try:
        return plain(call())
    except Exception as error:  # whatever it is, is the result
        return {"raised": raised(error, package)}


def vectors(count, seed=1):
    return np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)


def filled(client, name, count=40, **options):
    """A collection of `count` records, some of whose parts are missing."""
    collection = client.create_collection(name, embedding_function=None, **options)
    collection.add(
        ids=[f"r{i}" for i in range(count)], embeddings=vectors(count),
        documents=[f"document {i} of the {'sea' if i % 3 else 'land'}" for i in range(count)],
        metadatas=[None if i % 7 == 6 else
                   {"n": i, "share": i / 4, "even": i % 2 == 0, "kind": "abc"[i % 3],
                    "tags": ["x", "y"] if i % 5 else ["z"]} for i in range(count)],
        uris=[f"file:///{i}" for i in range(count)])
    return collection


@step
def collections(client, package):
    made = client.create_collection("first", metadata={"about": "tests", "n": 1},
                                    embedding_function=None)
    client.create_collection("second", embedding_function=None)
    again = client.get_collection("first", embedding_function=None)
    return [
        made.name, made.metadata, made.id == again.id, made.count(read_level="index_and_wal"), made.tenant, made.database,
        repr(made), sorted(c.name for c in client.list_collections()),
        len(client.list_collections(limit=1)), client.count_collections(),
        client.get_collection_by_id(made.id, embedding_function=None).name,
        client.get_or_create_collection("first", embedding_function=None).metadata,
        attempt(package, lambda: client.create_collection("first", embedding_function=None)),
        attempt(package, lambda: client.get_collection("third", embedding_function=None)),
        attempt(package, lambda: client.delete_collection("third")),
        attempt(package, lambda: client.create_collection("a", embedding_function=None)),
        attempt(package, lambda: client.create_collection("eee", metadata={},
                                                          embedding_function=None)),
        client.create_collection("numbers", metadata={"n": np.int64(3), "x": np.float64(0.5)},
                                 embedding_function=None).metadata,
        attempt(package, lambda: client.create_collection("keys", metadata={1: 2},
                                                          embedding_function=None)),
        client.delete_collection("second"), client.count_collections(),
    ]


@step
def configurations(client, package):
    def hnsw(name, **options):
        made = client.create_collection(name, embedding_function=None, **options)
        stored = made.configuration_json["hnsw"]
        return [stored[key] for key in ("space", "ef_construction", "ef_search", "max_neighbors")]
    return [
        hnsw("plain"),
        hnsw("cosine", configuration={"hnsw": {"space": "cosine", "ef_search": 50}}),
        hnsw("legacy", metadata={"hnsw:space": "ip"}),
        attempt(package, lambda: hnsw("bad", configuration={"hnsw": {"space": "far"}})),
        client.create_collection("default").configuration_json["embedding_function"],
    ]


@step
def changing_a_collection(client, package):
    made = filled(client, "to-change", 3, metadata={"was": "there"})
    made.modify(name="changed", metadata={"now": 1})
    made.modify(configuration={"hnsw": {"ef_search": 77}})
    again = client.get_collection("changed", embedding_function=None)
    return [
        made.name, made.metadata, made.configuration_json["hnsw"]["ef_search"],
        again.metadata, again.configuration_json["hnsw"]["ef_search"], again.count(),
        attempt(package, lambda: made.modify(name="x")),
        attempt(package, lambda: made.modify(metadata={"hnsw:space": "ip"})),
        attempt(package, lambda: client.get_collection("to-change", embedding_function=None)),
    ]


@step
def adding(client, package):
    c = client.create_collection("adding", embedding_function=None)
    one = [1.0] * DIMENSION
    c.add(ids="single", embeddings=one, documents="alone", metadatas={"k": 1}, uris="u")
    c.add(ids=["int"], embeddings=[[1] * DIMENSION])
    c.add(ids=["f64", "f64b"], embeddings=np.ones((2, DIMENSION)))
    c.add(ids=["list-of-arrays"], embeddings=[np.ones(DIMENSION, dtype=np.float32)])
    c.add(ids=["strided"], embeddings=np.arange(2 * DIMENSION, dtype=np.float32)[None, ::2])
    c.add(ids=["single"], embeddings=[[0.0] * DIMENSION], documents=["ignored"])
    c.add(ids=["big"], embeddings=[one], metadatas=[{"n": 2 ** 62, "huge": 2 ** 70, "neg": -3}])
    c.add(ids=["lists"], embeddings=[one],
          metadatas=[{"b": [True, False], "i": [1, 2], "f": [1.5, 2.0], "s": ["a", "ä"]}])
    c.add(ids=["unicode-ü", "日本"], embeddings=[one, one], documents=["ß", ""])
    return [c.count(), c.get(include=["documents", "metadatas", "embeddings", "uris"])]


@step
def what_is_refused_in_an_add(client, package):
    c = client.create_collection("refusals", embedding_function=None)
    one, two = [1.0] * DIMENSION, [[1.0] * DIMENSION] * 2
    c.add(ids="seed", embeddings=one)
    calls = [
        lambda: c.add(ids=["x", "x"], embeddings=two),
        lambda: c.add(ids=["q"], embeddings=[[1.0]]),
        lambda: c.add(ids=["q", "r"], embeddings=[one, [1.0]]),
        lambda: c.add(ids=["q", "r"], embeddings=[one]),
        lambda: c.add(ids=["q", "r"], embeddings=two, metadatas=[{"a": 1}]),
        lambda: c.add(ids=["q", "r"], embeddings=two, documents=["a"]),
        lambda: c.add(ids=["q", "r"]),
        lambda: c.add(ids=[], embeddings=[]),
        lambda: c.add(ids=["q"], embeddings=[]),
        lambda: c.add(ids=["q"], embeddings=[[]]),
        lambda: c.add(ids=["q"], embeddings=[[float("nan")] + one[1:]]),
        lambda: c.add(ids=["q"], embeddings=[["a"] * DIMENSION]),
        lambda: c.add(ids=["q"], embeddings="text"),
        lambda: c.add(ids=["q"], embeddings=[one], metadatas=[{}]),
        lambda: c.add(ids=["q"], embeddings=[one], metadatas=[{"k": None}]),
        lambda: c.add(ids=["q"], embeddings=[one], metadatas={"k": np.int64(3)}),
        lambda: c.add(ids=["q"], embeddings=[one], metadatas={"k": []}),
        lambda: c.add(ids=["q"], embeddings=[one], metadatas={"k": [1, "x"]}),
        lambda: c.add(ids=["q"], embeddings=[one], metadatas={"k": object()}),
        lambda: c.add(ids=["q"], embeddings=[one], metadatas={"chroma:document": "x"}),
        lambda: c.add(ids=["q"], embeddings=[one], metadatas={"#k": "x"}),
        lambda: c.add(ids=["q"], embeddings=[one], metadatas=["x"]),
        lambda: c.add(ids=["q"], embeddings=[one], documents=[3]),
        lambda: c.add(ids=[""], embeddings=[one]),
        lambda: c.add(ids=[1], embeddings=[one]),
    ]
    return [[attempt(package, call) for call in calls], c.count()]


@step
def updating(client, package):
    c = filled(client, "updating", 6)
    c.update(ids="r0", metadatas={"n": None, "new": True})
    c.update(ids=["r1", "gone"], documents=["changed", "x"], embeddings=vectors(2, 5))
    c.update(ids=["r2"], uris=["elsewhere"])
    c.upsert(ids=["r3", "r9"], embeddings=vectors(2, 6), documents=["upserted", "added"],
             metadatas=[{"kind": "q"}, {"kind": "r"}])
    return [
        attempt(package, lambda: c.upsert(ids=["r3"], metadatas=[{"a": 1}])),
        attempt(package, lambda: c.update(ids=["r3", "r3"], metadatas=[{"a": 1}, {"a": 2}])),
        c.count(), c.get(include=["documents", "metadatas", "embeddings", "uris"]),
    ]


@step
def deleting(client, package):
    c = filled(client, "deleting")
    return [
        c.delete(ids="r0"), c.delete(ids=["r1", "r4"]), c.delete(where={"kind": "b"}),
        c.delete(where={"n": {"$gt": 30}}, limit=2),
        c.delete(where_document={"$contains": "document 5 "}),
        c.delete(ids=["r2", "r3"], where={"kind": "c"}),
        [attempt(package, call) for call in (
            lambda: c.delete(), lambda: c.delete(ids=["r2"], limit=1), lambda: c.delete(ids=[]),
            lambda: c.delete(where={"n": 1}, limit="1"), lambda: c.delete(where={"n": 1}, limit=-1),
            # What would be true of every record.
            lambda: c.delete(where={"$and": []}), lambda: c.delete(where_document={"$contains": ""}),
            lambda: c.delete(where_document={"$regex": ""}))],
        c.get(include=[])["ids"], c.count(),
    ]


@step
def getting(client, package):
    c = filled(client, "getting")
    calls = [
        lambda: c.get(), lambda: c.peek(), lambda: c.peek(3), lambda: c.get(limit=3, offset=5),
        lambda: c.get(ids="r3"), lambda: c.get(ids=["r9", "r2", "absent"]),
        lambda: c.get(ids=["absent"], include=["embeddings", "documents"]),
        lambda: c.get(include=["embeddings", "uris"], limit=2), lambda: c.get(include=[], limit=2),
        lambda: c.get(limit=0), lambda: c.get(offset=1000), lambda: c.peek(np.int32(2)),
        lambda: c.get(limit=np.int64(2), offset=np.uint8(1)),
        lambda: c.get(ids=[]), lambda: c.get(ids=["r1", "r1"]), lambda: c.get(limit=-1),
        lambda: c.get(include=["nothing"]), lambda: c.get(include=["distances"]),
        lambda: c.get(include=("documents",)), lambda: c.get(ids=[3]),
        lambda: c.get(include=["data"]),
    ]
    return [attempt(package, call) for call in calls]


@step
def filters(client, package):
    c = filled(client, "filters")
    found = [
        {"n": 3}, {"n": {"$eq": 3}}, {"n": {"$ne": 3}}, {"n": {"$gt": 35}}, {"n": {"$gte": 35}},
        {"n": {"$lt": 3}}, {"n": {"$lte": 3}}, {"share": 2.5}, {"even": True}, {"kind": "a"},
        {"kind": {"$in": ["a", "b"]}}, {"kind": {"$nin": ["a", "b"]}}, {"n": {"$in": [1, 2, 99]}},
        {"tags": {"$contains": "z"}}, {"tags": {"$not_contains": "z"}},
        {"$and": [{"kind": "a"}, {"n": {"$gt": 20}}]}, {"$or": [{"kind": "a"}, {"n": 1}]},
        {"$and": [{"$or": [{"n": 1}, {"n": 2}]}, {"even": False}]}, {"absent": 1},
    ]
    refused = [{}, {"n": None}, {"n": {"$foo": 1}}, {"n": {"$in": []}}, {"$and": 3}, "text", [],
               {"a": 1, "b": 2}, {"n": {"$gt": "text", "$lt": 3}}, {"$and": []}, {"$or": []},
               {"$or": [{"n": 1}]}, {"$and": [{"n": 1}, {"$and": []}]}, {1: 1}, {"n": np.int64(1)}]
    texts = [{"$contains": "sea"}, {"$not_contains": "sea"}, {"$regex": "[12]0 of"},
             {"$not_regex": "sea"}, {"$and": [{"$contains": "1"}, {"$contains": "land"}]},
             {"$or": [{"$contains": "document 1 "}, {"$contains": "document 2 "}]}]
    return [
        [c.get(where=where, include=[])["ids"] for where in found],
        [c.get(where_document=text, include=[])["ids"] for text in texts],
        c.get(where={"kind": "a"}, where_document={"$contains": "3"}, include=[])["ids"],
        [attempt(package, lambda w=where: c.get(where=w)) for where in refused],
        [attempt(package, lambda t=text: c.get(where_document=t))
         for text in ({}, {"$contains": 3}, {"$foo": "x"}, "x", {"$contains": ""},
                      {"$not_contains": ""}, {"$or": [{"$contains": "sea"}]},
                      {"$and": [{"$contains": "sea"}, {"$regex": ""}]})],
    ]


@step
def querying(client, package):
    answers = []
    for space in ("l2", "cosine", "ip"):
        c = filled(client, f"querying-{space}", configuration={"hnsw": {"space": space}})
        q = vectors(3, 9)
        answers += [
            c.query(query_embeddings=q, n_results=5),
            c.query(query_embeddings=q[0].tolist(), n_results=3, include=["distances"]),
            c.query(query_embeddings=[q[1]], n_results=3, where={"kind": "a"},
                    include=["embeddings", "uris", "metadatas"]),
            c.query(query_embeddings=q[:1], n_results=4, ids=["r1", "r2"]),
            c.query(query_embeddings=q[:1], n_results=4, where_document={"$contains": "land"})["ids"],
            c.query(query_embeddings=q[:1], n_results=100)["ids"],
            c.query(query_embeddings=q[:1], where={"absent": 1}),
        ]
    calls = [
        lambda: c.query(query_embeddings=q[0], n_results=0), lambda: c.query(),
        lambda: c.query(query_embeddings=[1.0]), lambda: c.query(query_embeddings=[]),
        lambda: c.query(query_embeddings=q[0], n_results=-1),
        lambda: c.query(query_embeddings=q[0], include=["nothing"]),
        lambda: c.query(query_embeddings=q[0], where={}),
        lambda: c.query(query_embeddings=[["a"] * DIMENSION]),
    ]
    return answers + [attempt(package, call) for call in calls]


def embedding_function(package):
    from_package = package.EmbeddingFunction

    class Lengths(from_package):
        """Vectors of a few plain properties of the text."""

        def __init__(self, scale=1.0):
            self.scale = scale

        def __call__(self, input):
            return [np.array([len(t) * self.scale, t.count("a"), t.count("e")], dtype=np.float32)
                    for t in input]

        @staticmethod
        def name():
            return "lengths"

        def get_config(self):
            return {"scale": self.scale}

        @staticmethod
        def build_from_config(config):
            return Lengths(**config)

        def default_space(self):
            return "l2"

    return Lengths


@step
def embedding(client, package):
    lengths = embedding_function(package)
    c = client.create_collection("embedding", embedding_function=lengths(2.0))
    c.add(ids=["a", "b"], documents=["apple", "a longer banana"])
    c.upsert(ids=["c"], documents=["pear"])
    c.update(ids=["c"], documents=["peaches"])
    again = client.get_collection("embedding")
    return [
        c.configuration_json["embedding_function"], c.configuration_json["hnsw"]["space"],
        c.get(include=["embeddings", "documents"]),
        c.query(query_texts="apples", n_results=1)["ids"],
        again.query(query_texts=["apples", "bananas that are long"], n_results=1),
        attempt(package, lambda: client.get_collection("embedding", embedding_function=None)
                .query(query_texts="x", n_results=1)["ids"]),
        attempt(package, lambda: client.create_collection("without", embedding_function=None)
                .add(ids="a", uris="u")),
    ]


@step
def schemas(client, package):
    return [scenario_schemas.random_ones(package, plain),
            scenario_schemas.mistakes(package, attempt),
            scenario_schemas.of_collections(client, package, attempt,
                                            embedding_function(package)())]


@step
def data_loaders(client, package):
    c = client.create_collection("loading", embedding_function=embedding_function(package)(),
                                 data_loader=lambda uris: [f"data of {uri}" for uri in uris])
    c.add(ids=["a", "b"], uris=["one", "number two"])
    results = [c.get(include=["data"]), c.get(include=["data", "uris"]),
               c.query(query_texts=["data of one"], n_results=1, include=["data", "distances"])]
    # Of these, Chroma includes metadata that nobody asked for.
    return [[result[name] for name in ("ids", "data", "uris", "included")] for result in results]


@step
def collections_that_are_gone(client, package):
    c = filled(client, "going", 3)
    client.delete_collection("going")
    return [attempt(package, call) for call in (
        c.count, c.get, c.peek, lambda: c.add(ids="x", embeddings=[1.0] * DIMENSION),
        lambda: c.query(query_embeddings=[1.0] * DIMENSION), lambda: c.delete(ids="r0"),
        lambda: c.modify(name="gone"))]


@step
def tenants(client, package):
    return [
        client.tenant, client.database,
        attempt(package, lambda: client.set_tenant("nobody")),
        attempt(package, lambda: client.set_database("nowhere")),
        client.tenant, client.database, isinstance(client.heartbeat(), int),
        isinstance(client.get_version(), str), client.get_max_batch_size() > 0,
        attempt(package, client.reset),
    ]


@step
def what_is_not_offered(client, package):
    c = filled(client, "offers", 3)
    return [attempt(package, lambda: c.fork("fork-of-it"))]


def client_of(backend, place):
    """A client, and the package it is from."""
    if backend in ("chromadb", "component"):
        import chromadb
        if backend == "chromadb":
            return chromadb.EphemeralClient(), chromadb
        import viridian.chroma
        settings = chromadb.Settings(chroma_api_impl=viridian.chroma.NAME, persist_directory=place)
        return chromadb.Client(settings), chromadb
    import viridian as chromadb
    if backend == "ephemeral":
        return chromadb.EphemeralClient(), chromadb
    if backend == "persistent":
        return chromadb.PersistentClient(place), chromadb
    host, port = place.split(":")
    return chromadb.HttpClient(host=host, port=int(port)), chromadb


def main(backend, place=None):
    client, package = client_of(backend, place)
    answers = {}
    for function in STEPS:
        answers[function.__name__] = attempt(package, lambda: function(client, package))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
