/**
 * Our Delta tables against delta-rs (PyPI `deltalake`), one after the other on the same machine in one run, each
 * measurement in a process of its own, the better of three. `node bench/delta/run.ts [part…]`; the results of a whole run
 * go to `bench/delta/results.md`. The engines are installed as `npm run test:interop` does.
 */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findEngines } from '../../test/interop/engines.ts'
import { writeEvents } from './events.ts'
import { type Measured, PARTS } from './parts.ts'

const ROUNDS = 3
const run = promisify(execFile)
const wanted = process.argv.slice(2)
const engines = await findEngines()
if (engines.kind === 'absent') throw new Error(engines.reason)
const { python } = engines

const folder = await mkdtemp(join(tmpdir(), 'bench-delta-'))
try {
  console.log('preparing tables and events …')
  await writeEvents(join(folder, 'events'))
  await measure(process.execPath, 'ours.ts', 'prepare')
  const lines: string[] = []
  for (const { part, what, unit, goal } of PARTS) {
    if (wanted.length > 0 && !wanted.includes(part)) continue
    const ours: Measured[] = []
    const theirs: Measured[] = []
    for (let round = 0; round < ROUNDS; round++) {
      if (part === 'checkpoint') await withoutCheckpoints()
      ours.push(await measure(process.execPath, 'ours.ts', part))
      theirs.push(await measure(python, 'delta_rs.py', part))
      await rm(
        join(folder, 'objects/lake', part === 'tiny-appends' ? 'tiny' : `events-${part === 'batches-10k' ? 1 : 10}`),
        {
          recursive: true,
          force: true,
        },
      )
    }
    const best = (runs: Measured[]) =>
      runs.toSorted((a, b) => (goal === 'rate' ? b.value - a.value : a.value - b.value))[0]
    const [we, they] = [best(ours), best(theirs)]
    if (!we || !they) throw new Error(`${part} was not measured`)
    const ratio = goal === 'rate' ? we.value / they.value : they.value / we.value
    lines.push(
      `| ${what} | ${shown(we, unit)} | ${shown(they, unit)} | **${ratio.toFixed(2)}** | ${we.peak_mb} | ${they.peak_mb} |`,
    )
    console.log(lines.at(-1))
  }
  if (wanted.length === 0) await writeFile(join(import.meta.dirname, 'results.md'), await report(lines))
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function measure(command: string, program: string, part: string): Promise<Measured> {
  const { stdout } = await run(command, [join(import.meta.dirname, program), folder, part], { maxBuffer: 1e7 })
  return JSON.parse(stdout) as Measured
}

/** Both write a checkpoint of the same log, which has none. */
async function withoutCheckpoints(): Promise<void> {
  const tables = join(folder, 'objects/lake')
  for (const name of ['unchecked', 'unchecked-rust']) {
    await rm(join(tables, name), { recursive: true, force: true })
    await cp(join(tables, 'log'), join(tables, name), { recursive: true })
  }
}

function shown({ value, first_ms, last_ms }: Measured, unit: string): string {
  const figure = value >= 1_000 ? Math.round(value / 1_000) * 1_000 : Number(value.toPrecision(3))
  const slope = first_ms === undefined ? '' : ` (${first_ms.toFixed(1)} ms at first, ${last_ms?.toFixed(1)} ms at last)`
  return `${figure.toLocaleString('en')} ${unit}${slope}`
}

async function report(lines: readonly string[]): Promise<string> {
  const { stdout } = await run(python, ['-c', 'import deltalake; print(deltalake.__version__)'])
  return `# Delta tables against delta-rs ${stdout.trim()}

Written by \`node bench/delta/run.ts\` on ${cpus().length} cores, Node ${process.versions.node}, local files. Each figure is the better of three
runs, ours and theirs in turn, each in a process of its own; the last column but one is our peak of memory. Ratios above 1
mean that we are faster. Ours syncs every file and folder to the disk before a commit counts; delta-rs does not.

| | ours | delta-rs | ratio | our peak, MB | their peak, MB |
|---|---|---|---|---|---|
${lines.join('\n')}

Batches: delta-rs gets events that Python has parsed (dictionaries), ours reads them as lines of JSON, so that parsing is in
our time and not in theirs. Opening and checkpoints: the same log for both, with statistics of six columns a file; what
a process loads before it opens a table, Node's modules and Python's, is in neither time. Delete and merge: a keyed table
with change data feed, 20 files of 50,000 rows, the changed rows in all of them.
`
}
