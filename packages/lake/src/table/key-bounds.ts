import type { AddFile } from '@sluice/delta'

interface Bounds {
  min: string | undefined
  max: string | undefined
}

/** Other writers cut strings to 32 characters, and not all round a cut maximum up: one of this length says nothing. */
const SUSPECT_CHARACTERS = 32
const bounds = new WeakMap<AddFile, Map<string, Bounds>>()

/**
 * Whether a file may hold one of these texts in a string column, by its statistics. Never says no wrongly: without
 * statistics, or with bounds that may have been cut, it is yes.
 * @param sorted ascending by UTF-8 bytes
 */
export function mayHoldText(file: AddFile, column: string, sorted: readonly string[]): boolean {
  const { min, max } = boundsOf(file, column)
  const first = min === undefined ? 0 : firstNotBelow(sorted, min)
  const candidate = sorted[first]
  return candidate !== undefined && (max === undefined || compareText(candidate, max) <= 0)
}

/** Whether a file may hold any text from `least` to `greatest` in a string column; as `mayHoldText`. */
export function mayHoldRange(file: AddFile, column: string, least: string, greatest: string): boolean {
  const { min, max } = boundsOf(file, column)
  return (min === undefined || compareText(greatest, min) >= 0) && (max === undefined || compareText(least, max) <= 0)
}

/** Order of UTF-8 bytes, which is the order of code points. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const x = a.charCodeAt(at)
    const y = b.charCodeAt(at)
    if (x === y) continue
    // Surrogates stand for code points above all others.
    const high = (code: number) => code >= 0xd800 && code <= 0xdfff
    if (high(x) !== high(y)) return high(x) ? 1 : -1
    return x - y
  }
  return a.length - b.length
}

function firstNotBelow(sorted: readonly string[], min: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareText(sorted[middle] ?? '', min) < 0) low = middle + 1
    else high = middle
  }
  return low
}

function boundsOf(file: AddFile, column: string): Bounds {
  let columns = bounds.get(file)
  if (!columns) {
    columns = new Map()
    bounds.set(file, columns)
  }
  let known = columns.get(column)
  if (!known) {
    known = parsedBounds(file, column)
    columns.set(column, known)
  }
  return known
}

function parsedBounds(file: AddFile, column: string): Bounds {
  const none = { min: undefined, max: undefined }
  try {
    const statistics: { minValues?: Record<string, unknown>; maxValues?: Record<string, unknown> } = JSON.parse(
      file.stats ?? '{}',
    )
    const min = statistics.minValues?.[column]
    const max = statistics.maxValues?.[column]
    return {
      min: typeof min === 'string' ? min : undefined,
      max: typeof max === 'string' && [...max].length !== SUSPECT_CHARACTERS ? max : undefined,
    }
  } catch {
    return none
  }
}
