/** One record of a CSV file. `bytes` are missing where it is longer than the limit; `open`: the file ended inside quotes. */
export interface CsvRecord {
  bytes: Buffer | undefined
  open: boolean
}

const QUOTE = 0x22
const LINE_FEED = 0x0a

/** Where in a record a byte stands. A quote means something at the start of a field, and in one that began with a quote. */
type Place = 'start' | 'plain' | 'quoted' | 'after_quote'

/**
 * Cuts a CSV text (RFC 4180) into records, whose quoted fields may hold line feeds. A record beyond `limit_bytes` is
 * passed over without being held.
 */
export class CsvRecords {
  readonly #delimiter: number
  readonly #limit_bytes: number
  #place: Place = 'start'
  #parts: Buffer[] = []
  #length = 0

  constructor(delimiter: string, limit_bytes: number) {
    this.#delimiter = delimiter.charCodeAt(0)
    this.#limit_bytes = limit_bytes
  }

  /** The records that end in the next bytes. */
  *next(bytes: Buffer): Generator<CsvRecord> {
    let start = 0
    for (let at = 0; at < bytes.length; ) {
      if (this.#place === 'quoted') {
        const quote = bytes.indexOf(QUOTE, at)
        at = quote < 0 ? bytes.length : quote + 1
        if (quote >= 0) this.#place = 'after_quote'
        continue
      }
      const byte = bytes[at++]
      if (byte === LINE_FEED) {
        this.#extend(bytes.subarray(start, at - 1))
        start = at
        yield this.#taken(false)
      } else if (byte === this.#delimiter) this.#place = 'start'
      else if (byte === QUOTE && this.#place !== 'plain') this.#place = 'quoted'
      else this.#place = 'plain'
    }
    this.#extend(bytes.subarray(start))
  }

  /** What is left when the file ends; `undefined` if it ended with a line feed. */
  end(): CsvRecord | undefined {
    return this.#length === 0 ? undefined : this.#taken(this.#place === 'quoted')
  }

  #extend(bytes: Buffer): void {
    this.#length += bytes.length
    if (this.#length <= this.#limit_bytes) this.#parts.push(bytes)
    else this.#parts = []
  }

  #taken(open: boolean): CsvRecord {
    const bytes = this.#length <= this.#limit_bytes ? Buffer.concat(this.#parts) : undefined
    this.#parts = []
    this.#length = 0
    this.#place = 'start'
    return { bytes, open }
  }
}

/**
 * The fields of a record; null for one that is empty without quotes. `undefined` if something stands behind a closing
 * quote.
 */
export function csvFields(record: string, delimiter: string): (string | null)[] | undefined {
  const text = record.endsWith('\r') ? record.slice(0, -1) : record
  const fields: (string | null)[] = []
  for (let at = 0; ; ) {
    if (text[at] === '"') {
      const end = closingQuote(text, at)
      if (end < 0) return undefined
      fields.push(text.slice(at + 1, end).replaceAll('""', '"'))
      at = end + 1
      if (at < text.length && text[at] !== delimiter) return undefined
    } else {
      const found = text.indexOf(delimiter, at)
      const end = found < 0 ? text.length : found
      fields.push(end > at ? text.slice(at, end) : null)
      at = end
    }
    if (at >= text.length) return fields
    at++
  }
}

/** The quote that ends the field whose first quote is at `opening`; -1 if there is none. */
function closingQuote(text: string, opening: number): number {
  let at = text.indexOf('"', opening + 1)
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2)
  return at
}

/** Tried in this order: the one that stands most often outside of quotes in the header separates the fields. */
const DELIMITERS = [',', ';', '\t', '|'] as const

export function csvDelimiter(header: string): string {
  const bare = header.replaceAll(/"[^"]*"/g, '')
  const counts = DELIMITERS.map((delimiter) => bare.split(delimiter).length)
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ','
}
