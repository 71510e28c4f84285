import { type ByteReader, readRuns } from './parquet-encoding.ts'

/** Levels of a page's entries: numbers from 0 to `most`, most of them in long runs. Throws for higher ones. */
export class Levels {
  readonly #levels: Uint8Array
  /** By level: an entry that has it, and before which, from where was last looked, there is none. */
  readonly #next: Int32Array

  /** @param reader where they are encoded, absent if `most` is 0: then they take no bytes */
  constructor(reader: ByteReader | undefined, most: number, count: number) {
    this.#next = new Int32Array(most + 1).fill(-1)
    this.#levels = new Uint8Array(count)
    if (!reader) return
    const width = 32 - Math.clz32(most)
    readRuns(reader, width, this.#levels)
    for (let level = most + 1; level < 2 ** width; level++)
      if (this.#levels.includes(level)) throw new RangeError('a column has levels that its schema has not')
  }

  at(entry: number): number {
    return this.#levels[entry] ?? 0
  }

  /** Where the run of equal levels ends that an entry is in. To be asked in ascending order. */
  runEnd(entry: number): number {
    const own = this.at(entry)
    let end = this.#levels.length
    for (let level = 0; level < this.#next.length; level++) {
      if (level === own) continue
      let next = this.#next[level] ?? end
      if (next < entry) {
        // A search in native code; each entry is searched once a level.
        next = this.#levels.indexOf(level, entry)
        if (next === -1) next = this.#levels.length
        this.#next[level] = next
      }
      end = Math.min(end, next)
    }
    return end
  }

  /** How many entries have a level. */
  count(level: number): number {
    let found = 0
    for (let at = 0; at < this.#levels.length; ) {
      const end = this.runEnd(at)
      if (this.at(at) === level) found += end - at
      at = end
    }
    this.#next.fill(-1)
    return found
  }
}
