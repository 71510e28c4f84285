import type { EventLog } from '@sluice/event-log'
import type { Ledger } from '@sluice/lake'

export interface LogTruncationParts {
  log: Pick<EventLog, 'offsets' | 'truncate'>
  topic: string
  ledger: Pick<Ledger, 'nextOffset'>
  now: () => number
}

export interface KeptRecords {
  /** Decided records stay for so long. */
  keep_ms: number
  /** How often to look for older ones. */
  every_ms: number
  /** Whether the last decided one of each partition stays, by which a reader knows the log again (`ConsumerOptions.continues`). */
  keeps_last: boolean
}

/**
 * Deletes records that the ledger has decided: raw keeps them for ever, and the log for nobody. Any number of
 * transformers may do so at once: each knows of decisions that were made, and of no others.
 */
export function logTruncation(
  { log, topic, ledger, now }: LogTruncationParts,
  { keep_ms, every_ms, keeps_last }: KeptRecords,
): () => Promise<void> {
  let looked_ms = Number.NEGATIVE_INFINITY
  return async () => {
    if (now() - looked_ms < every_ms) return
    looked_ms = now()
    const decided = (await log.offsets(topic)).flatMap(({ partition }) => {
      const offset = ledger.nextOffset(partition) - (keeps_last ? 1n : 0n)
      return offset > 0n ? [{ partition, offset }] : []
    })
    await log.truncate(topic, decided, { keep_ms })
  }
}
