"""What programs do with LlamaIndex's Chroma store, written once for whatever is below it.

usage: llamaindex_scenario.py BACKEND DIRECTORY|PORT
BACKEND: chromadb (also what `python -m viridian.chroma` puts on Viridian), component, client, http
Prints one JSON object, as scenario.py does.
"""
import asyncio
import json
import sys

import chromadb
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters, VectorStoreQuery
from llama_index.vector_stores.chroma import ChromaVectorStore

from scenario import attempt
from word_vectors import embed

TEXTS = ["a fox in the snow", "the snow falls on the sea", "ships on the sea at night",
         "a fox and a hare", "the hare sleeps at night", "bread and salt", "salt of the sea",
         "ships carry bread", "night falls", "a letter to the fox"]
STEPS = []
# Whose exceptions programs see: of a client of this package, its own.
PACKAGE = chromadb


class Words(BaseEmbedding):
    def _get_text_embedding(self, text):
        return embed(text)

    def _get_query_embedding(self, query):
        return embed(query)

    async def _aget_query_embedding(self, query):
        return embed(query)


def step(function):
    """Registers a step; it is given what opens a collection of some name."""
    STEPS.append(function)
    return function


def shown(found):
    """What retrievers and stores give, as JSON knows it."""
    if hasattr(found, "similarities"):
        return [shown(list(found.nodes or [])), found.ids, found.similarities]
    if isinstance(found, list):
        return [shown(one) for one in found]
    if hasattr(found, "score"):
        return [shown(found.node), found.score]
    if isinstance(found, TextNode):
        return [found.node_id, found.ref_doc_id, found.text, dict(sorted(found.metadata.items()))]
    return found


def tried(call):
    return attempt(PACKAGE, lambda: shown(call()))


def nodes():
    made = [TextNode(
        id_=f"n{i}", text=text, metadata={"n": i, "kind": "abc"[i % 3], "share": i / 4},
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"doc{i // 3}")})
        for i, text in enumerate(TEXTS)]
    for node in made:
        node.embedding = embed(node.text)
    return made


def filled(collection, name, **options):
    store = ChromaVectorStore(chroma_collection=collection(name, **options))
    store.add(nodes())
    return store


def index_of(store):
    return VectorStoreIndex.from_vector_store(store, embed_model=Words())


def condition(key, value, operator="=="):
    return MetadataFilter(key=key, value=value, operator=operator)


FILTERS = [
    MetadataFilters(filters=[condition("kind", "a")]),
    MetadataFilters(filters=[condition("n", 6, ">="), condition("share", 2.25, "<")]),
    MetadataFilters(filters=[condition("n", 2, "<="), condition("kind", "c")], condition="or"),
    MetadataFilters(filters=[condition("n", [1, 5, 7], "in")]),
    MetadataFilters(filters=[condition("kind", ["a", "b"], "nin")]),
    MetadataFilters(filters=[condition("kind", "a", "!="), MetadataFilters(
        filters=[condition("n", 1), condition("n", 8, ">")], condition="or")]),
    MetadataFilters(filters=[condition("kind", "a", "text_match")]),
    MetadataFilters(filters=[]),
]


@step
def queries(collection):
    results = []
    for space in ("l2", "cosine", "ip"):
        store = filled(collection, f"queries-{space}", configuration={"hnsw": {"space": space}})
        retriever = index_of(store).as_retriever(similarity_top_k=4)
        results += [tried(lambda: retriever.retrieve("snow at sea")),
                    tried(lambda: asyncio.run(retriever.aretrieve("a fox at night")))]
    return results + [tried(lambda: store.query(VectorStoreQuery(similarity_top_k=2))),
                      tried(lambda: store.query(VectorStoreQuery(query_embedding=embed("sea")),
                                                where_document={"$contains": "salt"}))]


@step
def filters(collection):
    store = filled(collection, "filters")
    return [tried(lambda: index_of(store).as_retriever(similarity_top_k=3, filters=f)
                  .retrieve("the fox")) for f in FILTERS] + [
        tried(lambda: store.get_nodes(None, f)) for f in FILTERS[:4]]


@step
def marginal_relevance(collection):
    store = filled(collection, "marginal")
    return [tried(lambda: index_of(store).as_retriever(
                vector_store_query_mode="mmr", similarity_top_k=3, **options).retrieve("the sea"))
            for options in ({}, {"filters": FILTERS[1]},
                            {"vector_store_kwargs": {"mmr_threshold": 0.2}},
                            {"vector_store_kwargs": {"mmr_prefetch_k": 10, "mmr_threshold": 0.9}})]


@step
def documents(collection):
    """Inserted, updated, refreshed and deleted by the document that passages come from."""
    store = ChromaVectorStore(chroma_collection=collection("documents"))
    given = [Document(text=text, id_=f"d{i}", metadata={"n": i, "none": None})
             for i, text in enumerate(TEXTS)]
    index = VectorStoreIndex.from_documents(
        given[:6], storage_context=StorageContext.from_defaults(vector_store=store),
        embed_model=Words())

    def held():
        return sorted([node.ref_doc_id, node.text, node.metadata] for node in store.get_nodes(None))

    results = [tried(held)]
    for change in (lambda: index.insert(given[6]), lambda: index.delete_ref_doc("d0"),
                   lambda: index.update_ref_doc(Document(text="a wolf in the snow", id_="d3")),
                   lambda: index.refresh_ref_docs(given[1:3]),
                   lambda: index.delete_ref_doc("absent")):
        change()
        results.append(tried(held))
    retriever = index.as_retriever()
    return results + [tried(lambda: [found.text for found in retriever.retrieve("a wolf")])]


@step
def changes(collection):
    store = filled(collection, "changes")
    store.delete("doc1")
    store.delete_nodes(["n0", "absent"])
    results = [tried(lambda: store.get_nodes(None)),
               tried(lambda: store.get_nodes(["n1", "n9", "n0"])),
               tried(lambda: store.delete_nodes(["n1", "n2"], FILTERS[0])),
               tried(lambda: store.delete_nodes(["n1", "n2"], FILTERS[2])),
               tried(lambda: store.add(nodes()[6:])), tried(lambda: store.get_nodes(None)),
               tried(lambda: store.delete_nodes(None)), tried(lambda: store.add([]))]
    store.clear()
    return results + [tried(lambda: store.get_nodes(None)), tried(store.clear),
                      tried(lambda: index_of(store).as_retriever().retrieve("the sea"))]


@step
def opened_again(collection):
    """An index is made of a collection that an earlier one has filled."""
    pipeline = IngestionPipeline(
        transformations=[SentenceSplitter(chunk_size=60, chunk_overlap=0), Words()],
        vector_store=ChromaVectorStore(chroma_collection=collection("again")))
    pipeline.run(documents=[Document(text=". ".join(TEXTS + TEXTS[::-1]), id_="all")])
    store = ChromaVectorStore(chroma_collection=collection("again"))
    found = index_of(store).as_retriever(similarity_top_k=2).retrieve("ships with bread")
    return [[one.text, one.node.ref_doc_id, one.score] for one in found]


def main(backend, place):
    global PACKAGE
    if backend == "chromadb":
        client = chromadb.PersistentClient(place)
    elif backend == "http":
        client = chromadb.HttpClient("127.0.0.1", int(place))
    elif backend == "component":
        import viridian.chroma
        client = chromadb.Client(chromadb.Settings(chroma_api_impl=viridian.chroma.NAME,
                                                   persist_directory=place))
    else:
        import viridian as PACKAGE
        client = PACKAGE.PersistentClient(place)

    def collection(name, **options):
        return client.get_or_create_collection(name, embedding_function=None, **options)

    json.dump({function.__name__: tried(lambda: function(collection)) for function in STEPS},
              sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
