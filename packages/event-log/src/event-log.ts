/** One record to publish. */
export interface LogRecord {
  partition: number
  /** Kafka's key; decides nothing here, the partition is given. */
  key?: string
  value: Uint8Array
}

export interface PolledRecord {
  partition: number
  offset: bigint
  /** Empty where another program wrote to the topic: there is nothing to read, only an offset that was passed. */
  value: Uint8Array
}

/** What `poll` returned: records of all owned partitions, in offset order within each partition. */
export interface PolledBatch {
  /** Changes at every rebalance. Work begun under an older generation may be another member's by now. */
  generation: number
  records: PolledRecord[]
}

export interface PartitionOffsets {
  partition: number
  /** Offset of the oldest record still kept. */
  earliest: bigint
  /** Offset that the next record will get. */
  end: bigint
}

/**
 * A partitioned, durable, ordered log: segment files in this process, or Kafka.
 *
 * Contract (each line is a test of the contract suite):
 * - `send` resolves when the records are durable (fsync, or acks=all) and then never loses or reorders them within a
 *   partition; a failed `send` may still have written some (a consumer must bear repeats). Sends of one producer to one
 *   partition keep their order.
 * - Records of a partition have strictly increasing offsets. A torn record at the end, left by a crash, is cut off.
 * - Within a consumer group a partition belongs to one live member at a time; when members come, go or die the
 *   partitions are spread anew and `generation` changes for all.
 * - A consumer starts each partition where its `startFrom` says, never anywhere else on its own. An offset outside
 *   [earliest, end] is a `LogError` with code `offset_out_of_range`, never a silent reset.
 */
export interface EventLog {
  /** Creates the topic if it is missing; adds partitions if it has fewer; never removes any. */
  ensureTopic(topic: string, options: TopicOptions): Promise<void>
  offsets(topic: string): Promise<PartitionOffsets[]>
  /**
   * Another text once the topic was deleted, lost or made anew, though its name is the same: offsets that were kept
   * under the old one mean nothing under the new one. Whoever keeps offsets keeps this with them.
   */
  identity(topic: string): Promise<string>
  producer(): Promise<LogProducer>
  consumer(options: ConsumerOptions): Promise<LogConsumer>
  /** Deletes records below these offsets where the implementation can; they are no longer needed by any reader. */
  truncate(
    topic: string,
    before: readonly { partition: number; offset: bigint }[],
    options?: TruncateOptions,
  ): Promise<void>
  close(): Promise<void>
}

export interface TopicOptions {
  partitions: number
  /** Records older than this may be removed by the log itself. Left out: kept until `truncate`. */
  retention_ms?: number
}

export interface TruncateOptions {
  /** Records younger than this stay, by the brokers' clocks. Of Kafka; the embedded log does not know how old they are. */
  keep_ms?: number
}

export interface LogProducer {
  send(topic: string, records: readonly LogRecord[]): Promise<void>
  close(): Promise<void>
}

export interface ConsumerOptions {
  topic: string
  /** Members of one group share the partitions. Left out: this consumer reads all partitions by itself. */
  group?: string
  /**
   * Asked at every assignment: the offset to start each assigned partition from. Progress lives with the reader (in the
   * ledger, in a store), not in the log.
   */
  startFrom: (partitions: readonly PartitionOffsets[]) => Promise<ReadonlyMap<number, bigint>>
  /**
   * Asked at each assignment about the record right before a start, if the log has it still, and before anything behind
   * it is given: whether it may be the last one that was read. `false`: the log lost its end and was written on since, the
   * error `replaced`. Of Kafka; an embedded log is looked at before anybody reads it.
   */
  continues?: (before: PolledRecord) => boolean
  /** Called after partitions were taken away, before another member gets them where the protocol allows it. */
  onRevoked?: (partitions: readonly number[]) => Promise<void>
}

export interface PollLimits {
  max_records: number
  max_bytes: number
  /** Wait at most this long for the first record; an empty batch after that. */
  max_wait_ms: number
  /** After the first record, linger up to this long to gather more. Default 0: return what is there at once. */
  linger_ms?: number
}

/** Reads the partitions it owns. Fetching stops by itself when nothing polls (back-pressure). Not for concurrent use. */
export interface LogConsumer {
  poll(limits: PollLimits): Promise<PolledBatch>
  /** Partitions owned now, with the offset that the next poll starts from. */
  positions(): ReadonlyMap<number, bigint>
  /** Goes back or forward in partitions still owned; others are ignored. */
  seek(positions: ReadonlyMap<number, bigint>): void
  close(): Promise<void>
}

export type LogErrorCode =
  | 'unreachable'
  | 'unknown_topic'
  | 'offset_out_of_range'
  | 'replaced'
  | 'unauthorized'
  | 'record_too_large'
  | 'no_space'
  | 'closed'
  | 'failed'

/**
 * What should not happen in a log. `retryable` says whether the same call may succeed later. `replaced`: the topic was
 * deleted, or made anew, so that offsets known of it mean nothing.
 */
export class LogError extends Error {
  readonly code: LogErrorCode
  readonly retryable: boolean
  constructor(code: LogErrorCode, message: string, options?: { cause?: unknown; retryable?: boolean }) {
    super(message, { cause: options?.cause })
    this.name = 'LogError'
    this.code = code
    this.retryable = options?.retryable ?? false
  }
}
