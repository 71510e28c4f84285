import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Column, type LakeParts, openDatabase } from '@sluice/lake'
import { type ObjectInfo, type ObjectStore, openFolderStore } from '@sluice/object-store'

export const EVENTS_USE = { name: 'viewing_history', time: 'watched_at' }
export const EVENT_COLUMNS: readonly Column[] = [
  { name: 'user_id', type: 'string' },
  { name: 'movie_id', type: 'string' },
  { name: 'watched_at', type: 'timestamp' },
  { name: 'device', type: 'string' },
  { name: 'duration_minutes', type: 'integer' },
  { name: 'city', type: 'string' },
  { name: 'event_id', type: 'string' },
  { name: 'received_at', type: 'timestamp' },
  { name: 'raw_batch', type: 'string' },
  { name: 'raw_line', type: 'integer' },
  { name: '_extra', type: 'string' },
]

/** The first second of the simulated day. */
export const START_MS = Date.UTC(2026, 5, 1)
export const ROWS_A_SECOND = 100
export const HOUR_MS = 3_600_000
/** Of log entries and of files that left the table. */
export const RETENTION_MS = HOUR_MS
const MEMORY_BYTES = 200_000_000

export interface SimulatedLake {
  lake: LakeParts
  /** Milliseconds since the epoch; moves only by hand. */
  clock: { now_ms: number }
  /** Bytes written so far, by what they are for. */
  written: { data: number; log: number }
  close(): Promise<void>
}

/** A lake in a folder whose clock, objects' ages included, is a simulated one. */
export async function openSimulatedLake(folder: string, now_ms: number): Promise<SimulatedLake> {
  const scratch_path = join(folder, 'scratch')
  await mkdir(scratch_path, { recursive: true })
  const folderStore = await openFolderStore(join(folder, 'objects'))
  const temporary_path = join(folder, 'spill')
  const database = await openDatabase({ memory_limit_bytes: MEMORY_BYTES, threads: 2, temporary_path })
  const clock = { now_ms }
  const written = { data: 0, log: 0 }
  const store = onClock(folderStore, clock, written)
  return {
    lake: { store, database, scratch_path, now: () => clock.now_ms },
    clock,
    written,
    async close() {
      await database.close()
      await store.close()
    },
  }
}

/** The store as it would be on the simulated day; what is written is counted. */
function onClock(store: ObjectStore, clock: { now_ms: number }, written: SimulatedLake['written']): ObjectStore {
  const ages = new Map<string, number>()
  const noted = <T>(key: string, bytes: number, outcome: T): T => {
    written[key.includes('/_delta_log/') ? 'log' : 'data'] += bytes
    ages.set(key, clock.now_ms)
    return outcome
  }
  const aged = (info: ObjectInfo) => ({ ...info, modified_at_ms: ages.get(info.key) ?? info.modified_at_ms })
  return {
    location: store.location,
    get: (key, range) => store.get(key, range),
    read: (key, range) => store.read(key, range),
    localPath: (key) => store.localPath(key),
    copy: (from, to) => store.copy(from, to),
    close: () => store.close(),
    async head(key) {
      const info = await store.head(key)
      return info && aged(info)
    },
    async *list(prefix, options) {
      for await (const info of store.list(prefix, options)) yield aged(info)
    },
    async delete(keys) {
      await store.delete(keys)
      for (const key of keys) ages.delete(key)
    },
    put: async (key, bytes) => noted(key, bytes.length, await store.put(key, bytes)),
    async putIfAbsent(key, bytes) {
      const outcome = await store.putIfAbsent(key, bytes)
      return outcome.kind === 'exists' ? outcome : noted(key, bytes.length, outcome)
    },
    async replaceIfMatch(key, bytes, etag) {
      const outcome = await store.replaceIfMatch(key, bytes, etag)
      return outcome && noted(key, bytes.length, outcome)
    },
    async putFile(key, path) {
      const outcome = await store.putFile(key, path)
      return noted(key, outcome.size, outcome)
    },
    async write(key, source) {
      const outcome = await store.write(key, source)
      return noted(key, outcome.size, outcome)
    },
  }
}
