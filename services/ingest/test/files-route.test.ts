import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { double, type EventType, int, string, stringList } from '@sluice/events'
import { afterEach, expect, test } from 'vitest'
import { keysOf, textOf, type World, world } from './world.ts'

let w: World
afterEach(() => w?.close())

const put = (path: string, payload: Buffer | string, type?: string) =>
  w.app.inject({
    method: 'PUT',
    url: `/v1/files/${path}`,
    payload: Buffer.from(payload),
    headers: { 'content-type': type ?? 'application/octet-stream' },
  })
const raw = () => w.rawZone.lines().map((line) => JSON.parse(line))

const sample: EventType = {
  type: 'sample',
  table: 'samples',
  description: '',
  fields: { n: int(), d: double(), s: string(), l: stringList() },
  partition_by: ['s'],
  stores: {},
  example: {},
}
const eventTypes = new Map([['sample', sample]])

test('any file is kept as it is, under its path', async () => {
  w = await world()
  const answer = await put('a/b%20c/%F0%9F%91%80.bin', Buffer.from([0, 255, 10]))
  expect(answer.statusCode).toBe(201)
  expect(answer.json()).toMatchObject({ path: 'a/b c/👀.bin', key: 'files/a/b c/👀.bin', size: 3 })
  expect(Buffer.from((await w.objects.get('files/a/b c/👀.bin'))!)).toEqual(Buffer.from([0, 255, 10]))
})

test('raw history is never overwritten: the same bytes again are fine, others are refused', async () => {
  w = await world()
  await put('a', 'one')
  expect((await put('a', 'one')).statusCode).toBe(201)
  expect((await put('a', 'two')).json()).toMatchObject({ status: 409, code: 'file_exists' })
  expect(await textOf(w.objects, 'files/a')).toBe('one')
})

test.each(['', '/x', 'a//b', '..%2f..%2fetc', '%2e%2e/x', 'a/', 'a%00', `${'x/'.repeat(500)}x`])(
  'the path %j is refused',
  async (path) => {
    w = await world()
    expect([400, 404]).toContain((await put(path, 'x')).statusCode)
    expect(await keysOf(w.objects)).toEqual([])
  },
)

test('CSV rows become events: numbers where the type has numbers, text as it stands elsewhere', async () => {
  w = await world({ eventTypes })
  const csv = 'n,d,s,l,"od""d"\n12,1.50,007,"[""a"",\n1.50]",x\n1.0e2,abc,"a, ""b""\n2",nope,\n,,é,,\n'
  const answer = await put('x.csv?type=sample', csv)
  expect(answer.json()).toMatchObject({ rows: 3, accepted: 3, rejected: 0, type: 'sample' })
  expect(answer.statusCode).toBe(202)
  expect(w.rawZone.lines()[0]).toContain('"event":{"n":12,"d":1.50,"s":"007","l":["a", 1.50],"od\\"d":"x"}}')
  expect(raw()[0]).toMatchObject({ type: 'sample', source: 'file:x.csv' })
  expect(raw()[1].event).toEqual({ n: 100, d: 'abc', s: 'a, "b"\n2', l: 'nope', 'od"d': null })
  expect(raw()[2].event).toMatchObject({ n: null, s: 'é' })
})

test('a row without event_id gets one from the file and its row, the same each time; a given one is kept', async () => {
  w = await world({ eventTypes })
  await put('x.csv?type=sample', 'event_id,s\nown,1\n,2\n,3\n')
  await put('y.csv?type=sample', 'event_id,s\nown,1\n,2\n,3\n')
  const ids = raw().map((line) => line.event_id)
  expect(ids.slice(0, 3)).toEqual(ids.slice(3))
  expect(ids[0]).toBe('own')
  expect(new Set(ids).size).toBe(3)
})

test('NDJSON rows keep their text; bad ones are refused with their row', async () => {
  w = await world({ eventTypes, limits: { event_limit_bytes: 100 } })
  const text = `\ufeff{"n": 1e400}\r\n\n{bad\n{"s":"${'x'.repeat(200)}"}\n{"type":"other","event_id":"e"}`
  const bytes = Buffer.concat([Buffer.from(text), Buffer.from('\n{"s":"'), Buffer.from([0xff]), Buffer.from('"}\n')])
  const answer = await put('x.ndjson?type=sample', bytes)
  expect(answer.statusCode).toBe(207)
  expect(answer.json()).toMatchObject({ rows: 5, accepted: 2, rejected: 3 })
  expect(
    answer
      .json()
      .errors.map((e: { row: number; code: string }) => [e.row, e.code])
      .sort(),
  ).toEqual([
    [2, 'invalid_json'],
    [3, 'event_too_large'],
    [5, 'invalid_utf8'],
  ])
  expect(w.rawZone.lines()[0]).toContain('"event":{"n": 1e400}}')
  expect(raw()[1]).toMatchObject({ type: 'sample', event_id: 'e' })
})

test('a file whose rows are all refused is kept, and answered with a problem that tells the first of them', async () => {
  w = await world({ eventTypes })
  const answer = await put('x.ndjson?type=sample', '[1]\n')
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([400, 'application/problem+json; charset=utf-8'])
  expect(answer.json()).toMatchObject({
    ...{ type: 'about:blank', title: 'Bad Request', status: 400, code: 'all_rejected' },
    ...{ path: 'x.ndjson', rows: 1, accepted: 0, rejected: 1, errors: [{ row: 0, code: 'not_an_object' }] },
  })
})

test('gzip files are read, cut ones are refused with what was read before', async () => {
  w = await world({ eventTypes })
  expect((await put('x.csv.gz?type=sample', gzipSync('s\n1\n2\n'))).json().accepted).toBe(2)
  expect((await put('x.jsonl.gz?type=sample', gzipSync('{"s":"1"}\n'))).json().accepted).toBe(1)
  expect((await put('y.jsonl.gz?type=sample', gzipSync('{"s":"1"}\n').subarray(0, 20))).json().code).toBe(
    'unreadable_file',
  )
  expect((await put('x.csv.xz?type=sample', 'x')).json().code).toBe('unknown_file_format')
})

test('Parquet rows become events: instants in RFC 3339, big numbers whole, no value lost', async () => {
  w = await world({ eventTypes })
  const folder = await mkdtemp(join(tmpdir(), 'parquet-'))
  const connection = await (await DuckDBInstance.create()).connect()
  await connection.run(`COPY (SELECT 9007199254740993::BIGINT AS n, 'NaN'::DOUBLE AS d, 'a''b' AS s, ['x','y'] AS l, TIMESTAMP '2025-10-02 21:10:00.123456' AS t,
    TIMESTAMPTZ '2025-10-02 21:10:00+05:30' AS z, DATE '2025-10-02' AS day, 12345678901234567890.30::DECIMAL(30,2) AS m, NULL::INT AS nothing) TO '${folder}/x.parquet'`)
  const answer = await put('x?type=sample', await readFile(join(folder, 'x.parquet')))
  await rm(folder, { recursive: true })
  expect(answer.json()).toMatchObject({ rows: 1, accepted: 1 })
  expect(w.rawZone.lines()[0]).toContain(
    '"event":{"n":9007199254740993,"d":"nan","s":"a\'b","l":["x","y"],"t":"2025-10-02T21:10:00.123456Z","z":"2025-10-02T15:40:00.000000Z","day":"2025-10-02","m":12345678901234567890.30,"nothing":null}}',
  )
})

test('a file that is no Parquet, though it says so, harms nothing', async () => {
  w = await world({ eventTypes })
  const answer = await put('x?type=sample', `PAR1${'x'.repeat(1000)}PAR1`)
  expect(answer.json()).toMatchObject({ status: 400, code: 'unreadable_file' })
  expect(w.rawZone.appends).toBe(0)
})

test('a large file goes in by groups', async () => {
  w = await world({ eventTypes })
  const rows = 50_000
  const csv = `n,s\n${Array.from({ length: rows }, (_, i) => `${i},row ${i}`).join('\n')}\n`
  const answer = await put('big.csv?type=sample', csv)
  expect(answer.json()).toMatchObject({ rows, accepted: rows, sha256: createHash('sha256').update(csv).digest('hex') })
  expect(w.rawZone.appends).toBeGreaterThan(1)
  expect(raw().map((line) => line.event.n)).toEqual(Array.from({ length: rows }, (_, i) => i))
})
