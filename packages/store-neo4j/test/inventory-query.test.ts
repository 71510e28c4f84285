import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { RowChange, Store, StoredTable } from '@sluice/store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStore } from '../src/embedded.ts'
import { inventoryQuery } from '../src/index.ts'
import { film, load, movies, recommendations, recommended, view, views } from './graph-tables.ts'

let folder: string
let store: Store

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-graph-'))
  store = await openStore({ folder })
})

afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})

/** The inventory of the rows as the lake would answer it. */
async function fromLake(table: StoredTable, changes: readonly RowChange[]) {
  const connection = await (await DuckDBInstance.create()).connect()
  const columns = table.columns.map(({ name, type }) => `"${name}" ${type}`)
  await connection.run(`SET TimeZone = 'Asia/Kolkata'; CREATE TABLE source (${columns.join(', ')})`)
  for (const { row } of changes) {
    const literals = table.columns.map(({ name }) => literal(row[name]))
    await connection.run(`INSERT INTO source VALUES (${literals.join(', ')})`)
  }
  const reader = await connection.runAndReadAll(`SELECT * FROM (${inventoryQuery(table)}) ORDER BY identity`)
  return reader.getRowObjects().map((row) => [row.identity, row.fingerprint])
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'string') return String(value)
  return value
    .split('\0')
    .map((part) => `'${part.replaceAll("'", "''")}'`)
    .join(' || chr(0) || ')
}

async function fromStore(table: StoredTable) {
  const rows: (string | undefined)[][] = []
  for (let after: string | undefined; ; after = rows.at(-1)?.[0]) {
    const page = await store.inventory(table.table, after, 3)
    if (page.length === 0) return rows
    rows.push(...page.map((row) => [row.identity, row.fingerprint]))
  }
}

const IDS = [
  'a',
  'a|b',
  'a\\',
  '\\pa',
  'a\\|b',
  '|',
  '',
  'z',
  '\u{1f600}',
  '\uff5e',
  "'",
  'A',
  '\0',
  'a\0b',
  '\u0001',
  'é',
  'e\u0301',
]
const INSTANTS = [
  '1969-12-31T23:59:59.999999Z',
  '2025-10-01T00:00:00.100000Z',
  '2025-10-01T00:00:00.000001Z',
  '9999-12-31T23:59:59.999999Z',
]

test.each([
  [
    'tally',
    views,
    IDS.flatMap((id, i) => INSTANTS.map((at, j) => view(`e${i}-${j}`, id, IDS[(i * 7 + j) % IDS.length]!, at))),
  ],
  [
    'newest',
    recommendations,
    IDS.flatMap((id, i) =>
      IDS.map((event, j) =>
        recommended(`${event}${i}`, id, IDS[(i + (j % 3)) % IDS.length]!, { recommended_at: INSTANTS[(i * j) % 2]! }),
      ),
    ),
  ],
  ['owned', movies, IDS.map((id) => film(id, { related_to: [...IDS], cast: [id] }))],
])('the lake and the store give the same inventory, byte by byte: %s', async (_, table, changes) => {
  await store.prepare([table])
  for (let i = 0; i < changes.length; i += 50) await load(store, table.table, changes.slice(i, i + 50))
  const expected = await fromLake(table, changes)
  expect(await fromStore(table)).toEqual(expected)
  expect(expected.length).toBeGreaterThanOrEqual(IDS.length)
})

test('rows without a value for an end, lists with repeats, and two edges of one type are told apart', async () => {
  const end = (field: string) => ({ label: 'Thing', field })
  const edge = (from: string, to: string) => ({
    type: 'SEEN',
    from: end(from),
    to: end(to),
    keep: 'tally' as const,
    count: 'times',
    latest: { property: 'last', field: 'updated_at' },
  })
  const { key: _key, ...type } = movies.type
  const plain: StoredTable = {
    ...movies,
    type: { ...type, stores: { neo4j: { nodes: [], edges: [edge('movie_id', 'cast'), edge('genres', 'movie_id')] } } },
  }
  const changes = [
    film('m1', { cast: ['a', 'a', 'b|'], genres: ['g'], event_id: 'e1', updated_at: INSTANTS[1]! }),
    film('m1', { cast: ['a'], genres: null, event_id: 'e2', updated_at: null }),
    film('m2', { cast: [], genres: [], event_id: 'e3' }),
    film('m3', { cast: ['x'], event_id: 'e4', updated_at: null }),
  ].map((change) => ({ ...change, identity: String(change.row.event_id) }))
  await store.prepare([plain])
  await load(store, 'movies', changes)
  const expected = await fromLake(plain, changes)
  expect(await fromStore(plain)).toEqual(expected)
  expect(expected).toContainEqual(['SEEN_0|m1|a', `2|${INSTANTS[1]}`])
  expect(expected).toContainEqual(['SEEN_0|m3|x', '1|'])
})
