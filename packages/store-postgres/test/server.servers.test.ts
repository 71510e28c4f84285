import { createServer } from 'node:net'
import type { RowChange, Store } from '@sluice/store'
import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { describeServer, postgresEndpoint } from '../../../test/servers/endpoints.ts'
import { openStore } from '../src/server.ts'
import { serverUnderTest } from './server-schema.ts'
import { change, load, tableNamed } from './sql-tables.ts'

/** What is waited for comes at once on a free machine, and on a busy one in seconds. */
const WITHIN_MS = 10_000

const subscriptions = tableNamed('subscriptions')
const subscription = (subscription_id: string, version: number, status = 'active') =>
  change(subscriptions, { subscription_id, status }, version)

await describeServer('PostgreSQL', postgresEndpoint, ({ url }) => {
  let under: Awaited<ReturnType<typeof serverUnderTest>>
  let store: Store
  let client: Client
  beforeEach(async () => {
    under = await serverUnderTest(url)
    store = under.store
    await store.prepare([subscriptions])
    client = new Client({ connectionString: url })
    await client.connect()
    await client.query(`SET search_path = ${under.schema}`)
  })
  afterEach(async () => {
    await client.end()
    await under.end()
  })

  const changed = (parts: Partial<Record<'username' | 'password' | 'pathname' | 'port', string>>) =>
    Object.assign(new URL(url), parts).toString()

  describe('what is wrong is said in one line, without the password', () => {
    test.each([
      ['a wrong password', { password: 'se-cret' }, 'access_denied', false, /password authentication failed/],
      ['a user who is not there', { username: 'nobody' }, 'access_denied', false, /nobody/],
      ['a database that is missing', { pathname: '/nowhere' }, 'failed', false, /"nowhere" does not exist/],
      ['a port where nobody listens', { port: '1' }, 'unreachable', true, /ECONNREFUSED/],
    ])('%s', async (_, parts, code, retryable, message) => {
      const error: unknown = await openStore({ url: changed(parts) }).catch((caught: unknown) => caught)
      expect(error).toMatchObject({ name: 'StoreError', code, retryable, message: expect.stringMatching(message) })
      expect(String(error)).not.toContain('\n')
      expect(String(error)).not.toContain('se-cret')
    })

    test('a text that is no URL', async () => {
      const error: unknown = await openStore({ url: 'lake:se-cret@server' }).catch((caught: unknown) => caught)
      expect(error).toMatchObject({ code: 'failed', message: expect.stringContaining('postgres://') })
      expect(JSON.stringify([String(error), Object(error).cause])).not.toContain('se-cret')
    })

    test('a server that hangs up', async () => {
      const server = createServer((socket) => socket.destroy())
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => void server.close())
      const port = String(Object(server.address()).port)
      await expect(openStore({ url: changed({ port }) })).rejects.toMatchObject({
        code: 'unreachable',
        retryable: true,
      })
    })

    test('a user who may not write', async () => {
      const reader = `reader_${under.schema}`
      await client.query(`CREATE ROLE ${reader} LOGIN PASSWORD 'se-cret'`)
      onTestFinished(async () => {
        const admin = new Client({ connectionString: url })
        await admin.connect()
        await admin.query(`DROP ROLE ${reader}`)
        await admin.end()
      })
      const opened = openStore({ url: changed({ username: reader, password: 'se-cret' }), schema: under.schema })
      await expect(opened).rejects.toMatchObject({ code: 'access_denied', retryable: false })
    })
  })

  test('two sinks that apply the same chunks at once load each once', async () => {
    const other = await openStore({ url, schema: under.schema })
    onTestFinished(() => other.close())
    await other.prepare([subscriptions])
    const chunks = Array.from({ length: 40 }, (_, chunk): RowChange[] =>
      Array.from({ length: 25 }, (_, i) => subscription(`s-${(chunk * 7 + i) % 300}`, chunk, `by chunk ${chunk}`)),
    )
    const applied = [0, 0]
    const follow = async (sink: Store, number: number) => {
      for (;;) {
        const expected = (await sink.progress())['subscriptions']
        const chunk = expected?.version ?? 0
        const changes = chunks[chunk]
        if (!changes) return
        const next = { table_id: 't1', version: chunk + 1 }
        const outcome = await sink.apply({ table: 'subscriptions', expected, next, changes })
        if (outcome.kind === 'applied') applied[number] = (applied[number] ?? 0) + 1
      }
    }
    await Promise.all([follow(store, 0), follow(other, 1)])
    expect((applied[0] ?? 0) + (applied[1] ?? 0)).toBe(40)
    const held = await under.select('SELECT subscription_id, status FROM subscriptions')
    const wanted = new Map(chunks.flat().map(({ row }) => [row['subscription_id'], row['status']]))
    expect(new Map(held.map((row) => [row['subscription_id'], row['status']]))).toEqual(wanted)
  })

  test('a process that only asks knows the tables that a sink prepared after it was opened', async () => {
    const asking = await openStore({ url, schema: under.schema })
    onTestFinished(() => asking.close())
    const payments = tableNamed('payments')
    await expect(asking.ask('payments-of', { user_id: 'u' }, 10)).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('payments'),
    })
    await store.prepare([payments])
    await load(store, 'payments', [change(payments, { payment_id: 'p', user_id: 'u', amount: '1.50' })])
    expect((await asking.ask('payments-of', { user_id: 'u' }, 10)).rows).toMatchObject([{ amount: '1.50' }])
  })

  // What each number added is taken away again: such a schema an older version of ours has left.
  test.each([
    [2, 'DROP INDEX _refused'],
    [1, 'DROP TABLE _absent'],
    [0, 'DROP TABLE _absent, _table, subscriptions'],
  ])('a schema of migration %i is brought up to date in order, and what it holds stays', async (number, undo) => {
    const numbers = () => under.select('SELECT number, applied_at FROM _migration ORDER BY number')
    const made = await numbers()
    expect(made.map((row) => row['number'])).toEqual(['1', '2', '3'])
    await load(store, 'subscriptions', [subscription('s-1', 1, 'kept')])
    const progress = await store.progress()
    await client.query(`${undo}; DELETE FROM _migration WHERE number > ${number}`)
    store = await under.reopen()
    const now = await numbers()
    expect(now.map((row) => row['number'])).toEqual(['1', '2', '3'])
    // Those that were there are not applied again.
    expect(now.slice(0, number)).toEqual(made.slice(0, number))
    await store.prepare([subscriptions])
    expect(await store.progress()).toEqual(number === 0 ? {} : progress)
    await load(store, 'subscriptions', [
      subscription('s-2', 2),
      change(subscriptions, { subscription_id: 's-1' }, 2, 'delete'),
    ])
    const held = await under.select('SELECT subscription_id FROM subscriptions')
    expect(held.map((row) => row['subscription_id'])).toEqual(['s-2'])
    expect(
      await under.select(
        "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema AND indexname = '_refused'",
      ),
    ).toHaveLength(1)
  })

  test('two sinks that prepare an empty schema at once both succeed', async () => {
    const schema = `${under.schema}_b`
    onTestFinished(async () => {
      const admin = new Client({ connectionString: url })
      await admin.connect()
      await admin.query(`DROP SCHEMA ${schema} CASCADE`)
      await admin.end()
    })
    const stores = await Promise.all([1, 2, 3].map(() => openStore({ url, schema })))
    await Promise.all(stores.map((each) => each.prepare([subscriptions])))
    expect(await Promise.all(stores.map((each) => each.progress()))).toEqual([{}, {}, {}])
    await Promise.all(stores.map((each) => each.close()))
  })

  /** Process ids of the store's sessions that wait for a lock. */
  const waiting = async (): Promise<number[]> =>
    (
      await client.query(
        `SELECT pid FROM pg_stat_activity
         WHERE application_name = 'sluice' AND wait_event_type = 'Lock' AND $1 = ANY (pg_blocking_pids(pid)::bigint[])`,
        [(await client.query('SELECT pg_backend_pid()::bigint AS pid')).rows[0].pid],
      )
    ).rows.map(({ pid }) => pid)

  test('a connection that is cut in the middle of a batch changes nothing, and the next try is whole', async () => {
    await load(store, 'subscriptions', [subscription('s1', 1)])
    await client.query('BEGIN')
    await client.query('SELECT FROM _table FOR UPDATE')
    const batch = {
      table: 'subscriptions',
      expected: { table_id: 't1', version: 1 },
      next: { table_id: 't1', version: 2 },
      changes: [subscription('s2', 2)],
    }
    const cut = store.apply(batch).catch((caught: unknown) => caught)
    const [pid] = await vi.waitUntil(async () => {
      const pids = await waiting()
      return pids.length > 0 && pids
    }, WITHIN_MS)
    await client.query('SELECT pg_terminate_backend($1)', [pid])
    expect(await cut).toMatchObject({ code: 'unreachable', retryable: true })
    await client.query('ROLLBACK')
    expect((await store.inventory('subscriptions', undefined, 10)).length).toBe(1)
    expect(await store.apply(batch)).toEqual({ kind: 'applied', refused: [] })
    expect((await store.inventory('subscriptions', undefined, 10)).length).toBe(2)
  })

  test('questions are answered while a batch waits', async () => {
    await client.query('BEGIN')
    await client.query('SELECT FROM _table FOR UPDATE')
    const waits = load(store, 'subscriptions', [subscription('s2', 1)])
    await vi.waitUntil(async () => (await waiting()).length > 0, WITHIN_MS)
    expect((await store.ask('subscription-status', {}, 10)).rows).toEqual([])
    await client.query('COMMIT')
    expect((await waits).kind).toBe('applied')
  })

  test('a statement that a batch of thousands of rows makes is cut into pieces, and all arrive', async () => {
    const rows = Array.from({ length: 12_000 }, (_, i) => subscription(`s-${i}`, 1, `${'x'.repeat(400)}${i}`))
    await load(store, 'subscriptions', rows)
    expect(await under.select('SELECT count(*) AS n, count(DISTINCT status) AS m FROM subscriptions')).toEqual([
      { n: '12000', m: '12000' },
    ])
  })

  test('a store that was closed says so', async () => {
    const other = await openStore({ url, schema: under.schema })
    await other.close()
    await other.close()
    await expect(other.progress()).rejects.toMatchObject({ name: 'StoreError', code: 'unreachable' })
  })
})
