/**
 * A table's long life in some minutes: a simulated day of a commit a second with maintenance, and a keyed table of ten
 * million rows under updates. `node bench/long-life/run.ts [hours] [keyed rows] [keyed seconds]`; default 24, 10,000,000 and
 * 120, whose results go to `results.md`. Works in `BENCH_FOLDER`, default: the system's folder for temporary files.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Keyed, NewestHour, Streamed, Versions } from './measured.ts'
import { report } from './report.ts'

const [hours = 24, rows = 10_000_000, keyed_seconds = 120] = process.argv.slice(2).map(Number)
const ROUNDS = 3
const run = promisify(execFile)
const folder = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'bench-long-life-'))
try {
  const seconds = String(hours * 3_600)
  const streamed = await measure<Streamed>('stream.ts', 'day', seconds)
  const newest: NewestHour[] = []
  for (let round = 0; round < ROUNDS; round++) newest.push(await measure<NewestHour>('newest-hour.ts', 'day', seconds))
  const hour = newest.toSorted((a, b) => a.open_ms + a.read_ms - b.open_ms - b.read_ms)[0]
  if (!hour) throw new Error('the newest hour was not read')
  const versions = await measure<Versions>('versions.ts', 'day', seconds)
  await rm(join(folder, 'day'), { recursive: true })
  const keyed: Record<'recent' | 'uniform', Keyed> = {
    recent: await measure<Keyed>('keyed.ts', 'keyed', String(rows), 'recent', String(keyed_seconds)),
    uniform: await measure<Keyed>('keyed.ts', 'keyed', String(rows), 'uniform', String(keyed_seconds)),
  }
  const text = report({
    place: process.env['BENCH_FOLDER'] ?? 'the folder for temporary files',
    hours,
    streamed,
    hour,
    versions,
    keyed,
  })
  console.log(text)
  if (process.argv.length === 2) await writeFile(join(import.meta.dirname, 'results.md'), text)
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function measure<T>(program: string, place: string, ...options: string[]): Promise<T> {
  const began = performance.now()
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, program), join(folder, place), ...options])
  console.error(`${program} ${options.join(' ')}: ${Math.round((performance.now() - began) / 1_000)} s`)
  return JSON.parse(stdout) as T
}
