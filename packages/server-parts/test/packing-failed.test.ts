import { createLogger, createMetrics } from '@sluice/service'
import { expect, it, vi } from 'vitest'
import { packingFailed } from '../src/packing-failed.ts'

it('each failure to pack is counted, and one a minute is told', async () => {
  const logger = createLogger({ name: 'test', level: 'silent' })
  const warn = vi.spyOn(logger, 'warn')
  const metrics = createMetrics()
  let now_ms = 0
  const failed = packingFailed({ logger, metrics }, () => now_ms)
  for (; now_ms < 90_000; now_ms += 1_000) failed(new Error('access denied'), 'inc')
  expect(await metrics.text()).toContain('sluice_raw_packing_failures_total 90')
  expect(warn.mock.calls.map(([fields]) => fields)).toMatchObject([{ incarnation: 'inc' }, { incarnation: 'inc' }])
})
