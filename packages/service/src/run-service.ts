import type { z } from 'zod'
import { ConfigError, type ConfigSchema, helpOf, readConfig } from './config.ts'
import { createLogger, type Logger } from './log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { Closers, endOnSignal } from './shutdown.ts'

export interface ServiceParts {
  logger: Logger
  metrics: Metrics
  closers: Closers
}

export interface ServiceDefinition<S extends ConfigSchema> {
  /** The process's name in its log. */
  name: string
  /** First line of `--help`. */
  title: string
  settings: S
  /** Opens the parts, adding a closer for each. What it throws with a `code` is told in one line. */
  start(settings: z.infer<S>, parts: ServiceParts): Promise<{ url: string }>
}

/**
 * The life of a process: `--help`, settings from the environment, start, end on SIGTERM or SIGINT. A start that fails
 * closes what was opened and exits with 1 and one clear line on standard error.
 */
export async function runService<S extends ConfigSchema>(
  { name, title, settings: schema, start }: ServiceDefinition<S>,
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  if (argv.includes('--help')) {
    process.stdout.write(helpOf(title, schema))
    return
  }
  const closers = new Closers()
  let logger = createLogger({ name })
  let ending = () => false
  try {
    const settings = readConfig(schema, environment)
    const level = 'log_level' in settings ? String(settings['log_level']) : 'info'
    logger = createLogger({ name, level })
    ending = endOnSignal(closers, logger)
    const { url } = await start(settings, { logger, metrics: createMetrics(), closers })
    logger.info({ url }, 'ready')
  } catch (error) {
    // It was told to end while it started, and its parts were closed under it.
    if (ending()) return
    process.stderr.write(`${name}: ${lineOf(error)}\n`)
    await closers.close(logger)
    process.exit(1)
  }
}

/** Errors with a code say what to do; anything else should not have happened, and its stack tells where. */
function lineOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const expected = error instanceof ConfigError || 'code' in error
  return expected ? error.message : (error.stack ?? error.message)
}
