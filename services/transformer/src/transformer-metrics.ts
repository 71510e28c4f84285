import type { BatchCounts, Settled } from '@sluice/lake'
import type { Metrics } from '@sluice/service'

const RESULTS: readonly Settled['kind'][] = ['committed', 'fenced', 'outraced']
const OUTCOMES: readonly (keyof BatchCounts)[] = ['stored', 'quarantined', 'repeats', 'redelivered']

/** What the transformer counts. */
export function transformerMetrics(metrics: Metrics) {
  const events = metrics.counter('sluice_transformer_events_total', 'Receipts decided, by outcome', ['outcome'])
  const batches = metrics.counter('sluice_transformer_batches_total', 'Micro-batches, by what became of them', [
    'result',
  ])
  const seconds = metrics.seconds('sluice_transformer_batch_seconds', 'From the last record to the ledger commit')
  const failures = metrics.counter(
    'sluice_transformer_failures_total',
    'Turns and plans that failed and were tried again',
  )
  // A counter that begins with its first event shows no increase by it.
  for (const result of RESULTS) batches.inc({ result }, 0)
  for (const outcome of OUTCOMES) events.inc({ outcome }, 0)
  return {
    failed: () => failures.inc(),
    settled(outcome: Settled, { took_ms }: { records: number; took_ms: number }) {
      batches.inc({ result: outcome.kind })
      if (outcome.kind !== 'committed') return
      seconds.observe(took_ms / 1000)
      for (const [name, count] of Object.entries(outcome.written.counts)) events.inc({ outcome: name }, count)
    },
  }
}
