import type { Acknowledged, SendBatch } from './send-queue.ts'

/**
 * One connection that produces idempotently with acks of all, one batch at a time. After an error it is never used
 * again: nobody knows what of the batch was written, and under which sequence numbers.
 */
export interface ProducerClient {
  /** @returns the partitions whose records were acknowledged; some may be left out */
  produce(records: SendBatch['records']): Promise<readonly Acknowledged[]>
  close(): Promise<void>
}
