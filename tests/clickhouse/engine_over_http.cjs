// The engine of a new ClickHouse, which the npm package chdb brings, behind as much of ClickHouse's
// HTTP interface as the project's client uses. For tests of SQL, formats and tables against a
// version that Debian does not have: one statement at a time, whole answers, no users, nothing
// replicated.
//   npm install --ignore-scripts --prefix PACKAGES chdb
//   node engine_over_http.cjs PACKAGES DATA PORT
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');
const {createRequire} = require('module');

const [packages, data, port] = process.argv.slice(2);
if (!port) {
  console.error('usage: node engine_over_http.cjs PACKAGES DATA PORT');
  process.exit(2);
}
const {Session} = createRequire(path.resolve(packages, 'node_modules', 'x.js'))('chdb');
const session = new Session(path.join(path.resolve(data), 'engine'));

// Parameters of the URL that are none of the engine's settings.
const OWN = new Set(['query', 'query_id', 'wait_end_of_query', 'database', 'user', 'password']);
const NOT_FOUND = new Set([60, 81, 115]);
const WRONG = new Set([6, 26, 27, 33, 62]);

const quoted = text => `'${text.replace(/[\\']/g, c => '\\' + c)}'`;

async function bytesOf(sql, format) {
  const result = await session.queryAsync(sql, {format});
  return Buffer.from(result.bytes());
}

// The engine takes binary rows from files only.
async function insert(statement, format, body) {
  const file = path.join(path.resolve(data), `upload-${process.pid}`);
  fs.writeFileSync(file, body);
  try {
    await bytesOf(`${statement} FROM INFILE ${quoted(file)} FORMAT ${format}`, 'TabSeparated');
  } finally {
    fs.rmSync(file, {force: true});
  }
  return Buffer.alloc(0);
}

async function answer(parameters, body) {
  const settings = [...parameters].filter(([name]) => !OWN.has(name));
  const statement = parameters.get('query') || '';
  for (const [name, value] of settings) await bytesOf(`SET ${name} = ${quoted(value)}`, 'TSV');
  try {
    const upload = /^\s*(insert\s[^]*?)\s+format\s+(\w+)\s*$/i.exec(statement);
    if (upload) return await insert(upload[1], upload[2], body);
    const sql = statement + body.toString('utf8');
    const select = /^([^]*)\sformat\s+(\w+)\s*$/i.exec(sql);
    return select ? await bytesOf(select[1], select[2]) : await bytesOf(sql, 'TabSeparated');
  } finally {
    for (const [name] of settings) await bytesOf(`SET ${name} = DEFAULT`, 'TSV').catch(() => {});
  }
}

function refuse(response, error) {
  const text = String(error && error.message || error);
  const found = /Code: (\d+)/.exec(text);
  const code = found ? Number(found[1]) : 0;
  response.statusCode = NOT_FOUND.has(code) ? 404 : WRONG.has(code) ? 400 : 500;
  if (code) response.setHeader('X-ClickHouse-Exception-Code', String(code));
  response.end(found ? text.slice(found.index) : text);
}

let last = Promise.resolve();
const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  if (url.pathname === '/ping') {
    response.end('Ok.\n');
    return;
  }
  const pieces = [];
  let whole = true;
  request.on('data', piece => pieces.push(piece));
  request.on('aborted', () => { whole = false; });
  request.on('end', () => {
    last = last.then(async () => {
      if (!whole) return;
      try {
        response.end(await answer(url.searchParams, Buffer.concat(pieces)));
      } catch (error) {
        refuse(response, error);
      }
    });
  });
});
server.keepAliveTimeout = 10000;
server.listen(Number(port), '127.0.0.1');
