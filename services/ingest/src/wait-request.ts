import type { WaitLevel } from './outcomes.ts'
import { Problem } from './problem.ts'

/** `?wait=` and `?timeout_ms=` of a request. */
export interface WaitRequest {
  level: WaitLevel
  timeout_ms: number
}

const DEFAULT_TIMEOUT_MS = 10_000

/** `undefined` if the client does not wait. Throws a `Problem` (400). */
export function waitRequest(query: Readonly<Record<string, unknown>>, limit_ms: number): WaitRequest | undefined {
  const { wait, timeout_ms } = query
  if (wait === undefined) return undefined
  if (wait !== 'table' && wait !== 'stores')
    throw new Problem(400, 'invalid_parameter', 'expected wait to be "table" or "stores"')
  const given = timeout_ms === undefined ? Math.min(DEFAULT_TIMEOUT_MS, limit_ms) : wholeNumber(timeout_ms)
  if (given === undefined || given > limit_ms)
    throw new Problem(400, 'invalid_parameter', `expected timeout_ms to be a whole number from 0 to ${limit_ms}`)
  return { level: wait, timeout_ms: given }
}

const wholeNumber = (value: unknown): number | undefined =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined
