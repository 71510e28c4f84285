/** What ingest asks about the life of the event log, where that can end (see `LogLife` of server-parts). */
export interface LogLifeReader {
  /** Whether the life that this process began with is still the lake's. */
  current(): Promise<boolean>
  /**
   * The batch of a raw incarnation up to which this life was filled from the raw zone: what it says to have published
   * beyond that may have gone to the life before. `undefined`: it says the truth.
   */
  refilledTo(incarnation: string): number | undefined
}
