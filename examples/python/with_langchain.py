"""LangChain's own Chroma store, unchanged, on this library in the process.

    python with_langchain.py

`client=` takes a client of Chroma whose component is Viridian's, or simply a client of this
package; both come to the same here. A program that names neither (`Chroma(persist_directory=...)`)
runs on Viridian by `python -m viridian.chroma PROGRAM`.

Needs: viridian, NumPy, `pip install langchain-chroma`.
"""
import pathlib
import tempfile

import chromadb
import viridian.chroma  # before a client is made: Chroma takes Viridian's component from now on
from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from viridian.embedding_functions import HashingEmbeddingFunction


class Hashing(Embeddings):
    """LangChain's interface to the hashing embedder; any other Embeddings will do."""

    def __init__(self):
        self._function = HashingEmbeddingFunction()

    def embed_documents(self, texts):
        return [vector.tolist() for vector in self._function(texts)]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


DOCUMENTS = [
    Document("The lighthouse keeper counts the ships", metadata={"page": 1}, id="keeper"),
    Document("Ships wait for the tide outside the harbour", metadata={"page": 2}, id="tide"),
    Document("The harbour cafe opens at six", metadata={"page": 9}, id="cafe"),
]

with tempfile.TemporaryDirectory() as directory:
    settings = chromadb.Settings(chroma_api_impl=viridian.chroma.NAME,
                                 persist_directory=str(pathlib.Path(directory) / "component"))
    for title, client in (
            ("a client of Chroma", chromadb.Client(settings)),
            ("a client of Viridian", viridian.PersistentClient(pathlib.Path(directory) / "own"))):
        with client:
            store = Chroma.from_documents(DOCUMENTS, Hashing(), collection_name="harbour",
                                          client=client,
                                          collection_configuration={"hnsw": {"space": "cosine"}})
            print(f"{title}:")
            found = store.similarity_search_with_score("ships in the harbour", k=2)
            for document, distance in found:
                print(f"  {document.id}, distance {distance:.3f}")
            retriever = store.as_retriever(search_kwargs={"k": 1, "filter": {"page": {"$gt": 2}}})
            print("  after page 2:", retriever.invoke("when does it open")[0].id)
            mixed = store.max_marginal_relevance_search("the harbour", k=2, fetch_k=3)
            print("  near and unlike each other:", *sorted(document.id for document in mixed))
            store.delete(["keeper"])
            print("  then left:", *store.get()["ids"])
