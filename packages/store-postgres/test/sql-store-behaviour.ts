import { decimal, double, instant, int, long, string, stringList } from '@sluice/events'
import type { Row, Store } from '@sluice/store'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ask, change, load, madeUp, tableNamed } from './sql-tables.ts'

export interface SqlStoreUnderTest {
  store: Store
  /** Runs SQL by a client of its own, in the store's schema; values as text. */
  select(sql: string): Promise<Row[]>
  reopen(): Promise<Store>
  end(): Promise<void>
}

const [views, movies, playbacks, subscriptions, payments, posts, media] = [
  'viewing_history',
  'movies',
  'playback_events',
  'subscriptions',
  'payments',
  'posts',
  'post_media',
].map(tableNamed) as [never, never, never, never, never, never, never]

/** What the SQL store does beyond the contract of every store, on any PostgreSQL. */
export function behaviourOfSqlStore(name: string, open: () => Promise<SqlStoreUnderTest>): void {
  describe(name, () => {
    let under: SqlStoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
      await store.prepare([views, movies, playbacks, subscriptions, payments, posts, media])
    })
    afterEach(() => under.end())

    const at = (minute: number, micros = '000000') => `2025-10-02T21:${String(minute).padStart(2, '0')}:00.${micros}Z`

    test('watched-by-user counts views of each film, most first, with the title where it is known', async () => {
      await load(store, 'movies', [change(movies, { movie_id: 'm1', title: 'Inception' })])
      const view = (user_id: string, movie_id: string, minute: number, micros?: string) =>
        change(views, { user_id, movie_id, watched_at: at(minute, micros) })
      await load(store, 'viewing_history', [
        view('u1', 'm2', 1),
        view('u1', 'm1', 2, '000001'),
        view('u1', 'm1', 1),
        view('u2', 'm1', 9),
        view('u1', 'm0', 3),
      ])
      expect(await ask(store, 'watched-by-user', { user_id: 'u1' })).toEqual([
        { movie_id: 'm1', title: 'Inception', views: 2, last_watched_at: at(2, '000001') },
        { movie_id: 'm0', title: null, views: 1, last_watched_at: at(3) },
        { movie_id: 'm2', title: null, views: 1, last_watched_at: at(1) },
      ])
      expect((await ask(store, 'watched-by-user', { user_id: 'u1' }, 2)).length).toBe(2)
      expect(await ask(store, 'watched-by-user', { user_id: "u1' OR '1'='1" })).toEqual([])
      expect(await ask(store, 'watched-by-user', { user_id: 'u1\0' })).toEqual([])
    })

    test('where-stopped tells a film only if its last event is a pause or a stop; event_id decides between equals', async () => {
      const playback = (movie_id: string, action: string, minute: number, values: Row = {}) =>
        change(playbacks, {
          user_id: 'u1',
          movie_id,
          action,
          position_minutes: minute,
          played_at: at(minute),
          ...values,
        })
      await load(store, 'playback_events', [
        playback('m1', 'play', 1),
        playback('m1', 'pause', 2, { device: 'iPad' }),
        playback('m2', 'stop', 3),
        playback('m2', 'resume', 4),
        playback('m3', 'stop', 5, { event_id: 'b', position_minutes: null }),
        playback('m3', 'play', 5, { event_id: 'Z' }),
      ])
      expect(await ask(store, 'where-stopped', { user_id: 'u1' })).toEqual([
        { movie_id: 'm3', action: 'stop', position_minutes: null, device: null, played_at: at(5) },
        { movie_id: 'm1', action: 'pause', position_minutes: 2, device: 'iPad', played_at: at(2) },
      ])
    })

    test('subscription-status counts the newest state of each subscription', async () => {
      const state = (subscription_id: string, status: string, version: number) =>
        change(subscriptions, { subscription_id, status, user_id: 'u', plan: 'p', changed_at: at(version) }, version)
      await load(store, 'subscriptions', [state('s1', 'trial', 1), state('s2', 'active', 1), state('s3', 'active', 1)])
      await load(store, 'subscriptions', [state('s1', 'cancelled', 2)])
      expect(await ask(store, 'subscription-status')).toEqual([
        { status: 'active', subscriptions: 2 },
        { status: 'cancelled', subscriptions: 1 },
      ])
    })

    test('payments-of are oldest first, their amounts exact', async () => {
      const paid = (payment_id: string, amount: string, minute: number) =>
        change(payments, {
          payment_id,
          subscription_id: 's',
          user_id: 'u1',
          amount,
          currency: 'INR',
          paid_at: at(minute),
        })
      await load(store, 'payments', [paid('p1', '9999999999.99', 3), paid('p2', '0.30', 1), paid('p3', '-649.10', 1)])
      expect(
        (await ask(store, 'payments-of', { user_id: 'u1' })).map((row) => [row['payment_id'], row['amount']]),
      ).toEqual([
        ['p2', '0.30'],
        ['p3', '-649.10'],
        ['p1', '9999999999.99'],
      ])
    })

    test('values of every type are held as they came', async () => {
      const fields = {
        whole: int(),
        huge: long(),
        ratio: double(),
        money: decimal(38, 10),
        moment: instant(),
        list: stringList(),
        words: string(),
      }
      const kinds = madeUp('kinds', fields)
      await store.prepare([kinds])
      const rows: Row[] = [
        {
          whole: -2147483648,
          huge: '9223372036854775807',
          ratio: 0.1 + 0.2,
          money: '1234567890123456789012345678.0123456789',
          moment: '9999-12-31T23:59:59.999999Z',
          list: ['', ' ', 'NULL', 'a,b', '{}', '"\\"', '\n', '日本💥'],
          words: '\\N\t\\.\n\r\\',
        },
        { ratio: 5e-324, moment: '0001-01-01T00:00:00.000001Z', list: [], words: '\\.' },
        { ratio: -0 },
      ]
      expect(
        await load(
          store,
          'kinds',
          rows.map((row, i) => change(kinds, { ...row, event_id: `${i}` })),
        ),
      ).toEqual({
        kind: 'applied',
        refused: [],
      })
      const held = await under.select(
        `SELECT whole, huge, ratio, money, to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS moment,
           to_json(list)::text AS list, words FROM kinds ORDER BY event_id`,
      )
      const asRow = (row: Row | undefined) => ({
        ...row,
        whole: Number(row?.['whole']),
        ratio: Number(row?.['ratio']),
        list: JSON.parse(String(row?.['list'])),
      })
      expect(asRow(held[0])).toEqual(rows[0])
      expect(asRow(held[1])).toMatchObject(rows[1] ?? {})
      expect(asRow(held[2]).ratio).toBe(-0)
    })

    test('any text is held as it is, or refused because PostgreSQL cannot hold it', async () => {
      const texts = fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { minLength: 1, maxLength: 200 })
      let version = 0
      await fc.assert(
        fc.asyncProperty(texts, async (values) => {
          await store.forget('posts')
          version++
          const changes = values.map((text, i) =>
            change(posts, { post_id: `${i}`, user_id: text, content: text, media: [text, text] }, version),
          )
          const outcome = await load(store, 'posts', changes)
          const refused = outcome.kind === 'applied' ? outcome.refused.map(({ identity }) => identity) : []
          expect(refused.sort()).toEqual(
            values.flatMap((text, i) => (text.includes('\0') || !text.isWellFormed() ? [`${i}`] : [])).sort(),
          )
          const held = await under.select('SELECT post_id, content, to_json(media)::text AS media FROM posts')
          const kept = new Map(held.map((row) => [row['post_id'], row]))
          values.forEach((text, i) => {
            if (refused.includes(`${i}`)) return
            expect([kept.get(`${i}`)?.['content'], JSON.parse(String(kept.get(`${i}`)?.['media']))]).toEqual([
              text,
              [text, text],
            ])
          })
        }),
        { numRuns: 4 },
      )
    })

    test('a refused row harms no other, is listed with its reason, and takes its older self away', async () => {
      const post = (post_id: string, content: string, version: number) =>
        change(posts, { post_id, user_id: 'u', content, event_id: `e-${post_id}-${version}` }, version)
      await load(store, 'posts', [post('a', 'old', 1), post('b', 'old', 1)])
      const outcome = await load(store, 'posts', [
        post('a', 'NUL \0', 2),
        post('b', 'new', 2),
        post('c\0', 'named', 2),
        post('d', 'half \ud83d', 2),
        post('k'.repeat(3_000), 'key', 2),
      ])
      const expected = [
        { identity: 'a', event_id: 'e-a-2', reason: expect.stringContaining('content has the character U+0000') },
        { identity: 'c\0', event_id: 'e-c\0-2', reason: expect.stringContaining('post_id has the character U+0000') },
        { identity: 'd', event_id: 'e-d-2', reason: expect.stringContaining('half of a surrogate pair') },
        { identity: 'k'.repeat(3_000), event_id: expect.any(String), reason: expect.stringContaining('2600 bytes') },
      ]
      expect(outcome).toEqual({ kind: 'applied', refused: expected })
      expect(await store.refusals('posts', undefined, 10)).toEqual(expected)
      expect(await store.refusals('posts', 'a', 2)).toEqual(expected.slice(1, 3))
      expect(await under.select('SELECT post_id, content FROM posts')).toEqual([{ post_id: 'b', content: 'new' }])
      await load(store, 'posts', [post('a', 'mended', 3)])
      expect((await store.refusals('posts', undefined, 10)).map(({ identity }) => identity)).toEqual(
        expected.slice(1).map(({ identity }) => identity),
      )
    })

    test('a value that only PostgreSQL can judge is found among many and refused in its words', async () => {
      const rows = Array.from({ length: 300 }, (_, i) =>
        change(posts, { post_id: `p${i}`, content: 'x', posted_at: i === 123 ? '0000-01-01T00:00:00.000000Z' : at(1) }),
      )
      const outcome = await load(store, 'posts', rows)
      expect(outcome).toEqual({
        kind: 'applied',
        refused: [
          { identity: 'p123', event_id: rows[123]?.row['event_id'], reason: expect.stringContaining('0000-01-01') },
        ],
      })
      expect((await store.inventory('posts', undefined, 1000)).length).toBe(299)
    })

    test('a row never goes back to an older version, nor comes back after its delete', async () => {
      const film = (title: string, version: number, op?: 'delete') =>
        change(movies, { movie_id: 'm1', title }, version, op)
      const titles = async () => (await under.select('SELECT title FROM movies')).map((row) => row['title'])
      await load(store, 'movies', [film('five', 5)])
      await load(store, 'movies', [film('four', 4)])
      expect(await titles()).toEqual(['five'])
      await load(store, 'movies', [film('', 4, 'delete')])
      expect(await titles()).toEqual(['five'])
      await load(store, 'movies', [film('', 7, 'delete')])
      await load(store, 'movies', [film('six', 6)])
      expect(await titles()).toEqual([])
      await load(store, 'movies', [film('eight', 8)])
      expect(await titles()).toEqual(['eight'])
    })

    test('a change that is twice in a batch counts once, the newest', async () => {
      await load(store, 'movies', [
        change(movies, { movie_id: 'm1', title: 'newer' }, 3),
        change(movies, { movie_id: 'm1', title: 'older' }, 2),
      ])
      expect(await under.select('SELECT title FROM movies')).toEqual([{ title: 'newer' }])
    })

    test('a new column is added to the rows that are there, a wider type is taken over', async () => {
      const before = madeUp('readings', { value: int(), price: decimal(5, 2) })
      const after = madeUp('readings', { value: long(), price: decimal(12, 4), unit: string() })
      await store.prepare([before])
      await load(store, 'readings', [change(before, { value: 1, price: '1.25', event_id: 'a' })])
      await store.prepare([after])
      await load(store, 'readings', [
        change(after, { value: '9007199254740993', price: '2.0001', unit: 'K', event_id: 'b' }),
      ])
      // Someone who does not know the new column yet.
      await store.prepare([before])
      await load(store, 'readings', [change(before, { value: 3, price: '3.25', event_id: 'c' })])
      expect(await under.select('SELECT event_id, value, price, unit FROM readings ORDER BY event_id')).toEqual([
        { event_id: 'a', value: '1', price: '1.2500', unit: null },
        { event_id: 'b', value: '9007199254740993', price: '2.0001', unit: 'K' },
        { event_id: 'c', value: '3', price: '3.2500', unit: null },
      ])
      expect((await store.progress())['readings']?.version).toBe(3)
    })

    test('a table whose columns no longer fit is loaded anew', async () => {
      const before = madeUp('readings', { value: string() })
      await store.prepare([before])
      await load(store, 'readings', [change(before, { value: 'warm' })])
      await store.prepare([madeUp('readings', { value: int() })])
      expect([(await store.progress())['readings'], await store.inventory('readings', undefined, 10)]).toEqual([
        undefined,
        [],
      ])
    })

    test('table and column names that SQL or PostgreSQL uses itself are names like any other', async () => {
      const odd = madeUp(
        'pg_class',
        { select: string(), user: string(), order: int() },
        {
          stores: { postgres: { indexes: [['user', 'order']] } },
        },
      )
      await store.prepare([odd])
      await load(store, 'pg_class', [change(odd, { select: 's', user: 'u', order: 1, event_id: 'x' })])
      expect(await store.inventory('pg_class', undefined, 10)).toEqual([{ identity: 'x', fingerprint: 'x' }])
    })

    test('the questions’ columns are indexed', async () => {
      const indexes = await under.select(`SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()`)
      const defined = indexes.map((row) => String(row['indexdef'])).join('\n')
      expect(defined).toMatch(/viewing_history USING btree \(user_id, movie_id\)/)
      expect(defined).toMatch(/playback_events USING btree \(user_id, movie_id, played_at\)/)
      expect(defined).toMatch(/payments USING btree \(user_id, paid_at\)/)
    })

    test('the inventory goes on after an identity that is not there, with NUL in it', async () => {
      await load(
        store,
        'movies',
        ['a', 'a\u0001', 'b'].map((movie_id) => change(movies, { movie_id, title: 't' })),
      )
      const after = async (identity: string) =>
        (await store.inventory('movies', identity, 10)).map((row) => row.identity)
      expect([await after('a\0b'), await after('a'), await after('aa')]).toEqual([
        ['a\u0001', 'b'],
        ['a\u0001', 'b'],
        ['b'],
      ])
    })

    test('an item of a list has key and position as identity, name and hash as fingerprint', async () => {
      const item = (post_id: string, position: number, sha256: string | null) =>
        change(media, { post_id, position, name: 'a.mp4', sha256, event_id: null })
      await load(store, 'post_media', [item('p', 0, 'ff'), item('p', 10, null), item('p', 2, null)])
      expect(await store.inventory('post_media', undefined, 10)).toEqual([
        { identity: 'p/0', fingerprint: 'a.mp4|ff' },
        { identity: 'p/10', fingerprint: 'a.mp4|' },
        { identity: 'p/2', fingerprint: 'a.mp4|' },
      ])
    })

    test('a store that is opened again answers before anything is prepared', async () => {
      await load(store, 'subscriptions', [change(subscriptions, { subscription_id: 's', status: 'active' })])
      store = await under.reopen()
      expect(await ask(store, 'subscription-status')).toEqual([{ status: 'active', subscriptions: 1 }])
      expect((await store.inventory('subscriptions', undefined, 10)).length).toBe(1)
    })

    test('a table that was never prepared is an error that says so', async () => {
      await expect(store.inventory('nowhere', undefined, 1)).rejects.toMatchObject({
        code: 'failed',
        message: expect.stringContaining('nowhere'),
      })
    })
  })
}
