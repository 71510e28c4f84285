import { createMetrics } from '@sluice/service'
import { expect, it } from 'vitest'
import { transformerGauges } from '../src/transformer-gauges.ts'

const ledger = { version: 9, nextOffset: (partition: number) => [40n, 100n][partition] ?? 0n }
const ends = [
  { partition: 0, earliest: 0n, end: 100n },
  { partition: 1, earliest: 0n, end: 100n },
]

it('the backlog of each partition is what the log holds beyond the ledger', async () => {
  const metrics = createMetrics()
  transformerGauges(metrics, { log: { offsets: async () => ends }, topic: 'events', ledger, pump: { applied: 7 } })
  const text = await metrics.text()
  expect(text).toContain('sluice_transformer_backlog_records{partition="0"} 60')
  expect(text).toContain('sluice_transformer_backlog_records{partition="1"} 0')
  expect(text).toContain('sluice_transformer_ledger_version 9')
  expect(text).toContain('sluice_transformer_behind_versions 2')
})

it('brokers that fail leave the backlog without a value, and the scrape answers', async () => {
  const metrics = createMetrics()
  let away = false
  const offsets = async () => {
    if (away) throw new Error('nobody there')
    return ends
  }
  transformerGauges(metrics, { log: { offsets }, topic: 'events', ledger, pump: { applied: 9 } })
  expect(await metrics.text()).toContain('backlog_records{')
  away = true
  const text = await metrics.text()
  expect(text).not.toContain('backlog_records{')
  expect(text).toContain('sluice_transformer_behind_versions 0')
})
