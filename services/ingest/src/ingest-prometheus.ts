import { REFUSAL_CODES } from '@sluice/ingest-api'
import type { Metrics } from '@sluice/service'
import type { IngestStatus } from './ingest.ts'
import { type IngestMetrics, NOT_DURABLE_CODES } from './ingest-metrics.ts'

/** What ingest counts, for Prometheus. `status` is asked at each scrape, once ingest is there. */
export function ingestPrometheus(metrics: Metrics, status: () => IngestStatus | undefined): IngestMetrics {
  const bytes = metrics.counter('sluice_ingest_received_bytes_total', 'Bytes of request bodies, decompressed')
  const events = metrics.counter('sluice_ingest_events_total', 'Events by what their check said', ['result'])
  const rejected = metrics.counter('sluice_ingest_rejected_total', 'Events that were refused, by reason', ['code'])
  const refused = metrics.counter('sluice_ingest_refused_total', 'Requests that could not be made durable', ['code'])
  const seconds = metrics.seconds('sluice_ingest_append_seconds', 'Time to make a raw batch durable')
  const lines = metrics.counter('sluice_ingest_durable_events_total', 'Events in durable raw batches')
  const stored = metrics.counter('sluice_ingest_durable_bytes_total', 'Bytes of durable raw batches, uncompressed')
  // A counter that begins with its first event shows no increase by it.
  for (const result of ['accepted', 'rejected']) events.inc({ result }, 0)
  for (const code of REFUSAL_CODES) rejected.inc({ code }, 0)
  for (const code of NOT_DURABLE_CODES) refused.inc({ code }, 0)
  const read = (name: string, help: string, value: (status: IngestStatus) => number) =>
    metrics.gauge(name, help, [], (gauge) => {
      const now = status()
      if (now) gauge.set(value(now))
    })
  read('sluice_ingest_unpublished_batches', 'Durable raw batches that are not on the event log yet', ({ queue }) => {
    return queue.unpublished_batches
  })
  read('sluice_ingest_held_bytes', 'Bytes of requests under way', ({ queue }) => queue.held_bytes)
  read('sluice_ingest_log_reachable', '1 while the event log takes records', ({ log_reachable }) =>
    Number(log_reachable),
  )
  read('sluice_ingest_adopted_incarnations', 'Dead ingests whose batches this one published', ({ adopted }) => adopted)
  return {
    received: (count) => bytes.inc(count),
    checked(acceptances, refusals) {
      events.inc({ result: 'accepted' }, acceptances.length - refusals)
      if (refusals === 0) return
      events.inc({ result: 'rejected' }, refusals)
      for (const acceptance of acceptances) if (acceptance.kind === 'rejected') rejected.inc({ code: acceptance.code })
    },
    appended(took_s, events_in_batch, bytes_in_batch) {
      seconds.observe(took_s)
      lines.inc(events_in_batch)
      stored.inc(bytes_in_batch)
    },
    refused: (code) => refused.inc({ code }),
  }
}
