import { createHash } from 'node:crypto'
import { lastCheckpointKey } from './log-path.ts'
import type { DeltaStore } from './store.ts'

/** PROTOCOL.md, Last Checkpoint File Schema. */
export interface LastCheckpoint {
  version: number
  /** Actions in the checkpoint. */
  size: number
  parts?: number
  sizeInBytes?: number
  numOfAddFiles?: number
}

const MAX_HINT_BYTES = 1_000_000
const MAX_RACES = 10

/** The hint where the newest checkpoint was; `undefined` if there is none or it cannot be trusted. */
export async function readLastCheckpoint(store: DeltaStore, root: string): Promise<LastCheckpoint | undefined> {
  const bytes = await store.get(lastCheckpointKey(root))
  return bytes && parseLastCheckpoint(bytes)
}

/** Moves the hint forward, never back. Losing every race is no error: it is a hint. */
export async function writeLastCheckpoint(store: DeltaStore, root: string, hint: LastCheckpoint): Promise<void> {
  const key = lastCheckpointKey(root)
  const bytes = new TextEncoder().encode(JSON.stringify({ ...hint, checksum: jsonChecksum({ ...hint }) }))
  for (let race = 0; race < MAX_RACES; race++) {
    const head = await store.head(key)
    if (!head) {
      if ((await store.putIfAbsent(key, bytes)).kind === 'created') return
      continue
    }
    const current = await readLastCheckpoint(store, root)
    if (current && current.version >= hint.version) return
    if (!store.replaceIfMatch) {
      await store.put(key, bytes)
      return
    }
    if (await store.replaceIfMatch(key, bytes, head.etag)) return
  }
}

export function parseLastCheckpoint(bytes: Uint8Array): LastCheckpoint | undefined {
  if (bytes.length > MAX_HINT_BYTES) return undefined
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
  if (typeof json !== 'object' || json === null) return undefined
  const hint = json as Record<string, unknown>
  const { version, size } = hint
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0) return undefined
  if (typeof hint['checksum'] === 'string' && hint['checksum'] !== jsonChecksum(hint)) return undefined
  return { version, size: typeof size === 'number' ? size : 0 }
}

/** MD5 over the canonical form of a JSON object (PROTOCOL.md, JSON checksum). */
export function jsonChecksum(json: Record<string, unknown>): string {
  const pairs: [string, string][] = []
  for (const [name, value] of Object.entries(json)) if (name !== 'checksum') collect(quoted(name), value, pairs)
  pairs.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return createHash('md5')
    .update(pairs.map(([path, value]) => `${path}=${value}`).join(','))
    .digest('hex')
}

function collect(path: string, value: unknown, pairs: [string, string][]): void {
  if (Array.isArray(value)) for (const [at, item] of value.entries()) collect(`${path}+${at}`, item, pairs)
  else if (typeof value === 'object' && value !== null)
    for (const [name, item] of Object.entries(value)) collect(`${path}+${quoted(name)}`, item, pairs)
  else pairs.push([path, typeof value === 'string' ? quoted(value) : String(value)])
}

/** How to URL encode keys and string values: all but letters, digits, `-._~`. */
const quoted = (text: string) =>
  `"${encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)}"`
