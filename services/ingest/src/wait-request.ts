import type { WaitLevel } from './outcomes.ts'
import { Problem } from './problem.ts'

/** `?wait=` and `?timeout_ms=` of a request. */
export interface WaitRequest {
  level: WaitLevel
  timeout_ms: number
}

const DEFAULT_TIMEOUT_MS = 10_000

/** `undefined` if the client does not wait; beyond the limit nobody waits. Throws a `Problem` (400). */
export function waitRequest(query: Readonly<Record<string, unknown>>, limit_ms: number): WaitRequest | undefined {
  const { wait, timeout_ms } = query
  if (wait === undefined) return undefined
  if (wait !== 'table' && wait !== 'stores')
    throw new Problem(400, 'invalid_parameter', 'expected wait to be "table" or "stores"')
  const given = timeout_ms === undefined ? DEFAULT_TIMEOUT_MS : wholeNumber(timeout_ms)
  if (given === undefined)
    throw new Problem(400, 'invalid_parameter', 'expected timeout_ms to be a whole number of milliseconds')
  return { level: wait, timeout_ms: Math.min(given, limit_ms) }
}

const wholeNumber = (value: unknown): number | undefined =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined
