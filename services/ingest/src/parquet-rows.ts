import { fork } from 'node:child_process'
import { Problem } from './problem.ts'

const PROGRAM = new URL('./read-parquet.ts', import.meta.url)
const LONGEST_MESSAGE = 1000

/**
 * The rows of a Parquet file as NDJSON bytes, read by DuckDB in a process of its own, so that no file can take
 * this one down with it. Throws a `Problem` (400) when the file cannot be read to its end.
 */
export async function* parquetRows(path: string, limit_ms: number): AsyncGenerator<Uint8Array> {
  const child = fork(PROGRAM, [path], {
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
    throw new Problem(400, 'unreadable_file', `expected a Parquet file that can be read to its end: ${why}`)
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
  }
}
