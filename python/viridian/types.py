"""Types of what calls take and give, for annotations. They mean what Chroma's of these names mean."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Literal, Mapping, Optional, TypedDict, Union

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Embedding = NDArray[Union[np.float32, np.float64, np.int32, np.int64]]
else:
    Embedding = Any

ID = str
IDs = List[ID]
Document = str
Documents = List[Document]
URI = str
URIs = List[URI]
Scalar = Union[str, int, float, bool]
MetadataValue = Union[Scalar, List[str], List[int], List[float], List[bool], None]
Metadata = Mapping[str, MetadataValue]
Metadatas = List[Metadata]
UpdateMetadata = Mapping[str, MetadataValue]
CollectionMetadata = Dict[str, Any]
UpdateCollectionMetadata = Dict[str, Any]
PyEmbedding = List[float]
Embeddings = List[Embedding]
Space = Literal["cosine", "l2", "ip"]
IncludeName = Literal["documents", "embeddings", "metadatas", "distances", "uris", "data"]
Include = List[IncludeName]
Where = Dict[str, Any]
WhereDocument = Dict[str, Any]


class GetResult(TypedDict):
    """Records by column: entries of one place are of one record. What was not included is None."""

    ids: List[str]
    embeddings: Any
    documents: Optional[List[Optional[str]]]
    uris: Optional[List[Optional[str]]]
    included: Include
    data: Any
    metadatas: Optional[List[Optional[Dict[str, Any]]]]


class QueryResult(TypedDict):
    """Per query vector, the nearest records by column, nearest first. Not included: None."""

    ids: List[List[str]]
    embeddings: Any
    documents: Optional[List[List[Optional[str]]]]
    uris: Optional[List[List[Optional[str]]]]
    included: Include
    data: Any
    metadatas: Optional[List[List[Optional[Dict[str, Any]]]]]
    distances: Optional[List[List[float]]]


class DeleteResult(TypedDict):
    """How many records there were, and are no more."""

    deleted: int
