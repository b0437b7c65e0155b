"""Small sets that are made to break an index: equal rows, lonely rows, zero rows, lengths of six
decades, dimensions that say nothing, very few and very many dimensions, numbers that are quantised
already. All synthetic. The queries are drawn as the rows are, and none is a row by intent."""
import numpy as np

QUERIES = 1000
ROWS = 20_000


def clusters(random, rows, dim, centres=200):
    """Rows around centres of very different sizes and widths."""
    places = random.standard_normal((centres, dim))
    shares = 1 / np.arange(1, centres + 1)
    member = random.choice(centres, rows, p=shares / shares.sum())
    widths = 10 ** random.uniform(-1, 0, centres)
    values = places[member] + widths[member, None] * random.standard_normal((rows, dim))
    return values.astype(np.float32)


def split(values):
    """Rows and queries of one draw."""
    return values[QUERIES:], values[:QUERIES]


def duplicates(share):
    """A maker of rows some of which are exact copies of others, anywhere in the order."""
    def make(random):
        base, queries = split(clusters(random, ROWS + QUERIES, 64))
        copied = random.permutation(ROWS)[:int(share * ROWS)]
        base[copied] = base[random.integers(0, ROWS, len(copied))]
        return base, queries
    make.__doc__ = f"{share:.0%} of the rows are exact copies of others."
    return make


def copies(random):
    """One cluster of 1,000 equal rows; every second query is near it."""
    base, queries = split(clusters(random, ROWS + QUERIES, 64))
    base[random.permutation(ROWS)[:1000]] = base[0]
    noise = random.standard_normal((QUERIES // 2, 64)).astype(np.float32)
    queries[::2] = base[0] + np.float32(0.3) * noise
    return base, queries


def outliers(random):
    """Five rows far from all and from each other; the first ten queries are beside them."""
    base, queries = split(clusters(random, ROWS + QUERIES, 64))
    far = random.permutation(ROWS)[:5]
    base[far] = 1000 * random.standard_normal((5, 64))
    queries[:10] = np.repeat(base[far], 2, axis=0) + random.standard_normal((10, 64))
    return base, queries


def zeros(random):
    """Ten zero rows, and a zero query, whose distance to everything is 1."""
    base, queries = split(clusters(random, ROWS + QUERIES, 64))
    base[random.permutation(ROWS)[:10]] = 0
    queries[0] = 0
    return base, queries


def norms(random):
    """Lengths from 1e-3 to 1e3, uniform in their logarithm."""
    values = clusters(random, ROWS + QUERIES, 64)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return split(values * (10 ** random.uniform(-3, 3, (len(values), 1))).astype(np.float32))


def constant(random):
    """Half of the dimensions are the same large number in every row and query."""
    values = clusters(random, ROWS + QUERIES, 64)
    values[:, ::2] = 1000
    return split(values)


def low(dim):
    """A maker of few dimensions, where graphs need their long edges."""
    def make(random):
        return split(clusters(random, ROWS + QUERIES, dim))
    make.__doc__ = f"{dim} dimensions."
    return make


def high(random):
    """The largest dimension that Viridian takes."""
    return split(clusters(random, 2000 + QUERIES, 8192, 50))


def whole(random):
    """Whole numbers of -127..127, as of an encoder that answers int8: many equal distances."""
    values = clusters(random, ROWS + QUERIES, 32)
    return split(np.clip(np.rint(values * 30), -127, 127).astype(np.float32))


# What `data.py adversarial` makes: name, then metric and maker.
SETS = {
    "adv-duplicates-1": ("l2", duplicates(0.01)),
    "adv-duplicates-10": ("l2", duplicates(0.1)),
    "adv-copies": ("l2", copies),
    "adv-copies-cosine": ("cosine", copies),
    "adv-outliers": ("l2", outliers),
    "adv-zeros-l2": ("l2", zeros),
    "adv-zeros-cosine": ("cosine", zeros),
    "adv-norms-ip": ("ip", norms),
    "adv-norms-cosine": ("cosine", norms),
    "adv-constant": ("l2", constant),
    "adv-d2": ("l2", low(2)),
    "adv-d3": ("l2", low(3)),
    "adv-d17": ("l2", low(17)),
    "adv-d8192": ("l2", high),
    "adv-int8": ("l2", whole),
}


def maker(name):
    """The function that makes a set in its folder."""
    metric, make = SETS[name]

    def write(folder, seed):
        base, queries = make(np.random.default_rng([seed, sorted(SETS).index(name)]))
        np.save(folder / "base.npy", np.ascontiguousarray(base, dtype=np.float32))
        np.save(folder / "queries.npy", np.ascontiguousarray(queries, dtype=np.float32))
        about = " ".join(make.__doc__.split())
        return {"metric": metric, "real": f"synthetic, clustered. {about}", "packages": {}}
    return write
