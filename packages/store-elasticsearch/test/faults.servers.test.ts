import { randomUUID } from 'node:crypto'
import { Client } from '@elastic/elasticsearch'
import type { ApplyOutcome, Store } from '@sluice/store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { describeServer, elasticsearchEndpoint } from '../../../test/servers/endpoints.ts'
import { openStore } from '../src/server.ts'
import { dropAll } from './drop-all.ts'
import { type FaultyServer, openFaultyServer, type Request } from './faulty-server.ts'
import { movies, posts } from './search-tables.ts'
import { at, batch, follow, historyOf, post, seeded } from './table-history.ts'

const isBulk = ({ path }: Request) => path.includes('/_bulk')
const isRefresh = ({ path }: Request) => path.endsWith('/_refresh')
const isProgress = ({ method, path }: Request) => method === 'PUT' && path.includes('%23progress')

await describeServer('Elasticsearch', elasticsearchEndpoint, ({ url }) => {
  let prefix: string
  /** What the store under test talks to. */
  let server: FaultyServer
  let store: Store
  /** Another sink, with nothing between it and the server. */
  let other: Store
  let client: Client

  beforeEach(async () => {
    prefix = `faults-${randomUUID().slice(0, 8)}`
    server = await openFaultyServer(url)
    store = await openStore({ url: server.url, prefix })
    other = await openStore({ url, prefix })
    client = new Client({ node: url })
    await Promise.all([store.prepare([posts]), other.prepare([posts])])
  })
  afterEach(async () => {
    await Promise.all([store.close(), other.close(), server.close(), client.close()])
    await dropAll(url, prefix)
  })

  const held = async (of = store) => (await of.inventory('posts', undefined, 10_000)).map(({ identity }) => identity)
  const applied = { kind: 'applied', refused: [] }

  test('a batch whose answers were lost is done, and is not done again', async () => {
    server.interfere = async (request, forward) => {
      if (!isProgress(request) || !request.body.includes('"version":1')) return forward()
      await forward()
      return 'cut'
    }
    const load = batch(undefined, at(1), [post('a', 1)])
    await expect(store.apply(load)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
    server.interfere = undefined
    expect(await store.apply(load)).toEqual({ kind: 'superseded', actual: at(1) })
    expect(await held()).toEqual(['a'])
  })

  test('a batch that was cut off is finished to its own target, though the table has moved on', async () => {
    await other.apply(batch(undefined, at(1), [post('a', 1)]))
    server.interfere = async (request, forward) => {
      if (!isBulk(request)) return forward()
      await forward()
      return 'cut'
    }
    // b is inserted by version 2 and deleted by version 3: who goes from 1 to 3 never hears of it.
    await expect(store.apply(batch(at(1), at(2), [post('b', 2)]))).rejects.toMatchObject({ retryable: true })
    const begun = at(1, { target: 2, chunks: 0 })
    expect((await other.progress())['posts']).toEqual(begun)
    expect(await other.apply(batch(at(1), at(3), []))).toEqual({ kind: 'superseded', actual: begun })
    expect(await other.apply(batch(begun, at(2), [post('b', 2)]))).toEqual(applied)
    expect(await other.apply(batch(at(2), at(3), [post('b', 3, 'delete')]))).toEqual(applied)
    expect(await held(other)).toEqual(['a'])
  })

  test('the sink itself may try the same batch again', async () => {
    server.interfere = async (request, forward) => (isBulk(request) ? 'cut' : forward())
    const load = batch(undefined, at(1), [post('a', 1)])
    await expect(store.apply(load)).rejects.toMatchObject({ retryable: true })
    server.interfere = undefined
    expect(await store.apply(load)).toEqual(applied)
  })

  test.each([
    ['cannot be shown', async () => 'cut' as const],
    [
      'were shown, but nobody was told',
      async (forward: () => Promise<unknown>) => {
        await forward()
        return 'cut' as const
      },
    ],
  ])('the progress stays where it was while rows %s', async (_, refreshing) => {
    await store.apply(batch(undefined, at(1), [post('a', 1)]))
    let refreshes = 0
    server.interfere = async (request, forward) => {
      if (!isRefresh(request)) return forward()
      refreshes++
      return refreshing(forward)
    }
    const load = batch(at(1), at(2), [post('b', 2)])
    await expect(store.apply(load)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
    expect(refreshes).toBeGreaterThan(0)
    expect((await other.progress())['posts']).toEqual(at(1, { target: 2, chunks: 0 }))
    server.interfere = undefined
    expect(await store.apply(load)).toEqual(applied)
    expect(await held(other)).toEqual(['a', 'b'])
  })

  test('a sink that slept in the middle of a batch brings nothing back', async () => {
    const { held: request, release } = holdOnce(server, isBulk)
    const sleeper = store.apply(batch(undefined, at(1), [post('a', 1), post('b', 1)]))
    await request
    const begun = at(-1, { target: 1, chunks: 0 })
    expect(await other.apply(batch(begun, at(1), [post('a', 1), post('b', 1)]))).toEqual(applied)
    expect(await other.apply(batch(at(1), at(2), [post('a', 2, 'delete')]))).toEqual(applied)
    release()
    expect(await sleeper).toEqual({ kind: 'superseded', actual: at(2) })
    expect(await held(other)).toEqual(['b'])
  })

  test('a sink that slept while the table was forgotten writes into nothing', async () => {
    const { held: request, release } = holdOnce(server, isBulk)
    const sleeper = store.apply(batch(undefined, at(1), [post('a', 1)]))
    await request
    await other.forget('posts')
    await other.apply(batch(undefined, { table_id: 't2', version: 0 }, [post('z', 0)]))
    release()
    expect(await sleeper).toEqual({ kind: 'superseded', actual: { table_id: 't2', version: 0 } })
    expect(await held()).toEqual(['z'])
    expect(Object.keys(await client.indices.get({ index: `${prefix}-posts.*` }))).toHaveLength(1)
  })

  test('items that found no room are sent again, and only those', async () => {
    const sent: string[][] = []
    server.interfere = async (request, forward) => {
      if (!isBulk(request)) return forward()
      const lines = request.body.trimEnd().split('\n')
      sent.push(lines.flatMap((line, i) => (i % 2 === 0 ? [JSON.parse(line).index._id] : [])))
      if (sent.length > 1) return forward()
      const error = { type: 'es_rejected_execution_exception', reason: 'no room' }
      const items = sent[0]!.map((_id) => ({
        index: { _id, status: _id === 'b' ? 200 : 429, ...(_id !== 'b' && { error }) },
      }))
      const only = lines.slice(2, 4).join('\n')
      await client.transport.request(
        { method: 'POST', path: request.path, body: `${only}\n` },
        { headers: { 'content-type': 'application/x-ndjson' } },
      )
      return { status: 200, body: JSON.stringify({ errors: true, items }) }
    }
    const changes = ['a', 'b', 'c'].map((id) => post(id, 1))
    expect(await store.apply(batch(undefined, at(1), changes))).toEqual(applied)
    expect(sent).toEqual([
      ['a', 'b', 'c'],
      ['a', 'c'],
    ])
    expect(await held()).toEqual(['a', 'b', 'c'])
  })

  test('a server without room for any of it is busy, and the runner may try again', async () => {
    const error = { type: 'es_rejected_execution_exception', reason: 'no room' }
    server.interfere = async (request, forward) =>
      isBulk(request) ? { status: 429, body: JSON.stringify({ error }) } : forward()
    await expect(store.apply(batch(undefined, at(1), [post('a', 1)]))).rejects.toMatchObject({
      code: 'busy',
      retryable: true,
    })
  })

  test('a request that is too large for a proxy goes in parts; a row that is too large alone is refused', async () => {
    server.interfere = async (request, forward) =>
      isBulk(request) && request.body.length > 700 ? { status: 413, body: '{}' } : forward()
    const changes = ['a', 'b', 'c', 'd', 'e'].map((id) => post(id, 1))
    const large = { ...post('large', 1), row: { ...post('large', 1).row, content: 'x'.repeat(1_000) } }
    const outcome = await store.apply(batch(undefined, at(1), [...changes, large]))
    expect(outcome).toMatchObject({ kind: 'applied', refused: [{ identity: 'large' }] })
    expect(await held()).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('a conflict with a version below ours is no success', async () => {
    let bulks = 0
    server.interfere = async (request, forward) => {
      if (!isBulk(request) || bulks++ > 0) return forward()
      const error = { type: 'version_conflict_engine_exception', reason: 'they say' }
      return { status: 200, body: JSON.stringify({ errors: true, items: [{ index: { status: 409, error } }] }) }
    }
    expect(await store.apply(batch(undefined, at(1), [post('a', 1)]))).toEqual(applied)
    expect([bulks, await held()]).toEqual([2, ['a']])
  })

  test('a row that Elasticsearch refuses is kept with its reason, hides its older self, and may come back', async () => {
    const broken = (version: number) => ({
      ...post('a', version),
      row: { ...post('a', version).row, posted_at: 'never' },
    })
    await store.apply(batch(undefined, at(1), [post('a', 1), post('b', 1)]))
    const outcome = await store.apply(batch(at(1), at(2), [broken(2), post('c', 2)]))
    expect(outcome).toMatchObject({ kind: 'applied', refused: [{ identity: 'a', event_id: 'e-a-2' }] })
    expect(refusedOf(outcome)).toContain('posted_at')
    expect(await store.refusals('posts', undefined, 10)).toEqual(outcome.kind === 'applied' ? outcome.refused : [])
    expect(await held()).toEqual(['b', 'c'])
    expect(await store.apply(batch(at(2), at(3), [post('a', 3)]))).toEqual(applied)
    expect([await store.refusals('posts', undefined, 10), await held()]).toEqual([[], ['a', 'b', 'c']])
  })

  test('identities beyond what the index takes are refused, listed in order and in pages', async () => {
    const long = 'x'.repeat(40_000)
    const changes = ['b', `${long}1`, `${long}2`, 'é'.repeat(20_000), ''].map((id) => post(id, 1))
    const outcome = await store.apply(batch(undefined, at(1), changes))
    expect(outcome).toMatchObject({ kind: 'applied', refused: [{}, {}, {}] })
    const listed: string[] = []
    for (let after: string | undefined; ; after = listed.at(-1)) {
      const [refusal] = await store.refusals('posts', after, 1)
      if (!refusal) break
      listed.push(refusal.identity)
    }
    expect(listed.map((identity) => identity.length)).toEqual([40_001, 40_001, 20_000])
    expect(new Set(listed)).toEqual(new Set([`${long}1`, `${long}2`, 'é'.repeat(20_000)]))
    expect(await held()).toEqual(['', 'b'])
    expect(await store.inventory('posts', `${long}1`, 10)).toEqual([])
  })

  test('a store whose data was dropped has no progress and is loaded anew', async () => {
    await store.apply(batch(undefined, at(1), [post('a', 1)]))
    await client.indices.delete({ index: `${prefix}-posts.1` })
    await client.indices.deleteIndexTemplate({ name: `${prefix}-posts` })
    expect(await store.progress()).toEqual({})
    expect(await store.apply(batch(at(1), at(2), [post('b', 2)]))).toEqual({ kind: 'superseded', actual: undefined })
    expect(await store.apply(batch(undefined, at(2), [post('a', 2), post('b', 2)]))).toEqual(applied)
    expect(await held()).toEqual(['a', 'b'])
    const { [`${prefix}-posts.1`]: made } = await client.indices.getMapping({ index: `${prefix}-posts.1` })
    expect(made?.mappings.dynamic).toBe('strict')
  })

  test('readers see the old rows until a reload is complete, then the new ones alone', async () => {
    const found = async () => (await store.ask('posts-about', { text: 'text' }, 10)).rows.map((row) => row['post_id'])
    await store.apply(batch(undefined, at(1), [post('old', 1)]))
    await store.forget('posts')
    expect([await found(), await held(), await store.progress()]).toEqual([['old'], [], {}])
    const half = at(-1, { target: 2, chunks: 1 })
    await store.apply(batch(undefined, half, [post('a', 2)]))
    expect(await found()).toEqual(['old'])
    await store.apply(batch(half, at(2), [post('b', 2)]))
    expect((await found()).sort()).toEqual(['a', 'b'])
    expect(Object.keys(await client.indices.get({ index: `${prefix}-posts.*` }))).toHaveLength(1)
  })

  test('a table forgotten by two sinks at once, and again before it is complete, has one empty generation', async () => {
    await store.apply(batch(undefined, at(1), [post('old', 1)]))
    await Promise.all([store.forget('posts'), other.forget('posts')])
    await store.apply(batch(undefined, at(-1, { target: 2, chunks: 1 }), [post('a', 2)]))
    await other.forget('posts')
    expect([await held(), await store.progress()]).toEqual([[], {}])
    expect(Object.keys(await client.indices.get({ index: `${prefix}-posts.*` }))).toHaveLength(2)
    expect(await store.apply(batch(undefined, at(2), [post('b', 2)]))).toEqual(applied)
    expect([await held(other), Object.keys(await client.indices.get({ index: `${prefix}-posts.*` })).length]).toEqual([
      ['b'],
      1,
    ])
  })

  test('a new column is added in place; another analysis of an old one needs a new generation', async () => {
    await store.apply(batch(undefined, at(1), [post('a', 1)]))
    const { type } = posts
    const wider = { ...posts, columns: [...posts.columns, { name: 'mood', type: 'VARCHAR' }] }
    await store.prepare([wider])
    expect(await store.progress()).toEqual({ posts: at(1) })
    const moody = { ...post('b', 2), row: { ...post('b', 2).row, mood: 'good' } }
    expect(await store.apply(batch(at(1), at(2), [moody]))).toEqual(applied)
    const text = [...(type.stores.elasticsearch?.text ?? []), 'user_id']
    await store.prepare([{ ...wider, type: { ...type, stores: { elasticsearch: { index: 'posts', text } } } }])
    expect(await store.progress()).toEqual({})
  })

  test('two tables with one index are refused', async () => {
    const type = { ...movies.type, stores: { elasticsearch: { index: 'posts', text: ['title'] } } }
    await expect(store.prepare([{ ...movies, type }])).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('the tables posts and movies have the same Elasticsearch index'),
    })
  })

  test('a store that prepared nothing answers what another has prepared', async () => {
    await store.apply(batch(undefined, at(1), [post('a', 1)]))
    const reader = await openStore({ url, prefix })
    expect((await reader.ask('posts-about', { text: 'text' }, 10)).rows).toHaveLength(1)
    expect(await held(reader)).toEqual(['a'])
    await expect(reader.ask('movies-with-actor', { actor: 'x' }, 10)).rejects.toMatchObject({ code: 'failed' })
    await reader.close()
  })

  test('more hits than one page are all found, once', async () => {
    const changes = Array.from({ length: 2_500 }, (_, i) => post(`p${i}`, 1))
    await store.apply(batch(undefined, at(1), changes))
    const { rows } = await store.ask('posts-about', { text: 'text' }, 2_300)
    expect(new Set(rows.map((row) => row['post_id'])).size).toBe(2_300)
    expect((await store.ask('posts-about', { text: 'text' }, 100_000)).rows).toHaveLength(2_500)
  })

  test('three sinks at once, cut off at random, leave exactly the newest rows', async () => {
    const random = seeded(7)
    const history = historyOf(random, 30)
    server.interfere = async (request, forward) => {
      const fate = isBulk(request) || isProgress(request) ? random() : 1
      if (fate < 0.1) return 'cut'
      const reply = await forward()
      return fate < 0.2 ? 'cut' : reply
    }
    const faulty = await openStore({ url: server.url, prefix })
    await faulty.prepare([posts])
    await Promise.all([store, faulty, other].map((sink) => follow(sink, history, random)))
    server.interfere = undefined
    await faulty.close()
    expect(await held()).toEqual([...history.at(-1)!.rows.keys()].sort())
    expect((await store.inventory('posts', undefined, 100)).map(({ fingerprint }) => fingerprint)).toEqual(
      [...history.at(-1)!.rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, version]) => `e-${id}-${version}`),
    )
  })

  const refusedOf = (outcome: ApplyOutcome) => (outcome.kind === 'applied' ? (outcome.refused[0]?.reason ?? '') : '')
})

/** Holds the first such request; `held` resolves when it is there, `release` lets it go. */
function holdOnce(server: FaultyServer, which: (request: Request) => boolean) {
  const arrived = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  let first = true
  server.interfere = async (request, forward) => {
    if (first && which(request)) {
      first = false
      arrived.resolve()
      await released.promise
    }
    return forward()
  }
  return { held: arrived.promise, release: released.resolve }
}
