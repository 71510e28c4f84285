/** What is acknowledged and not yet on the log, and where the log ends. */
export interface FlowReader {
  /** Raw batches that are durable and not yet published. */
  unpublished(): Promise<number>
  logEnds(): Promise<{ partition: number; end: bigint }[]>
}
