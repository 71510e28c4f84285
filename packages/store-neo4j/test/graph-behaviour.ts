import type { Store } from '@sluice/store'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deleted, film, load, movies, recommendations, recommended, view, views } from './graph-tables.ts'

export interface GraphBehaviour {
  name: string
  /** A new, empty store. */
  open(): Promise<{ store: Store; reopen(): Promise<Store>; end(): Promise<void> }>
}

/** What a graph store holds and answers, embedded or on a server. */
export function behaviourOfGraphStore(contract: GraphBehaviour): void {
  describe(`${contract.name}: graph`, () => {
    let store: Store
    let reopen: () => Promise<Store>
    let end: () => Promise<void>

    beforeEach(async () => {
      ;({ store, reopen, end } = await contract.open())
      await store.prepare([movies, views, recommendations])
    })
    afterEach(() => end())

    const at = (second: number) => `2025-10-01T00:00:${String(second).padStart(2, '0')}.000000Z`
    const inventory = async (table: string) =>
      Object.fromEntries((await store.inventory(table, undefined, 1000)).map((row) => [row.identity, row.fingerprint]))
    const unseen = async (user_id: string) =>
      (await store.ask('because-you-watched', { user_id }, 100)).rows.map(
        (row) => `${row.movie_id} ← ${row.because_of}`,
      )
    const why = async (user_id: string, movie_id: string) =>
      (await store.ask('why-recommended', { user_id, movie_id }, 100)).rows

    test('a pair of user and film has one edge with the count and the latest instant of its views', async () => {
      await load(store, 'viewing_history', [
        view('e1', 'u1', 'm1', at(3)),
        view('e2', 'u1', 'm1', at(9)),
        view('e3', 'u1', 'm2', at(1)),
      ])
      await load(store, 'viewing_history', [view('e4', 'u1', 'm1', at(5))])
      expect(await inventory('viewing_history')).toEqual({
        'WATCHED|u1|m1': `3|${at(9)}`,
        'WATCHED|u1|m2': `1|${at(1)}`,
      })
    })

    test('a deleted view is taken off count and latest, and the last one takes the edge', async () => {
      const changes = [view('e1', 'u1', 'm1', at(3)), view('e2', 'u1', 'm1', at(9)), view('e3', 'u1', 'm1', at(5))]
      await load(store, 'viewing_history', changes)
      await load(store, 'viewing_history', [deleted(changes[1]!)])
      expect(await inventory('viewing_history')).toEqual({ 'WATCHED|u1|m1': `2|${at(5)}` })
      await load(store, 'viewing_history', [deleted(changes[0]!), deleted(changes[2]!)])
      expect(await inventory('viewing_history')).toEqual({})
    })

    test('when more of the newest views are deleted than an edge remembers, the table asks to be loaded anew', async () => {
      const changes = Array.from({ length: 20 }, (_, i) => view(`e${i}`, 'u1', 'm1', at(i)))
      await load(store, 'viewing_history', changes)
      await load(
        store,
        'viewing_history',
        changes.slice(13).map((change) => deleted(change)),
      )
      expect(await inventory('viewing_history')).toEqual({ 'WATCHED|u1|m1': `13|${at(12)}` })
      const outcome = await load(
        store,
        'viewing_history',
        changes.slice(10, 13).map((change) => deleted(change)),
      )
      expect(outcome).toEqual({ kind: 'superseded', actual: undefined })
      expect([await inventory('viewing_history'), await store.progress()]).toEqual([{}, {}])
      await load(store, 'viewing_history', changes.slice(0, 10))
      expect(await inventory('viewing_history')).toEqual({ 'WATCHED|u1|m1': `10|${at(9)}` })
    })

    test('the same batch again changes nothing', async () => {
      const batch = {
        table: 'viewing_history',
        expected: undefined,
        next: { table_id: 't1', version: 1 },
        changes: [view('e1', 'u1', 'm1', at(1))],
      }
      expect(await store.apply(batch)).toEqual({ kind: 'applied', refused: [] })
      expect(await store.apply(batch)).toEqual({ kind: 'superseded', actual: batch.next })
      expect(await inventory('viewing_history')).toEqual({ 'WATCHED|u1|m1': `1|${at(1)}` })
    })

    test('the newest recommendation explains, by instant and then event_id, in whatever order they come', async () => {
      const rows = [
        recommended('a', 'u1', 'm1', { reason: 'tie, lower id', score: 0.1 }),
        recommended('b', 'u1', 'm1', { reason: 'tie, higher id', score: 0.30000000000000004, because_of: "o'" }),
        recommended('z', 'u1', 'm1', { reason: 'older', recommended_at: '2025-09-01T00:00:00.000000Z' }),
      ]
      await load(store, 'recommendations', [rows[1]!])
      await load(store, 'recommendations', [rows[0]!, rows[2]!])
      expect(await why('u1', 'm1')).toEqual([
        {
          reason: 'tie, higher id',
          because_of: "o'",
          score: 0.30000000000000004,
          recommended_at: '2025-10-01T00:00:00.000000Z',
        },
      ])
      await load(store, 'recommendations', [deleted(rows[1]!)])
      expect((await why('u1', 'm1'))[0]).toMatchObject({ reason: 'tie, lower id', because_of: null })
      expect(await inventory('recommendations')).toEqual({ 'RECOMMENDED|u1|m1': 'a' })
    })

    test('films next to watched ones are suggested, once for each pair, none already watched', async () => {
      await load(store, 'viewing_history', [
        view('e1', 'u1', 'm1', at(1)),
        view('e2', 'u1', 'm2', at(1)),
        view('e3', 'u2', 'm3', at(1)),
      ])
      await load(store, 'movies', [
        film('m1', { related_to: ['m2', 'm3', 'm1'] }),
        film('m2', { related_to: ['m3', 'm4'] }),
        film('m3', { related_to: ['m1'] }),
      ])
      expect(await unseen('u1')).toEqual(['m3 ← m1', 'm3 ← m2', 'm4 ← m2'])
      expect((await store.ask('because-you-watched', { user_id: 'u1' }, 1)).rows).toEqual([
        { movie_id: 'm3', title: 'Film m3', because_of: 'm1' },
      ])
      expect((await store.ask('because-you-watched', { user_id: 'u1' }, 3)).rows[2]).toEqual({
        movie_id: 'm4',
        title: null,
        because_of: 'm2',
      })
    })

    test("a film's edges are those of its newest row; an older one never comes back", async () => {
      await load(store, 'viewing_history', [view('e1', 'u1', 'm1', at(1))])
      await load(store, 'movies', [film('m1', { related_to: ['m2', 'm3'], cast: ['A', 'B'] }, 5)])
      await load(store, 'movies', [film('m1', { related_to: ['m3', 'm4'], cast: ['B'] }, 6)])
      await load(store, 'movies', [film('m1', { related_to: ['m2'] }, 5)])
      expect(await unseen('u1')).toEqual(['m3 ← m1', 'm4 ← m1'])
      expect(await inventory('movies')).toEqual({ m1: 'e-m1-6' })
      await load(store, 'movies', [deleted(film('m1', {}, 6))])
      await load(store, 'movies', [film('m1', { related_to: ['m2'] }, 6)])
      expect([await unseen('u1'), await inventory('movies')]).toEqual([[], {}])
    })

    test('a deleted film keeps no title, though a film of the same batch is related to it', async () => {
      await load(store, 'viewing_history', [view('e1', 'u1', 'm1', at(1))])
      await load(store, 'movies', [film('m1', {}, 1), film('m2', {}, 1)])
      await load(store, 'movies', [deleted(film('m2', {}, 1)), film('m1', { related_to: ['m2'] }, 2)])
      expect((await store.ask('because-you-watched', { user_id: 'u1' }, 10)).rows).toEqual([
        { movie_id: 'm2', title: null, because_of: 'm1' },
      ])
    })

    const HOSTILE = [
      'q\'"`\\',
      'line\nbreak\r\u2028',
      '\0',
      '\0b',
      '\u0001',
      '\u0001\u0001',
      '__proto__',
      '9007199254740993',
      'बाहुबली 👀',
      '|',
      '\\p',
      'null',
      '',
      '{}',
      '$user_id',
      'Robert"); DROP TABLE movies;--',
    ]

    test('hostile ids and texts come back as they went in', async () => {
      await load(
        store,
        'recommendations',
        HOSTILE.map((text, i) => recommended(`e${i}`, text, `m${text}`, { reason: text, because_of: text })),
      )
      await load(
        store,
        'movies',
        HOSTILE.map((text) => film(text, { title: text, related_to: [`m${text}`], cast: [text], genres: [text] })),
      )
      await load(
        store,
        'viewing_history',
        HOSTILE.map((text, i) => view(`v${i}`, text, text, at(1))),
      )
      for (const text of HOSTILE) {
        expect(await why(text, `m${text}`)).toMatchObject([{ reason: text, because_of: text }])
        expect((await store.ask('because-you-watched', { user_id: text }, 10)).rows).toMatchObject([
          { movie_id: `m${text}`, because_of: text },
        ])
      }
      expect(Object.keys(await inventory('movies'))).toHaveLength(HOSTILE.length)
    })

    test.each(['ж', 'é', '映画', '😀', 'बाहुबली', 'abcé'])(
      'many ids of one batch that begin with %s are as many',
      async (begin) => {
        const ids = Array.from({ length: 50 }, (_, i) => `${begin}${i}`)
        await load(
          store,
          'movies',
          ids.map((id) => film(id, { title: `of ${id}`, related_to: [`${id}+`] })),
        )
        await load(
          store,
          'viewing_history',
          ids.map((id, i) => view(`${begin}${i}`, id, id, at(1))),
        )
        expect(Object.keys(await inventory('movies'))).toHaveLength(ids.length)
        expect(Object.keys(await inventory('viewing_history'))).toHaveLength(ids.length)
        expect(await unseen(`${begin}7`)).toEqual([`${begin}7+ ← ${begin}7`])
      },
    )

    test('a row with an id beyond the limit is refused with its reason and harms no other', async () => {
      const long = 'x'.repeat(5_000)
      const outcome = await load(store, 'viewing_history', [
        view('e1', long, 'm1', at(1)),
        view('e2', 'u1', 'm1', at(1)),
      ])
      expect(outcome).toMatchObject({ kind: 'applied', refused: [{ identity: 'e1', event_id: 'e1' }] })
      expect(await store.refusals('viewing_history', undefined, 10)).toMatchObject([
        { identity: 'e1', reason: 'user_id has more than 4000 bytes, which the graph store cannot hold' },
      ])
      expect(Object.keys(await inventory('viewing_history'))).toEqual(['WATCHED|u1|m1'])
    })

    test('forget takes a table out and leaves the others', async () => {
      await load(store, 'viewing_history', [view('e1', 'u1', 'm1', at(1))])
      await load(store, 'movies', [film('m1', { related_to: ['m2'] })])
      await store.forget('movies')
      expect([await unseen('u1'), await inventory('movies'), Object.keys(await store.progress())]).toEqual([
        [],
        {},
        ['viewing_history'],
      ])
      await load(store, 'movies', [film('m1', { related_to: ['m2'] })])
      expect(await unseen('u1')).toEqual(['m2 ← m1'])
    })

    test('after close and open everything is there, before prepare', async () => {
      await load(store, 'viewing_history', [view('e1', 'u1', 'm1', at(1))])
      await load(store, 'movies', [film('m1', { related_to: ['m2'] })])
      store = await reopen()
      expect([await unseen('u1'), await inventory('viewing_history')]).toEqual([
        ['m2 ← m1'],
        { 'WATCHED|u1|m1': `1|${at(1)}` },
      ])
      await store.prepare([movies, views, recommendations])
      expect(Object.keys(await store.progress()).sort()).toEqual(['movies', 'viewing_history'])
    })

    test('a changed mapping makes the table load anew, a new field elsewhere does not', async () => {
      await load(store, 'movies', [film('m1')])
      const type = { ...movies.type, fields: { ...movies.type.fields, hdr: movies.type.fields.title! } }
      await store.prepare([{ ...movies, type }])
      expect(Object.keys(await store.progress())).toEqual(['movies'])
      const nodes = [{ label: 'Movie', id: 'movie_id', properties: ['title', 'hdr'] }]
      await store.prepare([{ ...movies, type: { ...type, stores: { neo4j: { nodes, edges: [] } } } }])
      expect(await store.progress()).toEqual({})
      await load(store, 'movies', [film('m1', { hdr: 'yes' })])
      expect(await inventory('movies')).toEqual({ m1: 'e-m1-1' })
    })
  })
}
