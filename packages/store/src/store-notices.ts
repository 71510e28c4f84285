/**
 * When to tell how far a store has come: where it advances, and where somebody hears of a version that it has already
 * (who sent a known event again waits for no new version).
 */
export class StoreNotices {
  readonly #tell: (table: string, version: number) => void
  /** Versions that the store is known to stand at. */
  readonly #standing = new Map<string, number>()
  /** Tables that were noticed at a version beyond. */
  readonly #asked = new Map<string, number>()

  constructor(tell: (table: string, version: number) => void) {
    this.#tell = tell
  }

  /** The transformer's notice told a table's version. */
  noticed(table: string, version: number): void {
    const standing = this.#standing.get(table)
    if (standing !== undefined && standing >= version) this.#tell(table, standing)
    else this.#asked.set(table, version)
  }

  advanced(table: string, version: number): void {
    this.#standing.set(table, version)
    this.#asked.delete(table)
    this.#tell(table, version)
  }

  /** The store was there already. */
  stands(table: string, version: number): void {
    this.#standing.set(table, version)
    if ((this.#asked.get(table) ?? Number.POSITIVE_INFINITY) > version) return
    this.#asked.delete(table)
    this.#tell(table, version)
  }

  /** The table is loaded anew. */
  forgets(table: string): void {
    this.#standing.delete(table)
  }
}
