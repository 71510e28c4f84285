/** What a drain prints as JSON. */
export interface Drained {
  /** From the start of the consumer, or of the query, to the last row in a table. */
  seconds: number
  /** Events a second in the second half. */
  warm_per_second: number
  /** Peak of resident memory of the process. */
  peak_mb: number
  cpu_seconds: number
}
