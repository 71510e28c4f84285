import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LakeError, LakeTable, type NewTable, type WriteOutcome } from '../../src/table/index.ts'
import { type LakeWorld, MOVIES, openWorld, type PlainMovie, rowsOf, selectOf } from './lake-world.ts'

/** Keys with everything that breaks quoting, ordering or cut statistics. */
const KEYS = [
  'a',
  'b',
  "it's",
  '"',
  '\u{1F600}',
  '\uFFFD',
  'ä',
  '__proto__',
  '%2F/..',
  '',
  `${'k'.repeat(40)}1`,
  `${'k'.repeat(40)}2`,
  `${'m'.repeat(32)}`,
  '*?[x]',
]
const DAY = 86_400_000

type Op =
  | { kind: 'write'; rows: { key: number; hour: number | null; id: number }[]; again: boolean }
  | { kind: 'delete'; keys: number[] }
  | { kind: 'update'; keys: number[]; views: number }
  | { kind: 'optimize'; target: number }
  | { kind: 'restore'; back: number }
  | { kind: 'overwrite'; keys: number[] }
  | { kind: 'column' }
  | { kind: 'vacuum'; pinned: number | undefined }
  | { kind: 'checkpoint' }
  | { kind: 'reopen' }

const key = fc.nat(KEYS.length - 1)
const op: fc.Arbitrary<{ writer: 0 | 1; op: Op }> = fc.record({
  writer: fc.constantFrom(0, 1),
  op: fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        rows: fc.array(fc.record({ key, hour: fc.option(fc.nat(5)), id: fc.nat(99) }), { maxLength: 8 }),
        again: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('delete' as const), keys: fc.array(key, { maxLength: 4 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('update' as const),
        keys: fc.array(key, { maxLength: 4 }),
        views: fc.nat(3),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('optimize' as const), target: fc.constantFrom(1_000, 1_000_000) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const), back: fc.nat(3) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('overwrite' as const), keys: fc.array(key, { maxLength: 4 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('column' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('vacuum' as const), pinned: fc.option(fc.nat(3), { nil: undefined }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('checkpoint' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  ),
})

/** What the table should be at each version, in plain objects. */
class Model {
  readonly keyed: boolean
  rows = new Map<string, PlainMovie>()
  versions: Map<string, PlainMovie>[] = [new Map()]
  /** Versions before it may be gone. */
  oldest = 0
  columns: string[] = MOVIES.map(({ name }) => name)
  serial = 0

  constructor(keyed: boolean) {
    this.keyed = keyed
  }

  identity(row: PlainMovie): string {
    return String(this.keyed ? row['movie_id'] : row['event_id'])
  }

  /** One row an event, whose id is never used twice. */
  fresh(key: number, hour: number | null, id: number): PlainMovie {
    const n = this.serial++
    return {
      movie_id: KEYS[key] ?? '',
      title: n % 3 === 0 ? null : `title ${n}`,
      views: `9007199254740${900 + n}`,
      price: `${n}.50`,
      cast: n % 2 === 0 ? ['x', null, "o'"] : null,
      updated_at: hour === null ? null : `2026-01-01T0${hour}:00:00.000001Z`,
      event_id: `${String.fromCodePoint(0xff00 + id * 0x2000)}${n}`,
      received_at: `2026-01-01T03:00:00.${String(n % 2).padStart(6, '0')}Z`,
    }
  }

  merge(candidates: readonly PlainMovie[]): void {
    for (const row of candidates) {
      const there = this.rows.get(this.identity(row))
      if (!this.keyed || !there || newer(row, there)) this.rows.set(this.identity(row), row)
    }
  }

  committed(outcome: WriteOutcome): void {
    if (outcome.kind !== 'committed') return
    expect(outcome.version).toBe(this.versions.length)
    this.versions.push(new Map(this.rows))
  }
}

function newer(a: PlainMovie, b: PlainMovie): boolean {
  const at = (row: PlainMovie) => String(row['updated_at'] ?? row['received_at'])
  if (at(a) !== at(b)) return at(a) > at(b)
  return Buffer.compare(Buffer.from(String(a['event_id'])), Buffer.from(String(b['event_id']))) > 0
}

describe.each([
  { keyed: true, where: 'memory' as const },
  { keyed: false, where: 'folder' as const },
])('a table (keyed: $keyed, objects in: $where)', ({ keyed, where }) => {
  let world: LakeWorld
  let serial = 0
  beforeAll(async () => {
    world = await openWorld(where)
  })
  afterAll(() => world.close())

  it('is what a plain model says at every version, and its changes lead from each to each', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(op, { minLength: 1, maxLength: 14 }), async (ops) => {
        const use: NewTable = {
          name: `t${serial++}`,
          columns: MOVIES,
          ...(keyed ? { key: 'movie_id', time: 'updated_at' } : {}),
        }
        const first = await LakeTable.create(world.lake, use)
        const writers = [first, await LakeTable.open(world.lake, use)]
        const model = new Model(keyed)
        for (const { writer, op: step } of ops) {
          world.clock.now_ms += 1_000
          const table = writers[writer]!
          if (step.kind === 'reopen') writers[writer] = await LakeTable.open(world.lake, use)
          else await apply(world, table, model, step)
        }
        const table = writers[0]!
        await table.refresh()
        expect(table.version).toBe(model.versions.length - 1)
        for (const [version, rows] of model.versions.entries()) await checkVersion(table, model, version, rows)
        await checkChanges(table, model)
      }),
      { numRuns: 40 },
    )
  })
})

async function apply(world: LakeWorld, table: LakeTable, model: Model, step: Op): Promise<void> {
  switch (step.kind) {
    case 'write': {
      const rows = step.rows.map(({ key, hour, id }) => model.fresh(key, hour, id))
      if (rows.length === 0) return
      const read_whole_bytes = step.again ? 0 : 1_000_000
      const write = () =>
        model.keyed ? table.merge({ select: selectOf(rows) }, { read_whole_bytes }) : table.append(selectOf(rows))
      model.merge(rows)
      model.committed(await write())
      // A merge may be done twice; rows of a plain table are the ledger's to keep apart.
      if (step.again && model.keyed) expect((await write()).kind).toBe('unchanged')
      return
    }
    case 'delete': {
      const chosen = keysOf(step.keys)
      for (const [id, row] of model.rows) if (chosen.includes(String(row['movie_id']))) model.rows.delete(id)
      return model.committed(await table.delete({ column: 'movie_id', values: chosen }))
    }
    case 'update': {
      const chosen = keysOf(step.keys)
      for (const [id, row] of model.rows)
        if (chosen.includes(String(row['movie_id']))) model.rows.set(id, { ...row, views: String(step.views) })
      const where = chosen.map((text) => `movie_id = '${text.replaceAll("'", "''")}'`).join(' OR ') || 'NULL'
      return model.committed(await table.update({ where }, { views: `${step.views}::BIGINT` }))
    }
    case 'optimize':
      await table.refresh()
      return model.committed(
        await table.optimize({ target_bytes: step.target, range_by: model.keyed ? 'movie_id' : undefined }),
      )
    case 'restore': {
      const version = Math.max(model.oldest, model.versions.length - 1 - step.back)
      model.rows = new Map(model.versions[version])
      model.columns = MOVIES.map(({ name }) => name)
      const to = await table.at({ version })
      const outcome = await table.restore(to)
      model.columns = table.columns.map(({ name }) => name)
      return model.committed(outcome)
    }
    case 'overwrite': {
      model.rows = new Map()
      const rows = [...new Set(step.keys)].map((key) => model.fresh(key, 1, 1))
      model.merge(rows)
      const select = rows.length === 0 ? `${selectOf([model.fresh(0, 0, 0)])} LIMIT 0` : selectOf(rows)
      return model.committed(await table.overwrite(select))
    }
    case 'column':
      model.committed(await table.addColumns([{ name: 'extra', type: 'integer' }]))
      if (!model.columns.includes('extra')) model.columns.push('extra')
      return
    case 'vacuum': {
      const oldest = step.pinned === undefined ? model.versions.length - 1 : model.versions.length - 1 - step.pinned
      const version = Math.max(model.oldest, oldest)
      if (step.pinned !== undefined) await table.pin({ owner: 'reader', version, expires_ms: world.clock.now_ms + DAY })
      else await table.unpin('reader')
      world.clock.now_ms += 2_000
      await table.vacuum({ retention_ms: 0, orphan_ms: 0 })
      model.oldest = version
      return
    }
    case 'checkpoint':
      await table.delta.writeCheckpoint((await table.refresh()).snapshot)
      return
    case 'reopen':
  }
}

const keysOf = (keys: readonly number[]) => keys.map((at) => KEYS[at] ?? '')

async function checkVersion(
  table: LakeTable,
  model: Model,
  version: number,
  rows: Map<string, PlainMovie>,
): Promise<void> {
  try {
    const view = await table.at({ version })
    expect(sorted(model, await rowsOf(table, view))).toEqual(sorted(model, [...rows.values()]))
  } catch (error) {
    if (!(error instanceof LakeError) || error.code !== 'version_gone') throw error
    expect(version).toBeLessThan(model.oldest)
  }
}

async function checkChanges(table: LakeTable, model: Model): Promise<void> {
  const newest = model.versions.length - 1
  for (let from = model.oldest; from < newest; from++) {
    const state = new Map(model.versions[from])
    const seen = new Set<string>()
    for await (const chunk of table.changes(from, newest, { chunk_rows: 3 })) {
      expect(chunk.length).toBeLessThanOrEqual(3)
      for (const { _change, _version, ...row } of chunk) {
        const id = model.identity(row as PlainMovie)
        expect(seen.has(id)).toBe(false)
        seen.add(id)
        expect(_version).toBeGreaterThan(from)
        expect(_version).toBeLessThanOrEqual(newest)
        if (_change === 'delete') state.delete(id)
        else state.set(id, row as PlainMovie)
      }
    }
    expect(sorted(model, [...state.values()])).toEqual(sorted(model, [...(model.versions[newest]?.values() ?? [])]))
  }
}

/** Rows in order of identity; a column that is null and one that is not there are the same. */
const sorted = (model: Model, rows: readonly PlainMovie[]) =>
  rows
    .map((row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)))
    .sort((a, b) => (model.identity(a) < model.identity(b) ? -1 : 1))
