/**
 * Where a reader goes on in each partition, and from where that is fetched: one record earlier until the reader has been
 * shown the record before its place and knows the log again.
 */
export class FetchPlaces {
  #starts = new Map<number, bigint>()
  #unproven = new Set<number>()

  /** What is given next in each partition, behind what is buffered. */
  get starts(): ReadonlyMap<number, bigint> {
    return this.#starts
  }

  /** @param unproven partitions whose record before the start is to be shown */
  begin(starts: ReadonlyMap<number, bigint>, unproven: Iterable<number>): void {
    this.#starts = new Map(starts)
    this.#unproven = new Set(unproven)
  }

  set(partition: number, start: bigint): void {
    this.#starts.set(partition, start)
  }

  proved(partition: number): void {
    this.#unproven.delete(partition)
  }

  /** Where fetching goes on; `undefined` for a partition that is not ours. */
  fetchFrom(partition: number): bigint | undefined {
    const start = this.#starts.get(partition)
    return start !== undefined && start > 0n && this.#unproven.has(partition) ? start - 1n : start
  }

  fetchesOf(partitions: Iterable<number>): Map<number, bigint> {
    const fetches = new Map<number, bigint>()
    for (const partition of partitions) {
      const from = this.fetchFrom(partition)
      if (from !== undefined) fetches.set(partition, from)
    }
    return fetches
  }
}
