import { fork } from 'node:child_process'
import type { EventType } from '@sluice/events'
import type { FileCompression } from './file-format.ts'
import { Problem } from './problem.ts'

/** How a CSV cell's text becomes JSON: as it stands where that is a JSON number, boolean or array, else as a string. */
export type CellKind = 'number' | 'boolean' | 'list'

/** What the reading process is asked for. */
export interface TabularRequest {
  path: string
  format: 'csv' | 'parquet'
  compression: FileCompression
  cells: Readonly<Record<string, CellKind>>
  line_limit_bytes: number
}

const PROGRAM = new URL('./read-tabular.ts', import.meta.url)
const LONGEST_MESSAGE = 1000

/**
 * The rows of a CSV or Parquet file as NDJSON bytes, read by DuckDB in a process of its own, so that no file can take
 * this one down with it. Throws a `Problem` (400) when the file cannot be read to its end.
 */
export async function* tabularRows(request: TabularRequest, limit_ms: number): AsyncGenerator<Uint8Array> {
  const child = fork(PROGRAM, [JSON.stringify(request)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
    env: {},
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), limit_ms)
  let complaint = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-LONGEST_MESSAGE)
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  try {
    if (child.stdout) yield* child.stdout
    const code = await ended
    if (code === 0) return
    const why = code === null ? `it took longer than ${limit_ms} ms, or crashed the reader` : complaint.trim()
    throw new Problem(400, 'unreadable_file', `expected a ${request.format} file that can be read to its end: ${why}`)
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
  }
}

/** How the fields of a type want their CSV cells. */
export function cellKinds(definition: EventType | undefined): Readonly<Record<string, CellKind>> {
  const kinds = Object.entries(definition?.fields ?? {}).flatMap(([name, field]): [string, CellKind][] => {
    if (field.kind === 'boolean') return [[name, 'boolean']]
    if (field.kind === 'string_list') return [[name, 'list']]
    return field.kind === 'string' || field.kind === 'instant' ? [] : [[name, 'number']]
  })
  return Object.fromEntries(kinds)
}
