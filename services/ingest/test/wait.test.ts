import { RawZoneError } from '@sluice/raw-zone'
import { afterEach, expect, test } from 'vitest'
import type { Outcomes, SettledStatus } from '../src/outcomes.ts'
import { type World, world } from './world.ts'

let w: World
afterEach(() => w?.close())

const post = (query: string, payload: string) =>
  w.app.inject({ method: 'POST', url: `/v1/events?${query}`, payload, headers: { 'content-type': 'application/json' } })
const two = '[{"type":"click","event_id":"a"},7,{"type":"click","event_id":"b"}]'

function answering(...statuses: (SettledStatus | undefined)[]): Outcomes & { asked: unknown[]; aborted: number } {
  const source = {
    asked: [] as unknown[],
    aborted: 0,
    waitFor: async (ids: readonly string[], level: string, timeout_ms: number, signal: AbortSignal) => {
      source.asked.push([ids, level, timeout_ms, w.rawZone.appends])
      signal.addEventListener('abort', () => source.aborted++)
      return statuses
    },
  }
  return source
}

test('a waiting request gets the outcome of each event; the raw line says that somebody waits', async () => {
  const outcomes = answering('stored', undefined)
  w = await world({ outcomes })
  const answer = await post('wait=table&timeout_ms=500', two)
  expect(answer.json().results.map((r: { status: string }) => r.status)).toEqual(['stored', 'rejected', 'accepted'])
  expect(outcomes.asked).toEqual([[['a', 'b'], 'table', 500, 0]])
  expect(w.rawZone.lines().every((line) => line.includes('"wait":1'))).toBe(true)
})

test('a request that wants to wait longer than anybody may waits as long as that', async () => {
  const outcomes = answering()
  w = await world({ outcomes, limits: { wait_limit_ms: 1000 } })
  expect((await post('wait=table&timeout_ms=120000', two)).statusCode).toBe(207)
  expect((await post('wait=table', two)).statusCode).toBe(207)
  expect(outcomes.asked).toEqual([
    [['a', 'b'], 'table', 1000, 0],
    [['a', 'b'], 'table', 1000, 1],
  ])
})

test('a request that could not be made durable waits for nothing', async () => {
  const outcomes = answering()
  w = await world({ outcomes })
  w.rawZone.beforeAppend = () => {
    throw new RawZoneError('failed', 'broken')
  }
  expect((await post('wait=stores', two)).statusCode).toBe(503)
  expect(outcomes.aborted).toBe(1)
})

test('what cannot be waited for is refused before anything is accepted', async () => {
  w = await world({ outcomes: answering(), limits: { waiting_limit_events: 1, wait_limit_ms: 1000 } })
  for (const query of [
    'wait=raw',
    'wait=table&timeout_ms=-1',
    'wait=table&timeout_ms=x',
    'wait=table&timeout_ms=',
    'wait=table&timeout_ms=1e3',
    'wait=table&wait=stores',
  ])
    expect([query, (await post(query, two)).statusCode]).toEqual([query, 400])
  expect((await post('wait=table', two)).statusCode).toBe(429)
  expect(w.rawZone.appends).toBe(0)
})
