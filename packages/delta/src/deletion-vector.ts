import { crc32 } from 'node:zlib'
import type { DeletionVectorDescriptor } from './actions.ts'
import { dataFileKey } from './data-path.ts'
import { DeltaError } from './delta-error.ts'
import { decodeRoaring, type RowIndexes } from './roaring-bitmap.ts'
import { decodeZ85 } from './z85.ts'

/** PROTOCOL.md, Deletion Vector Format. */
const MAGIC = 1_681_511_377
const FILE_VERSION = 1
/** Characters of a Base85 UUID. */
const UUID_LENGTH = 20
const MAX_BYTES = 256 * 1024 * 1024

/**
 * The object key of the file that holds a deletion vector; `undefined` for an inline one (PROTOCOL.md, Derived Fields).
 * Throws `invalid_path` and `invalid_log`.
 */
export function deletionVectorKey(
  root: string,
  vector: DeletionVectorDescriptor,
  location?: string,
): string | undefined {
  if (vector.storageType === 'i') return undefined
  if (vector.storageType === 'p') return dataFileKey(root, vector.pathOrInlineDv, location)
  const prefix = vector.pathOrInlineDv.slice(0, -UUID_LENGTH)
  const hex = Buffer.from(decodeZ85(vector.pathOrInlineDv.slice(-UUID_LENGTH))).toString('hex')
  if (hex.length !== 32) throw new DeltaError('invalid_log', 'deletion vector: its path should end in a Base85 UUID')
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return dataFileKey(root, `${prefix === '' ? '' : `${encodeURIComponent(prefix)}/`}deletion_vector_${uuid}.bin`)
}

/**
 * The rows that a deletion vector takes out of its data file.
 * @param file bytes of the file at `deletionVectorKey`, for vectors that are not inline
 * Throws `invalid_log` for a damaged vector: wrong checksum, magic number or count.
 */
export function decodeDeletionVector(vector: DeletionVectorDescriptor, file?: Uint8Array): RowIndexes {
  if (vector.sizeInBytes > MAX_BYTES) throw damaged(`has ${vector.sizeInBytes} bytes, more than ${MAX_BYTES}`)
  const data =
    vector.storageType === 'i'
      ? decodeZ85(vector.pathOrInlineDv).subarray(0, vector.sizeInBytes)
      : stored(vector, file ?? new Uint8Array(0))
  if (data.length < 12 || view(data).getUint32(0, true) !== MAGIC)
    throw damaged('has not the magic number of its format')
  const rows = decodeRoaring(data.subarray(4))
  if (rows.cardinality !== vector.cardinality)
    throw damaged(`should delete ${vector.cardinality} rows and has ${rows.cardinality}`)
  return rows
}

/** PROTOCOL.md, Deletion Vector File Storage Format: version, then size (big endian), data and CRC-32 for each vector. */
function stored(vector: DeletionVectorDescriptor, file: Uint8Array): Uint8Array {
  const start = vector.offset ?? 1
  const end = start + 4 + vector.sizeInBytes
  if (file[0] !== FILE_VERSION)
    throw damaged(`lies in a file of version ${file[0] ?? 'none'}; ${FILE_VERSION} is known`)
  if (start < 0 || end + 4 > file.length) throw damaged(`should end at byte ${end + 4} of a file of ${file.length}`)
  const size = view(file).getUint32(start)
  if (size !== vector.sizeInBytes) throw damaged(`should have ${vector.sizeInBytes} bytes and has ${size}`)
  const data = file.subarray(start + 4, end)
  if (crc32(data) !== view(file).getUint32(end)) throw damaged('has another checksum than its file says')
  return data
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const damaged = (why: string) => new DeltaError('invalid_log', `deletion vector: it ${why}`)
