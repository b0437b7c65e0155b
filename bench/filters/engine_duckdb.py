"""DuckDB by its Python package: a wide table with ART indexes on `id`, `batch`, `number` and `lemma`, whose
values are many; the others it filters by its zone maps and by reading. Its fts extension ranks whole
words and cannot be installed without a network of its own, so that $contains reads the documents.
Vectors are compared with all that the filter lets through. Each batch is a transaction."""
import threading

import duckdb
import pyarrow

import sql
from engine import Engine

LIMIT = 60  # seconds for a question
INDEXED = ("id", "batch", "number", "lemma")


class Dialect(sql.Dialect):
    """Where DuckDB differs."""

    def matches(self, pattern, _literal):
        return f"regexp_matches(document, {sql.literal(pattern)})"


def table(set_, rows):
    """Records as Arrow has them."""
    rows = list(rows)
    dim = set_.vectors.shape[1]
    flat = pyarrow.array(set_.vectors[rows].ravel())
    arrays = {"lemmas": pyarrow.array([set_.lemmas(row) for row in rows], pyarrow.list_(pyarrow.string()))}
    return pyarrow.table({
        "id": [str(row) for row in rows], "document": [set_.documents[row] for row in rows],
        **{key: pyarrow.array(set_.column(key)[rows].tolist()) for key in set_.keys()},
        **(arrays if set_.arrays else {}),
        "vector": pyarrow.FixedSizeListArray.from_arrays(flat, dim)})


class DuckDb(Engine):
    """A file per set."""
    name, dialect = "DuckDB", Dialect()

    def __init__(self, directory):
        super().__init__(directory)
        self.open = {}

    def database(self, set_):
        """The connection to a set's file."""
        if set_.name not in self.open:
            self.open[set_.name] = duckdb.connect(str(self.directory / f"{set_.name}.duckdb"))
        return self.open[set_.name]

    def close(self):
        for database in self.open.values():
            database.close()
        self.open = {}

    def create(self, set_):
        database = self.database(set_)
        made = table(set_, range(1))
        database.execute("drop table if exists records")
        database.register("made", made)
        database.execute("create table records as select * from made limit 0")
        database.unregister("made")
        for key in INDEXED:
            if key in made.column_names:
                database.execute(f"create index records_{key} on records ({key})")

    def batch(self, set_, rows):
        database, made = self.database(set_), table(set_, rows)

        def run():
            database.register("made", made)
            database.execute("insert into records select * from made")
            database.unregister("made")
        return run

    def seal(self, set_):
        self.database(set_).execute("checkpoint")

    def request(self, set_, request):
        database, asked = self.database(set_), self.dialect.predicate(request)
        whole = ("document", "lemmas", *set_.keys()) if "documents" in request.include else ()
        columns = "count(*)" if request.count else ", ".join(["id", *whole])
        text = f"select {columns} from records" + (f" where {asked}" if asked else "")
        values = []
        if request.vector is not None:
            dim = set_.vectors.shape[1]
            text += f" order by array_cosine_distance(vector, ?::float[{dim}]) limit {request.n_results}"
            values = [request.vector.tolist()]
        elif request.offset is not None:
            text += " order by rowid"
        if request.limit is not None:
            text += f" limit {request.limit} offset {request.offset or 0}"

        def run():
            timer = threading.Timer(LIMIT, database.interrupt)
            timer.start()
            try:
                return database.execute(text, values).fetchall()
            except duckdb.InterruptException as error:
                raise TimeoutError from error
            finally:
                timer.cancel()
        return run

    def ids(self, answer):
        return [row[0] for row in answer]

    def delete(self, set_, where):
        database, text = self.database(set_), f"delete from records where {self.dialect.condition(where)}"
        return lambda: database.execute(text).fetchall()[0][0]
