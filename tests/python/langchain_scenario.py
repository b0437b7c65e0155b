"""What programs do with LangChain's Chroma store, written once for whatever is below it.

usage: langchain_scenario.py BACKEND DIRECTORY|PORT
BACKEND: chromadb (also what `python -m viridian.chroma` puts on Viridian), component, client, http
Prints one JSON object, as scenario.py does.
"""
import asyncio
import json
import pathlib
import sys

import chromadb
from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.indexing import InMemoryRecordManager, index

from scenario import attempt, plain
from word_vectors import embed

TEXTS = ["a fox in the snow", "the snow falls on the sea", "ships on the sea at night",
         "a fox and a hare", "the hare sleeps at night", "bread and salt", "salt of the sea",
         "ships carry bread", "night falls", "a letter to the fox"]
HERE = pathlib.Path(__file__).resolve().parent
STEPS = []
# Whose exceptions programs see: of a client of this package, its own.
PACKAGE = chromadb


class Words(Embeddings):
    def embed_documents(self, texts):
        return [embed(text) for text in texts]

    def embed_query(self, text):
        return embed(text)

    def embed_image(self, uris):
        return [embed(uri.rsplit("/", 1)[-1]) for uri in uris]


def step(function):
    """Registers a step; it is given what makes a store of some name."""
    STEPS.append(function)
    return function


def shown(found):
    """Documents, alone or with scores or vectors, as JSON knows them."""
    if isinstance(found, Document):
        return [found.id, found.page_content, plain(found.metadata)]
    if isinstance(found, (list, tuple)):
        return [shown(one) for one in found]
    return plain(found)


def tried(call):
    return attempt(PACKAGE, lambda: shown(call()))


def documents():
    return [Document(text, id=f"d{i}", metadata={"n": i, "kind": "abc"[i % 3]})
            for i, text in enumerate(TEXTS)]


def filled(store, name, **options):
    made = store(name, **options)
    made.add_documents(documents())
    return made


@step
def searches(store):
    s = filled(store, "searches")
    vector = embed("snow at sea")
    return [tried(call) for call in (
        lambda: s.similarity_search("snow at sea"),
        lambda: s.similarity_search("snow at sea", k=20),
        lambda: s.similarity_search_with_score("snow at sea", k=3),
        lambda: s.similarity_search_by_vector(vector, k=2),
        lambda: s.similarity_search_by_vector_with_relevance_scores(vector, k=2),
        lambda: s.similarity_search_with_vectors("night", k=2),
        lambda: s.similarity_search("snow", k=0),
        lambda: asyncio.run(s.asimilarity_search_with_score("ships", k=2)))]


@step
def filters(store):
    s = store("filters")
    # Only here, where none is deleted: Chroma 1.5.9 gives lists of deleted records to later ones.
    s.add_documents([Document(one.page_content, id=one.id, metadata={
        **one.metadata, "tags": ["x", "yz"[one.metadata["n"] % 2]]}) for one in documents()])
    by_metadata = [{"kind": "a"}, {"n": {"$gte": 6}}, {"n": {"$in": [1, 2]}},
                   {"$or": [{"kind": "b"}, {"n": 0}]}, {"tags": {"$contains": "z"}}, {"no": 1},
                   {"n": {"$unknown": 1}}, {}]
    by_text = [{"$contains": "fox"}, {"$not_contains": "sea"}, {"$regex": "^a .*fox"},
               {"$and": [{"$contains": "night"}, {"$not_contains": "hare"}]}]
    results = [tried(lambda: s.similarity_search_with_score("the fox", k=4, filter=f))
               for f in by_metadata]
    results += [tried(lambda: s.similarity_search("the fox", k=4, where_document=f))
                for f in by_text]
    return results + [tried(lambda: s.similarity_search(
        "the fox", filter={"kind": "a"}, where_document={"$contains": "fox"}))]


@step
def scores(store):
    stores = [filled(store, f"scores-{space}", collection_configuration={"hnsw": {"space": space}})
              for space in ("cosine", "l2", "ip")]
    old = filled(store, "old-scores", collection_metadata={"hnsw:space": "cosine"})
    return [tried(lambda: s.similarity_search_with_relevance_scores("snow at sea", k=3))
            for s in stores] + [
        tried(lambda: old.similarity_search_with_relevance_scores("snow", score_threshold=0.3))]


@step
def marginal_relevance(store):
    s = filled(store, "marginal")
    return [tried(call) for call in (
        lambda: s.max_marginal_relevance_search("the sea at night", k=4, fetch_k=8),
        lambda: s.max_marginal_relevance_search("the sea", k=3, fetch_k=20, lambda_mult=0.1),
        lambda: s.max_marginal_relevance_search("the sea", k=3, filter={"n": {"$lt": 5}}),
        lambda: s.max_marginal_relevance_search_by_vector(embed("bread"), k=2,
                                                          where_document={"$contains": "bread"}))]


@step
def retrievers(store):
    s = filled(store, "retrievers", collection_configuration={"hnsw": {"space": "cosine"}})
    return [tried(lambda: s.as_retriever(search_type=kind, search_kwargs=options)
                  .invoke("a fox at night"))
            for kind, options in (
                ("similarity", {"k": 2}), ("similarity", {"k": 2, "filter": {"kind": "c"}}),
                ("mmr", {"k": 3, "fetch_k": 6}),
                ("similarity_score_threshold", {"score_threshold": 0.4, "k": 5}))]


@step
def changes(store):
    s = filled(store, "changes")
    s.update_document("d0", Document("a wolf in the snow", metadata={"n": 100}))
    s.update_documents(["d1", "d2", "absent"], documents()[3:6])
    s.add_texts(["again", "without metadata"], ids=["d3", "new"], metadatas=[{"n": 7}, {}])
    results = [tried(s.get), tried(lambda: s.similarity_search("a wolf", k=1))]
    s.delete(["d4", "absent"])
    s.delete(where={"kind": "c"})
    return results + [tried(call) for call in (
        lambda: s.get()["ids"], lambda: s.get_by_ids(["d0", "d4", "d9"]), s.delete,
        lambda: s.get(ids="d0", include=["embeddings"]), lambda: s.get(where={"n": 7}),
        lambda: s.get(where_document={"$contains": "fox"}, limit=2, offset=1),
        lambda: s.add_texts(["x", "y"], ids=["twice", "twice"]),
        lambda: s.add_texts(["x"], metadatas=[{"nested": {"a": 1}}]))]


@step
def made_and_reset(store):
    s = filled(store, "made")
    same = store("made")
    results = [tried(lambda: len(same.get()["ids"]))]
    s.reset_collection()
    results += [tried(lambda: s.get()["ids"]), tried(lambda: s.similarity_search("fox"))]
    s.add_texts(["only"], ids=["one"])
    results += [tried(lambda: s.similarity_search("only")), len(store("made").get()["ids"])]
    s.delete_collection()
    return results + [tried(s.get),
                      tried(lambda: store("made", create_collection_if_not_exists=False))]


@step
def images(store):
    """Any file will do for an image, since what is kept of it are its bytes."""
    s, one, other = store("images"), str(HERE / "word_vectors.py"), str(HERE / "scenario_test.py")
    s.add_images([one, other], ids=["one", "other"], metadatas=[{"kind": "image"}, {}])
    return [tried(call) for call in (
        lambda: s.similarity_search_by_image(one, k=1),
        lambda: s.similarity_search_by_image_with_relevance_score(one, k=2, filter={"kind": "image"}),
        lambda: s.get(include=["uris", "metadatas"]))]


@step
def indexing(store):
    """LangChain's indexing: what is unchanged is passed over, what is gone is deleted."""
    s, manager = store("indexing"), InMemoryRecordManager("indexing")
    manager.create_schema()

    def put(texts, cleanup):
        given = [Document(text, metadata={"source": text[0]}) for text in texts]
        return index(given, manager, s, cleanup=cleanup, source_id_key="source",
                     key_encoder="sha256")

    return [tried(call) for call in (
        lambda: put(TEXTS, None), lambda: put(TEXTS[:6], "incremental"),
        lambda: put(TEXTS[:3], "full"),
        lambda: sorted(s.get()["documents"]), lambda: s.similarity_search("the sea"))]


def main(backend, place):
    global PACKAGE
    if backend == "chromadb":
        options = {"persist_directory": place}
    elif backend == "http":
        options = {"host": "127.0.0.1", "port": int(place)}
    elif backend == "component":
        import viridian.chroma
        options = {"client": chromadb.Client(chromadb.Settings(
            chroma_api_impl=viridian.chroma.NAME, persist_directory=place))}
    else:
        import viridian as PACKAGE
        options = {"client": PACKAGE.PersistentClient(place)}

    def store(name, **more):
        return Chroma(collection_name=name, embedding_function=Words(), **options, **more)

    json.dump({function.__name__: tried(lambda: function(store)) for function in STEPS}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
