import { createMetrics } from '@sluice/service'
import { expect, it } from 'vitest'
import type { Ingest } from '../src/ingest.ts'
import { ingestPrometheus } from '../src/ingest-prometheus.ts'
import { world } from './world.ts'

it('what is sent is counted: accepted, rejected by reason, bytes, and batches on their way', async () => {
  const metrics = createMetrics()
  let ingest: Ingest | undefined
  const made = await world({ metrics: ingestPrometheus(metrics, () => ingest?.status()) })
  ingest = made.ingest
  const body = '[{"type":"click"},{"type":"click"},{"no":"type"}]'
  const answer = await made.app.inject({
    method: 'POST',
    url: '/v1/events',
    headers: { 'content-type': 'application/json' },
    body,
  })
  const text = await metrics.text()
  await made.close()
  expect(answer.statusCode).toBe(207)
  for (const line of [
    'sluice_ingest_events_total{result="accepted"} 2',
    'sluice_ingest_events_total{result="rejected"} 1',
    'sluice_ingest_rejected_total{code="missing_type"} 1',
    `sluice_ingest_received_bytes_total ${body.length}`,
    'sluice_ingest_durable_events_total 2',
    'sluice_ingest_append_seconds_count 1',
    'sluice_ingest_held_bytes 0',
    'sluice_ingest_adopted_incarnations 0',
  ])
    expect(text).toContain(line)
})
