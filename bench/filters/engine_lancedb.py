"""LanceDB by its Python package: a table per set with BITMAP indexes on keys of few values, BTREE on the
others and on `id`, LABEL_LIST on the array, an FM index of the documents, which $contains uses, and no
index of vectors: among those a filter lets through it compares all. The indexes are made once a set
is loaded. Calls cannot be interrupted."""
import datetime
import warnings

import lancedb
from lancedb.index import Bitmap, BTree, Fm, LabelList

import sql
from engine import Engine
from engine_duckdb import table

# Nobody else reads the tables, as `optimize` warns.
warnings.filterwarnings("ignore", message="optimize")
FEW = ("pos", "domain", "depth", "has_example")


class LanceDb(Engine):
    """A table per set."""
    name, dialect = "LanceDB", sql.Dialect()

    def __init__(self, directory):
        super().__init__(directory)
        self.database, self.open = lancedb.connect(str(self.directory / "tables")), {}

    def table(self, set_):
        """The set's."""
        if set_.name not in self.open:
            self.open[set_.name] = self.database.open_table(set_.name)
        return self.open[set_.name]

    def create(self, set_):
        made = table(set_, range(1))
        self.open[set_.name] = self.database.create_table(set_.name, schema=made.schema, mode="overwrite")

    def batch(self, set_, rows):
        target, made = self.table(set_), table(set_, rows)
        return lambda: target.add(made)

    def seal(self, set_):
        target = self.table(set_)
        target.optimize(cleanup_older_than=datetime.timedelta(0))
        for key in ("id", *set_.keys()):
            target.create_index(key, config=Bitmap() if key in FEW else BTree())
        if set_.arrays:
            target.create_index("lemmas", config=LabelList())
        target.create_index("document", config=Fm())
        target.optimize(cleanup_older_than=datetime.timedelta(0))

    def request(self, set_, request):
        target, asked = self.table(set_), self.dialect.predicate(request)
        if request.count:
            return target.count_rows
        columns = ["id", *(("document", "lemmas", *set_.keys()) if "documents" in request.include else ()),
                   *(("_distance",) if "distances" in request.include else ())]
        question = target.search(request.vector, vector_column_name="vector").distance_type("cosine") \
            if request.vector is not None else target.search()
        question = question.select(columns)
        if asked:
            question = question.where(asked)
        if request.vector is not None:
            question = question.limit(request.n_results)
        elif request.limit is not None:
            question = question.limit(request.limit).offset(request.offset or 0)
        return question.to_arrow

    def ids(self, answer):
        return answer.column("id").to_pylist()

    def delete(self, set_, where):
        target = self.table(set_)

        def run():
            before = target.count_rows()
            target.delete(self.dialect.condition(where))
            return before - target.count_rows()
        return run
