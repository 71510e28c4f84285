import type { ChangeBatch, Progress, RowChange, Store, StoredTable } from '@sluice/store'
import neo4j, { type Driver, isDateTime } from 'neo4j-driver'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { describeServer, neo4jEndpoint } from '../../../test/servers/endpoints.ts'
import { edgeByKey } from '../src/server/neo4j-transaction.ts'
import { openStore } from '../src/server.ts'
import { type CuttingProxy, openCuttingProxy } from './cutting-proxy.ts'
import { emptyGraph } from './empty-graph.ts'
import { deleted, film, load, movies, view, views } from './graph-tables.ts'

await describeServer('Neo4j', neo4jEndpoint, ({ url, user: username, password }) => {
  const server = { url, username, password }
  let stores: Store[]
  let store: Store
  let driver: Driver
  let proxy: CuttingProxy

  beforeEach(async () => {
    await emptyGraph(server)
    proxy = await openCuttingProxy(url)
    driver = neo4j.driver(url, neo4j.auth.basic(username, password), { disableLosslessIntegers: true })
    stores = []
    for (const where of [server, server, { ...server, url: proxy.url }]) stores.push(await openStore(where))
    store = stores[0]!
    await Promise.all(stores.map((each) => each.prepare([movies, views])))
  })
  afterEach(async () => {
    await Promise.all([...stores, driver, proxy].map((each) => each.close()))
  })

  const at = (version: number, step?: Progress['step']): Progress => ({
    table_id: 't1',
    version,
    ...(step && { step }),
  })
  const instant = (second: number) => new Date(Date.UTC(2025, 9, 1) + second * 1000).toISOString().replace('Z', '000Z')
  const inventory = async (table: string) =>
    Object.fromEntries((await store.inventory(table, undefined, 100_000)).map((row) => [row.identity, row.fingerprint]))
  const ask = async (cypher: string) => (await driver.executeQuery(cypher)).records.map((record) => record.toObject())
  const applied = { kind: 'applied', refused: [] }
  const firstLoad = (table: string, changes: readonly RowChange[]): ChangeBatch => ({
    table,
    expected: undefined,
    next: at(1),
    changes,
  })

  test('wrong credentials and a missing database are one clear line each', async () => {
    const wrong = { ...server, password: 'pass-that-nobody-sees' }
    const denied = await openStore(wrong).catch((caught: unknown) => caught)
    expect(denied).toMatchObject({ code: 'access_denied', retryable: false })
    expect(String(denied)).not.toMatch(/\n|pass-that-nobody-sees/)
    const missing = await openStore({ ...server, database: 'nobodys' }).catch((caught: unknown) => caught)
    expect(missing).toMatchObject({ code: 'failed', message: expect.stringContaining('the database is not there') })
  })

  test('values are of Neo4j’s own types, for whoever asks the graph itself', async () => {
    await load(store, 'viewing_history', [view('e1', 'u1', 'm1', instant(1))])
    await load(store, 'movies', [film('m1', { genres: ['sci-fi', 'drama'] })])
    const [row] = await ask('MATCH (:User)-[w:WATCHED]->(m:Movie) RETURN w, m, valueType(w.views) AS views')
    expect(isDateTime(row?.['w'].properties.last_watched_at)).toBe(true)
    expect([row?.['views'], row?.['m'].properties.genres]).toEqual(['INTEGER NOT NULL', ['sci-fi', 'drama']])
  })

  test('edges are sought by their key even by a statement that was planned for an empty graph', async () => {
    const { summary } = await driver.executeQuery(
      `EXPLAIN UNWIND ['k'] AS item ${edgeByKey('WATCHED', 'item')} RETURN e`,
    )
    const operators = JSON.stringify(summary.plan).match(/"operatorType":"[^"]*Index[^"]*"/g)
    expect(operators).toEqual([expect.stringContaining('IndexSeek')])
  })

  test('two sinks with the same batch: one applies it, the other is superseded', async () => {
    const batch = firstLoad('viewing_history', [view('e1', 'u1', 'm1', instant(1)), view('e2', 'u1', 'm1', instant(2))])
    const outcomes = await Promise.all(stores.map((each) => each.apply(batch)))
    expect(outcomes.filter(({ kind }) => kind === 'applied')).toEqual([applied])
    expect(outcomes.filter(({ kind }) => kind === 'superseded')).toEqual(
      Array.from({ length: 2 }, () => ({ kind: 'superseded', actual: at(1) })),
    )
    expect(await inventory('viewing_history')).toEqual({ 'WATCHED|u1|m1': `2|${instant(2)}` })
  })

  test('a node that another sink has deleted meanwhile is made again, with or without an edge', async () => {
    const other = stores[1]!
    const seen = view('e1', 'u1', 'm1', instant(1))
    await load(store, 'viewing_history', [seen])
    await load(other, 'viewing_history', [deleted(seen)])
    expect(await ask('MATCH (n:User|Movie) RETURN n')).toEqual([])
    expect(await load(store, 'viewing_history', [view('e2', 'u1', 'm2', instant(2))])).toEqual(applied)
    expect(await ask('MATCH (u:User)-[:WATCHED]->(m:Movie) RETURN u.id AS u, m.id AS m')).toEqual([
      { u: 'u1', m: 'm2' },
    ])
    await driver.executeQuery('MATCH (n:User {id: "u1"}) DETACH DELETE n')
    expect(await load(store, 'movies', [film('m2')])).toEqual(applied)
    await load(other, 'movies', [film('m2', { related_to: ['m9'] }, 2)])
    await driver.executeQuery('MATCH (n:Movie) DETACH DELETE n')
    expect(await load(store, 'movies', [film('m2', {}, 3)])).toEqual(applied)
    expect(await ask('MATCH (n:Movie) RETURN n.id AS id, n.title AS title')).toEqual([{ id: 'm2', title: 'Film m2' }])
  })

  test('a batch whose commit was not answered counts its rows once', async () => {
    const batch = firstLoad('viewing_history', [view('e1', 'u1', 'm1', instant(1))])
    let sent = 0
    for (let cutAt = 1; cutAt < 30; cutAt++) {
      await store.forget('viewing_history')
      sent = 0
      proxy.cut = () => (++sent === cutAt ? 'after' : undefined)
      const outcome = await again(() => stores[2]!.apply(batch))
      expect(outcome.kind === 'applied' || JSON.stringify(outcome.actual) === JSON.stringify(at(1))).toBe(true)
      expect(await inventory('viewing_history'), `cut at ${cutAt}`).toEqual({ 'WATCHED|u1|m1': `1|${instant(1)}` })
      if (sent < cutAt) break
    }
    expect(sent).toBeGreaterThan(3)
  })

  test('a table that somebody began to forget has no progress, and is empty before anything is applied', async () => {
    await load(store, 'viewing_history', [view('e1', 'u1', 'm1', instant(1)), view('e2', 'u2', 'm1', instant(2))])
    await ask('MATCH (t:`_Table` {name: "viewing_history"}) SET t.forgetting = true REMOVE t.progress')
    expect(await store.progress()).toEqual({})
    expect(await stores[1]!.apply(firstLoad('viewing_history', [view('e3', 'u3', 'm1', instant(3))]))).toEqual(applied)
    expect(await inventory('viewing_history')).toEqual({ 'WATCHED|u3|m1': `1|${instant(3)}` })
    expect(await ask('MATCH (u:User) RETURN u.id AS id')).toEqual([{ id: 'u3' }])
  })

  test('a table larger than a transaction is forgotten, twice at once, and what others hold stays', async () => {
    const rows = Array.from({ length: 12_000 }, (_, i) => view(`e${i}`, `u${i}`, `m${i % 10}`, instant(i)))
    for (let from = 0; from < rows.length; from += 4_000)
      await load(store, 'viewing_history', rows.slice(from, from + 4_000))
    await load(store, 'movies', [film('m1', { related_to: ['m2'] })])
    await Promise.all([store.forget('viewing_history'), stores[1]!.forget('viewing_history')])
    expect(
      await ask('MATCH (n) WHERE NOT n:`_Table` AND NOT n:`_Row` RETURN labels(n)[0] AS l, n.id AS id ORDER BY id'),
    ).toEqual([
      { l: 'Movie', id: 'm1' },
      { l: 'Movie', id: 'm2' },
    ])
    expect(await store.apply(firstLoad('viewing_history', rows.slice(0, 3)))).toEqual(applied)
  })

  test('tables that make and unmake the same nodes at once lose no edge', async () => {
    const random = seeded(3)
    const turn = async (each: Store, table: string, make: (n: number) => RowChange[]) => {
      for (let n = 0; n < 25; n++) {
        const expected = (await again(() => each.progress()))[table]
        await again(() =>
          each.apply({
            table,
            expected,
            next: at((expected?.version ?? 0) + 1),
            changes: make((expected?.version ?? 0) + 1),
          }),
        )
      }
    }
    // Each turn takes away the pairs of the last and makes others between the same few nodes.
    const pair = (n: number, i: number) => view(`e${n}-${i}`, `u${i}`, `m${(n + i) % 6}`, instant(n))
    const viewed = (n: number) => [0, 1, 2].flatMap((i) => [pair(n, i), ...(n > 1 ? [deleted(pair(n - 1, i))] : [])])
    const filmed = (n: number) =>
      [0, 1, 2, 3].map((i) => {
        const change = film(`m${i}`, { related_to: [`m${Math.floor(random() * 6)}`], cast: [`a${n % 3}`] }, n)
        return (n + i) % 3 === 0 ? { ...change, op: 'delete' as const } : change
      })
    await Promise.all([turn(stores[0]!, 'viewing_history', viewed), turn(stores[1]!, 'movies', filmed)])
    const last = (await store.progress())['viewing_history']!.version
    expect(await inventory('viewing_history')).toEqual(
      Object.fromEntries([0, 1, 2].map((i) => [`WATCHED|u${i}|m${(last + i) % 6}`, `1|${instant(last)}`])),
    )
    expect(await ask('MATCH (n) WHERE NOT (n)--() AND size(keys(n)) = 1 AND n.id IS NOT NULL RETURN n.id')).toEqual([])
    const films = Object.keys(await inventory('movies')).length
    expect(await ask('MATCH (m:Movie) WHERE m.title IS NOT NULL RETURN count(m) AS films')).toEqual([{ films }])
    expect(await ask('MATCH ()-[r:RELATED_TO]->() RETURN count(r) AS edges')).toEqual([{ edges: films }])
  })

  test('three sinks at once, cut off at random, leave every tally and every film exact', async () => {
    const random = seeded(11)
    const histories = [historyOf(random, 40, viewOf), historyOf(random, 40, filmOf)] as const
    proxy.cut = () => {
      const fate = random()
      return fate < 0.02 ? 'before' : fate < 0.04 ? 'after' : undefined
    }
    await Promise.all(
      stores.flatMap((sink) => [follow(sink, views, histories[0], random), follow(sink, movies, histories[1], random)]),
    )
    proxy.cut = () => undefined
    const tallies = new Map<string, string[]>()
    for (const { row } of histories[0].at(-1)!.values()) {
      const pair = `WATCHED|${row['user_id']}|${row['movie_id']}`
      tallies.set(pair, [...(tallies.get(pair) ?? []), String(row['watched_at'])])
    }
    expect(await inventory('viewing_history')).toEqual(
      Object.fromEntries([...tallies].map(([pair, times]) => [pair, `${times.length}|${times.sort().at(-1)}`])),
    )
    expect(await inventory('movies')).toEqual(
      Object.fromEntries([...histories[1].at(-1)!].map(([id, { row }]) => [id, row['event_id']])),
    )
  })

  /** The rows of each version of a table, by identity. */
  type History = ReadonlyMap<string, RowChange>[]

  const viewOf = (n: number, version: number): RowChange => ({
    ...view(`e${n}`, `u${n % 3}`, `m${n % 2}`, instant(n)),
    version,
  })
  const filmOf = (n: number, version: number): RowChange =>
    film(`m${n % 8}`, { related_to: [`m${(n + 1) % 8}`], cast: [`a${n % 3}`] }, version)

  function historyOf(
    random: () => number,
    versions: number,
    rowOf: (n: number, version: number) => RowChange,
  ): History {
    const history: Map<string, RowChange>[] = []
    let made = 0
    for (let version = 0; version < versions; version++) {
      const rows = new Map(history.at(-1))
      for (let i = 0; i < 4; i++) {
        const gone = [...rows.keys()][Math.floor(random() * rows.size * 3)]
        if (gone !== undefined) rows.delete(gone)
        const change = rowOf(made++, version)
        rows.set(change.identity, change)
      }
      history.push(rows)
    }
    return history
  }

  /** Net changes between two versions, always in the same order, in chunks of three. */
  function chunksOf(history: History, from: number, to: number): RowChange[][] {
    const [before, after] = [history[from] ?? new Map<string, RowChange>(), history[to]!]
    const changes = [...after.values()].filter((change) => before.get(change.identity)?.version !== change.version)
    for (const [identity, change] of before) if (!after.has(identity)) changes.push(deleted(change, to))
    changes.sort((a, b) => (a.identity < b.identity ? -1 : 1))
    return Array.from({ length: Math.max(1, Math.ceil(changes.length / 3)) }, (_, i) => changes.slice(i * 3, i * 3 + 3))
  }

  /** What the runner's follower does, with heads that grow at random. */
  async function follow(sink: Store, { table }: StoredTable, history: History, random: () => number): Promise<void> {
    let head = 0
    for (;;) {
      const progress = (await again(() => sink.progress()))[table]
      if (progress && !progress.step && progress.version === history.length - 1) return
      head = Math.min(history.length - 1, Math.max(head, progress?.version ?? 0) + Math.ceil(random() * 3))
      const from = progress?.version ?? -1
      const target = progress?.step?.target ?? head
      const chunks = chunksOf(history, from, target)
      let expected = progress
      for (let i = progress?.step?.chunks ?? 0; i < chunks.length; i++) {
        const next = i === chunks.length - 1 ? at(target) : at(from, { target, chunks: i + 1 })
        const outcome = await again(() => sink.apply({ table, expected, next, changes: chunks[i]! }))
        if (outcome.kind === 'superseded') break
        expected = next
      }
    }
  }
})

/** As the runner does with faults that pass. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Error && 'retryable' in error && error.retryable)) throw error
    }
  }
  throw new Error('it did not pass')
}

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
