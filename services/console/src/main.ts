import { join } from 'node:path'
import { EVENTS_TOPIC } from '@sluice/events'
import { openServerLake, openServerParts, openServerRawZone } from '@sluice/server-parts'
import { authorizer, createApp, parseApiKeys, runService, serve } from '@sluice/service'
import { createConsole } from './console.ts'
import { lakeReader } from './lake-reader.ts'
import { passOnToIngest } from './pass-on.ts'
import { rawFlow } from './raw-flow.ts'
import { consoleMemory, consoleSettings, serverStores, tellRefusals } from './server-stores.ts'

const VERSION = '0.1.0'

await runService(
  {
    name: 'console',
    title: 'Sluice console: SQL, questions, lineage and reconciliation over the whole lake.',
    settings: consoleSettings,
    async start(settings, service) {
      const { logger, metrics, closers } = service
      const parts = await openServerParts(settings, 'console', service, { retry_for_ms: 5_000 })
      const rawZone = await openServerRawZone(parts, service)
      const lake = await openServerLake(parts, settings, service)
      const stores = serverStores(settings, parts)
      for (const { name, store } of stores) await closers.open(name, () => store)
      await closers.open('first looks', () => tellRefusals(stores, logger))
      const console = await closers.open('console', async () =>
        createConsole({
          lake: await lakeReader(lake, { log_epoch: parts.log_epoch, now: Date.now }),
          rawZone,
          flow: {
            unpublished: () => rawFlow({ rawZone, life: parts.life }),
            logEnds: () => parts.log.offsets(EVENTS_TOPIC),
          },
          stores,
          eventTypes: parts.eventTypes,
          authorize: authorizer(parseApiKeys(settings.api_keys)),
          scratch_path: join(parts.scratch, 'queries'),
          ...consoleMemory(settings),
          now: Date.now,
        }),
      )
      const app = await createApp({ logger, metrics, version: VERSION })
      await console.routes(app)
      await passOnToIngest(app, settings.ingest_url)
      return { url: await serve(app, settings, closers) }
    },
  },
  process.argv.slice(2),
  process.env,
)
