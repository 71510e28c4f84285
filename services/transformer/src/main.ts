import { EVENTS_TOPIC } from '@sluice/events'
import { openServerLake, openServerParts, whenThere } from '@sluice/server-parts'
import { ConfigError, createApp, runService, serve } from '@sluice/service'
import { startTransformer } from './create-transformer.ts'
import { limitsOf, settings } from './settings.ts'

const VERSION = '0.1.0'
const HOUR_MS = 3_600_000

await runService(
  {
    name: 'transformer',
    title: 'Sluice transformer: turns the event log into Delta tables.',
    settings,
    async start(config, service) {
      const { logger, metrics, closers } = service
      const parts = await openServerParts(config, 'transformer', service)
      const lake = await openServerLake(parts, config, service)
      await whenThere(() => parts.log.ensureTopic(EVENTS_TOPIC, { partitions: config.partitions }))
      if (!(await parts.life.isOn(await whenThere(() => parts.log.identity(EVENTS_TOPIC))))) {
        await parts.life.end()
        throw new ConfigError('the topic of events was made anew; the log begins another life: start again')
      }
      await closers.open('transformer', () =>
        startTransformer({
          ...parts,
          lake,
          topic: EVENTS_TOPIC,
          group: config.group,
          logger,
          metrics,
          limits: limitsOf(config),
          truncates_log: { keep_ms: config.kafka_retention_hours * HOUR_MS, every_ms: 60_000, keeps_last: true },
          async logLost(err) {
            logger.error({ err }, 'the event log was lost; it begins another life and is filled from the raw zone')
            await parts.life.end()
            process.kill(process.pid, 'SIGTERM')
          },
          now: Date.now,
        }),
      )
      const app = await createApp({ logger, metrics, version: VERSION })
      return { url: await serve(app, config, closers) }
    },
  },
  process.argv.slice(2),
  process.env,
)
