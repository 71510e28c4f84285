import { crc32 } from 'node:zlib'
import type { LogRecord, PolledRecord } from '../event-log.ts'

/**
 * A block is what one fsync made durable: magic, length of the body, CRC-32 of the body, number of records; then for each
 * record its partition, its offset and its value's length, and the value. Numbers are little endian.
 */
const MAGIC = 0x31424c53
export const BLOCK_HEADER_BYTES = 16
const RECORD_HEADER_BYTES = 16

/** @param nextOffset gives a partition's next offset and counts it up */
export function encodeBlock(records: readonly LogRecord[], nextOffset: (partition: number) => bigint): Buffer {
  const size = records.reduce((sum, record) => sum + RECORD_HEADER_BYTES + record.value.length, BLOCK_HEADER_BYTES)
  const block = Buffer.allocUnsafe(size)
  let at = BLOCK_HEADER_BYTES
  for (const { partition, value } of records) {
    block.writeUInt32LE(partition, at)
    block.writeBigUInt64LE(nextOffset(partition), at + 4)
    block.writeUInt32LE(value.length, at + 12)
    block.set(value, at + RECORD_HEADER_BYTES)
    at += RECORD_HEADER_BYTES + value.length
  }
  block.writeUInt32LE(MAGIC, 0)
  block.writeUInt32LE(size - BLOCK_HEADER_BYTES, 4)
  block.writeUInt32LE(crc32(block.subarray(BLOCK_HEADER_BYTES)), 8)
  block.writeUInt32LE(records.length, 12)
  return block
}

export type BlockAt =
  | { kind: 'block'; bytes: number; records: PolledRecord[] }
  | { kind: 'short'; bytes: number }
  | { kind: 'torn' }

/**
 * The block that begins at a place in some bytes. `short`: it goes on behind them and has that many bytes in all.
 * Values are views of the given bytes.
 */
export function decodeBlock(bytes: Buffer, start: number): BlockAt {
  if (bytes.length - start < BLOCK_HEADER_BYTES) return { kind: 'short', bytes: BLOCK_HEADER_BYTES }
  if (bytes.readUInt32LE(start) !== MAGIC) return { kind: 'torn' }
  const size = BLOCK_HEADER_BYTES + bytes.readUInt32LE(start + 4)
  if (bytes.length - start < size) return { kind: 'short', bytes: size }
  const end = start + size
  if (crc32(bytes.subarray(start + BLOCK_HEADER_BYTES, end)) !== bytes.readUInt32LE(start + 8)) return { kind: 'torn' }
  const records: PolledRecord[] = []
  for (let at = start + BLOCK_HEADER_BYTES; at < end; ) {
    const length = bytes.readUInt32LE(at + 12)
    const value = bytes.subarray(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length)
    records.push({ partition: bytes.readUInt32LE(at), offset: bytes.readBigUInt64LE(at + 4), value })
    at += RECORD_HEADER_BYTES + length
  }
  return { kind: 'block', bytes: size, records }
}
