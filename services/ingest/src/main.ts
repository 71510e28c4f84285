import { join } from 'node:path'
import { openServerParts, openServerRawZone } from '@sluice/server-parts'
import { authorizer, backgroundLoop, createApp, parseApiKeys, runService, serve } from '@sluice/service'
import { createIngest, type Ingest } from './ingest.ts'
import { ingestPrometheus } from './ingest-prometheus.ts'
import { newLifeFiller } from './new-life.ts'
import { noticedOutcomes } from './noticed-outcomes.ts'
import { settings } from './settings.ts'

const VERSION = '0.1.0'

await runService(
  {
    name: 'ingest',
    title: 'Sluice ingest: takes events over HTTP, keeps every one in the object store, publishes them to Kafka.',
    settings,
    async start(config, service) {
      const { logger, metrics, closers } = service
      const parts = await openServerParts(config, 'ingest', service, { retry_for_ms: 5_000 })
      const { objectStore, log, notices, eventTypes, life } = parts
      const storesOf = (table: string) => Object.keys(eventTypes.byTable.get(table)?.stores ?? {})
      const rawZone = await openServerRawZone(parts, service)
      const flow = { rawZone, log, eventTypes, partitions: config.partitions, life, logger }
      const ingest: Ingest = createIngest({
        metrics: ingestPrometheus(metrics, () => ingest.status()),
        ...flow,
        objectStore,
        authorize: authorizer(parseApiKeys(config.api_keys)),
        scratch_folder: join(parts.scratch, 'uploads'),
        outcomes: noticedOutcomes(notices, storesOf),
        // A put to another machine mostly waits.
        limits: { groups_in_flight: 4, gather_ms: config.gather_ms },
      })
      await closers.open(
        'ingest',
        () => ingest.start(),
        () => ingest.stop(),
      )
      await closers.open('fill the log', () =>
        backgroundLoop(newLifeFiller(flow), { name: 'fill the log', log: logger, pause_ms: 60_000 }),
      )
      const app = await createApp({ logger, metrics, version: VERSION })
      await ingest.routes(app)
      return { url: await serve(app, config, closers) }
    },
  },
  process.argv.slice(2),
  process.env,
)
