import type { EventLog } from '@sluice/event-log'
import type { Metrics } from '@sluice/service'

export interface TransformerGaugesParts {
  log: Pick<EventLog, 'offsets'>
  topic: string
  ledger: { readonly version: number; nextOffset(partition: number): bigint }
  pump: { readonly applied: number }
}

/** Brokers that do not answer must not hold up a scrape: our Prometheus waits 4 s. */
const LONGEST_ANSWER_MS = 2_000

/** How far the transformer is, read at each scrape. */
export function transformerGauges(metrics: Metrics, { log, topic, ledger, pump }: TransformerGaugesParts): void {
  metrics.gauge(
    'sluice_transformer_ledger_version',
    'Newest version of the ledger that this process knows',
    [],
    (gauge) => gauge.set(ledger.version),
  )
  metrics.gauge(
    'sluice_transformer_behind_versions',
    'Ledger versions whose plans are not in all tables',
    [],
    (gauge) => gauge.set(Math.max(0, ledger.version - pump.applied)),
  )
  metrics.gauge(
    'sluice_transformer_backlog_records',
    'Records on the log that the ledger has not decided, by partition; without a value while the brokers are away',
    ['partition'],
    async (gauge) => {
      gauge.reset()
      for (const { partition, end } of await answeredOffsets(log, topic)) {
        const backlog = Number(end - ledger.nextOffset(partition))
        gauge.set({ partition: String(partition) }, Math.max(0, backlog))
      }
    },
  )
}

async function answeredOffsets(log: Pick<EventLog, 'offsets'>, topic: string) {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<[]>((resolve) => {
    timer = setTimeout(() => resolve([]), LONGEST_ANSWER_MS)
  })
  // An error of the brokers is the consumer's to tell.
  const answer = log.offsets(topic).catch(() => [])
  const offsets = await Promise.race([answer, silence])
  clearTimeout(timer)
  return offsets
}
