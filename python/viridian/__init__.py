"""Viridian, an embedding database in your process: Chroma's Python interface over one library.

    >>> import viridian
    >>> client = viridian.EphemeralClient()          # or PersistentClient("my-data")
    >>> words = client.create_collection("words", embedding_function=None)
    >>> words.add(ids=["sea", "land"], embeddings=[[1.0, 0.0], [0.0, 1.0]])
    >>> words.query(query_embeddings=[0.9, 0.1], n_results=1)["ids"]
    [['sea']]

`import viridian as chromadb` serves programs that use Chroma's public client; `viridian.chroma` puts
this library below the real `chromadb`.
"""
import importlib
from typing import TYPE_CHECKING

from . import config, errors
from .client import EphemeralClient, HttpClient, PersistentClient
from .client import admin_client_of as AdminClient
from .client import client_of as Client
from .collection import Collection
from .config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings
from .embedding import EmbeddingFunction, register_embedding_function

if TYPE_CHECKING:
    from . import api, data, embedding_functions, schema, types, utils
    from .aio import (
        AsyncClient, AsyncCollection, AsyncEphemeralClient, AsyncHttpClient, AsyncPersistentClient)
    from .schema import (
        BoolInvertedIndexConfig, FloatInvertedIndexConfig, FtsIndexConfig, HnswIndexConfig,
        IntInvertedIndexConfig, Schema, SpannIndexConfig, SparseVectorIndexConfig,
        StringInvertedIndexConfig, VectorIndexConfig)
    from .types import (
        CollectionMetadata, Documents, Embeddings, GetResult, IDs, Include, Metadata, Metadatas,
        QueryResult, URI, URIs, Where, WhereDocument)

__version__ = "0.1.0"

# What few programs need, and what would make the import slower.
_LATER = {
    "AsyncEphemeralClient": "aio",
    "AsyncPersistentClient": "aio",
    "AsyncHttpClient": "aio",
    "AsyncClient": "aio",
    "AsyncCollection": "aio",
    "utils": "utils",
    "api": "api",
    "data": "data",
    "types": "types",
    "embedding_functions": "embedding_functions",
    "schema": "schema",
    **dict.fromkeys(
        ["BoolInvertedIndexConfig", "FloatInvertedIndexConfig", "FtsIndexConfig", "HnswIndexConfig",
         "IntInvertedIndexConfig", "Schema", "SpannIndexConfig", "SparseVectorIndexConfig",
         "StringInvertedIndexConfig", "VectorIndexConfig"], "schema"),
    **dict.fromkeys(
        ["CollectionMetadata", "Documents", "Embeddings", "GetResult", "IDs", "Include", "Metadata",
         "Metadatas", "QueryResult", "URI", "URIs", "Where", "WhereDocument"], "types"),
}

__all__ = [
    "AdminClient", "AsyncClient", "AsyncCollection", "AsyncEphemeralClient", "AsyncHttpClient",
    "AsyncPersistentClient", "BoolInvertedIndexConfig", "Client", "Collection",
    "CollectionMetadata", "DEFAULT_DATABASE", "DEFAULT_TENANT", "Documents",
    "EmbeddingFunction", "Embeddings", "EphemeralClient", "FloatInvertedIndexConfig",
    "FtsIndexConfig", "GetResult", "HnswIndexConfig", "HttpClient", "IDs", "Include",
    "IntInvertedIndexConfig", "Metadata", "Metadatas", "PersistentClient", "QueryResult",
    "Schema", "Settings", "SpannIndexConfig", "SparseVectorIndexConfig",
    "StringInvertedIndexConfig", "URI", "URIs", "VectorIndexConfig", "Where", "WhereDocument",
    "api", "config", "data", "embedding_functions", "errors", "register_embedding_function", "schema",
    "types", "utils",
]


def __getattr__(name):
    if name not in _LATER:
        raise AttributeError(f"module 'viridian' has no attribute {name!r}")
    module = importlib.import_module("." + _LATER[name], __name__)
    return getattr(module, name, module)
