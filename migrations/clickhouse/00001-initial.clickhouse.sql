-- Each step is one statement, and a check that says whether what it does is done. Words in braces
-- are replaced for the server at hand: src/clickhouse/migration_text.h says by what.

-- The operations on records, in the order of each collection's numbers. They stay until full images
-- of the records that they made are in `records`.
--   op          0 add, 1 update, 2 upsert, 3 remove, 9 the beginning of an epoch
--   flags       1 vec given, 2 doc given, 4 doc taken away, 8 meta given, 16 uri given,
--               32 uri taken away, 64 last row of its batch
--   prev_epoch, prev_last   of op 9: which epoch it continues, and after which number
--   ts          when it was written, one value for each insert
-- step: record_log
-- check: SELECT toUInt8(count() = 13) AS done FROM system.columns
--        WHERE database = {name} AND table = 'record_log'
CREATE TABLE IF NOT EXISTS {database}.record_log (
  collection_id UUID,
  seq UInt64,
  epoch UInt64,
  op UInt8,
  flags UInt8,
  id String,
  vec Array(Float32){uncompressed},
  meta String,
  doc String,
  uri String,
  prev_epoch UInt64,
  prev_last UInt64,
  ts DateTime
)
ENGINE = {engine MergeTree record_log}
PARTITION BY toYYYYMMDD(ts)
ORDER BY (collection_id, seq, epoch)
SETTINGS index_granularity = 256{durable}

-- Full images of records: of each offset the row with the greatest seq counts, up to the number that
-- the catalogue says. What is beyond it must not take the place of what is not, so seq is part of the
-- key: merging joins equal rows only.
--   bucket   the collection's slot modulo 16
--   seq      the number of the log from which on the record is like this
--   deleted  1: from then on there is no record at this offset any more
-- step: records
-- check: SELECT toUInt8(count() = 11) AS done FROM system.columns
--        WHERE database = {name} AND table = 'records'
CREATE TABLE IF NOT EXISTS {database}.records (
  bucket UInt8,
  collection_id UUID,
  offset UInt64,
  seq UInt64,
  deleted UInt8,
  flags UInt8,
  id String,
  vec Array(Float32){uncompressed},
  meta String,
  doc String,
  uri String
)
ENGINE = {engine ReplacingMergeTree records seq}
PARTITION BY bucket
ORDER BY (collection_id, offset, seq)
SETTINGS index_granularity = 256{durable}

-- What was to become each version of the catalogue; which ones did is said elsewhere.
-- step: sysdb_log
-- check: SELECT toUInt8(count() = 5) AS done FROM system.columns
--        WHERE database = {name} AND table = 'sysdb_log'
CREATE TABLE IF NOT EXISTS {database}.sysdb_log (
  version UInt64,
  txn String,
  prev String,
  body String,
  ts DateTime
)
ENGINE = {engine MergeTree sysdb_log}
ORDER BY (version, txn)
SETTINGS index_granularity = 256{durable}

-- Signs of life of the servers that share this database.
-- step: servers
-- check: SELECT toUInt8(count() = 4) AS done FROM system.columns
--        WHERE database = {name} AND table = 'servers'
CREATE TABLE IF NOT EXISTS {database}.servers (
  server String,
  beat UInt64,
  url String,
  ts DateTime
)
ENGINE = {engine MergeTree servers}
PARTITION BY toYYYYMMDD(ts)
ORDER BY (server, beat)
