"""A program as a user with strict types writes it."""
from typing import List, Optional

import numpy as np

import viridian
from viridian import AsyncHttpClient, Collection, Settings
from viridian.embedding_functions import HashingEmbeddingFunction, OllamaEmbeddingFunction
from viridian.errors import NotFoundError
from viridian.types import GetResult, QueryResult, Where


class Mine(viridian.EmbeddingFunction[viridian.Documents]):
    def __init__(self) -> None:
        pass

    def __call__(self, input: List[str]) -> List["np.ndarray[tuple[int], np.dtype[np.float32]]"]:
        return [np.zeros(3, dtype=np.float32) for _ in input]

    @staticmethod
    def name() -> str:
        return "mine"


def embedded() -> None:
    settings = Settings(allow_reset=True, viridian={"executor.threads": "2"})
    with viridian.PersistentClient("x", settings=settings) as client:
        notes: Collection = client.get_or_create_collection(
            "notes", embedding_function=HashingEmbeddingFunction(64), metadata={"a": 1})
        notes.add(ids=["1"], documents=["x"], metadatas=[{"year": 2000, "tags": ["a"]}])
        notes.upsert(ids="1", embeddings=np.zeros((1, 3)), documents="y")
        where: Where = {"year": {"$gt": 1}}
        found: QueryResult = notes.query(query_texts="x", where=where, include=["documents"])
        first: str = found["ids"][0][0]
        documents = found["documents"]
        if documents is not None:
            text: Optional[str] = documents[0][0]
            print(text, first)
        got: GetResult = notes.get(ids=["1"], limit=1)
        print(got["ids"], notes.count(), notes.delete(ids=["1"])["deleted"])
        try:
            client.get_collection("none")
        except NotFoundError as error:
            print(str(error))
        schema = viridian.Schema().create_index(viridian.VectorIndexConfig(space="cosine"))
        made = client.create_collection("typed", schema=schema)
        strings = made.schema.defaults.string
        if strings is not None and strings.string_inverted_index is not None:
            indexed: bool = strings.string_inverted_index.enabled
            print(indexed)
    admin = viridian.AdminClient(settings)
    admin.create_tenant("t")
    other = viridian.Client(settings)
    print(other.heartbeat(), viridian.__version__, OllamaEmbeddingFunction)


async def remote() -> int:
    async with await AsyncHttpClient("localhost", 8000) as client:
        notes = await client.get_collection("notes", embedding_function=None)
        found: QueryResult = await notes.query(query_embeddings=[0.1, 0.2], n_results=3)
        await notes.add(ids=["1"], embeddings=[[1.0, 2.0]])
        print(found["distances"], notes.name)
        count: int = await notes.count()
        return count
