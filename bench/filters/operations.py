"""What is asked: operations, each a list of requests that follow from a seed and from the records.

Filters are written in Chroma's language; the other engines translate them (sql.py)."""
import collections
import dataclasses
import re

import numpy as np

import records

NAMELESS = ()  # include nothing: ids only
DEFAULT = ("documents", "metadatas")


@dataclasses.dataclass
class Request:
    """A `get`, a `query` if there is a vector, or a `count`."""
    where: dict = None
    where_document: dict = None
    ids: list = None
    limit: int = None
    offset: int = None
    include: tuple = DEFAULT
    vector: object = None
    n_results: int = 10
    count: bool = False
    literal: str = None  # every match of the $regex has it; for engines that cannot find out


@dataclasses.dataclass
class Operation:
    """Requests of a kind, with the speed-up over Chroma that is wanted."""
    name: str
    title: str
    requests: list
    aim: float = None
    floor: float = None


class Operations:
    """Those of a set."""

    QUICK = 20  # requests of an operation that most engines answer at once
    SLOW = 5  # of one for which most read everything

    def __init__(self, set_):
        self.set, self.random = set_, np.random.default_rng([records.SEED, 99])

    def some(self, values, count):
        """Random ones of them, as Python's values."""
        return self.random.choice(values, count, replace=False).tolist()

    def build(self, wanted):
        """Those whose name is wanted (None: all); requests do not depend on which."""
        found, makers = [], {
            "grown": (self.equal, self.lists, self.ranges, self.combined, self.contains, self.regex,
                      self.pages),
            "glosses": (self.counted, self.by_id, self.filtered, self.filtered_by_text)}
        for make in makers[self.set.name]:
            self.random = np.random.default_rng([records.SEED, *make.__name__.encode()])
            found += make()
        return [one for one in found if wanted is None or one.name in wanted]

    def equal(self):
        """`get` of the ten records of a batch."""
        batches = self.some(np.unique(self.set.column("batch")), self.QUICK)
        requests = [Request(where={"batch": {"$eq": batch}}) for batch in batches]
        return [Operation("get_eq", "get, $eq that 10 records have", requests, 1000, 100)]

    def lists(self):
        """$in, and $contains of an array."""
        batches = np.unique(self.set.column("batch"))
        requests = [Request(where={"batch": {"$in": self.some(batches, 20)}}, include=NAMELESS)
                    for _ in range(self.QUICK)]
        grown = self.set
        held = [grown.lemmas(row)[-1] for row in self.some(len(grown), self.SLOW)]
        arrays = [Request(where={"lemmas": {"$contains": lemma}}, include=NAMELESS) for lemma in held]
        return [Operation("get_in", "get, $in of 20 values, 200 ids", requests),
                Operation("get_array", "get, a lemma in an array, ids", arrays)]

    def ranges(self):
        """A tenth of all by a range of whole numbers, and by one of fractions."""
        grown = self.set
        size, found = len(grown), []
        starts = self.random.integers(0, size - size // 10, self.SLOW).tolist()
        between = [{"$and": [{"number": {"$gte": start}}, {"number": {"$lt": start + size // 10}}]}
                   for start in starts]
        above = [{"word_length": {"$gt": round(float(value), 4)}}
                 for value in np.quantile(grown.column("word_length"), np.linspace(0.89, 0.91, self.SLOW))]
        for name, title, wheres in (("range_int", "$gte and $lt of integers", between),
                                    ("range_float", "$gt of fractions", above)):
            found += [Operation(f"{name}_10", f"get, {title}, 10 %, limit 10",
                                [Request(where=where, limit=10, include=NAMELESS) for where in wheres]),
                      Operation(f"{name}_all", f"get, {title}, 10 %, all ids",
                                [Request(where=where, include=NAMELESS) for where in wheres])]
        return found

    def combined(self):
        """$and of three, $or of two, over keys of few and of many values."""
        grown = self.set
        domains = self.some(np.unique(grown.column("domain")), self.SLOW)
        lemmas = self.some(grown.column("lemma"), 2 * self.SLOW)
        every = [{"$and": [{"domain": {"$eq": domain}}, {"words": {"$gt": 20}}, {"has_example": {"$eq": True}}]}
                 for domain in domains]
        either = [{"$or": [{"lemma": {"$eq": lemmas[i]}}, {"lemma": {"$eq": lemmas[i + self.SLOW]}}]}
                  for i in range(self.SLOW)]
        return [Operation(name, title, [Request(where=where, include=NAMELESS) for where in wheres])
                for name, title, wheres in (("and_three", "get, $and of three, all ids", every),
                                            ("or_two", "get, $or of two, all ids", either))]

    def vocabulary(self):
        """Of the set's first 50,000 documents: in how many each lower-case word is, and the words of one."""
        documents = self.set.documents[:50_000]
        counts = collections.Counter(word for document in documents
                                     for word in set(re.findall(r"\b[a-z]{5,}\b", document)))
        rare = sorted(word for word, count in counts.items() if count == 1 and len(word) > 6)
        return counts, rare

    def contains(self):
        """Rare and frequent words."""
        counts, rare = self.vocabulary()
        rare = self.some(rare, self.SLOW)
        frequent = [word for word, _ in counts.most_common(self.SLOW)]
        found = []
        for name, title, words, limit, include in (
                ("contains_rare", "get, $contains a rare word, limit 10", rare, 10, DEFAULT),
                ("contains_rare_all", "get, $contains a rare word, all ids", rare, None, NAMELESS),
                ("contains_frequent", "get, $contains a frequent word, limit 10", frequent, 10, DEFAULT)):
            requests = [Request(where_document={"$contains": word}, limit=limit, include=include)
                        for word in words]
            found.append(Operation(name, title, requests, 500, 50))
        return found

    def regex(self):
        """Rare words with other endings, too."""
        _, rare = self.vocabulary()
        requests = [Request(where_document={"$regex": rf"\b{word[:-2]}[a-z]{{1,3}}\b"}, include=NAMELESS,
                            literal=word[:-2]) for word in self.some(rare, self.SLOW)]
        return [Operation("regex", "get, $regex with a literal, all ids", requests, 500, 50)]

    def pages(self):
        """A hundred records at the beginning and behind nine tenths of all."""
        found = []
        for include, what in ((NAMELESS, "ids"), (DEFAULT, "documents, metadata")):
            for name, offset in (("first", 0), ("far", len(self.set) * 9 // 10)):
                requests = [Request(limit=100, offset=offset + 100 * i, include=include) for i in range(10)]
                found.append(Operation(f"page_{name}_{what.split(',', maxsplit=1)[0]}",
                                       f"page of 100 at offset {offset:,}, {what}", requests))
        return found

    def counted(self):
        """`count`."""
        return [Operation("count", "count", [Request(count=True)] * self.QUICK, 200, 50)]

    def by_id(self):
        """`get` of one id."""
        requests = [Request(ids=[str(row)]) for row in self.some(len(self.set), self.QUICK)]
        return [Operation("get_id", "get by id", requests, 20, 8)]

    def vectors(self, count):
        """Of random records, a little moved: what is asked is not stored."""
        glosses = self.set
        rows = glosses.vectors[self.some(len(glosses), count)].astype(np.float64)
        rows += self.random.normal(0, 0.02, rows.shape)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def filtered(self):
        """Queries among a random share of the records, and among those of a domain."""
        found = []
        for share in (0.5, 0.1, 0.01, 0.001):
            requests = [Request(where={"r": {"$lt": round(1000 * share)}}, vector=vector, include=("distances",))
                        for vector in self.vectors(self.QUICK)]
            found.append(Operation(f"query_{1000 * share:g}", f"query, a filter of {100 * share:g} %",
                                   requests, 500, 50))
        domains = self.some(np.unique(self.set.column("domain")), self.QUICK)
        requests = [Request(where={"domain": {"$eq": domain}}, vector=vector, include=("distances",))
                    for domain, vector in zip(domains, self.vectors(self.QUICK))]
        return [*found, Operation("query_domain", "query, in a domain (0.01 to 10 %)", requests, 500, 50)]

    def filtered_by_text(self):
        """Queries among the documents that contain a word."""
        counts, rare = self.vocabulary()
        found = []
        for name, words in (("rare", self.some(rare, self.SLOW)),
                            ("frequent", [word for word, _ in counts.most_common(self.SLOW)])):
            requests = [Request(where_document={"$contains": word}, vector=vector, include=("distances",))
                        for word, vector in zip(words, self.vectors(self.SLOW))]
            found.append(Operation(f"query_contains_{name}", f"query, $contains a {name} word",
                                   requests, 500, 50))
        return found
