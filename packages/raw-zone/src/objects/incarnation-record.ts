import { corrupt } from './batch-object.ts'

/**
 * The state object of an incarnation that is not finished. Its owner replaces it only by compare-and-set, and often: its
 * time of change at the store, plus `lease_ms`, is how long the owner is taken to be alive.
 */
export interface IncarnationRecord {
  /** Another one for each owner. */
  owner: string
  /** Every batch up to this number is on the log of that name. */
  published: number
  log?: string
  /** Every number up to this one is a durable batch; there may be more. With the lines in them. */
  head: number
  lines: number
  /** No batch follows `head`, and none can: a fence stands behind it. */
  closed: boolean
  /** The owner went away by itself: nobody needs to wait for the lease. */
  released: boolean
  lease_ms: number
  /** Counts writes, so that no two contents are the same. */
  write: number
}

/** Every batch up to this number is on this log, as far as the record says. */
export const publishedTo = ({ published, log }: IncarnationRecord, this_log: string | undefined): number =>
  log === this_log ? published : 0

export function recordBytes(record: IncarnationRecord): Uint8Array {
  return Buffer.from(`${JSON.stringify(record)}\n`)
}

/** Throws `corrupt`. */
export function parseRecord(key: string, bytes: Uint8Array): IncarnationRecord {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw corrupt(key, 'it is no JSON', cause)
  }
  if (!isRecord(value)) throw corrupt(key, 'it is no state of a raw incarnation')
  return value
}

function isRecord(value: unknown): value is IncarnationRecord {
  if (typeof value !== 'object' || value === null) return false
  const members: Record<string, unknown> = { ...value }
  const numbers = ['published', 'head', 'lines', 'lease_ms', 'write'].every((name) =>
    Number.isSafeInteger(members[name]),
  )
  return (
    numbers &&
    typeof members['owner'] === 'string' &&
    typeof members['closed'] === 'boolean' &&
    typeof members['released'] === 'boolean'
  )
}
