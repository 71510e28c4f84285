/**
 * What typing a micro-batch costs: `node bench/typing.ts [threads] [lines…]`; default 2 threads; 100, 1,000, 10,000 and
 * 50,000 lines. Lines of about 470 bytes (300 of them the event) of five types, half of them views, one in fifty with an
 * unknown field; the same as a client writes them that puts spaces between tokens; and with one in ten lines bad.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { loadEventTypes, rawLine, rawLineTail } from '@sluice/events'
import { dropTyped, type TypingOptions, typeBatch } from '@sluice/lake'
import { eventOf } from './made-up-events.ts'

const RUNS = 7
const [threads = '2', ...sizes] = process.argv.slice(2)

const folder = await mkdtemp(join(tmpdir(), 'bench-typing-'))
const types = await loadEventTypes()
const instance = await DuckDBInstance.create(':memory:', { threads })
const connection = await instance.connect()
for (const lines of sizes.length > 0 ? sizes.map(Number) : [100, 1_000, 10_000, 50_000]) {
  await measure(lines, 'compact', (event) => JSON.stringify(event))
  await measure(lines, 'spaces between tokens', (event) => JSON.stringify(event, null, 1).replaceAll('\n', ''))
  await measure(lines, 'one in ten bad', (event, at) =>
    JSON.stringify(at % 10 === 0 ? { ...event, user_id: { no: 'text' } } : event),
  )
  await measure(lines, 'compact, in JavaScript', (event) => JSON.stringify(event), {
    sql_from_rows: Number.POSITIVE_INFINITY,
  })
  await measure(lines, 'compact, by SQL', (event) => JSON.stringify(event), { sql_from_rows: 0 })
}
connection.closeSync()
instance.closeSync()
await rm(folder, { recursive: true })

async function measure(
  lines: number,
  what: string,
  textOf: (event: Record<string, unknown>, at: number) => string,
  options?: TypingOptions,
): Promise<void> {
  const path = join(folder, 'batch.ndjson')
  await writeFile(path, Array.from({ length: lines }, (_, at) => lineOf(at, textOf)).join(''))
  const times: number[] = []
  for (let run = 0; run < RUNS + Math.round(10_000 / lines); run++) {
    const start = performance.now()
    const batch = await typeBatch(connection, { path }, types, options)
    times.push(performance.now() - start)
    await dropTyped(connection, batch)
  }
  times.sort((a, b) => a - b)
  const median_ms = times[times.length >> 1] ?? 0
  const rate = Math.round((lines / median_ms) * 1000).toLocaleString('en')
  console.log(`${String(lines).padStart(7)} lines, ${what}: ${median_ms.toFixed(1)} ms, ${rate} lines/s`)
}

function lineOf(at: number, textOf: (event: Record<string, unknown>, at: number) => string): string {
  const event = eventOf(at)
  const event_id = `01998877-6655-7${String(at % 1000).padStart(3, '0')}-8000-${String(at).padStart(12, '0')}`
  const received_at = '2026-01-02T03:04:05.678Z'
  const envelope = { event_id, received_at, source: 'anonymous', type: event.type, form: 'event', wait: 0 } as const
  const line = rawLine('01JABCDEFG-17', at, rawLineTail(envelope, textOf({ event_id, ...event }, at)))
  return `{"p":${at % 8},"o":${at},${line.slice(1)}`
}
