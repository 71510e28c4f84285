import { type FileHandle, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LogError } from '../event-log.ts'
import { decodeBlock } from './block.ts'

/** A file of blocks. Its name tells its place in the topic; `first` says which offsets come next where it begins. */
export interface Segment {
  number: number
  path: string
  /** By partition: the offset of its first record in or after this segment. */
  first: Map<number, bigint>
  /** Complete, durable blocks end here. */
  end: number
}

const SCAN_BYTES = 4 * 1024 * 1024
const NAME = /^(\d{12})\.log$/

export const segmentPath = (folder: string, number: number) => join(folder, `${String(number).padStart(12, '0')}.log`)

/** All segments of a topic, oldest first, with a torn block at the very end cut off. */
export async function openSegments(
  folder: string,
  first: ReadonlyMap<number, bigint>,
): Promise<{ segments: Segment[]; next: Map<number, bigint> }> {
  const numbers = (await readdir(folder))
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
  const next = new Map(first)
  const segments: Segment[] = []
  for (const number of numbers) {
    const path = segmentPath(folder, number)
    const segment: Segment = { number, path, first: new Map(next), end: 0 }
    const begins = new Map<number, bigint>()
    const { end, size } = await scan(path, (partition, offset) => {
      if (!begins.has(partition)) begins.set(partition, offset)
      next.set(partition, offset + 1n)
    })
    for (const [partition, offset] of begins) segment.first.set(partition, offset)
    segment.end = end
    if (end < size) {
      if (number !== numbers.at(-1))
        throw new LogError(
          'failed',
          `${path}: expected intact blocks, found damage at byte ${end} although later segments exist; restore the file, or remove the log's folder to refill it from the raw zone`,
        )
      const file = await open(path, 'r+')
      await file.truncate(end)
      await file.sync()
      await file.close()
    }
    segments.push(segment)
  }
  // Offsets of partitions that begin in a later segment count from there on.
  return { segments, next }
}

async function scan(
  path: string,
  visit: (partition: number, offset: bigint) => void,
): Promise<{ end: number; size: number }> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    let end = 0
    while (end < size) {
      const read = await readBlocks(file, end, size, SCAN_BYTES)
      for (const record of read.records) visit(record.partition, record.offset)
      if (read.bytes === 0) break
      end += read.bytes
    }
    return { end, size }
  } finally {
    await file.close()
  }
}

/** Reads whole blocks from a place, about `target_bytes` of them but at least one. `bytes` 0: there is no intact block. */
export async function readBlocks(file: FileHandle, from: number, end: number, target_bytes: number) {
  let want = Math.min(target_bytes, end - from)
  for (;;) {
    const buffer = Buffer.allocUnsafe(want)
    const { bytesRead } = await file.read(buffer, 0, want, from)
    const bytes = buffer.subarray(0, bytesRead)
    const records = []
    let at = 0
    for (;;) {
      const block = decodeBlock(bytes, at)
      if (block.kind === 'block') {
        records.push(...block.records)
        at += block.bytes
        continue
      }
      if (at > 0 || block.kind === 'torn' || block.bytes > end - from) return { records, bytes: at }
      want = block.bytes
      break
    }
    if (bytesRead === 0) return { records, bytes: 0 }
  }
}

export async function removeSegment(segment: Segment): Promise<void> {
  await rm(segment.path, { force: true })
}
