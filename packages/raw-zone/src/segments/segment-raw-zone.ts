import { mkdir, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { batchId, newIncarnation, parseBatchId } from '../batch-id.ts'
import { acknowledgedBatch } from '../missing-batch.ts'
import {
  type AdoptedIncarnation,
  type BatchRange,
  type IncarnationState,
  type RawBatch,
  type RawFile,
  type RawWriter,
  type RawZone,
  RawZoneError,
} from '../raw-zone.ts'
import { type IncarnationFile, readState, syncFolder, writeState } from './incarnation-state.ts'
import {
  type BatchPlace,
  endsWith,
  lookUp,
  readBatchBytes,
  scanSegment,
  segmentName,
  segmentPath,
  segmentsIn,
} from './segment-file.ts'
import { SegmentWriter } from './segment-writer.ts'

export interface SegmentRawZoneOptions {
  /** Folder of the raw zone; the caller makes sure that one process has it. */
  path: string
  segment_bytes?: number
  publish_every_ms?: number
  now?: () => number
  random?: () => number
}

/** What was found of an incarnation that is not this process's. */
interface Past {
  incarnation: string
  published: number
  finished: boolean
  head: number
  lines: number
  segments: { first: number; end: number }[]
}

/** Raw batches in segment files of a folder. Torn ends that crashes left are cut off when it is opened. */
export async function openSegmentRawZone(options: SegmentRawZoneOptions): Promise<RawZone> {
  const { path, segment_bytes = 64 * 1024 ** 2, publish_every_ms = 500, now = Date.now, random = Math.random } = options
  await mkdir(path, { recursive: true })
  const past = new Map<string, Past>()
  for (const incarnation of (await readdir(path)).sort())
    past.set(incarnation, await openPast(join(path, incarnation), incarnation))
  const writers = new Map<string, SegmentWriter>()
  let scanned: { file: string; end: number; places: readonly BatchPlace[] } | undefined
  const folderOf = (incarnation: string) => join(path, incarnation)

  function segmentsOf(incarnation: string): { first: number; end: number }[] {
    return writers.get(incarnation)?.segments ?? past.get(incarnation)?.segments ?? []
  }
  const headOf = (incarnation: string) => writers.get(incarnation)?.head ?? past.get(incarnation)?.head ?? 0

  async function batch(incarnation: string, number: number): Promise<RawBatch | undefined> {
    if (number < 1 || number > headOf(incarnation)) return undefined
    const segment = segmentsOf(incarnation).findLast(({ first }) => first <= number)
    if (!segment) return undefined
    const file = segmentPath(folderOf(incarnation), segment.first)
    const place =
      (await indexed(file, segment.first, number, segment.end)) ??
      (await placesIn(file, incarnation, segment)).find((one) => one.number === number)
    if (!place)
      throw new RawZoneError(
        'corrupt',
        `${file}: expected batch ${number} and it is not there; restore the file from a copy`,
      )
    const bytes = await readBatchBytes(file, place)
    return {
      batch_id: batchId(incarnation, number),
      number,
      key: `raw/${incarnation}/${segmentName(segment.first)}`,
      bytes,
      lines: place.lines,
    }
  }

  /** Of a segment without its index. What was read last is kept: batches are mostly read one after the other. */
  async function placesIn(file: string, incarnation: string, { first, end }: { first: number; end: number }) {
    if (scanned?.file !== file || scanned.end !== end)
      scanned = { file, end, places: (await scanSegment(file, incarnation, first)).batches }
    return scanned.places
  }

  async function* batches(incarnation: string, { from, to }: BatchRange): AsyncGenerator<RawBatch> {
    for (let number = from; number <= to; number++)
      yield await acknowledgedBatch({ location: path, batch }, incarnation, number)
  }

  return {
    location: path,
    batch,
    batches,
    async begin(): Promise<RawWriter> {
      const incarnation = newIncarnation(now(), random())
      const folder = folderOf(incarnation)
      await mkdir(folder)
      await syncFolder(path)
      const writer = new SegmentWriter({
        incarnation,
        folder,
        key: `raw/${incarnation}`,
        segment_bytes,
        publish_every_ms,
      })
      writers.set(incarnation, writer)
      return writer
    },
    async unfinished(): Promise<IncarnationState[]> {
      return [...past.values()]
        .filter(({ finished }) => !finished)
        .map(({ incarnation, published }) => ({ incarnation, published, lease_until_ms: 0 }))
    },
    async adopt(incarnation: string): Promise<AdoptedIncarnation | undefined> {
      // A folder has one process: whatever began before it is dead.
      const found = past.get(incarnation)
      if (!found || found.finished) return undefined
      return {
        incarnation,
        published: found.published,
        tail: (after = found.published) => batches(incarnation, { from: after + 1, to: found.head }),
        async advanced(number) {
          found.published = number
          await writeState(folderOf(incarnation), { published: number })
        },
        async finish() {
          found.finished = true
          found.published = found.head
          await writeState(folderOf(incarnation), {
            published: found.head,
            finished: { head: found.head, lines: found.lines },
          })
        },
        // A folder has one process: there is no lease.
        async release() {},
      }
    },
    async find(batch_id) {
      const id = parseBatchId(batch_id)
      return id && batch(id.incarnation, id.number)
    },
    async heads() {
      const all = [...past.values(), ...writers.values()]
      return all.map(({ incarnation, head, lines }) => ({ incarnation, head, lines }))
    },
    async files(): Promise<RawFile[]> {
      const incarnations = [...past.keys(), ...writers.keys()]
      return incarnations.flatMap((incarnation) =>
        segmentsOf(incarnation).map(({ first, end }) => ({
          key: `raw/${incarnation}/${segmentName(first)}`,
          path: segmentPath(folderOf(incarnation), first),
          compression: 'none' as const,
          bytes: end,
        })),
      )
    },
    async close() {
      for (const writer of writers.values()) await writer.close()
    },
  }
}

/** A place by the index, if it is one that can be. */
async function indexed(file: string, first: number, number: number, end: number): Promise<BatchPlace | undefined> {
  const place = await lookUp(file, first, number)
  return place && place.start <= place.end && place.end <= end ? place : undefined
}

async function openPast(folder: string, incarnation: string): Promise<Past> {
  const state = await readState(folder)
  const firsts = await segmentsIn(folder)
  const segments: Past['segments'] = []
  const { finished } = state
  if (finished && (await endsWith(folder, firsts.at(-1), batchId(incarnation, finished.head)))) {
    for (const first of firsts) segments.push({ first, end: (await stat(segmentPath(folder, first))).size })
    return pastOf(incarnation, state, finished, segments)
  }
  let head = 0
  let lines = 0
  for (const [i, first] of firsts.entries()) {
    const path = segmentPath(folder, first)
    const scanned = await scanSegment(path, incarnation, first)
    const following = firsts[i + 1]
    if (following !== undefined && following !== first + scanned.batches.length)
      throw new RawZoneError(
        'corrupt',
        `${path}: expected batches ${first} to ${following - 1}; ${scanned.batches.length} are intact: restore the file from a copy`,
      )
    // A file that was cut off after its end had been acknowledged keeps its bytes; verify tells what is gone.
    if (scanned.end < scanned.size && !finished) await cut(path, scanned.end)
    segments.push({ first, end: scanned.end })
    head = first + scanned.batches.length - 1
    lines += scanned.batches.reduce((sum, one) => sum + one.lines, 0)
  }
  return pastOf(incarnation, state, { head, lines }, segments)
}

function pastOf(
  incarnation: string,
  { published, finished }: IncarnationFile,
  { head, lines }: { head: number; lines: number },
  segments: Past['segments'],
): Past {
  const kept = segments.filter(({ end }) => end > 0)
  return { incarnation, published, finished: finished !== undefined, head, lines, segments: kept }
}

async function cut(path: string, end: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.truncate(end)
    await file.sync()
  } finally {
    await file.close()
  }
}
