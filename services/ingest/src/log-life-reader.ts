/** What ingest asks about the life of the event log, where that can end (see `LogLife` of server-parts). */
export interface LogLifeReader {
  /** Whether the life that this process began with is still the lake's. */
  current(): Promise<boolean>
  /** Whether it is still to be filled from the raw zone, with all that is there. */
  readonly to_refill: boolean
  /** The batch of a raw incarnation up to which it was filled. */
  refilledTo(incarnation: string): number
}
