import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp, createLogger, createMetrics } from '@sluice/service'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type SqlRouteParts, sqlRoute } from '../src/routes/sql-route.ts'
import { type CageLimits, SqlCage } from '../src/sql/sql-cage.ts'

let folder: string
const ends: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sql-route-'))
})
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
  // A process that was killed may write until its last system call returns.
  await rm(folder, { recursive: true, maxRetries: 10 })
})

async function serving(limits: Partial<CageLimits>, relations: SqlRouteParts['relations'] = nothing) {
  const cage = new SqlCage({ scratch_path: join(folder, 'scratch'), limits })
  ends.push(() => cage.close())
  const app = await createApp({
    logger: createLogger({ name: 'test', level: 'silent' }),
    metrics: createMetrics(),
    version: '0',
  })
  sqlRoute(app, { cage, authorize: () => undefined, relations })
  ends.push(() => app.close())
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const clients = () => new Promise((resolve) => app.server.getConnections((_, count) => resolve(count)))
  return { url, clients }
}

const nothing = async () => ({ setup: [], files: [] })
const ask = (url: string, sql: string, signal?: AbortSignal) =>
  fetch(`${url}/v1/sql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/x-ndjson' },
    body: JSON.stringify({ sql }),
    signal: signal ?? null,
  })

it('clients that left before their first byte leave the processes to others', async () => {
  const [reached, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { url, clients } = await serving({ processes: 1, queue: 1 }, async () => {
    reached.resolve()
    await left.promise
    return nothing()
  })
  const leaving = new AbortController()
  const first = ask(url, 'SELECT * FROM range(900000)', leaving.signal)
  await reached.promise
  leaving.abort()
  await expect(first).rejects.toThrow('abort')
  await expect.poll(clients, { timeout: 10_000 }).toBe(0)
  left.resolve()
  const next = await ask(url, 'SELECT 1 AS one', AbortSignal.timeout(25_000))
  expect([next.status, await next.text()]).toEqual([200, '{"one":1}\n'])
})

it('clients that leave in the middle of a large result leave the processes to others', async () => {
  const { url } = await serving({ processes: 1, queue: 1, held_bytes: 1, max_rows: 10_000_000 })
  const leaving = new AbortController()
  const large = await ask(url, 'SELECT range FROM range(5000000)', leaving.signal)
  await large.body?.getReader().read()
  leaving.abort()
  const next = await ask(url, 'SELECT 1 AS one', AbortSignal.timeout(25_000))
  expect([next.status, await next.text()]).toEqual([200, '{"one":1}\n'])
})
