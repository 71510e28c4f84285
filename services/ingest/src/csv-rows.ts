import { isUtf8 } from 'node:buffer'
import type { EventType } from '@sluice/events'
import { CsvRecords, csvDelimiter, csvFields } from './csv-records.ts'
import type { FileLine } from './file-lines.ts'
import { Problem } from './problem.ts'

/** How a cell's text becomes JSON: as it stands where that is a JSON number, boolean or array, else as a string. */
type CellKind = 'number' | 'boolean' | 'list' | 'text'

export interface CsvRowsOptions {
  /** What the rows are to be; `undefined`: nobody knows the type. */
  type: EventType | undefined
  /** Largest row, and largest header. */
  limit_bytes: number
  group_bytes: number
  group_rows: number
}

interface Column {
  /** `"name":`, as JSON. */
  member: string
  kind: CellKind
}

const LINE_FEED = 0x0a
const QUOTE = 0x22
const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/

/**
 * The rows of a CSV file (RFC 4180; the header's delimiter is that of the file) as JSON objects, in groups as those of
 * `fileLines`. A row that is not as it should be is refused by itself; empty lines are counted but left out.
 * Throws a `Problem` (400) for a header that names no columns.
 */
export async function* csvRows(source: AsyncIterable<Uint8Array>, options: CsvRowsOptions): AsyncGenerator<FileLine[]> {
  const bytes = source[Symbol.asyncIterator]()
  const head = await firstLine(bytes, options.limit_bytes)
  const delimiter = csvDelimiter(head.line)
  const records = new CsvRecords(delimiter, options.limit_bytes)
  let columns: Column[] | undefined
  let number = 0
  let group: FileLine[] = []
  let grouped = 0

  for (let chunk: Buffer | undefined = head.read; chunk; chunk = await nextOf(bytes)) {
    for (const record of records.next(chunk)) {
      if (!columns) columns = columnsOf(record.bytes, delimiter, options)
      else {
        const row = rowOf(record.bytes, columns, delimiter, number++)
        if (row) group.push(row)
        grouped += record.bytes?.length ?? 0
      }
      if (grouped < options.group_bytes && group.length < options.group_rows) continue
      yield group
      group = []
      grouped = 0
    }
  }
  const last = records.end()
  if (last && !columns) columnsOf(last.open ? undefined : last.bytes, delimiter, options)
  else if (last && columns) {
    const row = last.open ? openRow(number) : rowOf(last.bytes, columns, delimiter, number)
    if (row) group.push(row)
  }
  if (group.length > 0) yield group
}

async function nextOf(bytes: AsyncIterator<Uint8Array>): Promise<Buffer | undefined> {
  const next = await bytes.next()
  return next.done ? undefined : Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length)
}

/** Reads on until the first line is there, whose quotes may hold line feeds, and gives back what was read. */
async function firstLine(
  bytes: AsyncIterator<Uint8Array>,
  limit: number,
): Promise<{ line: string; read: Buffer | undefined }> {
  let read = await nextOf(bytes)
  let end = endOfLine(read)
  while (read && end < 0 && read.length <= limit) {
    const more = await nextOf(bytes)
    if (!more) break
    read = Buffer.concat([read, more])
    end = endOfLine(read)
  }
  const line = read?.toString('utf8', 0, end < 0 ? Math.min(read.length, limit) : end) ?? ''
  const mark = read && read.length >= 3 && read[0] === 0xef && read[1] === 0xbb && read[2] === 0xbf
  return { line, read: mark ? read?.subarray(3) : read }
}

function endOfLine(bytes: Buffer | undefined): number {
  let quoted = false
  for (let at = 0; bytes && at < bytes.length; at++) {
    if (bytes[at] === QUOTE) quoted = !quoted
    if (bytes[at] === LINE_FEED && !quoted) return at
  }
  return -1
}

function columnsOf(record: Buffer | undefined, delimiter: string, { type }: CsvRowsOptions): Column[] {
  const names = record && isUtf8(record) ? csvFields(record.toString('utf8'), delimiter) : undefined
  if (!names || names.some((name) => name === null || name === '') || new Set(names).size < names.length)
    throw new Problem(
      400,
      'unreadable_file',
      `expected a CSV file whose first line names its columns, each once, came ${JSON.stringify(names ?? null).slice(0, 200)}`,
    )
  return names.map((name) => ({ member: `${JSON.stringify(name)}:`, kind: kindOf(type, name ?? '') }))
}

function kindOf(type: EventType | undefined, column: string): CellKind {
  const field = type && Object.hasOwn(type.fields, column) ? type.fields[column] : undefined
  if (field === undefined || field.kind === 'string' || field.kind === 'instant') return 'text'
  if (field.kind === 'boolean') return 'boolean'
  return field.kind === 'string_list' ? 'list' : 'number'
}

function rowOf(
  record: Buffer | undefined,
  columns: readonly Column[],
  delimiter: string,
  number: number,
): FileLine | undefined {
  if (!record) return { number, fault: 'event_too_large' }
  if (!isUtf8(record)) return { number, fault: 'invalid_utf8' }
  const text = record.toString('utf8')
  if (text === '' || text === '\r') return undefined
  const fields = csvFields(text, delimiter)
  if (!fields)
    return { number, fault: 'invalid_csv', detail: 'expected a delimiter or the end of the row behind a closing quote' }
  if (fields.length !== columns.length)
    return { number, fault: 'wrong_columns', detail: `expected ${columns.length} columns, came ${fields.length}` }
  const members = columns.map(({ member, kind }, i) => member + cellText(fields[i] ?? null, kind))
  return { number, text: `{${members.join(',')}}` }
}

const openRow = (number: number): FileLine => ({
  number,
  fault: 'invalid_csv',
  detail: 'expected a closing quote, came the end of the file: the row takes all that follows its opening quote',
})

function cellText(field: string | null, kind: CellKind): string {
  if (field === null) return 'null'
  if (kind === 'number' && NUMBER.test(field)) return field
  if (kind === 'boolean' && (field === 'true' || field === 'false')) return field
  if (kind === 'list' && isArray(field)) return field.replaceAll(/[\r\n]/g, ' ')
  return JSON.stringify(field)
}

function isArray(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text))
  } catch {
    return false
  }
}
