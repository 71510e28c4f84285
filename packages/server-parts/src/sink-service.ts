import { randomUUID } from 'node:crypto'
import { backgroundLoop, createApp, runService, type ServiceDefinition, serve } from '@sluice/service'
import { lateStore, routedTables, SinkObedience, type Store, type StoreName, sinkEvery, startSink } from '@sluice/store'
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
    const store = await closers.open('store', () => lateStore(name, () => open(config)))
    await firstLook(() => store.progress(), `SLUICE_${name.toUpperCase()}_*`, { logger })
    const lake = await openServerLake(parts, config, service)
    const events = sinkEvents(metrics, logger, Date.now)(name, routedTables(lake.types, name))
    const { runner } = await closers.open('sink', () =>
      startSink({
        store,
        lake,
        notices: parts.notices,
        events,
        limits: { every_ms: sinkEvery(config.freshness_ms) },
        objects: parts.objectStore,
        now: Date.now,
      }),
    )
    sinkGauges(metrics, new Map([[name, runner]]), Date.now)
    const obedience = new SinkObedience({
      objects: parts.objectStore,
      name,
      runner,
      process_id: randomUUID(),
      now: Date.now,
    })
    await closers.open('what operators want', () =>
      backgroundLoop(
        async () => {
          await obedience.look()
          return undefined
        },
        { name: 'what operators want', log: logger, pause_ms: LOOK_EVERY_MS },
      ),
    )
    const app = await createApp({ logger, metrics, version: VERSION })
    return { url: await serve(app, config, closers) }
  }
  return runService({ name: `sink-${name}`, title, settings, start }, argv, environment)
}
