import { EventTypeError } from '@sluice/events'
import { ConfigError, createLogger, endOnSignal, helpOf, readConfig } from '@sluice/service'
import { config } from './config.ts'
import { startStandalone } from './standalone.ts'

if (process.argv.includes('--help')) {
  process.stdout.write(helpOf('Sluice: all of it in one process, on embedded parts.', config))
  process.exit(0)
}

try {
  const settings = readConfig(config, process.env)
  const logger = createLogger({ name: 'sluice', level: settings.log_level })
  const { url, closers } = await startStandalone(settings, logger)
  endOnSignal(closers, logger)
  logger.info({ url, data: settings.data }, 'ready: open the page, or send events to /v1/events')
} catch (error) {
  const expected = error instanceof ConfigError || error instanceof EventTypeError
  process.stderr.write(`${expected ? error.message : error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
}
