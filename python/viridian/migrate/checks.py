"""Compares what arrived with its source."""
from __future__ import annotations

import random
from typing import Any, Iterator, List, Tuple

from ..collection import Collection
from .records import Batch, Records

SAMPLE = 200


def compared(target: Collection, records: Records, without_vector: List[str]) -> Tuple[int, List[str]]:
    """How many records were compared by value, and the differences found.

    The number of records is compared, and the values of a sample, the first and the last with it.
    """
    missing = set(without_vector)
    expected = [id for id in records.ids if id not in missing]
    differences = []
    count = target.count()
    if count != len(expected):
        differences.append(f"{count} records instead of {len(expected)}")
    sample = sorted({*random.Random(0).sample(range(len(expected)), min(SAMPLE, len(expected))),
                     *range(len(expected))[:1], *range(len(expected))[-1:]})
    ids = [expected[index] for index in sample]
    if ids:
        differences += _differences(target, records.read(ids))
    return len(ids), differences


def _differences(target: Collection, batch: Batch) -> Iterator[str]:
    got = target.get(ids=batch.ids, include=["embeddings", "metadatas", "documents", "uris"])
    places = {id: place for place, id in enumerate(got["ids"])}
    for index, id in enumerate(batch.ids):
        if id not in places:
            yield f"there is no record {id!r}"
            continue
        place = places[id]
        vector = batch.vectors[index]
        if vector is not None and got["embeddings"][place].tobytes() != vector.tobytes():
            yield f"record {id!r} has another vector"
        for what, here, there in (("metadata", batch.metadatas, got["metadatas"]),
                                  ("document", batch.documents, got["documents"]),
                                  ("uri", batch.uris, got["uris"])):
            if _exact(here[index]) != _exact(there[place]):
                yield f"record {id!r} has another {what}"


def _exact(value: Any) -> str:
    """A value with its type: 1, 1.0 and True are not the same here."""
    return repr(sorted(value.items()) if isinstance(value, dict) else value)
