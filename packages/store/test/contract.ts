import { DuckDBInstance } from '@duckdb/node-api'
import { type EventTypes, type Field, loadEventTypes } from '@sluice/events'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type ChangeBatch,
  type InventoryQuery,
  identityOf,
  type Question,
  type Row,
  type RowChange,
  routedTables,
  type Store,
  type StoredTable,
  StoreError,
} from '../src/index.ts'

export interface StoreUnderTest {
  store: Store
  /** Ends the store as a crash would, where that can be done, and opens it again. */
  reopen(): Promise<Store>
  end(): Promise<void>
}

export interface StoreContract {
  name: string
  /** A new, empty store. */
  open(): Promise<StoreUnderTest>
  inventoryQuery: InventoryQuery
  questions: readonly Question[]
  /** Names of tables routed to the store: what it may be tried with. */
  tables: readonly string[]
}

/** What people call things. NUL is left out: a store may refuse it, and says so. */
export const HOSTILE_TEXTS = [
  "Robert'); DROP TABLE students;--",
  'back\\slash \\" and "quotes"',
  'line\nbreak\r\nand\ttab',
  '__proto__',
  'constructor',
  '💥 emoji, ümläut, 日本語, \u202eRTL',
  '{"json": [1, 2]}',
  "' OR 1=1 /*",
  'tag,with=equals and space',
  '$1 $x {{y}} %s :z',
  '   leading and trailing   ',
  'x'.repeat(5_000),
  '|',
  'a|b',
  '\\|',
  'NULL',
  '',
] as const

/** The contract of `Store`, line by line, for an embedded one and for a server alike. */
export function contractOfStore(contract: StoreContract): void {
  describe(`${contract.name}: the store contract`, () => {
    let types: EventTypes
    let under: StoreUnderTest
    let store: Store
    let tables: StoredTable[]

    beforeAll(async () => {
      types = await loadEventTypes({})
    })
    beforeEach(async () => {
      under = await contract.open()
      store = under.store
      tables = routedTables(types, store.name).filter(({ table }) => contract.tables.includes(table))
      expect(tables.map(({ table }) => table).sort()).toEqual([...contract.tables].sort())
      await store.prepare(tables)
    })
    afterEach(() => under.end())

    const wanted = (stored: StoredTable, rows: readonly Row[]) => inventoryOf(stored, rows, contract.inventoryQuery)
    const held = (stored: StoredTable) => store.inventory(stored.table, undefined, 100_000)
    const apply = async (batch: ChangeBatch) => {
      const outcome = await store.apply(batch)
      expect(outcome).toEqual({ kind: 'applied', refused: [] })
    }

    test('a store that was never written to has no progress and no rows', async () => {
      expect(await store.progress()).toEqual({})
      for (const stored of tables) expect(await held(stored)).toEqual([])
    })

    test('what was applied is there, with the progress of its batch', async () => {
      for (const stored of tables) {
        const rows = rowsOf(stored, 0, 60)
        await apply(firstLoad(stored, rows))
        expect(await held(stored), stored.table).toEqual(await wanted(stored, rows))
        expect((await store.progress())[stored.table]).toEqual({ table_id: 't1', version: 5 })
      }
    })

    test('the same batch twice changes nothing', async () => {
      for (const stored of tables) {
        const rows = rowsOf(stored, 0, 40)
        await apply(firstLoad(stored, rows))
        const again = await store.apply(firstLoad(stored, rows))
        expect(again).toEqual({ kind: 'superseded', actual: { table_id: 't1', version: 5 } })
        expect(await held(stored)).toEqual(await wanted(stored, rows))
      }
    })

    test('a batch that expects other progress is superseded and changes nothing', async () => {
      for (const stored of tables) {
        const rows = rowsOf(stored, 0, 20)
        await apply(firstLoad(stored, rows))
        const late = {
          ...firstLoad(stored, rowsOf(stored, 20, 30)),
          expected: { table_id: 't1', version: 4 },
          next: { table_id: 't1', version: 6 },
        }
        expect(await store.apply(late)).toEqual({ kind: 'superseded', actual: { table_id: 't1', version: 5 } })
        expect(await held(stored)).toEqual(await wanted(stored, rows))
      }
    })

    test('a step in several chunks keeps its place, and goes on after the store was closed', async () => {
      for (const stored of tables) {
        const rows = rowsOf(stored, 0, 90)
        const step = (chunks: number) => ({ table_id: 't1', version: -1, step: { target: 5, chunks } })
        await apply({ ...firstLoad(stored, rows.slice(0, 30)), next: step(1) })
        await apply({ ...firstLoad(stored, rows.slice(30, 60)), expected: step(1), next: step(2) })
        store = await under.reopen()
        await store.prepare(tables)
        expect((await store.progress())[stored.table]).toEqual(step(2))
        await apply({ ...firstLoad(stored, rows.slice(60)), expected: step(2) })
        expect(await held(stored)).toEqual(await wanted(stored, rows))
      }
    })

    test('deleted rows go, and keyed rows are replaced by their newest', async () => {
      for (const stored of tables) {
        const rows = rowsOf(stored, 0, 50)
        await apply(firstLoad(stored, rows))
        const [gone, kept] = [rows.slice(0, 5), rows.slice(5)]
        const newer = stored.type.key === undefined ? [] : kept.slice(0, 5).map((row, i) => revised(stored, row, i))
        const after = [...kept.slice(newer.length), ...newer]
        await apply({
          table: stored.table,
          expected: { table_id: 't1', version: 5 },
          next: { table_id: 't1', version: 9 },
          changes: [
            ...gone.map((row) => change(stored, row, 8, 'delete')),
            ...newer.map((row) => change(stored, row, 9)),
          ],
        })
        expect(await held(stored), stored.table).toEqual(await wanted(stored, after))
      }
    })

    test('a batch without changes moves the progress alone', async () => {
      for (const { table } of tables) {
        await apply({ table, expected: undefined, next: { table_id: 't1', version: 0 }, changes: [] })
        await apply({
          table,
          expected: { table_id: 't1', version: 0 },
          next: { table_id: 't1', version: 3 },
          changes: [],
        })
        expect((await store.progress())[table]).toEqual({ table_id: 't1', version: 3 })
      }
    })

    test('hostile names and texts are kept as they are, or refused with a reason', async () => {
      for (const stored of tables) {
        const rows = hostileRows(stored)
        const outcome = await store.apply(firstLoad(stored, rows))
        if (outcome.kind !== 'applied') throw new Error(`expected applied, got ${outcome.kind}`)
        const refused = new Set(outcome.refused.map(({ identity }) => identity))
        expect(outcome.refused.every(({ reason }) => reason.length > 0)).toBe(true)
        const kept = rows.filter((row) => !refused.has(identityOf(stored, row)))
        expect(kept.length).toBeGreaterThan(rows.length / 2)
        expect(await held(stored), stored.table).toEqual(await wanted(stored, kept))
        const listed = await store.refusals(stored.table, undefined, 1000)
        expect(new Set(listed.map(({ identity }) => identity))).toEqual(refused)
      }
    })

    test('the inventory comes in pages, in order of the UTF-8 bytes of the identity', async () => {
      for (const stored of tables) {
        await store.apply(firstLoad(stored, [...rowsOf(stored, 0, 30), ...hostileRows(stored)]))
        const all = await held(stored)
        const paged = []
        for (let after: string | undefined; ; ) {
          const page = await store.inventory(stored.table, after, 7)
          if (page.length === 0) break
          paged.push(...page)
          after = page.at(-1)?.identity
        }
        expect(paged).toEqual(all)
        const names = all.map(({ identity }) => identity)
        expect(names).toEqual([...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
      }
    })

    test('a table that was forgotten has no rows and no progress, and can be loaded again', async () => {
      for (const stored of tables) {
        const rows = rowsOf(stored, 0, 30)
        await apply(firstLoad(stored, rows))
        await store.forget(stored.table)
        expect([await held(stored), (await store.progress())[stored.table]]).toEqual([[], undefined])
        await apply(firstLoad(stored, rows.slice(0, 10)))
        expect(await held(stored)).toEqual(await wanted(stored, rows.slice(0, 10)))
      }
    })

    test('rows and progress outlive the store’s process', async () => {
      for (const stored of tables) {
        const rows = rowsOf(stored, 0, 30)
        await apply(firstLoad(stored, rows))
        store = await under.reopen()
        await store.prepare(tables)
        expect(await held(stored)).toEqual(await wanted(stored, rows))
        expect((await store.progress())[stored.table]).toEqual({ table_id: 't1', version: 5 })
      }
    })

    test('a process that only reads finds what another one prepared', async () => {
      for (const stored of tables)
        await store.apply(firstLoad(stored, [...rowsOf(stored, 0, 30), ...hostileRows(stored)]))
      const told = async () => ({
        progress: await store.progress(),
        refusals: await Promise.all(tables.map(({ table }) => store.refusals(table, undefined, 1000))),
        inventory: await Promise.all(tables.map(held)),
        answers: await Promise.all(
          contract.questions.map(async (question) => {
            const { columns, rows } = await store.ask(question.name, asksForSome(question), 1000)
            return { question: question.name, columns, rows }
          }),
        ),
      })
      const before = await told()
      expect(before.answers.flatMap(({ rows }) => rows).length).toBeGreaterThan(0)
      store = await under.reopen()
      expect(await told()).toEqual(before)
    })

    test('every question answers with its columns, also when there is nothing to tell', async () => {
      for (const question of contract.questions) {
        const parameters = Object.fromEntries(question.parameters.map(({ name, kind }) => [name, EXAMPLES[kind]]))
        const answer = await store.ask(question.name, parameters, 10)
        expect([answer.rows, answer.columns], question.name).toEqual([[], question.columns])
        expect(answer.query.length).toBeGreaterThan(10)
      }
    })

    test('an unknown question is an error that names it', async () => {
      const error = await store.ask('no-such-question', {}, 10).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(StoreError)
      expect(error).toMatchObject({ code: 'unknown_question', retryable: false })
      expect(String(error)).toContain('no-such-question')
    })
  })
}

const EXAMPLES = {
  text: 'somebody',
  day_or_instant: '2025-10-01T00:00:00.000Z',
  hour: '21',
  time_zone: 'UTC',
  positive_int: '7',
} as const

/** The columns of parameters that are called otherwise. */
const HELD_IN: Readonly<Record<string, string>> = { actor: 'cast', text: 'content' }

/** Values that `rowsOf` gives to some row. */
const asksForSome = ({ parameters }: Question): Record<string, string> =>
  Object.fromEntries(
    parameters.map(({ name, kind }) => [
      name,
      kind === 'text' ? `${HELD_IN[name] ?? name}-1` : name === 'from' ? '2025-08-01T00:00:00.000Z' : EXAMPLES[kind],
    ]),
  )

const change = (stored: StoredTable, row: Row, version: number, op: RowChange['op'] = 'upsert'): RowChange => ({
  op,
  identity: identityOf(stored, row),
  version,
  row,
})

const firstLoad = (stored: StoredTable, rows: readonly Row[]): ChangeBatch => ({
  table: stored.table,
  expected: undefined,
  next: { table_id: 't1', version: 5 },
  changes: rows.map((row) => change(stored, row, 5)),
})

/** Rows `from` to `to` of a table, made of its columns; several share each of a few texts. */
export function rowsOf(stored: StoredTable, from: number, to: number): Row[] {
  return Array.from({ length: to - from }, (_, i) => rowOf(stored, from + i, (name) => `${name}-${(from + i) % 7}`))
}

function hostileRows(stored: StoredTable): Row[] {
  return HOSTILE_TEXTS.map((text, i) => ({
    ...rowOf(stored, 1000 + i, () => text),
    ...(stored.type.key === undefined || text === '' ? {} : { [stored.type.key]: text }),
    event_id: `${i}-${text}`.slice(0, 250),
  }))
}

/** The same row as a newer event left it. */
function revised(stored: StoredTable, row: Row, i: number): Row {
  return {
    ...rowOf(stored, 5000 + i, (name) => `newer ${name}`),
    [stored.type.key ?? 'event_id']: row[stored.type.key ?? 'event_id'] ?? null,
  }
}

function rowOf({ type, table, columns }: StoredTable, n: number, text: (name: string) => string): Row {
  const row: Record<string, Row[string]> = {}
  for (const { name } of columns) {
    const field = (type.fields as Readonly<Record<string, Field>>)[name]
    row[name] = field ? fieldValue(field, name, n, text) : lineageOf(name, n)
  }
  if (type.key !== undefined) row[type.key] = `key-${n}`
  if (type.explode?.table === table) Object.assign(row, { position: n % 3, name: text('name') })
  return row
}

function fieldValue(field: Field, name: string, n: number, text: (name: string) => string): Row[string] {
  if (!field.required && n % 5 === 4) return null
  switch (field.kind) {
    case 'string':
      return text(name)
    case 'string_list':
      return [text(name), `${name} item ${n % 4}`]
    case 'int':
      return n % 1000
    case 'float':
    case 'double':
      return (n % 64) / 8
    case 'decimal':
      return `${n}.25`
    case 'instant':
      return instant(n)
    case 'boolean':
      return n % 2 === 0
    default:
      return text(name)
  }
}

const lineageOf = (name: string, n: number): Row[string] =>
  name === 'event_id'
    ? `e-${n}`
    : name === 'received_at'
      ? instant(n)
      : name === 'raw_batch'
        ? 'b-1'
        : name === 'raw_line'
          ? n
          : null

const instant = (n: number) => new Date(Date.UTC(2025, 8, 1) + n * 61_000).toISOString().replace('Z', '123Z')

/** What the lake says the inventory should be: the store's own query over the rows, by DuckDB. */
async function inventoryOf(stored: StoredTable, rows: readonly Row[], query: InventoryQuery) {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    await connection.run('CREATE TABLE lines (line VARCHAR)')
    const appender = await connection.createAppender('lines')
    for (const row of rows) {
      appender.appendVarchar(JSON.stringify(row))
      appender.endRow()
    }
    appender.closeSync()
    const columns = stored.columns.map(({ name, type }) => `"${name}": '${duckdbType(type)}'`).join(', ')
    await connection.run(
      `CREATE VIEW source AS SELECT unnest(from_json(line, '{${columns.replaceAll("'", '"')}}')) FROM lines`,
    )
    const reader = await connection.runAndReadAll(
      `SELECT identity, fingerprint FROM (${query(stored)}) ORDER BY identity`,
    )
    return reader.getRowObjectsJson()
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

function duckdbType(deltaType: string): string {
  if (deltaType === 'string') return 'VARCHAR'
  if (deltaType === 'array<string>') return 'VARCHAR[]'
  if (deltaType === 'timestamp') return 'TIMESTAMPTZ'
  if (deltaType === 'long') return 'BIGINT'
  return deltaType.toUpperCase()
}
