"""Every kind of filter, on metadata and on texts.

    python filters.py

Filters go with get, query and delete alike. Dates are kept as numbers, here 20251231 for the last
of December, so that they compare in their order.

Needs: viridian, NumPy.
"""
import viridian
from viridian.embedding_functions import HashingEmbeddingFunction

BOOKS = [
    ("emma", "Emma Woodhouse, handsome, clever, and rich", 18151223, ["comedy", "novel"], 4.0),
    ("moby", "Call me Ishmael. Some years ago I went to sea", 18511018, ["novel", "sea"], 3.5),
    ("island", "Squire Trelawney asked me about the sea cook", 18831114, ["novel", "sea"], 3.9),
    ("alice", "Alice was getting tired of sitting by her sister", 18651126, ["children"], 4.1),
    ("walden", "I went to the woods, ISBN 978-0140390445", 18540809, ["essay"], 3.8),
]
WHERE = {
    "is": {"rating": 3.5},
    "between two dates": {"$and": [{"date": {"$gte": 18510101}}, {"date": {"$lt": 18600101}}]},
    "one of": {"author": {"$in": ["Austen", "Carroll"]}},
    "none of": {"author": {"$nin": ["Austen", "Carroll"]}},
    "a list that contains": {"tags": {"$contains": "sea"}},
    "a list that does not": {"tags": {"$not_contains": "novel"}},
    "either": {"$or": [{"rating": {"$gt": 4}}, {"tags": {"$contains": "essay"}}]},
}
WHERE_DOCUMENT = {
    "contains": {"$contains": "sea"},
    "does not contain": {"$not_contains": "sea"},
    "matches a regular expression": {"$regex": r"\b97[89]-\d{10}\b"},
    "both": {"$and": [{"$contains": "went"}, {"$not_contains": "sea"}]},
}
AUTHORS = ["Austen", "Melville", "Stevenson", "Carroll", "Thoreau"]

with viridian.EphemeralClient() as client:
    books = client.create_collection("books", embedding_function=HashingEmbeddingFunction())
    books.add(ids=[book[0] for book in BOOKS], documents=[book[1] for book in BOOKS],
              metadatas=[{"author": author, "date": date, "tags": tags, "rating": rating}
                         for author, (_, _, date, tags, rating) in zip(AUTHORS, BOOKS)])
    for title, where in WHERE.items():
        print(f"{title}: {' '.join(books.get(where=where)['ids'])}")
    for title, where in WHERE_DOCUMENT.items():
        print(f"text {title}: {' '.join(books.get(where_document=where)['ids'])}")
    found = books.query(query_texts="years ago at sea", n_results=2,
                        where=WHERE["between two dates"], where_document={"$contains": "went"})
    print(f"nearest of those that match both kinds: {' '.join(found['ids'][0])}")
