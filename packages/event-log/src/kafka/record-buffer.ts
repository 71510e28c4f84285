import type { PolledRecord } from '../event-log.ts'

/** Fetched records that wait to be polled, in order of arrival. Counts their bytes; its owner keeps the limit. */
export class RecordBuffer {
  #records: PolledRecord[] = []
  #head = 0
  #bytes = 0

  get count(): number {
    return this.#records.length - this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  push(records: readonly PolledRecord[]): void {
    for (const record of records) {
      this.#records.push(record)
      this.#bytes += record.value.length
    }
  }

  /** The oldest records within both limits; at least one if there is any. */
  take(max_records: number, max_bytes: number): PolledRecord[] {
    let bytes = 0
    let end = this.#head
    for (; end < this.#records.length && end - this.#head < max_records; end++) {
      const size = this.#records[end]?.value.length ?? 0
      if (end > this.#head && bytes + size > max_bytes) break
      bytes += size
    }
    const taken = this.#records.slice(this.#head, end)
    this.#bytes -= bytes
    this.#head = end
    this.#compact()
    return taken
  }

  /** Forgets the records of these partitions. */
  drop(partitions: ReadonlySet<number>): void {
    this.#records = this.#records.slice(this.#head).filter(({ partition }) => !partitions.has(partition))
    this.#head = 0
    this.#bytes = this.#records.reduce((sum, { value }) => sum + value.length, 0)
  }

  clear(): void {
    this.#records = []
    this.#head = 0
    this.#bytes = 0
  }

  /** What was taken is cut off when it is the larger part, so that taking costs the same however much waits. */
  #compact(): void {
    if (this.#head < this.#records.length / 2) return
    this.#records = this.#records.slice(this.#head)
    this.#head = 0
  }
}
