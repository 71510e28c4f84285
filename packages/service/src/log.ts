import { type Logger, pino } from 'pino'

export type { Logger }

/** Paths whose values never reach a log. */
const SECRETS = [
  'password',
  'secret',
  'token',
  'authorization',
  'api_key',
  'api_keys',
  '*.password',
  '*.secret',
  '*.token',
  '*.authorization',
  'req.headers.authorization',
  'headers.authorization',
]

/**
 * A structured log, a JSON object a line on standard output. Levels: `error`, somebody must act; `warn`, it was handled
 * and is worth knowing; `info`, the process began, ended or changed what it does; `debug`, the rest.
 */
export function createLogger(options: { name: string; level?: string }): Logger {
  return pino({
    name: options.name,
    level: options.level ?? 'info',
    redact: { paths: SECRETS, censor: '[secret]' },
    timestamp: pino.stdTimeFunctions.isoTime,
    base: undefined,
  })
}

/** Whether an error says that it passes by itself, as one of a server that is away does. */
export function isPassing(error: unknown): error is Error & { retryable: true } {
  return error instanceof Error && 'retryable' in error && error.retryable === true
}

/** An error for the log: of one that passes by itself the reason, of any other all that is known. */
export function faultFields(error: unknown): { reason: string } | { err: unknown } {
  return isPassing(error) ? { reason: error.message } : { err: error }
}
