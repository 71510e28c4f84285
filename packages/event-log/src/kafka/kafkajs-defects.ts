import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import kafkajs, { type Batch } from 'kafkajs'
import { LogError } from '../event-log.ts'

/**
 * What is wrong with kafkajs 2.2.4, which nobody maintains any more, and what is done about it here or elsewhere:
 * - #1751: each connection sets a timer of negative length again and again. `calmTimers`.
 * - No zstd: `addZstd`, by node:zlib.
 * - A connection that is lost in the middle of a response keeps its beginning, and reads that of the next connection as
 *   its rest: sizes are garbage, and what is thrown in the socket's event ends the process. `forgetCutResponses`.
 * - #1119, #1777: on OFFSET_OUT_OF_RANGE it quietly goes elsewhere. Seen by `OFFSET_RESET` in its log and by
 *   `fetchedOffset`, and turned into an error by the consumer.
 * - #1005: an idempotent producer with two sends under way gives both the same sequence numbers, and the broker takes
 *   the second for a repeat; the same after a send that failed for good. The producer has one send under way, and a
 *   client that failed is never used again.
 * - #1303, #1798: when a leader moves between tries, or a partition is unknown, `send` resolves without having sent
 *   all. The producer compares the acknowledged partitions with the sent ones.
 * - Members of one group must not share a `Kafka` object (they would share the committed offsets). One a member.
 * - KIP-896: Kafka 4 dropped old versions of requests. What is used here is negotiated; the administration, where
 *   kafkajs knows no topic ids, is done by @platformatic/kafka.
 */
export function mendKafkajs(): void {
  if (mended) return
  calmTimers()
  addZstd()
  forgetCutResponses()
  mended = true
}

let mended = false

/** kafkajs's log line, at level error of namespace ConsumerGroup, right before it resets an offset. */
export const OFFSET_RESET = 'Offset out of range, resetting to default offset'

/** kafkajs warns of bounded retries; a producer that gave up is never used again here, so nothing is invalidated. */
export const RETRIES_WARNING = 'Limiting retries for the idempotent producer may invalidate EoS guarantees'

/** The offset that a batch was asked from; not in the declared types. */
export function fetchedOffset(batch: Batch): bigint {
  if ('fetchedOffset' in batch && typeof batch.fetchedOffset === 'string') return BigInt(batch.fetchedOffset)
  throw new LogError('failed', 'expected a batch of kafkajs 2.2.4 with its fetchedOffset; install that version')
}

interface RequestQueue {
  pending: unknown[]
  throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
}

const CHECK_PENDING_MS = 10

/** #1751: a check is only needed while requests wait; theirs goes on for ever, with a warning on Node 24 and newer. */
function calmTimers(): void {
  Object.defineProperty(prototypeOf('requestQueue', 'scheduleCheckPendingRequests'), 'scheduleCheckPendingRequests', {
    value: function (this: RequestQueue) {
      if (this.throttleCheckTimeoutId || this.pending.length === 0) return
      const throttled_ms = this.throttledUntil - Date.now()
      this.throttleCheckTimeoutId = setTimeout(
        () => {
          this.throttleCheckTimeoutId = null
          this.checkPendingRequests()
        },
        throttled_ms > 0 ? throttled_ms : CHECK_PENDING_MS,
      )
    },
  })
}

interface Connection {
  chunks: Buffer[]
  bytesBuffered: number
  bytesNeeded: number
  isConnected(): boolean
}

/** Of a response's length, which it begins with. */
const LENGTH_BYTES = 4

function forgetCutResponses(): void {
  const prototype = prototypeOf('connection', 'connect')
  const connect: unknown = Reflect.get(prototype, 'connect')
  if (typeof connect !== 'function') throw otherVersion('connection')
  Object.defineProperty(prototype, 'connect', {
    value: function (this: Connection) {
      if (!this.isConnected()) Object.assign(this, { chunks: [], bytesBuffered: 0, bytesNeeded: LENGTH_BYTES })
      return connect.call(this)
    },
  })
}

/** Of a class in kafkajs's folder `network`, which must have this method. */
function prototypeOf(name: string, method: string): object {
  const found: unknown = createRequire(import.meta.url)(`kafkajs/src/network/${name}`)
  const prototype: unknown = typeof found === 'function' ? found.prototype : undefined
  if (typeof prototype !== 'object' || prototype === null || !(method in prototype)) throw otherVersion(name)
  return prototype
}

const otherVersion = (name: string) =>
  new LogError('failed', `expected the ${name} of kafkajs 2.2.4; install that version`)

/** Batches larger than this, decompressed, are an error. Ours have 1 MiB, or one record. */
const DECOMPRESSED_LIMIT_BYTES = 256 * 1024 ** 2
/** Node's default of 16 kB crosses to a thread and back for each piece. */
const DECOMPRESSED_PIECE_BYTES = 256 * 1024

function addZstd(): void {
  const compress = promisify(zstdCompress)
  const decompress = promisify(zstdDecompress)
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) =>
      compress(buffer, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
    decompress: (buffer: Buffer) =>
      decompress(buffer, { maxOutputLength: DECOMPRESSED_LIMIT_BYTES, chunkSize: DECOMPRESSED_PIECE_BYTES }),
  })
}
