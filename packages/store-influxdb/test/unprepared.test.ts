import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { seriesMapping } from '../src/series.ts'
import { seriesLayout } from '../src/server/series-layout.ts'
import { openStore } from '../src/server.ts'
import { quality } from './quality-tables.ts'

/** How a sink with other event types lays the points: in a measurement of another name. */
const layout = { ...seriesLayout(quality.table, false, seriesMapping(quality)), measurement: 'quality_of_another' }
const progress = { table_id: 't1', version: 5 }
const csv = (...rows: readonly string[][]) =>
  rows.map((row) => `${row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\r\n`).join('')

let paths: string[]
let queries: string[]
let hasTable: boolean
let url: string
let stop: () => Promise<unknown>

/** A bucket that another process has prepared and filled. */
beforeEach(async () => {
  paths = []
  queries = []
  hasTable = true
  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    paths.push(path)
    if (path !== '/api/v2/query') response.setHeader('content-type', 'application/json')
    if (path === '/health') return response.end(JSON.stringify({ status: 'pass', version: 'v2.7.12' }))
    if (path === '/api/v2/buckets')
      return response.end(JSON.stringify({ buckets: [{ id: 'b', name: 'lake', retentionRules: [] }] }))
    const { query }: { query: string } = JSON.parse(await text(request))
    queries.push(query)
    return response.end(answerTo(query))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  stop = () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
})
afterEach(() => stop())

function answerTo(query: string): string {
  if (query.includes('sluice_tables'))
    return hasTable
      ? csv(
          ['_table', '_field', '_value'],
          [quality.table, 'layout', JSON.stringify(layout)],
          [quality.table, 'progress', JSON.stringify(progress)],
        )
      : ''
  if (query.includes('sluice_absent'))
    return csv(
      ['_value'],
      [JSON.stringify({ identity: 'r', stamp: 1, state: 'refused', event_id: 'r', reason: 'too far' })],
    )
  if (!query.includes('"quality_of_another"')) return ''
  if (query.includes('aggregateWindow'))
    return csv(['_time', '_value'], ['2025-10-02T21:15:00Z', '12'], ['2025-10-02T21:17:00Z', '1'])
  return csv(['_value'], ['b'], ['a'])
}

const opened = () => openStore({ url, token: 't', org: 'o', bucket: 'lake' })
const asked = { region: 'India', from: '2025-10-02T00:00:00.000Z', to: '2025-10-03T00:00:00.000Z' }

test('a process that did not prepare reads what another one did, as it lies', async () => {
  const store = await opened()
  expect(await store.progress()).toEqual({ streaming_quality: progress })
  expect(await store.inventory('streaming_quality', undefined, 10)).toEqual([
    { identity: 'a', fingerprint: 'a' },
    { identity: 'b', fingerprint: 'b' },
  ])
  expect(await store.refusals('streaming_quality', undefined, 10)).toEqual([
    { identity: 'r', event_id: 'r', reason: 'too far' },
  ])
  expect((await store.ask('buffering-per-minute', asked, 10)).rows).toMatchObject([
    { buffering_count: 12 },
    { buffering_count: 1 },
  ])
  expect(new Set(paths)).toEqual(new Set(['/health', '/api/v2/buckets', '/api/v2/query']))
})

test('a layout that its sink changed meanwhile is followed', async () => {
  const store = await opened()
  await store.inventory('streaming_quality', undefined, 10)
  layout.measurement = 'quality_anew'
  await store.inventory('streaming_quality', undefined, 10)
  expect(queries.at(-1)).toContain('"quality_anew"')
  layout.measurement = 'quality_of_another'
})

test('before anybody prepared, a question has no rows and an inventory says why there is none', async () => {
  hasTable = false
  const store = await opened()
  expect((await store.ask('buffering-per-minute', asked, 10)).rows).toEqual([])
  await expect(store.inventory('streaming_quality', undefined, 10)).rejects.toMatchObject({ code: 'failed' })
})
