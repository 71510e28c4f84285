import type { Row, RowChange } from '@sluice/store'
import type { LayoutColumn, TableLayout } from './table-layout.ts'

/** A row's values in COPY's text format; `StoreError`s aside, PostgreSQL's own limit of a value is 1 GB. */
const ROW_LIMIT_BYTES = 64 * 1024 ** 2
/** Of all values of an index entry: PostgreSQL's limit is 2,704 bytes, its headers included (btree: a third of a page). */
const INDEX_ENTRY_LIMIT_BYTES = 2_600
/** No character has more bytes of UTF-8 for each UTF-16 unit. */
const MOST_BYTES_A_UNIT = 3

const SPECIAL = /[\0\t\n\r\\\ud800-\udfff]/
const ESCAPED = /[\t\n\r\\]/g
const ESCAPES: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\' }

export type CopyLine = { line: string } | { refused: string }

/** Writes rows of one table as lines of COPY's text format (https://www.postgresql.org/docs/18/sql-copy.html, "Text Format"). */
export class CopyLines {
  readonly #columns: readonly LayoutColumn[]
  readonly #identity: string
  readonly #indexed: readonly (readonly string[])[]

  constructor({ columns, identity, indexes }: TableLayout) {
    const texts = new Set(columns.filter(({ type }) => type === 'text').map(({ name }) => name))
    this.#columns = columns
    this.#identity = identity
    this.#indexed = indexes.map((names) => names.filter((name) => texts.has(name)))
  }

  /** The row and its version as a line, or why PostgreSQL could not hold it. */
  of({ identity, row, version }: RowChange): CopyLine {
    let line = ''
    for (const { name, type } of this.#columns) {
      const value = name === this.#identity ? identity : Object.hasOwn(row, name) ? row[name] : null
      if (value === null || value === undefined) line += '\\N\t'
      else {
        const text = type === 'text[]' ? arrayLiteral(value) : Object.is(value, -0) ? '-0' : String(value)
        if (!SPECIAL.test(text)) line += `${text}\t`
        else if (text.includes('\0'))
          return { refused: `column ${name} has the character U+0000, which PostgreSQL's text cannot hold` }
        else if (!text.isWellFormed())
          return { refused: `column ${name} has half of a surrogate pair, which is no character` }
        else line += `${text.replace(ESCAPED, (character) => ESCAPES[character] ?? character)}\t`
      }
    }
    line += `${version}\n`
    return this.#tooLong(identity, row, line) ?? { line }
  }

  #tooLong(identity: string, row: Row, line: string): CopyLine | undefined {
    if (line.length * MOST_BYTES_A_UNIT > ROW_LIMIT_BYTES && Buffer.byteLength(line) > ROW_LIMIT_BYTES)
      return { refused: `a row has at most ${ROW_LIMIT_BYTES} bytes, this one has ${Buffer.byteLength(line)}` }
    if (line.length * MOST_BYTES_A_UNIT <= INDEX_ENTRY_LIMIT_BYTES) return undefined
    const entries = [[this.#identity], ...this.#indexed]
    for (const names of entries) {
      const values = names.map((name) => (name === this.#identity ? identity : (row[name] ?? '')))
      const bytes = values.reduce<number>((sum, value) => sum + Buffer.byteLength(String(value)), 0)
      if (bytes > INDEX_ENTRY_LIMIT_BYTES)
        return {
          refused: `an index entry has at most ${INDEX_ENTRY_LIMIT_BYTES} bytes, (${names.join(', ')}) has ${bytes}`,
        }
    }
    return undefined
  }
}

/** https://www.postgresql.org/docs/18/arrays.html, "Array Input and Output Syntax" */
function arrayLiteral(value: NonNullable<Row[string]>): string {
  const items: readonly (string | null)[] = Array.isArray(value) ? value : [String(value)]
  return `{${items.map((item) => (item === null ? 'NULL' : `"${item.replace(/["\\]/g, '\\$&')}"`)).join(',')}}`
}
