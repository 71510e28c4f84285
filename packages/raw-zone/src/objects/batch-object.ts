import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { batchId } from '../batch-id.ts'
import { RawZoneError } from '../raw-zone.ts'

/**
 * A batch as an object: its lines as one zstd frame with a checksum, then a skippable frame of fixed size that says
 * which batch it is. Any zstd reader gives the lines and nothing else, also of many such objects one after the other.
 *
 * The trailer's 48 bytes (little endian): lines u32, bytes of the lines u32, number u48, kind u8, version u8,
 * incarnation 32 bytes of ASCII, filled with zeros.
 */
export interface BatchTrailer {
  incarnation: string
  number: number
  /** Number of lines and their bytes. */
  lines: number
  bytes: number
  /**
   * `fence`: no batch; the incarnation ended before this number, and whoever still writes to it learns so by finding it
   * taken.
   */
  kind: 'batch' | 'fence'
}

export const TRAILER_BYTES = 56
const PAYLOAD_BYTES = 48
/** The first of the magic numbers of skippable frames: RFC 8878, 3.1.2. */
const SKIPPABLE = 0x184d2a50
const VERSION = 1
const INCARNATION_BYTES = 32
const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

export async function encodeBatch(trailer: BatchTrailer, bytes: Uint8Array, level: number): Promise<Buffer> {
  const frame = await compress(bytes, {
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
  })
  return Buffer.concat([frame, trailerBytes(trailer)])
}

/** The lines and the trailer of a batch's object. Throws `corrupt`. */
export async function decodeBatch(key: string, object: Uint8Array): Promise<{ trailer: BatchTrailer; bytes: Buffer }> {
  const trailer = readTrailer(key, object)
  let bytes: Buffer
  try {
    bytes = await decompress(object)
  } catch (cause) {
    throw corrupt(key, 'its lines cannot be decompressed', cause)
  }
  if (bytes.length !== trailer.bytes)
    throw corrupt(key, `its trailer says ${trailer.bytes} bytes and ${bytes.length} are there`)
  return { trailer, bytes }
}

/** The trailer at the end of these bytes. Throws `corrupt`. */
export function readTrailer(key: string, object: Uint8Array): BatchTrailer {
  const view = Buffer.from(object.buffer, object.byteOffset, object.byteLength).subarray(-TRAILER_BYTES)
  if (view.length < TRAILER_BYTES || view.readUInt32LE(0) !== SKIPPABLE || view.readUInt32LE(4) !== PAYLOAD_BYTES)
    throw corrupt(key, 'it has no trailer of a raw batch')
  const version = view.readUInt8(23)
  if (version !== VERSION) throw corrupt(key, `its trailer has version ${version} and this program knows ${VERSION}`)
  return {
    lines: view.readUInt32LE(8),
    bytes: view.readUInt32LE(12),
    number: view.readUIntLE(16, 6),
    kind: view.readUInt8(22) === 1 ? 'fence' : 'batch',
    incarnation: view.toString('latin1', 24).replace(/\0+$/, ''),
  }
}

/** Throws `corrupt` if the object is not the batch it is named after. */
export function checkTrailer(key: string, trailer: BatchTrailer, incarnation: string, number: number): void {
  if (trailer.incarnation !== incarnation || trailer.number !== number)
    throw corrupt(
      key,
      `expected batch ${batchId(incarnation, number)}, it holds ${batchId(trailer.incarnation, trailer.number)}`,
    )
}

export function skippableFrame(payload: Uint8Array): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32LE(SKIPPABLE, 0)
  head.writeUInt32LE(payload.length, 4)
  return Buffer.concat([head, payload])
}

export function corrupt(key: string, what: string, cause?: unknown): RawZoneError {
  return new RawZoneError('corrupt', `${key}: ${what}; restore the object from a copy`, { cause })
}

function trailerBytes({ lines, bytes, number, kind, incarnation }: BatchTrailer): Buffer {
  const payload = Buffer.alloc(PAYLOAD_BYTES)
  payload.writeUInt32LE(lines, 0)
  payload.writeUInt32LE(bytes, 4)
  payload.writeUIntLE(number, 8, 6)
  payload.writeUInt8(kind === 'fence' ? 1 : 0, 14)
  payload.writeUInt8(VERSION, 15)
  payload.write(incarnation, 16, INCARNATION_BYTES, 'latin1')
  return skippableFrame(payload)
}
