import type { LakeTable } from './lake-table.ts'

/** Somebody needs a table version, and all changes after it, until `expires_ms` (milliseconds since the epoch). */
export interface Pin {
  owner: string
  version: number
  expires_ms: number
}

type Pinnable = Pick<LakeTable, 'lake' | 'key' | 'version'>

const FOLDER = '_pins/'
const MAX_PINS = 10_000
/**
 * A pin that is further behind is broken: a log is cleaned beside it again. So many log entries are a day of a table that
 * never rests, and to load it anew is quicker than to read them.
 */
export const MAX_PINNED_VERSIONS = 250_000

/** Sets or moves the owner's pin; each owner has one a table. Vacuum and log clean-up honour it from then on. */
export async function pin(table: Pinnable, { owner, version, expires_ms }: Pin): Promise<void> {
  const text = JSON.stringify({ owner, version, expires_ms })
  await table.lake.store.put(keyOf(table, owner), Buffer.from(text))
}

export async function unpin(table: Pinnable, owner: string): Promise<void> {
  await table.lake.store.delete([keyOf(table, owner)])
}

/** Pins that have not expired and are not broken. */
export async function pins(table: Pinnable): Promise<Pin[]> {
  const found: Pin[] = []
  for await (const { key } of table.lake.store.list(table.key(FOLDER), { limit: MAX_PINS })) {
    const bytes = await table.lake.store.get(key)
    const pinned = bytes && pinOf(Buffer.from(bytes).toString('utf8'))
    if (!pinned || pinned.expires_ms <= table.lake.now()) continue
    if (pinned.version >= table.version - MAX_PINNED_VERSIONS) found.push(pinned)
  }
  return found
}

function pinOf(text: string): Pin | undefined {
  try {
    const value: Partial<Pin> = JSON.parse(text)
    if (typeof value.owner !== 'string' || !Number.isSafeInteger(value.version)) return undefined
    return { owner: value.owner, version: Number(value.version), expires_ms: Number(value.expires_ms) }
  } catch {
    return undefined
  }
}

const keyOf = (table: Pinnable, owner: string) => table.key(`${FOLDER}${encodeURIComponent(owner)}.json`)
