-- Since when a segment's files hold something deleted or replaced, in seconds since 1970; 0: nothing.
ALTER TABLE segments ADD COLUMN garbage_since INTEGER NOT NULL DEFAULT 0;

-- The collection that wrote the file; null: the one that the segment is of.
ALTER TABLE segment_files ADD COLUMN origin BLOB;

-- Changes are numbered, so that the copies in the directory catalogue can be compared with the rows.
ALTER TABLE collections ADD COLUMN change INTEGER NOT NULL DEFAULT 1;  -- its latest

CREATE TABLE changes (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  latest INTEGER NOT NULL,
  of_databases INTEGER NOT NULL  -- the latest of tenants and databases, or that removed a collection
) STRICT;

INSERT INTO changes (one, latest, of_databases) VALUES (1, 1, 1);
