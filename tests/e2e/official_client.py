"""A scenario over every operation, through Chroma's official Python client, unmodified.

usage: official_client.py HOST PORT
Steps marked `ours` state what Viridian does better than the server the client was written for;
the others hold for both, and the scenario passes against a real Chroma with --reference.
"""
import time

import chromadb
import numpy as np
from chromadb.errors import ChromaError, InvalidArgumentError, NotFoundError

from scenario import HOST, PORT, REFERENCE, RUN, VECTORS, fresh, main, raises, step, w

# ---- the server, tenants, databases

@step("the client connects: identity, tenant and database are asked")
def _():
    w.client = chromadb.HttpClient(host=HOST, port=PORT)


@step("heartbeat is the current time in nanoseconds")
def _():
    assert abs(w.client.heartbeat() - time.time_ns()) < 60e9


@step("version is a string")
def _():
    assert isinstance(w.client.get_version(), str)


@step("the advertised batch size is a positive number")
def _():
    assert w.client.get_max_batch_size() > 0


@step("a tenant is created and found")
def _():
    settings = chromadb.Settings(chroma_api_impl="chromadb.api.fastapi.FastAPI",
                                 chroma_server_host=HOST, chroma_server_http_port=PORT)
    w.admin = chromadb.AdminClient(settings)
    w.admin.create_tenant(f"tenant_{RUN}")
    assert w.admin.get_tenant(f"tenant_{RUN}")["name"] == f"tenant_{RUN}"


@step("a tenant's name is taken once")
def _():
    raises(ChromaError, lambda: w.admin.create_tenant(f"tenant_{RUN}"), "already exists")


@step("an unknown tenant is not found")
def _():
    raises(NotFoundError, lambda: w.admin.get_tenant(f"nobody_{RUN}"))


@step("a database is created, found and listed")
def _():
    w.admin.create_database(f"db_{RUN}", f"tenant_{RUN}")
    assert w.admin.get_database(f"db_{RUN}", f"tenant_{RUN}")["name"] == f"db_{RUN}"
    assert [d["name"] for d in w.admin.list_databases(tenant=f"tenant_{RUN}")] == [f"db_{RUN}"]


@step("a database's name is taken once per tenant")
def _():
    raises(ChromaError, lambda: w.admin.create_database(f"db_{RUN}", f"tenant_{RUN}"))
    w.admin.create_tenant(f"other_{RUN}")
    w.admin.create_database(f"db_{RUN}", f"other_{RUN}")


@step("a client of another tenant sees none of the default one's collections")
def _():
    other = chromadb.HttpClient(host=HOST, port=PORT, tenant=f"tenant_{RUN}", database=f"db_{RUN}")
    other.create_collection("private", embedding_function=None)
    assert [c.name for c in other.list_collections()] == ["private"]
    raises(NotFoundError, lambda: w.client.get_collection("private", embedding_function=None))


@step("a database is deleted with its collections")
def _():
    w.admin.delete_database(f"db_{RUN}", f"tenant_{RUN}")
    raises(NotFoundError, lambda: w.admin.get_database(f"db_{RUN}", f"tenant_{RUN}"))


# ---- collections

@step("a collection is created with metadata and a configuration")
def _():
    w.books = fresh("books", metadata={"topic": "books", "year": 2026, "open": True, "x": 1.5},
                    configuration={"hnsw": {"space": "cosine", "ef_search": 77}})
    assert w.books.metadata == {"topic": "books", "year": 2026, "open": True, "x": 1.5}


@step("the configuration comes back with defaults filled in")
def _():
    hnsw = w.books.configuration_json["hnsw"]
    assert hnsw["space"] == "cosine" and hnsw["ef_search"] == 77
    assert hnsw["ef_construction"] == 100 and hnsw["max_neighbors"] == 16


@step("a name that is taken is refused")
def _():
    raises(ChromaError, lambda: fresh("books"), "already exists")


@step("get_or_create gives the stored collection and changes nothing")
def _():
    again = w.client.get_or_create_collection(w.books.name, embedding_function=None,
                                              metadata={"topic": "changed"})
    assert again.id == w.books.id and again.metadata["topic"] == "books"


@step("a collection is found by name")
def _():
    found = w.client.get_collection(w.books.name, embedding_function=None)
    assert found.id == w.books.id and found.metadata == w.books.metadata


@step("an unknown collection is not found, and the error carries a trace id")
def _():
    error = raises(NotFoundError,
                   lambda: w.client.get_collection(f"nothing_{RUN}", embedding_function=None),
                   "does not exist")
    assert getattr(error, "trace_id", None) is not None


@step("bad names are refused: short, dots, edges, ip address, long")
def _():
    for name in ["ab", "a..b", "-abc", "abc_", "1.2.3.4", "a b c", "x" * 513]:
        raises(InvalidArgumentError,
               lambda: w.client.create_collection(name, embedding_function=None))


@step("collections are listed in pages and counted")
def _():
    database = f"pages_{RUN}"
    w.admin.create_database(database)
    client = chromadb.HttpClient(host=HOST, port=PORT, database=database)
    names = [f"page_{i}" for i in range(5)]
    for name in names:
        client.create_collection(name, embedding_function=None)
    assert client.count_collections() == 5
    listed = [c.name for page in (0, 2, 4) for c in client.list_collections(limit=2, offset=page)]
    assert sorted(listed) == names and len(client.list_collections(limit=3, offset=5)) == 0


@step("a collection is renamed and its metadata replaced")
def _():
    c = fresh("before", metadata={"a": 1, "b": 2})
    c.modify(name=f"after_{RUN}", metadata={"c": 3})
    found = w.client.get_collection(f"after_{RUN}", embedding_function=None)
    assert found.id == c.id and found.metadata == {"c": 3}
    raises(NotFoundError, lambda: w.client.get_collection(f"before_{RUN}", embedding_function=None))


@step("a rename to a taken name is a conflict, not a server error", ours=True)
def _():
    c = fresh("rename")
    error = raises(ChromaError, lambda: c.modify(name=w.books.name), "already exists")
    assert "UNIQUE" not in str(error)


@step("the configuration is modified in part")
def _():
    c = fresh("modify_configuration")
    c.modify(configuration={"hnsw": {"ef_search": 42}})
    hnsw = w.client.get_collection(c.name, embedding_function=None).configuration_json["hnsw"]
    assert hnsw["ef_search"] == 42 and hnsw["ef_construction"] == 100


@step("the space can be set by the older metadata keys")
def _():
    c = fresh("legacy", metadata={"hnsw:space": "ip"})
    assert c.configuration_json["hnsw"]["space"] == "ip" and c.metadata == {"hnsw:space": "ip"}


@step("a schema is accepted and honoured")
def _():
    from chromadb import Schema
    from chromadb.api.types import StringInvertedIndexConfig
    schema = Schema().delete_index(key="secret", config=StringInvertedIndexConfig())
    c = w.client.create_collection(f"schema_{RUN}", embedding_function=None, schema=schema)
    c.add(ids=["a"], embeddings=[[1, 2]], metadatas=[{"secret": "x", "open": "y"}])
    assert c.get(where={"open": "y"})["ids"] == ["a"]
    raises(InvalidArgumentError, lambda: c.get(where={"secret": "x"}), "secret")


# ---- writing

@step("records are added and counted")
def _():
    w.books.add(ids=list("abcd"), embeddings=list(VECTORS.values()),
                documents=["red fox", "blue whale", "Red panda", None],
                metadatas=[{"n": 1, "kind": "fox"}, {"n": 2.5, "kind": "whale"},
                           {"n": 3, "kind": "panda", "tags": ["x", "y"]}, None],
                uris=["s3://a", None, None, None])
    assert w.books.count() == 4


@step("the dimension is the first vector's")
def _():
    raises(InvalidArgumentError, lambda: w.books.add(ids=["z"], embeddings=[[1.0, 2.0]]),
           "dimension of 3")


@step("an existing id is left alone by add")
def _():
    w.books.add(ids=["a"], embeddings=[[9.0, 9.0, 9.0]], documents=["other"])
    assert w.books.get(ids=["a"])["documents"] == ["red fox"]


@step("the client refuses repeated ids before anything is sent")
def _():
    raises(Exception, lambda: w.books.add(ids=["q", "q"], embeddings=[[1, 2, 3]] * 2), "q")


@step("update merges metadata and keeps what is not mentioned")
def _():
    w.books.update(ids=["a"], metadatas=[{"n": 10, "new": True}])
    assert w.books.get(ids=["a"])["metadatas"] == [{"n": 10, "kind": "fox", "new": True}]
    assert w.books.get(ids=["a"])["documents"] == ["red fox"]


@step("a null in update removes the key")
def _():
    w.books.update(ids=["a"], metadatas=[{"new": None, "n": 1}])
    assert w.books.get(ids=["a"])["metadatas"] == [{"n": 1, "kind": "fox"}]


@step("update of a missing id does nothing")
def _():
    w.books.update(ids=["missing"], metadatas=[{"n": 1}])
    assert w.books.count() == 4


@step("update replaces document and vector")
def _():
    w.books.update(ids=["d"], documents=["green frog"], embeddings=[[1.0, 1.0, 0.5]])
    got = w.books.get(ids=["d"], include=["documents", "embeddings"])
    assert got["documents"] == ["green frog"] and got["embeddings"][0].tolist() == [1, 1, 0.5]


@step("upsert inserts what is new and updates what is there")
def _():
    w.books.upsert(ids=["d", "e"], embeddings=[[1.0, 1.0, 0.0], [0.5, 0.5, 0.5]],
                   metadatas=[{"kind": "frog"}, {"kind": "elk", "n": 5}], documents=[None, "elk"])
    assert w.books.count() == 5
    assert w.books.get(ids=["d"])["documents"] == ["green frog"]
    assert w.books.get(ids=["d"])["metadatas"] == [{"kind": "frog"}]


@step("odd ids and texts survive: spaces, newlines, emoji, NUL, 5,000 characters")
def _():
    ids = [" ", "a\nb", "🦊", "é\0x", "k" * 5000]
    c = fresh("odd")
    c.add(ids=ids, embeddings=[[float(i), 1.0] for i in range(5)], documents=[i * 2 for i in ids])
    got = c.get()
    assert got["ids"] == ids and got["documents"] == [i * 2 for i in ids]


@step("vectors come back bit for bit, in every space")
def _():
    rows = np.random.default_rng(7).normal(size=(50, 17)).astype(np.float32)
    for space in ["l2", "ip"] + ([] if REFERENCE else ["cosine"]):
        c = fresh(f"bits_{space}", configuration={"hnsw": {"space": space}})
        c.add(ids=[str(i) for i in range(50)], embeddings=rows)
        assert (np.float32(c.get(include=["embeddings"])["embeddings"]) == rows).all()


@step("a batch of 5,000 is one call")
def _():
    c = fresh("large")
    rows = np.random.default_rng(8).normal(size=(5000, 8)).astype(np.float32)
    c.add(ids=[str(i) for i in range(5000)], embeddings=rows,
          metadatas=[{"i": i} for i in range(5000)])
    assert c.count() == 5000 and c.get(limit=3, offset=4990)["ids"] == ["4990", "4991", "4992"]


@step("metadata types survive: text, int64, float, bool, arrays")
def _():
    c = fresh("types")
    value = {"s": "", "i": 2**63 - 1, "j": -2**63, "f": 1.0, "b": False,
             "ls": ["a", "b"], "li": [1, 2], "lf": [1.5, 2.0], "lb": [True, False]}
    c.add(ids=["a"], embeddings=[[1.0]], metadatas=[value])
    got = c.get()["metadatas"][0]
    assert got == value and isinstance(got["f"], float) and isinstance(got["b"], bool)


import official_client_reads  # noqa: E402,F401 (its steps come after these)

main()
