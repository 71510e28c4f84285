import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'

const LINE_FEED = 10

/** An NDJSON file in memory, by lines; empty ones are not counted, as DuckDB does not. */
export class LineFile {
  readonly #bytes: Buffer
  readonly #lines: { start: number; end: number }[] = []

  static async read(path: string): Promise<LineFile> {
    return new LineFile(await readFile(path))
  }

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    for (let start = 0; start < bytes.length; ) {
      const feed = bytes.indexOf(LINE_FEED, start)
      const end = feed === -1 ? bytes.length : feed
      if (end > start) this.#lines.push({ start, end })
      start = end + 1
    }
  }

  get lines(): number {
    return this.#lines.length
  }

  /** A line's text, and whether it is what the bytes say: what is not UTF-8 comes as U+FFFD. */
  line(place: number): { text: string; readable: boolean } {
    const line = this.#lines[place]
    const bytes = this.#bytes.subarray(line?.start, line?.end ?? 0)
    return { text: bytes.toString('utf8'), readable: isUtf8(bytes) }
  }
}
