-- Ids are the 16 bytes of a UUID; their order as blobs is the order of their texts.

CREATE TABLE tenants (
  name TEXT NOT NULL PRIMARY KEY,
  resource_name TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE databases (
  id BLOB NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants (name),
  name TEXT NOT NULL,
  UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE collections (
  id BLOB NOT NULL PRIMARY KEY,
  database BLOB NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  dimension INTEGER,     -- null until the first vector is stored
  metadata TEXT,         -- JSON; null where there is none
  schema TEXT NOT NULL,  -- JSON
  UNIQUE (database, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE segments (
  id BLOB NOT NULL PRIMARY KEY,
  collection BLOB NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,  -- place in the collection's list
  scope TEXT NOT NULL CHECK (scope IN ('metadata', 'vector')),
  type TEXT NOT NULL,
  sealed INTEGER NOT NULL,
  UNIQUE (collection, position)
) STRICT, WITHOUT ROWID;

-- The immutable files of a segment, oldest first.
CREATE TABLE segment_files (
  segment BLOB NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  id BLOB NOT NULL,
  name TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  PRIMARY KEY (segment, position)
) STRICT, WITHOUT ROWID;

INSERT INTO tenants (name) VALUES ('default_tenant');
INSERT INTO databases (id, tenant, name) VALUES (zeroblob(16), 'default_tenant', 'default_database');
