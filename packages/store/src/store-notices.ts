/**
 * When to tell how far a store has come: where it got further, and where somebody hears of a version that it has already
 * (who sent a known event again waits for no new version).
 */
export class StoreNotices {
  readonly #tell: (table: string, version: number) => void
  /** Versions that the store is known to stand at, and that were told. */
  readonly #told = new Map<string, number>()
  /** Versions of tables that were noticed, beyond what was told. */
  readonly #asked = new Map<string, number>()

  constructor(tell: (table: string, version: number) => void) {
    this.#tell = tell
  }

  /** The transformer's notice told a table's version. */
  noticed(table: string, version: number): void {
    const told = this.#told.get(table)
    if (told !== undefined && told >= version) this.#tell(table, told)
    else this.#asked.set(table, version)
  }

  /** The store stands at a version: it has just got there, or was looked at. */
  stands(table: string, version: number): void {
    const asked = this.#asked.get(table)
    const is_asked = asked !== undefined && asked <= version
    if (!is_asked && version <= (this.#told.get(table) ?? -1)) return
    if (is_asked) this.#asked.delete(table)
    this.#told.set(table, version)
    this.#tell(table, version)
  }

  /** The table is loaded anew. */
  forgets(table: string): void {
    this.#told.delete(table)
  }
}
