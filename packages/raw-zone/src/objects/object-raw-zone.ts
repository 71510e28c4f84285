import type { ObjectStore } from '@sluice/object-store'
import { newIncarnation, parseBatchId } from '../batch-id.ts'
import { type IncarnationState, type RawZone, RawZoneError } from '../raw-zone.ts'
import { AdoptedObjects } from './adopted-incarnation.ts'
import { closeBatches, findEnd } from './batch-end.ts'
import { BatchReader } from './batch-reader.ts'
import { parseRecord, publishedTo } from './incarnation-record.ts'
import { LocalFiles } from './local-files.ts'
import { ObjectKeys } from './object-keys.ts'
import { ObjectRawWriter } from './object-writer.ts'
import { Packs } from './packs.ts'
import { StoreClock } from './store-clock.ts'
import { Tenure } from './tenure.ts'
import { zoneError } from './zone-error.ts'

export interface ObjectRawZoneOptions {
  store: ObjectStore
  /**
   * Names the log that batches are published to: what an incarnation published to another one, of an earlier life, counts as
   * not published. Left out: there is one for ever.
   */
  log?: string
  /** Everything is below this key. */
  prefix?: string
  /** An owner that did not renew for this long may be adopted. */
  lease_ms?: number
  /** How far was published, and the head, are written at most this late. */
  write_behind_ms?: number
  /** Batches of one writer on their way at the same time. */
  appends_in_flight?: number
  /** zstd, 1 to 19. */
  compression_level?: number
  /** Batches are gathered into packs of about this size, or of 1,000 batches. */
  pack_bytes?: number
  /** Where `files` puts batches that are in no pack; a folder of this process alone. Left out: a temporary one. */
  local_path?: string
  local_limit_bytes?: number
  /** Told of failures to pack, which cost nothing but room and requests; raw history is then many small objects. */
  packing_failed?: (error: unknown, incarnation: string) => void
  now?: () => number
  random?: () => number
}

const MiB = 1024 ** 2
const BEGIN_ATTEMPTS = 10

/** Raw batches as objects of any object store, one a batch, compressed. Any number of processes share one zone. */
export async function openObjectRawZone(options: ObjectRawZoneOptions): Promise<RawZone> {
  const { store, prefix = 'raw', now = Date.now, random = Math.random } = options
  const { lease_ms = 15_000, write_behind_ms = 500, appends_in_flight = 8, compression_level = 3 } = options
  const { pack_bytes = 32 * MiB, local_limit_bytes = 4096 * MiB } = options
  const keys = new ObjectKeys(prefix)
  const clock = new StoreClock(store, keys.clock, now)
  const tenureParts = { store, keys, lease_ms, write_behind_ms, log: options.log }
  const packs = new Packs(store, keys)
  const location = `${store.location}/${prefix}`
  const reader = new BatchReader({ store, keys, packs, location })
  const packing = { store, keys, packs, pack_bytes, packing_failed: options.packing_failed }
  const local = new LocalFiles({ store, keys, packs, path: options.local_path, limit_bytes: local_limit_bytes })
  const writers = new Map<string, ObjectRawWriter>()
  const adopted = new Map<string, AdoptedObjects>()
  const closing = new Set<Promise<void>>()
  const ours = () => [...writers.values(), ...adopted.values()].filter(({ held }) => held)
  const isOurs = (incarnation: string) => writers.get(incarnation)?.held || adopted.get(incarnation)?.held

  /** They hold what they would have packed. */
  function forgetLost(): void {
    for (const held of [writers, adopted])
      for (const [incarnation, one] of held) {
        if (one.held) continue
        held.delete(incarnation)
        const closed = one.close().finally(() => closing.delete(closed))
        closing.add(closed)
      }
  }
  async function headOf(incarnation: string, key: string): Promise<{ head: number; lines: number } | undefined> {
    const read = async () => {
      const bytes = await store.get(key)
      return bytes && parseRecord(key, bytes)
    }
    for (let record = await read(); record; ) {
      if (record.closed) return record
      const end = await findEnd({ store, keys }, incarnation, record)
      // Batches behind the head that was read may have been packed before they were looked for.
      record = await read()
      if (record && record.head <= end.head) return end
    }
    return undefined
  }
  async function liveOthers(): Promise<{ incarnation: string; key: string; modified_at_ms: number }[]> {
    const found = []
    for await (const { key, modified_at_ms } of store.list(keys.live))
      found.push({ incarnation: keys.incarnationOfLive(key), key, modified_at_ms })
    return found.filter(({ incarnation }) => !isOurs(incarnation))
  }

  const zone: RawZone = {
    location,
    batch: (incarnation, number) => reader.batch(incarnation, number),
    batches: (incarnation, range) => reader.batches(incarnation, range),
    async begin() {
      for (let attempt = 0; attempt < BEGIN_ATTEMPTS; attempt++) {
        const tenure = await Tenure.begin(tenureParts, newIncarnation(now(), random()))
        if (!tenure) continue
        const writer = new ObjectRawWriter(tenure, { ...packing, appends_in_flight, compression_level })
        forgetLost()
        writers.set(tenure.incarnation, writer)
        return writer
      }
      throw new RawZoneError('failed', 'every name for a new raw incarnation was taken; are the clocks right?')
    },
    async unfinished() {
      const states: IncarnationState[] = []
      for (const { incarnation, key, modified_at_ms } of await liveOthers()) {
        const bytes = await store.get(key)
        if (!bytes) continue
        const record = parseRecord(key, bytes)
        const lease_until_ms = record.released ? 0 : (await clock.toOurs(modified_at_ms)) + record.lease_ms
        states.push({ incarnation, published: publishedTo(record, options.log), lease_until_ms })
      }
      return states
    },
    async adopt(incarnation, { force = false } = {}) {
      if (isOurs(incarnation)) return undefined
      const tenure = await Tenure.take(
        tenureParts,
        incarnation,
        async ({ released, lease_ms }, modified_at_ms) =>
          force || released || (await clock.toOurs(modified_at_ms)) + lease_ms <= now(),
      )
      if (!tenure) return undefined
      try {
        const { head, lines, closed } = tenure.record
        const end = closed ? { head, lines } : await closeBatches({ store, keys }, incarnation, { head, lines })
        await tenure.write({ ...end, closed: true })
      } catch (error) {
        // Whoever tries next need not wait for the lease; where that cannot be said either, it runs out.
        await tenure.release().catch(() => undefined)
        throw zoneError(`raw incarnation ${incarnation} cannot be adopted`, error)
      }
      const taken = new AdoptedObjects(tenure, packing, reader)
      forgetLost()
      adopted.set(incarnation, taken)
      return taken
    },
    async find(batch_id) {
      const id = parseBatchId(batch_id)
      return id && reader.batch(id.incarnation, id.number)
    },
    async heads() {
      const heads = new Map<string, { incarnation: string; head: number; lines: number }>()
      // Before the others are listed: one that is given up meanwhile is in both, and never in none.
      const own = ours()
      // Those that finish meanwhile are among the finished, which are listed last.
      for (const { incarnation, key } of await liveOthers()) {
        const end = await headOf(incarnation, key)
        if (end) heads.set(incarnation, { incarnation, head: end.head, lines: end.lines })
      }
      for await (const { key } of store.list(keys.finished)) {
        const finished = keys.parseFinished(key)
        if (finished) heads.set(finished.incarnation, finished)
      }
      for (const { incarnation, head, lines } of own)
        if (!heads.has(incarnation)) heads.set(incarnation, { incarnation, head, lines })
      return [...heads.values()]
    },
    async files() {
      return local.upTo(await zone.heads())
    },
    async close() {
      await local.close()
      await Promise.all([...writers.values(), ...adopted.values()].map((one) => one.close()))
      await Promise.all(closing)
    },
  }
  return zone
}
