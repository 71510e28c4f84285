import { createLogger, createMetrics } from '@sluice/service'
import { StoreError } from '@sluice/store'
import { expect, it, vi } from 'vitest'
import { sinkEvents } from '../src/sink-events.ts'

it('a store that stays away is told once a minute with its reason, and once when it is back', () => {
  let now = 0
  const logger = createLogger({ name: 'test', level: 'silent' })
  const warn = vi.spyOn(logger, 'warn')
  const info = vi.spyOn(logger, 'info')
  const events = sinkEvents(createMetrics(), logger, () => now)('postgres', [{ table: 'likes' }])
  const away = new StoreError('unreachable', 'connect ECONNREFUSED', { retryable: true })
  for (; now <= 90_000; now += 500) events.failed?.('likes', away, 500)
  expect(warn.mock.calls.map(([fields]) => fields)).toEqual([
    { store: 'postgres', reason: 'connect ECONNREFUSED', away_s: 0 },
    { store: 'postgres', reason: 'connect ECONNREFUSED', away_s: 60 },
  ])
  events.applied?.('likes', 3)
  events.applied?.('likes', 3)
  expect(info.mock.calls).toEqual([[{ store: 'postgres', away_s: 91 }, 'a store is back']])
  events.failed?.('likes', away, 500)
  expect(warn).toHaveBeenCalledTimes(3)
})

it('what does not pass by itself is told each time, with its error', () => {
  const logger = createLogger({ name: 'test', level: 'silent' })
  const warn = vi.spyOn(logger, 'warn')
  const events = sinkEvents(createMetrics(), logger, () => 0)('neo4j', [{ table: 'movies' }])
  const err = new StoreError('failed', 'syntax')
  events.failed?.('movies', err, 15_000)
  events.failed?.('movies', err, 15_000)
  expect(warn.mock.calls.map(([fields]) => fields)).toEqual(
    Array.from({ length: 2 }, () => ({ store: 'neo4j', table: 'movies', err, again_in_ms: 15_000 })),
  )
})

it('what has not happened yet is counted as 0, so that the first time is an increase', async () => {
  const metrics = createMetrics()
  const logger = createLogger({ name: 'test', level: 'silent' })
  const events = sinkEvents(metrics, logger, () => 0)('postgres', [{ table: 'likes' }])
  const before = await metrics.text()
  for (const line of [
    'sluice_sink_refused_total{store="postgres",table="likes"} 0',
    'sluice_sink_reloads_total{store="postgres",table="likes"} 0',
    'sluice_sink_rows_total{store="postgres",table="likes"} 0',
    'sluice_sink_failures_total{store="postgres"} 0',
  ])
    expect(before).toContain(line)
  events.reloading?.('likes', 'asked for')
  expect(await metrics.text()).toContain('sluice_sink_reloads_total{store="postgres",table="likes"} 1')
})
