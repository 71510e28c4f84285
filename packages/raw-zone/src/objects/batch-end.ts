import type { ObjectStore } from '@sluice/object-store'
import { RawZoneError } from '../raw-zone.ts'
import { type BatchTrailer, checkTrailer, encodeBatch, readTrailer, TRAILER_BYTES } from './batch-object.ts'
import type { ObjectKeys } from './object-keys.ts'

interface Place {
  store: ObjectStore
  keys: ObjectKeys
}
/** How far an incarnation's batches reach without a gap, and the lines in them. */
export interface BatchEnd {
  head: number
  lines: number
  /** A fence stands behind it: no batch will follow. */
  fenced: boolean
}

const TRAILERS_AT_ONCE = 16

/** Looks from a known head onwards for batches; lists only what lies behind it. */
export async function findEnd(
  { store, keys }: Place,
  incarnation: string,
  known: { head: number; lines: number },
): Promise<BatchEnd> {
  let { head, lines } = known
  let waiting: Promise<BatchTrailer>[] = []
  /** `true` if a fence was among them. */
  const settle = async (): Promise<boolean> => {
    for (const trailer of await Promise.all(waiting)) {
      if (trailer.kind === 'fence') return true
      head = trailer.number
      lines += trailer.lines
    }
    waiting = []
    return false
  }
  let next = head + 1
  for await (const { key, size } of store.list(keys.batches(incarnation), {
    start_after: keys.batch(incarnation, head),
  })) {
    if (keys.numberOfBatch(key) !== next) break
    waiting.push(trailerOf(store, key, size, incarnation, next++))
    if (waiting.length >= TRAILERS_AT_ONCE && (await settle())) return { head, lines, fenced: true }
  }
  return { fenced: await settle(), head, lines }
}

/**
 * Ends an incarnation for good: puts a fence at the first number that is not taken. Its owner, should it still live,
 * can acknowledge nothing from there on, since batches are acknowledged without gaps.
 */
export async function closeBatches(place: Place, incarnation: string, known: { head: number; lines: number }) {
  let end = await findEnd(place, incarnation, known)
  for (let attempt = 0; !end.fenced; attempt++) {
    if (attempt >= ATTEMPTS)
      throw new RawZoneError(
        'failed',
        `raw incarnation ${incarnation} cannot be ended: its owner goes on writing; is it alive?`,
        { retryable: true },
      )
    const number = end.head + 1
    const fence = await encodeBatch({ incarnation, number, lines: 0, bytes: 0, kind: 'fence' }, new Uint8Array(), 1)
    const outcome = await place.store.putIfAbsent(place.keys.batch(incarnation, number), fence)
    end = outcome.kind === 'created' ? { ...end, fenced: true } : await findEnd(place, incarnation, end)
  }
  // What landed behind it was never acknowledged.
  const behind: string[] = []
  const start_after = place.keys.batch(incarnation, end.head + 1)
  for await (const { key } of place.store.list(place.keys.batches(incarnation), { start_after })) behind.push(key)
  await place.store.delete(behind)
  return { head: end.head, lines: end.lines }
}

/** The owner is told by its next renewal at the latest, and writes some hundred batches until then. */
const ATTEMPTS = 10_000

async function trailerOf(store: ObjectStore, key: string, size: number, incarnation: string, number: number) {
  const bytes = await store.get(key, { start: Math.max(0, size - TRAILER_BYTES) })
  const trailer = readTrailer(key, bytes ?? new Uint8Array())
  checkTrailer(key, trailer, incarnation, number)
  return trailer
}
