"""Reading, filters and deleting: the second half of official_client.py."""
import chromadb
import numpy as np
from chromadb.errors import InvalidArgumentError, NotFoundError

from scenario import HOST, PORT, RUN, VECTORS, fresh, raises, step, w

# ---- reading

@step("get gives natural order, whatever the order of the ids asked for")
def _():
    assert w.books.get(ids=["d", "a", "b"])["ids"] == ["a", "b", "d"]


@step("get pages by limit and offset")
def _():
    assert w.books.get(limit=2, offset=1)["ids"] == ["b", "c"]
    assert w.books.get(limit=2, offset=4)["ids"] == ["e"]


@step("get gives the included columns only")
def _():
    got = w.books.get(ids=["a"], include=["uris"])
    assert got["uris"] == ["s3://a"] and got["documents"] is None and got["metadatas"] is None


@step("unknown ids are skipped")
def _():
    assert w.books.get(ids=["a", "nothing"])["ids"] == ["a"]


@step("peek shows the first records with their vectors")
def _():
    got = w.books.peek(2)
    assert got["ids"] == ["a", "b"] and len(got["embeddings"]) == 2


@step("query gives the nearest first, distances by the cosine")
def _():
    got = w.books.query(query_embeddings=[[1.0, 0.1, 0.0]], n_results=2,
                        include=["distances", "documents"])
    assert got["ids"] == [["a", "d"]] and got["documents"][0][0] == "red fox"
    expected = 1 - 1 / np.sqrt(1.01)
    assert abs(got["distances"][0][0] - expected) < 1e-5


@step("several queries in one call answer one by one")
def _():
    got = w.books.query(query_embeddings=[VECTORS["a"], VECTORS["b"], VECTORS["c"]], n_results=1)
    assert got["ids"] == [["a"], ["b"], ["c"]]


@step("more results than records: all of them, no error")
def _():
    assert len(w.books.query(query_embeddings=[VECTORS["a"]], n_results=1000)["ids"][0]) == 5


@step("l2 is the squared distance, ip is one minus the dot product")
def _():
    for space, expected in [("l2", [1.0, 4.0, 5.0, 8.0]), ("ip", [-10.0, -3.0, 0.0, 1.0])]:
        c = fresh(f"distance_{space}", configuration={"hnsw": {"space": space}})
        c.add(ids=list("pqrs"), embeddings=[[0, 2], [1, 0], [0, 0], [3, 4]])
        got = c.query(query_embeddings=[[1.0, 2.0]], n_results=4)["distances"][0]
        assert np.allclose(got, expected), (space, got)


@step("query among given ids")
def _():
    got = w.books.query(query_embeddings=[VECTORS["a"]], ids=["b", "c"], n_results=5)
    assert sorted(got["ids"][0]) == ["b", "c"]


@step("query with an unknown id among the ids ignores it", ours=True)
def _():
    got = w.books.query(query_embeddings=[VECTORS["a"]], ids=["b", "nothing"], n_results=5)
    assert got["ids"] == [["b"]]


@step("query of the wrong dimension is refused")
def _():
    raises(InvalidArgumentError, lambda: w.books.query(query_embeddings=[[1.0]]), "dimension")


@step("query of an empty collection is empty")
def _():
    assert fresh("empty").query(query_embeddings=[[1.0, 2.0]])["ids"] == [[]]


# ---- filters

def where(condition):
    return w.books.get(where=condition)["ids"]


@step("equality, also across int and float")
def _():
    assert where({"n": 1}) == ["a"] and where({"n": 1.0}) == ["a"] and where({"n": 2.5}) == ["b"]
    assert where({"kind": "fox"}) == ["a"] and where({"n": "1"}) == []


@step("$ne and $nin include records that lack the key")
def _():
    assert where({"n": {"$ne": 1}}) == ["b", "c", "d", "e"]
    assert where({"kind": {"$nin": ["fox", "elk"]}}) == ["b", "c", "d"]


@step("$gt, $gte, $lt, $lte")
def _():
    assert where({"n": {"$gt": 2.5}}) == ["c", "e"] and where({"n": {"$gte": 3}}) == ["c", "e"]
    assert where({"n": {"$lt": 3}}) == ["a", "b"] and where({"n": {"$lte": 1}}) == ["a"]


@step("a fraction against whole numbers compares exactly", ours=True)
def _():
    assert where({"n": {"$gte": 1.5}}) == ["b", "c", "e"] and where({"n": 1.5}) == []


@step("$in, $and, $or nested")
def _():
    assert where({"kind": {"$in": ["fox", "whale"]}}) == ["a", "b"]
    assert where({"$and": [{"n": {"$gt": 0}}, {"$or": [{"kind": "fox"}, {"n": 5}]}]}) == ["a", "e"]


@step("$contains on array metadata")
def _():
    assert where({"tags": {"$contains": "x"}}) == ["c"]
    assert where({"tags": {"$not_contains": "x"}}) == ["a", "b", "d", "e"]


@step("documents: $contains is a case-sensitive substring")
def _():
    got = w.books.get(where_document={"$contains": "ed"})["ids"]
    assert got == ["a", "c"]
    assert w.books.get(where_document={"$contains": "Red"})["ids"] == ["c"]
    assert w.books.get(where_document={"$not_contains": "ed"})["ids"] == ["b", "d", "e"]


@step("documents: $regex and $not_regex")
def _():
    assert w.books.get(where_document={"$regex": "(?i)^red"})["ids"] == ["a", "c"]
    assert w.books.get(where_document={"$not_regex": "[aeiou]{2}"})["ids"] == ["a", "c", "e"]
    raises(InvalidArgumentError, lambda: w.books.get(where_document={"$regex": "("}))


@step("filters on both metadata and document, in query")
def _():
    got = w.books.query(query_embeddings=[VECTORS["c"]], n_results=5, where={"n": {"$lt": 100}},
                        where_document={"$contains": "red"})
    assert got["ids"] == [["a"]]


@step("a bad filter is refused by the server")
def _():
    raises(Exception, lambda: w.books.get(where={"n": {"$foo": 1}}))


# ---- deleting

@step("records are deleted by id")
def _():
    w.books.delete(ids=["e"])
    assert w.books.count() == 4 and w.books.get(ids=["e"])["ids"] == []


@step("records are deleted by filter")
def _():
    c = fresh("delete_where")
    c.add(ids=[str(i) for i in range(10)], embeddings=[[float(i)] for i in range(10)],
          metadatas=[{"i": i} for i in range(10)], documents=[f"d{i}" for i in range(10)])
    c.delete(where={"i": {"$gte": 5}})
    c.delete(where_document={"$contains": "d1"})
    assert c.get()["ids"] == ["0", "2", "3", "4"]


@step("delete by filter with a limit takes the oldest")
def _():
    c = fresh("delete_limit")
    c.add(ids=list("abcdef"), embeddings=[[1.0]] * 6, metadatas=[{"k": 2}] * 6)
    c.delete(where={"k": 2}, limit=2)
    assert c.get()["ids"] == list("cdef")


@step("a deleted id may come again, at the end of the order")
def _():
    w.books.delete(ids=["a"])
    w.books.add(ids=["a"], embeddings=[[1.0, 0.0, 0.0]], documents=["new fox"])
    assert w.books.get()["ids"] == ["b", "c", "d", "a"]


@step("the dimension outlives the records")
def _():
    w.books.delete(ids=list("abcd"))
    assert w.books.count() == 0
    raises(InvalidArgumentError, lambda: w.books.add(ids=["z"], embeddings=[[1.0]]), "dimension")


@step("many collections at once do not disturb each other")
def _():
    from concurrent.futures import ThreadPoolExecutor

    def work(i):
        client = chromadb.HttpClient(host=HOST, port=PORT)
        c = client.create_collection(f"parallel_{i}_{RUN}", embedding_function=None)
        for batch in range(5):
            c.add(ids=[f"{batch}_{j}" for j in range(20)],
                  embeddings=[[float(i), float(j)] for j in range(20)])
            assert c.count() == (batch + 1) * 20  # a client reads its own writes
        return c.query(query_embeddings=[[float(i), 3.0]], n_results=1)["distances"][0][0]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [0.0] * 8


@step("a collection is deleted once")
def _():
    w.client.delete_collection(w.books.name)
    raises(NotFoundError, lambda: w.client.delete_collection(w.books.name))
    raises(NotFoundError, lambda: w.books.count(), "does not exist")


@step("reset is refused unless the configuration allows it")
def _():
    raises(Exception, lambda: w.client.reset())
