import { createReadStream } from 'node:fs'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { csvRows } from './csv-rows.ts'
import type { CheckEvent } from './event-acceptance.ts'
import { eventBatch } from './event-batch.ts'
import { fileRowEventId } from './event-id.ts'
import { type FileCompression, type FileFormat, fileFormat } from './file-format.ts'
import { type FileLine, fileLines } from './file-lines.ts'
import type { DurablePlace, RequestLines } from './group-commit.ts'
import { type JsonSpan, span } from './json-span.ts'
import type { IngestLimits } from './limits.ts'
import { parquetRows } from './parquet-rows.ts'
import { Problem } from './problem.ts'
import type { EventTypes } from './routing.ts'

export interface FileRowsParts {
  check: CheckEvent
  commit: (lines: RequestLines) => Promise<DurablePlace>
  eventTypes: EventTypes
  limits: IngestLimits
}

/** What became of a file's rows. */
export interface LoadedRows {
  rows: number
  accepted: number
  rejected: number
  /** The first refused rows, with their row numbers from 0. */
  errors: { row: number; code: string; message: string }[]
}

/** A file that is in the object store, and what its rows are to be. */
export interface RowFile {
  /** Where its bytes can be read on this machine. */
  local: string
  path: string
  sha256: string
  content_type: string | undefined
  type: string
  received_at: string
}

const GROUP_BYTES = 1024 * 1024
const GROUP_ROWS = 5_000
const ERRORS_SHOWN = 100

/**
 * Makes the rows of a file events of one type. They go the way of all events, a group of rows at a time; a row without
 * an event_id gets one from the file's hash and its number, so that the same file loaded again makes repeats.
 * Throws a `Problem`: 400 for a file that cannot be read to its end, 415, 503.
 */
export async function loadRows(parts: FileRowsParts, file: RowFile): Promise<LoadedRows> {
  const { format, compression } = await fileFormat(file.local, file.path, file.content_type)
  const loaded: LoadedRows = { rows: 0, accepted: 0, rejected: 0, errors: [] }
  try {
    for await (const lines of rowGroups(parts, file, format, compression)) await loadGroup(parts, file, lines, loaded)
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 400) throw error
    const before = `${loaded.accepted} rows before that were accepted, and will be repeats when the file is sent again`
    throw new Problem(400, error.code, `${error.message} (${before})`, { cause: error })
  }
  loaded.rows = loaded.accepted + loaded.rejected
  return loaded
}

async function loadGroup(parts: FileRowsParts, file: RowFile, lines: FileLine[], loaded: LoadedRows): Promise<void> {
  const rows: number[] = []
  const spans: JsonSpan[] = []
  for (const line of lines) {
    if ('fault' in line) refuse(loaded, line.number, line.fault, line.detail ?? 'the row was passed over')
    else {
      rows.push(line.number)
      spans.push(span(line.text))
    }
  }
  const { received_at, type, path, sha256 } = file
  const newEventId = (index: number) => fileRowEventId(sha256, rows[index] ?? 0)
  const source = `file:${path}`
  const batch = eventBatch(spans, { form: 'event', received_at, source, wait: 0, type, newEventId }, parts.check)
  for (const [index, acceptance] of batch.acceptances.entries())
    if (acceptance.kind === 'rejected') refuse(loaded, rows[index] ?? 0, acceptance.code, acceptance.detail)
  if (batch.event_ids.length > 0) await parts.commit(batch.lines)
  loaded.accepted += batch.event_ids.length
}

function refuse(loaded: LoadedRows, row: number, code: string, message: string): void {
  loaded.rejected++
  if (loaded.errors.length < ERRORS_SHOWN) loaded.errors.push({ row, code, message })
}

function rowGroups(
  { eventTypes, limits }: FileRowsParts,
  { local, type }: RowFile,
  format: FileFormat,
  compression: FileCompression,
): AsyncIterable<FileLine[]> {
  const limit_bytes = limits.event_limit_bytes
  if (format === 'csv')
    return csvRows(expandedFile(local, compression), {
      type: eventTypes.get(type),
      limit_bytes,
      group_bytes: GROUP_BYTES,
      group_rows: GROUP_ROWS,
    })
  const bytes = format === 'ndjson' ? expandedFile(local, compression) : parquetRows(local, limits.file_load_limit_ms)
  return fileLines(bytes, limit_bytes, GROUP_BYTES, GROUP_ROWS)
}

async function* expandedFile(path: string, compression: FileCompression): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path)
  if (compression === 'none') return yield* file
  const expander = compression === 'gzip' ? createGunzip() : createZstdDecompress()
  file.once('error', (error) => expander.destroy(error))
  try {
    yield* file.pipe(expander)
    // zstd's stops at what is none of its frames, and says nothing: whatever follows would be lost.
    if (compression === 'zstd' && expander.bytesWritten < file.bytesRead) throw new Error('more follows')
  } catch (error) {
    throw new Problem(
      400,
      'unreadable_file',
      `expected a whole ${compression} file, came one that is damaged or cut off`,
      {
        cause: error,
      },
    )
  } finally {
    file.destroy()
  }
}
