import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { loadEventTypes } from '@sluice/events'
import { openMemoryStore } from '@sluice/object-store/memory-store'
import { changeSinkWish } from '@sluice/store'
import { expect, it } from 'vitest'
import { consoleSettings, serverStores } from '../src/server-stores.ts'
import { sinkStatus } from '../src/status.ts'

/** What a sink with other event types has noted in the bucket. */
const NOTES = [
  '_table,_field,_value',
  'streaming_quality,layout,"{""table"":""streaming_quality"",""measurement"":""of_another""}"',
  'streaming_quality,progress,"{""table_id"":""t1"",""version"":5}"',
  '',
].join('\r\n')

it('a store whose sink has other event types is asked, and never changed', async () => {
  const calls: string[] = []
  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    if (path !== '/api/v2/query') response.setHeader('content-type', 'application/json')
    if (path === '/health') return response.end(JSON.stringify({ status: 'pass', version: 'v2.7.12' }))
    calls.push(`${request.method} ${path}`)
    if (path === '/api/v2/buckets')
      return response.end(JSON.stringify({ buckets: [{ id: 'b', name: 'sluice', retentionRules: [] }] }))
    const body = await text(request)
    if (path !== '/api/v2/query') return response.writeHead(204).end()
    return response.end(body.includes('sluice_tables') ? NOTES : '')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const objectStore = openMemoryStore()
  const settings = consoleSettings.parse({ influxdb_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  const stores = serverStores(settings, { eventTypes: await loadEventTypes({}), objectStore })
  try {
    const store = stores.find(({ name }) => name === 'influxdb')?.store
    expect(await store?.progress()).toEqual({ streaming_quality: { table_id: 't1', version: 5 } })
    expect(new Set(calls)).toEqual(new Set(['GET /api/v2/buckets', 'POST /api/v2/query']))
  } finally {
    for (const { store } of stores) await store.close()
    server.closeAllConnections()
    server.close()
    await objectStore.close()
  }
})

it('a sink whose rebuild no process has begun is not caught up, whatever its store has', async () => {
  const objectStore = openMemoryStore()
  const stores = serverStores(consoleSettings.parse({}), { eventTypes: await loadEventTypes({}), objectStore })
  try {
    const sink = stores.find(({ name }) => name === 'postgres')
    if (!sink) throw new Error('expected a sink of PostgreSQL')
    const full = { ...sink, tables: [], store: { ...sink.store, progress: async () => ({}) } }
    const status = () => sinkStatus(full, new Map(), 0)
    expect(await status()).toMatchObject({ state: 'running', caught_up: true })
    await sink.runner.rebuild()
    expect(await status()).toMatchObject({ state: 'rebuilding', caught_up: false })
    await changeSinkWish(objectStore, 'postgres', (wanted) => ({ ...wanted, rebuilt: wanted.rebuilds }))
    expect(await status()).toMatchObject({ state: 'running', caught_up: true })
  } finally {
    for (const { store } of stores) await store.close()
    await objectStore.close()
  }
})
