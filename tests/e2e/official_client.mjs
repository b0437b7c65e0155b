// A scenario over every operation, through Chroma's official JavaScript client, unmodified.
//
// usage: node official_client.mjs HOST PORT [--reference]
// Steps marked `ours` state what Viridian does better than the server the client was written for;
// with --reference they are left out, and the rest passes against a real Chroma.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const [, , host, portText, ...flags] = process.argv;
const port = Number(portText);
const reference = flags.includes('--reference');
const run = randomUUID().slice(0, 8);
const modules = process.env.NODE_MODULES ?? new URL('./node_modules', import.meta.url).pathname;
const require = createRequire(pathToFileURL(`${modules}/`));
const { ChromaClient, AdminClient, ChromaNotFoundError, ChromaUniqueError, ChromaClientError } =
  require(`${modules}/chromadb`);

const steps = [];
const step = (fact, body, ours = false) => steps.push({ fact, body, ours });
const close = (x, y) => assert.ok(Math.abs(x - y) < 1e-5, `${x} != ${y}`);
const client = new ChromaClient({ host, port });
const fresh = (name, options = {}) =>
  client.createCollection({ name: `${name}_${run}`, embeddingFunction: null, ...options });
const rejects = (promise, kind, word) => assert.rejects(promise, (error) => {
  assert.ok(!kind || error instanceof kind, `${error.name}: ${error.message}`);
  if (word) assert.match(error.message, word);
  return true;
});
const admin = new AdminClient({ host, port });
const vectors = { a: [1, 0, 0], b: [0, 1, 0], c: [0, 0, 1], d: [1, 1, 0] };
let books;

// ---- the server, tenants, databases
step('heartbeat is the current time in nanoseconds', async () => {
  assert.ok(Math.abs((await client.heartbeat()) / 1e6 - Date.now()) < 60e3);
});
step('version is a string', async () => assert.equal(typeof (await client.version()), 'string'));
step('the advertised batch size is a positive number', async () => {
  assert.ok((await client.getMaxBatchSize()) > 0);
});
step('base64 embeddings are supported', async () => {
  assert.equal(await client.supportsBase64Encoding(), true);
});
step('a tenant is created and found', async () => {
  await admin.createTenant({ name: `tenant_${run}` });
  assert.equal((await admin.getTenant({ name: `tenant_${run}` })), `tenant_${run}`);
});
step('a tenant name is taken once', () =>
  rejects(admin.createTenant({ name: `tenant_${run}` }), ChromaUniqueError));
step('an unknown tenant is not found', () =>
  rejects(admin.getTenant({ name: `nobody_${run}` }), ChromaNotFoundError));
step('a database is created, found and listed', async () => {
  const path = { name: `db_${run}`, tenant: `tenant_${run}` };
  await admin.createDatabase(path);
  assert.equal((await admin.getDatabase(path)).name, path.name);
  const listed = await admin.listDatabases({ tenant: path.tenant });
  assert.deepEqual(listed.map((d) => d.name), [path.name]);
});
step('a database name is taken once per tenant', () =>
  rejects(admin.createDatabase({ name: `db_${run}`, tenant: `tenant_${run}` }), ChromaUniqueError));
step('a client of another tenant sees its own collections only', async () => {
  const other = new ChromaClient({ host, port, tenant: `tenant_${run}`, database: `db_${run}` });
  await other.createCollection({ name: 'private', embeddingFunction: null });
  assert.deepEqual((await other.listCollections()).map((c) => c.name), ['private']);
  await rejects(client.getCollection({ name: 'private' }), ChromaNotFoundError);
});
step('a database is deleted with its collections', async () => {
  const path = { name: `db_${run}`, tenant: `tenant_${run}` };
  await admin.deleteDatabase(path);
  await rejects(admin.getDatabase(path), ChromaNotFoundError);
});

// ---- collections
step('a collection is created with metadata and a configuration', async () => {
  books = await fresh('books', { metadata: { topic: 'books', year: 2026 },
    configuration: { hnsw: { space: 'cosine', ef_search: 77 } } });
  assert.deepEqual(books.metadata, { topic: 'books', year: 2026 });
});
step('the configuration comes back with defaults filled in', () => {
  assert.equal(books.configuration.hnsw.space, 'cosine');
  assert.equal(books.configuration.hnsw.ef_search, 77);
  assert.equal(books.configuration.hnsw.ef_construction, 100);
});
step('a name that is taken is refused', () => rejects(fresh('books'), ChromaUniqueError));
step('getOrCreate gives the stored collection and changes nothing', async () => {
  const again = await client.getOrCreateCollection({ name: books.name, embeddingFunction: null,
    metadata: { topic: 'changed' } });
  assert.equal(again.id, books.id);
  assert.equal(again.metadata.topic, 'books');
});
step('a collection is found by name', async () => {
  assert.equal((await client.getCollection({ name: books.name })).id, books.id);
});
step('an unknown collection is not found', () =>
  rejects(client.getCollection({ name: `nothing_${run}` }), ChromaNotFoundError));
for (const bad of ['ab', 'a..b', '-abc', 'abc_', '1.2.3.4', 'a b c', 'x'.repeat(513)])
  step(`the name ${bad.slice(0, 12)} is refused`, () =>
    rejects(client.createCollection({ name: bad, embeddingFunction: null }), ChromaClientError));
step('collections are listed in pages and counted', async () => {
  const database = `pages_${run}`;
  await admin.createDatabase({ name: database, tenant: 'default_tenant' });
  const paged = new ChromaClient({ host, port, database });
  for (let i = 0; i < 5; i++)
    await paged.createCollection({ name: `page_${i}`, embeddingFunction: null });
  assert.equal(await paged.countCollections(), 5);
  const names = [];
  for (const offset of [0, 2, 4])
    names.push(...(await paged.listCollections({ limit: 2, offset })).map((c) => c.name));
  assert.deepEqual(names.sort(), [0, 1, 2, 3, 4].map((i) => `page_${i}`));
});
step('a collection is renamed and its metadata replaced', async () => {
  const c = await fresh('before', { metadata: { a: 1 } });
  await c.modify({ name: `after_${run}`, metadata: { c: 3 } });
  const found = await client.getCollection({ name: `after_${run}` });
  assert.equal(found.id, c.id);
  assert.deepEqual(found.metadata, { c: 3 });
});
step('a rename to a taken name is a conflict', async () => {
  const c = await fresh('rename');
  await rejects(c.modify({ name: books.name }), ChromaUniqueError);
}, true);
step('the configuration is modified in part', async () => {
  const c = await fresh('configured');
  await c.modify({ configuration: { hnsw: { ef_search: 42 } } });
  assert.equal((await client.getCollection({ name: c.name })).configuration.hnsw.ef_search, 42);
});

// ---- writing
step('records are added and counted', async () => {
  await books.add({ ids: ['a', 'b', 'c', 'd'], embeddings: Object.values(vectors),
    documents: ['red fox', 'blue whale', 'Red panda', 'frog'],
    metadatas: [{ n: 1, kind: 'fox' }, { n: 2.5, kind: 'whale' },
      { n: 3, kind: 'panda', tags: ['x', 'y'] }, { kind: 'frog' }],
    uris: ['s3://a', 's3://b', 's3://c', 's3://d'] });
  assert.equal(await books.count(), 4);
});
step('the dimension is the first vector\'s', () =>
  rejects(books.add({ ids: ['z'], embeddings: [[1, 2]] }), ChromaClientError, /dimension/));
step('an existing id is left alone by add', async () => {
  await books.add({ ids: ['a'], embeddings: [[9, 9, 9]], documents: ['other'] });
  assert.deepEqual((await books.get({ ids: ['a'] })).documents, ['red fox']);
});
step('the client refuses repeated ids', () =>
  rejects(books.add({ ids: ['q', 'q'], embeddings: [[1, 2, 3], [1, 2, 3]] })));
step('update merges metadata', async () => {
  await books.update({ ids: ['a'], metadatas: [{ n: 10, fresh: true }] });
  assert.deepEqual((await books.get({ ids: ['a'] })).metadatas,
    [{ n: 10, kind: 'fox', fresh: true }]);
  await books.update({ ids: ['a'], metadatas: [{ n: 1 }] });
});
step('update of a missing id does nothing', async () => {
  await books.update({ ids: ['missing'], metadatas: [{ n: 1 }] });
  assert.equal(await books.count(), 4);
});
step('update replaces document and vector', async () => {
  await books.update({ ids: ['d'], documents: ['green frog'], embeddings: [[1, 1, 0.5]] });
  const got = await books.get({ ids: ['d'], include: ['documents', 'embeddings'] });
  assert.deepEqual(got.documents, ['green frog']);
  assert.equal(got.embeddings[0].length, 3);
});
step('upsert inserts what is new and updates what is there', async () => {
  await books.upsert({ ids: ['d', 'e'], embeddings: [[1, 1, 0], [0.5, 0.5, 0.5]],
    metadatas: [{ kind: 'frog' }, { kind: 'elk', n: 5 }], documents: ['green frog', 'elk'] });
  assert.equal(await books.count(), 5);
});
step('odd ids and texts survive', async () => {
  const ids = [' ', 'a\nb', '🦊', 'é\0x', 'k'.repeat(5000)];
  const c = await fresh('odd');
  await c.add({ ids, embeddings: ids.map((_, i) => [i, 1]), documents: ids });
  const got = await c.get();
  assert.deepEqual(got.ids, ids);
  assert.deepEqual(got.documents, ids);
});
step('vectors come back as float32, exactly', async () => {
  const rows = Array.from({ length: 20 }, (_, i) =>
    Array.from({ length: 9 }, (_, j) => Math.fround(Math.sin(i * 31 + j))));
  const c = await fresh('bits', { configuration: { hnsw: { space: 'ip' } } });
  await c.add({ ids: rows.map((_, i) => `${i}`), embeddings: rows });
  const got = await c.get({ include: ['embeddings'] });
  assert.deepEqual(got.embeddings.map((r) => r.map(Math.fround)), rows);
});
step('a batch of 5,000 is one call', async () => {
  const c = await fresh('large');
  const ids = Array.from({ length: 5000 }, (_, i) => `${i}`);
  await c.add({ ids, embeddings: ids.map((_, i) => [i, 1, 2, 3]) });
  assert.equal(await c.count(), 5000);
  assert.deepEqual((await c.get({ limit: 2, offset: 4990 })).ids, ['4990', '4991']);
});
step('metadata types survive', async () => {
  const c = await fresh('types');
  const value = { s: '', i: 9007199254740991, f: 1.5, b: false, ls: ['a', 'b'], li: [1, 2] };
  await c.add({ ids: ['a'], embeddings: [[1]], metadatas: [value] });
  assert.deepEqual((await c.get()).metadatas, [value]);
});

// ---- reading
step('get gives natural order', async () => {
  assert.deepEqual((await books.get({ ids: ['d', 'a', 'b'] })).ids, ['a', 'b', 'd']);
});
step('get pages by limit and offset', async () => {
  assert.deepEqual((await books.get({ limit: 2, offset: 1 })).ids, ['b', 'c']);
});
step('get gives the included columns only', async () => {
  const got = await books.get({ ids: ['a'], include: ['uris'] });
  assert.deepEqual(got.uris, ['s3://a']);
  assert.deepEqual(got.documents, []);
});
step('unknown ids are skipped', async () => {
  assert.deepEqual((await books.get({ ids: ['a', 'nothing'] })).ids, ['a']);
});
step('peek shows the first records', async () => {
  assert.deepEqual((await books.peek({ limit: 2 })).ids, ['a', 'b']);
});
step('query gives the nearest first', async () => {
  const got = await books.query({ queryEmbeddings: [[1, 0.1, 0]], nResults: 2 });
  assert.deepEqual(got.ids, [['a', 'd']]);
  close(got.distances[0][0], 1 - 1 / Math.sqrt(1.01));
});
step('several queries in one call', async () => {
  const got = await books.query({ queryEmbeddings: [vectors.a, vectors.b], nResults: 1 });
  assert.deepEqual(got.ids, [['a'], ['b']]);
});
step('more results than records', async () => {
  const got = await books.query({ queryEmbeddings: [vectors.a], nResults: 1000 });
  assert.equal(got.ids[0].length, 5);
});
for (const [space, expected] of [['l2', [1, 4, 5, 8]], ['ip', [-10, -3, 0, 1]]])
  step(`distances in ${space}`, async () => {
    const c = await fresh(`distance_${space}`, { configuration: { hnsw: { space } } });
    await c.add({ ids: ['p', 'q', 'r', 's'], embeddings: [[0, 2], [1, 0], [0, 0], [3, 4]] });
    const got = await c.query({ queryEmbeddings: [[1, 2]], nResults: 4 });
    got.distances[0].forEach((d, i) => close(d, expected[i]));
  });
step('query among given ids', async () => {
  const got = await books.query({ queryEmbeddings: [vectors.a], ids: ['b', 'c'], nResults: 5 });
  assert.deepEqual(got.ids[0].sort(), ['b', 'c']);
});
step('query of the wrong dimension is refused', () =>
  rejects(books.query({ queryEmbeddings: [[1]] }), ChromaClientError, /dimension/));
step('query of an empty collection is empty', async () => {
  const c = await fresh('empty');
  assert.deepEqual((await c.query({ queryEmbeddings: [[1, 2]] })).ids, [[]]);
});

// ---- filters
const filters = [
  [{ n: 1 }, 'a'], [{ n: 2.5 }, 'b'], [{ kind: 'fox' }, 'a'], [{ n: '1' }, ''],
  [{ n: { $ne: 1 } }, 'bcde'], [{ kind: { $nin: ['fox', 'elk'] } }, 'bcd'],
  [{ n: { $gt: 2.5 } }, 'ce'], [{ n: { $gte: 3 } }, 'ce'], [{ n: { $lt: 3 } }, 'ab'],
  [{ n: { $lte: 1 } }, 'a'], [{ kind: { $in: ['fox', 'whale'] } }, 'ab'],
  [{ $and: [{ n: { $gt: 0 } }, { $or: [{ kind: 'fox' }, { n: 5 }] }] }, 'ae'],
  [{ tags: { $contains: 'x' } }, 'c'], [{ tags: { $not_contains: 'x' } }, 'abde'],
];
for (const [where, ids] of filters)
  step(`where ${JSON.stringify(where)}`, async () => {
    assert.deepEqual((await books.get({ where })).ids, [...ids]);
  });
for (const [whereDocument, ids] of [[{ $contains: 'ed' }, 'ac'], [{ $contains: 'Red' }, 'c'],
  [{ $not_contains: 'ed' }, 'bde'], [{ $regex: '(?i)^red' }, 'ac'], [{ $not_regex: 'r' }, 'bce']])
  step(`whereDocument ${JSON.stringify(whereDocument)}`, async () => {
    assert.deepEqual((await books.get({ whereDocument })).ids, [...ids]);
  });
step('filters in query', async () => {
  const got = await books.query({ queryEmbeddings: [vectors.c], nResults: 5,
    where: { n: { $lt: 100 } }, whereDocument: { $contains: 'red' } });
  assert.deepEqual(got.ids, [['a']]);
});

// ---- deleting
step('records are deleted by id', async () => {
  await books.delete({ ids: ['e'] });
  assert.equal(await books.count(), 4);
});
step('records are deleted by filter', async () => {
  await books.delete({ where: { kind: 'whale' } });
  await books.delete({ whereDocument: { $contains: 'panda' } });
  assert.deepEqual((await books.get()).ids, ['a', 'd']);
});
step('a deleted id may come again, at the end of the order', async () => {
  await books.delete({ ids: ['a'] });
  await books.add({ ids: ['a'], embeddings: [vectors.a] });
  assert.deepEqual((await books.get()).ids, ['d', 'a']);
});
step('a collection is deleted once', async () => {
  await client.deleteCollection({ name: books.name });
  await rejects(client.deleteCollection({ name: books.name }), ChromaNotFoundError);
  await rejects(books.count(), ChromaNotFoundError);
});
step('reset is refused unless the configuration allows it', () => rejects(client.reset()));

let passed = 0;
let failed = 0;
for (const { fact, body, ours } of steps) {
  if (ours && reference) continue;
  try {
    await body();
    passed++;
  } catch (error) {
    failed++;
    console.log(`FAILED ${fact}: ${error.name}: ${error.message}`);
  }
}
console.log(`${passed} passed, ${failed} failed (chromadb, JavaScript)`);
process.exit(failed ? 1 : 0);
