"""Recommends records like those that somebody liked, and unlike those that they did not.

    python more_like_this.py

The vectors come with the records, and collections find them by any vector: that of a record (more
like this), or a taste, made of what was liked less what was not. What was seen is filtered out.

Needs: viridian, NumPy.
"""
import numpy as np

import viridian

# How much each film has of: laughter, love, fear, space.
FILMS = {
    "Moon Base": [0.1, 0.1, 0.3, 0.9],
    "Robots in Love": [0.5, 0.8, 0.0, 0.7],
    "The Cellar": [0.0, 0.1, 0.9, 0.0],
    "Signal from Vega": [0.0, 0.2, 0.6, 0.9],
    "Two Weddings": [0.8, 0.9, 0.0, 0.0],
    "Space Janitors": [0.9, 0.2, 0.1, 0.8],
    "The Long Orbit": [0.1, 0.4, 0.2, 0.9],
    "Midnight House": [0.2, 0.0, 0.8, 0.1],
}


def more_like(films, title, count):
    """The films nearest to one of them."""
    vector = films.get(ids=[title], include=["embeddings"])["embeddings"]
    return films.query(query_embeddings=vector, n_results=count,
                       where={"title": {"$ne": title}})["ids"][0]


def recommended(films, liked, disliked, count):
    """The films nearest to a taste, without those that it comes from."""
    good = films.get(ids=liked, include=["embeddings"])["embeddings"].mean(axis=0)
    bad = films.get(ids=disliked, include=["embeddings"])["embeddings"].mean(axis=0)
    return films.query(query_embeddings=good - 0.5 * bad, n_results=count,
                       where={"title": {"$nin": [*liked, *disliked]}})["ids"][0]


with viridian.EphemeralClient() as client:
    films = client.create_collection("films", embedding_function=None,
                                     configuration={"hnsw": {"space": "cosine"}})
    films.add(ids=list(FILMS), embeddings=np.array(list(FILMS.values()), dtype=np.float32),
              metadatas=[{"title": title} for title in FILMS])
    print("like Moon Base:", ", ".join(more_like(films, "Moon Base", 2)))
    print("for somebody who liked Moon Base and Two Weddings, not The Cellar:",
          ", ".join(recommended(films, ["Moon Base", "Two Weddings"], ["The Cellar"], 2)))
