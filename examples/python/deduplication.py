"""Finds texts that say almost the same, by the distance of their vectors.

    python deduplication.py [DISTANCE]

Asks for the nearest records of each one, takes those within a distance as the same, and keeps the
first of each group.

Needs: viridian, NumPy.
"""
import sys

import viridian
from viridian.embedding_functions import HashingEmbeddingFunction

TEXTS = {
    "a": "The parcel has not arrived. Where is it?",
    "b": "I would like to change my address, please.",
    "c": "the parcel has not arrived! where is it",
    "d": "How do I return a pair of shoes?",
    "e": "Hello, the parcel has not arrived. Where is it?",
    "f": "I would like to change my address.",
    "g": "Which sizes do these shoes come in?",
}


def groups(collection, distance):
    """Lists of ids: records that are joined by steps of at most a distance."""
    records = collection.get(include=["embeddings"])
    near = collection.query(query_embeddings=records["embeddings"], n_results=10,
                            include=["distances"])
    group_of = {}
    for id, ids, distances in zip(records["ids"], near["ids"], near["distances"]):
        same = [other for other, far in zip(ids, distances) if far <= distance]
        joined = {member for other in (id, *same) for member in group_of.get(other, [other])}
        group_of.update(dict.fromkeys(joined, joined))
    return sorted({tuple(sorted(group)) for group in group_of.values()})


distance = float(sys.argv[1]) if len(sys.argv) > 1 else 0.2
with viridian.EphemeralClient() as client:
    letters = client.create_collection("letters", embedding_function=HashingEmbeddingFunction())
    letters.add(ids=list(TEXTS), documents=list(TEXTS.values()))
    for group in groups(letters, distance):
        print(" = ".join(group))
        if len(group) > 1:
            letters.delete(ids=list(group[1:]))
    print(f"kept {letters.count()} of {len(TEXTS)}: {', '.join(letters.get()['ids'])}")
