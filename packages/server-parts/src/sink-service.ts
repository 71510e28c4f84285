import { backgroundLoop, createApp, runService, type ServiceDefinition } from '@sluice/service'
import { lateStore, obeySinkWish, type Store, type StoreName, sinkEvery, startSink } from '@sluice/store'
import type { z } from 'zod'
import { openServerLake, openServerParts } from './open-parts.ts'
import type { flowSettings } from './settings.ts'
import { sinkEvents } from './sink-events.ts'
import { sinkGauges } from './sink-gauges.ts'
import { firstLook } from './told-at-start.ts'

export interface SinkDefinition<S extends typeof flowSettings> {
  store: StoreName
  title: string
  settings: S
  open(settings: z.infer<S>): Promise<Store>
}

const VERSION = '0.1.0'
const LOOK_EVERY_MS = 2_000

/** A process that keeps one store equal to the tables. A server that is away is waited for; one that refuses is an error at start. */
export function sinkService<S extends typeof flowSettings>(
  { store: name, title, settings, open }: SinkDefinition<S>,
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const start: ServiceDefinition<S>['start'] = async (config, service) => {
    const { logger, metrics, closers } = service
    const parts = await openServerParts(config, `sink-${name}`, service)
    const store = lateStore(name, () => open(config))
    closers.add('store', () => store.close())
    await firstLook(() => store.progress(), `SLUICE_${name.toUpperCase()}_*`, { logger })
    const lake = await openServerLake(parts, config, service)
    const events = sinkEvents(metrics, logger, Date.now)(name)
    const sink = startSink({
      store,
      lake,
      notices: parts.notices,
      events,
      limits: { every_ms: sinkEvery(config.freshness_ms) },
      now: Date.now,
    })
    sinkGauges(metrics, new Map([[name, sink.runner]]), Date.now)
    closers.add('sink', () => sink.stop())
    const obeying = backgroundLoop(
      async () => {
        await obeySinkWish(parts.objectStore, name, sink.runner)
        return undefined
      },
      { name: 'what operators want', log: logger, pause_ms: LOOK_EVERY_MS },
    )
    closers.add('what operators want', () => obeying.stop())
    const app = await createApp({ logger, metrics, version: VERSION })
    const url = await app.listen({ port: config.port, host: config.host })
    closers.add('http', () => app.close())
    return { url }
  }
  return runService({ name: `sink-${name}`, title, settings, start }, argv, environment)
}
