import { createReadStream } from 'node:fs'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import type { CheckEvent, RequestEnvelope } from './event-acceptance.ts'
import { eventBatch } from './event-batch.ts'
import { fileRowEventId } from './event-id.ts'
import { type FileCompression, type FileFormat, fileFormat } from './file-format.ts'
import { fileLines } from './file-lines.ts'
import type { DurablePlace, RequestLines } from './group-commit.ts'
import { span } from './json-span.ts'
import type { IngestLimits } from './limits.ts'
import { Problem } from './problem.ts'
import type { EventTypes } from './routing.ts'
import { cellKinds, tabularRows } from './tabular-rows.ts'
import type { Upload } from './upload.ts'

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

const GROUP_BYTES = 1024 * 1024
const ERRORS_SHOWN = 100

/**
 * Makes the rows of a file events of one type. They go the way of all events, a group of rows at a time; a row without
 * an event_id gets one from the file's hash and its number, so that the same file loaded again makes repeats.
 * Throws a `Problem`: 400 for a file that cannot be read to its end, 415, 503.
 */
export async function loadRows(
  parts: FileRowsParts,
  file: { upload: Upload; path: string; content_type: string | undefined; type: string; received_at: string },
): Promise<LoadedRows> {
  const { upload, path, type, received_at } = file
  const { format, compression } = await fileFormat(upload.path, path, file.content_type)
  const loaded: LoadedRows = { rows: 0, accepted: 0, rejected: 0, errors: [] }
  const bytes = rowBytes(parts, upload.path, format, compression, type)
  for await (const lines of fileLines(bytes, parts.limits.event_limit_bytes, GROUP_BYTES)) {
    const numbers: number[] = []
    const spans = lines.flatMap((line) => {
      if ('fault' in line) {
        refuse(loaded, line.number, line.fault, 'the row was passed over')
        return []
      }
      numbers.push(line.number)
      return [span(line.text.trimStart())]
    })
    const envelope: RequestEnvelope = {
      form: 'event',
      received_at,
      source: `file:${path}`,
      wait: 0,
      type,
      newEventId: (index) => fileRowEventId(upload.sha256, numbers[index] ?? 0),
    }
    const batch = eventBatch(spans, envelope, parts.check)
    batch.acceptances.forEach((acceptance, index) => {
      if (acceptance.kind === 'rejected') refuse(loaded, numbers[index] ?? 0, acceptance.code, acceptance.detail)
    })
    if (batch.event_ids.length > 0) await parts.commit(batch.lines)
    loaded.accepted += batch.event_ids.length
  }
  loaded.rows = loaded.accepted + loaded.rejected
  return loaded
}

function refuse(loaded: LoadedRows, row: number, code: string, message: string): void {
  loaded.rejected++
  if (loaded.errors.length < ERRORS_SHOWN) loaded.errors.push({ row, code, message })
}

function rowBytes(
  { eventTypes, limits }: FileRowsParts,
  path: string,
  format: FileFormat,
  compression: FileCompression,
  type: string,
): AsyncIterable<Uint8Array> {
  if (format === 'ndjson') return expandedFile(path, compression)
  const cells = cellKinds(eventTypes.get(type))
  return tabularRows(
    { path, format, compression, cells, line_limit_bytes: limits.event_limit_bytes },
    limits.file_load_limit_ms,
  )
}

async function* expandedFile(path: string, compression: FileCompression): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path)
  if (compression === 'none') return yield* file
  const expander = compression === 'gzip' ? createGunzip() : createZstdDecompress()
  file.once('error', (error) => expander.destroy(error))
  try {
    yield* file.pipe(expander)
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
