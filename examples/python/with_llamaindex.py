"""LlamaIndex's own Chroma store, unchanged, on this library in the process.

    python with_llamaindex.py

The store takes a collection: of a client of Chroma whose component is Viridian's, or simply of a
client of this package; both come to the same here. A program that names neither
(`ChromaVectorStore.from_params(persist_dir=...)`) runs on Viridian by
`python -m viridian.chroma PROGRAM`.

Needs: viridian, NumPy, `pip install llama-index-vector-stores-chroma`.
"""
import pathlib
import tempfile

import chromadb
import viridian.chroma  # before a client is made: Chroma takes Viridian's component from now on
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters
from llama_index.vector_stores.chroma import ChromaVectorStore
from viridian.embedding_functions import HashingEmbeddingFunction


class Hashing(BaseEmbedding):
    """LlamaIndex's interface to the hashing embedder; any other BaseEmbedding will do."""

    def _get_text_embedding(self, text):
        return HashingEmbeddingFunction()([text])[0].tolist()

    def _get_query_embedding(self, query):
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query):
        return self._get_text_embedding(query)


DOCUMENTS = [
    Document(id_="keeper", text="The lighthouse keeper counts the ships", metadata={"page": 1}),
    Document(id_="tide", text="Ships wait for the tide outside the harbour", metadata={"page": 2}),
    Document(id_="cafe", text="The harbour cafe opens at six", metadata={"page": 9}),
]
LATE = MetadataFilters(filters=[MetadataFilter(key="page", value=2, operator=">")])

with tempfile.TemporaryDirectory() as directory:
    settings = chromadb.Settings(chroma_api_impl=viridian.chroma.NAME,
                                 persist_directory=str(pathlib.Path(directory) / "component"))
    for title, client in (
            ("a client of Chroma", chromadb.Client(settings)),
            ("a client of Viridian", viridian.PersistentClient(pathlib.Path(directory) / "own"))):
        with client:
            store = ChromaVectorStore(chroma_collection=client.create_collection(
                "harbour", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}))
            index = VectorStoreIndex.from_documents(
                DOCUMENTS, storage_context=StorageContext.from_defaults(vector_store=store),
                embed_model=Hashing())
            print(f"{title}:")
            for found in index.as_retriever(similarity_top_k=2).retrieve("ships in the harbour"):
                print(f"  {found.node.ref_doc_id}, score {found.score:.3f}")
            late = index.as_retriever(similarity_top_k=1, filters=LATE)
            print("  after page 2:", late.retrieve("ships in the harbour")[0].node.ref_doc_id)
            index.delete_ref_doc("keeper")
            print("  then left:", store.client.count(), "passages")
