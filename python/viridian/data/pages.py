"""A collection's records, a page at a time."""
from __future__ import annotations

from typing import Any, Iterator, Optional

from ..types import GetResult, Include, Where, WhereDocument

ALL: Include = ["embeddings", "documents", "uris", "metadatas"]
_BYTES = 8 << 20
# Of the first page, after which it is known how long a vector is.
_FIRST = 500
_MOST = 20_000


def batches(collection: Any, batch_size: Optional[int] = None, where: Optional[Where] = None,
            where_document: Optional[WhereDocument] = None,
            include: Include = ALL) -> Iterator[GetResult]:
    """The records that match, as results of `Collection.get`, page by page and never all at once.

        >>> import viridian
        >>> client = viridian.EphemeralClient()
        >>> words = client.create_collection("batches-example", embedding_function=None)
        >>> words.add(ids=["sea", "land", "air"], embeddings=[[1.0], [2.0], [3.0]])
        >>> [page["ids"] for page in viridian.data.batches(words, batch_size=2)]
        [['sea', 'land'], ['air']]

    `batch_size`: records of a page, None for some megabytes of vectors. `include` as in `get`.

    It goes on from a place among the records, not from a number of them: records that stay as they
    are come exactly once, however many others are written, changed or deleted meanwhile. Those may
    come as they were, as they are, or not at all.
    """
    collection = getattr(collection, "_wrapped", collection)  # an AsyncCollection's
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, but has to be positive")
    return _pages(collection, batch_size, where, where_document, include)


def _pages(collection: Any, batch_size: Optional[int], where: Optional[Where],
           where_document: Optional[WhereDocument], include: Include) -> Iterator[GetResult]:
    size = batch_size or _FIRST
    wanted = collection._engine_include(include)
    cursor: Optional[str] = ""
    while cursor is not None:
        page, cursor = collection._records.page(where, size, where_document, wanted, cursor)
        if page["ids"]:
            if batch_size is None:
                size = _fitting(page)
            yield collection._with_data(page, include)


def _fitting(page: GetResult) -> int:
    """How many records like these a page should have."""
    size = sum(len(text) for text in page["documents"] or () if text is not None)
    if page["embeddings"] is not None:
        size += page["embeddings"].nbytes
    return max(1, min(_MOST, _BYTES * len(page["ids"]) // max(1, size)))
