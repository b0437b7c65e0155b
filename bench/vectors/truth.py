"""Exact nearest neighbours and what they say about a set.

Distances are the ones Viridian answers: l2 is squared, cosine is 1 - cos (1 where a vector is zero),
ip is 1 - dot. Candidates come from blocked float32 products; the best 200 of each query are computed
again in float64, and a query whose 200th candidate float32 cannot tell from its 100th is computed
wholly in float64, so that the answer is exact with duplicates and norms of any size, too.
"""
import numpy as np

BLOCK = 1 << 15
METRICS = ("l2", "cosine", "ip")


def unit(rows):
    """Rows of length one; zero rows stay zero. The scale is computed in float64."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    lengths[lengths == 0] = 1
    return (rows / lengths[:, None].astype(rows.dtype)).astype(rows.dtype, copy=False)


def exact_distances(rows, query, metric):
    """Float64 distances of a query to some rows."""
    rows, query = rows.astype(np.float64), query.astype(np.float64)
    if metric == "l2":
        difference = rows - query
        return np.einsum("ij,ij->i", difference, difference)
    dots = rows @ query
    if metric == "ip":
        return 1 - dots
    scale = np.sqrt(np.einsum("ij,ij->i", rows, rows)) * np.sqrt(query @ query)
    return np.clip(1 - np.divide(dots, scale, out=np.zeros_like(dots), where=scale > 0), 0, 2)


def block_scores(rows, queries, metric):
    """Float32 values that order the rows of a block for each query, and a bound of their error."""
    lengths = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    error = 4 * np.sqrt(rows.shape[1]) * np.finfo(np.float32).eps
    if metric == "l2":
        largest = np.sqrt(np.einsum("ij,ij->i", queries, queries, dtype=np.float64))
        bound = error * (lengths.max() + 2 * largest * np.sqrt(lengths.max()))
        return lengths.astype(np.float32) - 2 * (queries @ rows.T), bound
    bound = error * np.sqrt(lengths.max() * np.einsum("ij,ij->i", queries, queries, dtype=np.float64))
    return -(queries @ rows.T), bound


def candidates(base, queries, metric, count):
    """The best `count` rows of each query by float32 scores, those scores, and their error bound."""
    if metric == "cosine":
        queries = unit(queries)
    best_scores = np.full((len(queries), 0), np.inf, dtype=np.float32)
    best_ids = np.zeros((len(queries), 0), dtype=np.int64)
    error = np.zeros(len(queries))
    for start in range(0, len(base), BLOCK):
        rows = np.asarray(base[start:start + BLOCK])
        scores, bound = block_scores(unit(rows) if metric == "cosine" else rows, queries, metric)
        error = np.maximum(error, bound)
        if scores.shape[1] > count:
            picked = np.argpartition(scores, count - 1, axis=1)[:, :count]
            scores = np.take_along_axis(scores, picked, axis=1)
        else:
            picked = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
        best_scores = np.concatenate([best_scores, scores], axis=1)
        best_ids = np.concatenate([best_ids, picked + start], axis=1)
        if best_scores.shape[1] > count:
            kept = np.argpartition(best_scores, count - 1, axis=1)[:, :count]
            best_scores = np.take_along_axis(best_scores, kept, axis=1)
            best_ids = np.take_along_axis(best_ids, kept, axis=1)
    return best_ids, best_scores, error


def all_distances(base, query, metric):
    """Float64 distances of a query to every row."""
    return np.concatenate([exact_distances(np.asarray(base[start:start + BLOCK]), query, metric)
                           for start in range(0, len(base), BLOCK)])


def exact(base, queries, metric, k=100):
    """Ids (int32) and distances (float64) of the k nearest rows of each query, nearest first, equal
    ones by id; also how many queries needed float64 throughout."""
    k = min(k, len(base))
    count = min(2 * k, len(base))
    found, scores, error = candidates(base, queries, metric, count)
    ids = np.zeros((len(queries), k), dtype=np.int32)
    distances = np.zeros((len(queries), k))
    hard = 0
    for i, query in enumerate(queries):
        rows = found[i]
        values = exact_distances(np.asarray(base[np.sort(rows)]), query, metric)
        rows = np.sort(rows)
        order = np.lexsort((rows, values))[:k]
        ordered = np.sort(scores[i])
        if count < len(base) and ordered[-1] - ordered[k - 1] <= 4 * error[i]:
            hard += 1
            values = all_distances(base, query, metric)
            rows = np.arange(len(base))
            order = np.lexsort((rows, values))[:k]
        ids[i], distances[i] = rows[order], values[order]
    return ids, distances, hard


def effective_dimension(base, metric, sample=20_000, seed=1):
    """(sum of eigenvalues)^2 / sum of squares, of the covariance: how many dimensions would hold the
    variance if they shared it equally. A flat spectrum has it near the dimension."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(base))[:sample])
    rows = np.asarray(base[rows], dtype=np.float64)
    if metric == "cosine":
        rows = unit(rows)
    rows -= rows.mean(axis=0)
    product = rows.T @ rows if rows.shape[0] > rows.shape[1] else rows @ rows.T
    square = np.einsum("ij,ij->", product, product)
    return float(np.trace(product) ** 2 / square) if square > 0 else 0.0


def local_dimension(distances, metric):
    """The median over queries of the maximum likelihood estimate of the intrinsic dimension from the
    exact neighbours' distances; None where the metric has no such meaning."""
    if metric == "ip" or distances.shape[1] < 2:
        return None
    lengths = np.sqrt(distances)
    sound = lengths[:, 0] > 1e-6
    if not sound.any():
        return None
    ratios = np.log(lengths[sound] / lengths[sound][:, -1:])[:, :-1].mean(axis=1)
    return float(np.median(-1 / np.minimum(ratios, -1e-9)))
