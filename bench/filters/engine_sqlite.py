"""SQLite by Python's sqlite3: a wide table with an index on every column, an FTS5 table of trigrams over
the documents, which it does not store twice. It has no vectors and no arrays. $contains is a phrase of
trigrams; a regular expression is Python's `re`, called for the documents with its literal, for which
whoever asks has to look himself. Each batch is a transaction, in a WAL with synchronous=FULL."""
import re
import sqlite3
import threading

import sql
from engine import Engine, Unable

LIMIT = 60  # seconds for a question
TYPES = {"i": "integer", "f": "real", "b": "integer", "U": "text"}


class Dialect(sql.Dialect):
    """FTS5's."""

    def in_array(self, key, value):
        raise Unable("no arrays")

    def contains(self, text):
        quoted = sql.literal('"' + text.replace('"', '""') + '"')
        return f"rowid in (select rowid from texts where texts match {quoted})"

    def matches(self, pattern, literal):
        return f"{self.contains(literal)} and document regexp {sql.literal(pattern)}"


class Sqlite(Engine):
    """A file per set."""
    name, dialect = "SQLite FTS5", Dialect()

    def __init__(self, directory):
        super().__init__(directory)
        self.open = {}

    def database(self, set_):
        """The connection to a set's file."""
        if set_.name not in self.open:
            made = sqlite3.connect(self.directory / f"{set_.name}.db", isolation_level=None,
                                   check_same_thread=False)
            for pragma in ("journal_mode=wal", "synchronous=full", "cache_size=-1000000"):
                made.execute(f"pragma {pragma}")
            made.create_function("regexp", 2, lambda pattern, text: re.search(pattern, text) is not None,
                                 deterministic=True)
            self.open[set_.name] = made
        return self.open[set_.name]

    def close(self):
        for database in self.open.values():
            database.close()
        self.open = {}

    def create(self, set_):
        database = self.database(set_)
        columns = [(key, TYPES[set_.column(key).dtype.kind]) for key in set_.keys()]
        database.executescript(
            "drop table if exists records; drop table if exists texts;"
            "create table records (rowid integer primary key, id text unique, document text, "
            + ", ".join(f"{key} {type_}" for key, type_ in columns) + ");"
            "create virtual table texts using fts5(document, content='records', content_rowid='rowid', "
            "tokenize='trigram case_sensitive 1');"
            "create trigger added after insert on records begin "
            "insert into texts (rowid, document) values (new.rowid, new.document); end;"
            "create trigger deleted after delete on records begin insert into texts (texts, rowid, document) "
            "values ('delete', old.rowid, old.document); end;"
            + "".join(f"create index records_{key} on records ({key});" for key, _ in columns))

    def batch(self, set_, rows):
        database, keys = self.database(set_), set_.keys()
        values = [(row, str(row), set_.documents[row], *map(set_.metadata(row).get, keys)) for row in rows]
        statement = f"insert into records values ({', '.join('?' * (3 + len(keys)))})"

        def run():
            database.execute("begin")
            database.executemany(statement, values)
            database.execute("commit")
        return run

    def seal(self, set_):
        database = self.database(set_)
        database.execute("insert into texts (texts) values ('optimize')")
        database.execute("analyze")
        database.execute("pragma wal_checkpoint(truncate)")

    def request(self, set_, request):
        if request.vector is not None:
            raise Unable("no vectors")
        database, asked = self.database(set_), self.dialect.predicate(request)
        whole = ("document", *set_.keys()) if request.include else ()
        columns = "count(*)" if request.count else ", ".join(["id", *whole])
        text = f"select {columns} from records" + (f" where {asked}" if asked else "")
        if request.offset is not None:
            text += " order by rowid"
        if request.limit is not None:
            text += f" limit {request.limit} offset {request.offset or 0}"

        def run():
            timer = threading.Timer(LIMIT, database.interrupt)
            timer.start()
            try:
                return database.execute(text).fetchall()
            except sqlite3.OperationalError as error:
                if "interrupted" in str(error):
                    raise TimeoutError from error
                raise
            finally:
                timer.cancel()
        return run

    def ids(self, answer):
        return [row[0] for row in answer]

    def delete(self, set_, where):
        database, text = self.database(set_), f"delete from records where {self.dialect.condition(where)}"
        return lambda: database.execute(text).rowcount
