-- Names are bytes, of any length; unique by their hash, since an index takes only short ones.
-- convert_from(name, 'UTF8') shows them. Numbers of records use all 64 bits: from 2^63 on they look
-- negative here.

CREATE TABLE tenants (
  key BYTEA GENERATED ALWAYS AS (sha256(name)) STORED PRIMARY KEY,
  name BYTEA NOT NULL,
  resource_name BYTEA
);

CREATE TABLE databases (
  id UUID PRIMARY KEY,
  tenant BYTEA NOT NULL REFERENCES tenants (key),
  key BYTEA GENERATED ALWAYS AS (sha256(name)) STORED,
  name BYTEA NOT NULL,
  UNIQUE (tenant, key)
);

CREATE TABLE collections (
  id UUID PRIMARY KEY,
  database UUID NOT NULL REFERENCES databases (id),
  key BYTEA GENERATED ALWAYS AS (sha256(name)) STORED,
  name BYTEA NOT NULL,
  dimension BIGINT,       -- null until the first vector is stored
  metadata BYTEA,         -- JSON; null where there is none
  schema BYTEA NOT NULL,  -- JSON
  UNIQUE (database, key)
);

CREATE TABLE segments (
  id UUID PRIMARY KEY,
  collection UUID NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
  position BIGINT NOT NULL,  -- place in the collection's list
  scope BIGINT NOT NULL CHECK (scope IN (0, 1)),  -- 0 metadata, 1 vector
  type BYTEA NOT NULL,
  sealed BIGINT NOT NULL,
  garbage_since BIGINT NOT NULL,  -- seconds since 1970; 0: no garbage
  placement BYTEA NOT NULL,       -- empty: there is only one place
  UNIQUE (collection, position)
);

CREATE INDEX ON segments (garbage_since) WHERE garbage_since <> 0;

-- The immutable files of a segment, oldest first.
CREATE TABLE segment_files (
  segment UUID NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
  position BIGINT NOT NULL,
  id UUID NOT NULL,
  name BYTEA NOT NULL,
  size_bytes BIGINT NOT NULL,
  rows BIGINT NOT NULL,
  first_seq BIGINT NOT NULL,
  last_seq BIGINT NOT NULL,
  origin UUID NOT NULL,  -- zero: the collection itself
  PRIMARY KEY (segment, position)
);

INSERT INTO tenants (name) VALUES ('default_tenant');
INSERT INTO databases (id, tenant, name)
VALUES ('00000000-0000-0000-0000-000000000000', sha256('default_tenant'), 'default_database');

-- Which records in ClickHouse are a collection's history: those numbered base + 1 to head.
CREATE TABLE heads (
  collection UUID PRIMARY KEY,
  epoch BIGINT NOT NULL,  -- the one under which records are written now
  base BIGINT NOT NULL,
  head BIGINT NOT NULL
) WITH (fillfactor = 50);

-- From `first` on records of this epoch count, until the next one's first.
CREATE TABLE spans (
  collection UUID NOT NULL,
  epoch BIGINT NOT NULL,
  first BIGINT NOT NULL,
  PRIMARY KEY (collection, epoch)
);

-- Servers and what they hold; nothing here is needed while none runs, except that epochs grow.
CREATE TABLE servers (
  id BYTEA PRIMARY KEY,
  url BYTEA NOT NULL,
  beat BIGINT NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE leases (
  slot BIGINT PRIMARY KEY,
  epoch BIGINT NOT NULL,
  server BYTEA NOT NULL  -- empty: nobody
) WITH (fillfactor = 50);

INSERT INTO leases (slot, epoch, server) SELECT slot, 0, '' FROM generate_series(0, 63) AS slot;
