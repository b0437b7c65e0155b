"""Data in and out: pandas, Polars and Arrow frames, Parquet files, and generators of records.

    >>> import viridian
    >>> client = viridian.EphemeralClient()
    >>> words = client.create_collection("data-example", embedding_function=None)
    >>> records = ({"id": str(i), "embedding": [i, 1.0], "parity": i % 2} for i in range(1000))
    >>> viridian.data.add(words, records)
    1000
    >>> sum(len(page["ids"]) for page in viridian.data.batches(words, where={"parity": 1}))
    500

    viridian.data.add(words, "words.parquet")
    viridian.data.to_parquet(words, "words.parquet")

pandas (`viridian[pandas]`), Polars (`viridian[polars]`) and pyarrow (`viridian[arrow]`) are needed
only for what is theirs; generators and lists of records need none of them.
"""
from .adding import AddError, add
from .frames import to_arrow, to_pandas, to_parquet, to_polars
from .pages import batches
from .schema import ChangedError

__all__ = ["AddError", "ChangedError", "add", "batches", "to_arrow", "to_pandas", "to_parquet",
           "to_polars"]
