import type { LogRecord } from '@sluice/event-log'
import type { RawBatch } from '@sluice/raw-zone'
import { logRecordsReadBack } from './log-records.ts'
import type { Routing } from './routing.ts'

/** Raw batches that go to the log in one send. */
export interface BatchGroup {
  records: LogRecord[]
  bytes: number
  batches: number
  /** Number of the last batch. */
  last: number
}

/** Raw bytes of one send. */
const SEND_BYTES = 4 * 1024 ** 2

/**
 * Batches that are read back, as sends of about the same size: one send a batch would wait for the log each time. Before an
 * error of reading comes what was read.
 */
export async function* batchGroups(read: AsyncIterable<RawBatch>, routing: Routing): AsyncGenerator<BatchGroup> {
  let group = noBatches()
  try {
    for await (const { number, bytes } of read) {
      for (const record of logRecordsReadBack(bytes, routing)) group.records.push(record)
      group.bytes += bytes.length
      group.batches++
      group.last = number
      if (group.bytes < SEND_BYTES) continue
      yield group
      group = noBatches()
    }
  } catch (error) {
    if (group.batches > 0) yield group
    throw error
  }
  if (group.batches > 0) yield group
}

const noBatches = (): BatchGroup => ({ records: [], bytes: 0, batches: 0, last: 0 })
