import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { batchId } from '../batch-id.ts'
import { RawZoneError } from '../raw-zone.ts'

/**
 * A segment is newline-delimited JSON: the raw lines of a batch, then the batch's trailer, a line without `event_id` that
 * says how many lines and bytes it had and their CRC-32. A batch without its trailer was never acknowledged. Beside it
 * lies an index, a fixed-size record a batch; it may be lost, and then the segment is scanned.
 */
export interface BatchPlace {
  number: number
  /** Bytes of the lines, without the trailer. */
  start: number
  end: number
  lines: number
}

const SUFFIX = '.ndjson'
const INDEX_RECORD_BYTES = 16

export const segmentName = (first: number) => `${String(first).padStart(15, '0')}${SUFFIX}`
export const indexPath = (path: string) => `${path.slice(0, -SUFFIX.length)}.index`

/** Numbers of the first batches of an incarnation's segments, ascending. */
export async function segmentsIn(folder: string): Promise<number[]> {
  const names = await readdir(folder)
  return names
    .flatMap((name) => (name.endsWith(SUFFIX) ? [Number(name.slice(0, -SUFFIX.length))] : []))
    .sort((a, b) => a - b)
}

export function trailerOf(batch: string, bytes: Uint8Array, lines: number): Buffer {
  return Buffer.from(`{"batch":"${batch}","lines":${lines},"bytes":${bytes.length},"crc32":${crc32(bytes)}}\n`)
}

export function indexRecord({ start, end, lines }: BatchPlace): Buffer {
  const record = Buffer.alloc(INDEX_RECORD_BYTES)
  record.writeUInt32LE(start, 0)
  record.writeUInt32LE(end, 4)
  record.writeUInt32LE(lines, 8)
  record.writeUInt32LE(crc32(record.subarray(0, 12)), 12)
  return record
}

export const indexPosition = (first: number, number: number) => (number - first) * INDEX_RECORD_BYTES

/** Where a batch stands in its segment by the index; `undefined` if the index does not say. */
export async function lookUp(path: string, first: number, number: number): Promise<BatchPlace | undefined> {
  let file: FileHandle
  try {
    file = await open(indexPath(path), 'r')
  } catch {
    // Without one the caller scans.
    return undefined
  }
  try {
    const record = Buffer.alloc(INDEX_RECORD_BYTES)
    const { bytesRead } = await file.read(record, 0, INDEX_RECORD_BYTES, indexPosition(first, number))
    if (bytesRead < INDEX_RECORD_BYTES || crc32(record.subarray(0, 12)) !== record.readUInt32LE(12)) return undefined
    return { number, start: record.readUInt32LE(0), end: record.readUInt32LE(4), lines: record.readUInt32LE(8) }
  } finally {
    await file.close()
  }
}

export interface ScannedSegment {
  batches: BatchPlace[]
  /** Complete batches end here. */
  end: number
  size: number
}

const TRAILER = /^\{"batch":"([0-9a-z]+-\d+)","lines":(\d+),"bytes":(\d+),"crc32":(\d+)\}$/
const LONGEST_TRAILER_BYTES = 200
const LINE_FEED = 0x0a

/**
 * Reads a segment from its start. What comes after the last intact trailer was never acknowledged.
 * @throws RawZoneError `corrupt` if damage is followed by an intact later batch
 */
export async function scanSegment(path: string, incarnation: string, first: number): Promise<ScannedSegment> {
  const file = await open(path, 'r')
  try {
    const bytes = await file.readFile()
    const batches: BatchPlace[] = []
    let end = 0
    let damaged: number | undefined
    for (let line = 0; line < bytes.length; ) {
      const stop = bytes.indexOf(LINE_FEED, line)
      if (stop < 0) break
      const trailer =
        bytes[line + 2] === 0x62 && stop - line < LONGEST_TRAILER_BYTES
          ? TRAILER.exec(bytes.toString('latin1', line, stop))
          : null
      if (trailer) {
        const number = first + batches.length
        const start = line - Number(trailer[3])
        const intact = start >= end && crc32(bytes.subarray(start, line)) === Number(trailer[4])
        if (intact && trailer[1] === batchId(incarnation, number) && start === end && damaged === undefined) {
          batches.push({ number, start, end: line, lines: Number(trailer[2]) })
          end = stop + 1
        } else if (intact && damaged === undefined) damaged = end
        else damaged ??= end
        if (intact && damaged !== undefined)
          throw new RawZoneError(
            'corrupt',
            `${path}: expected batch ${first + batches.length} intact at byte ${damaged}; it is damaged while a later batch is intact: restore the file from a copy`,
          )
      }
      line = stop + 1
    }
    return { batches, end, size: bytes.length }
  } finally {
    await file.close()
  }
}

/** Whether a segment's last line is the trailer of this batch; of no segment at all: whether there is no batch. */
export async function endsWith(folder: string, first: number | undefined, batch_id: string): Promise<boolean> {
  if (first === undefined) return batch_id.endsWith('-0')
  const file = await open(segmentPath(folder, first), 'r')
  try {
    const { size } = await file.stat()
    const start = Math.max(0, size - LONGEST_TRAILER_BYTES)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start)
    const [last = '', rest] = buffer.toString('latin1', 0, bytesRead).split('\n').slice(-2)
    return rest === '' && TRAILER.exec(last)?.[1] === batch_id
  } finally {
    await file.close()
  }
}

/** The lines of one batch. */
export async function readBatchBytes(path: string, { start, end }: BatchPlace): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const bytes = Buffer.alloc(end - start)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
    if (bytesRead === bytes.length) return bytes
    throw new RawZoneError(
      'corrupt',
      `${path}: expected a batch up to byte ${end}; the file ends at ${start + bytesRead}: restore it from a copy`,
    )
  } finally {
    await file.close()
  }
}

export const segmentPath = (folder: string, first: number) => join(folder, segmentName(first))
