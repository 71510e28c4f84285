/**
 * How fast a backlog of the event log becomes Delta tables, ledger included: `node bench/drain/run.ts [events]`, default a
 * million 300-byte events of five types in four partitions. From the embedded log; with `SLUICE_TEST_KAFKA=host:port` from
 * Kafka, too, beside Spark Structured Streaming on the same topic. The better of three rounds, in turn; results go to
 * `bench/drain/results.md` where all was measured.
 */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openEmbeddedLog } from '@sluice/event-log'
import { openKafkaLog } from '@sluice/event-log/kafka'
import { EVENTS_TOPIC } from '@sluice/events'
import { findEngines } from '../../test/interop/engines.ts'
import type { Drained } from './drained.ts'
import { fill } from './fill.ts'

const ROUNDS = 3
/** What our image and docker-compose.yml set for the transformer. */
const AS_DEPLOYED = { MALLOC_MMAP_THRESHOLD_: '131072', NODE_OPTIONS: '--max-semi-space-size=4' }
const run = promisify(execFile)
const events = Number(process.argv[2] ?? 1_000_000)
const brokers = process.env['SLUICE_TEST_KAFKA']
const work = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'bench-drain-'))

try {
  const embedded = await measured(async (folder) => {
    const log = await openEmbeddedLog({ path: join(folder, 'log') })
    await fill(log, events)
    await log.close()
    return drained(process.execPath, ['ours.ts', folder, String(events)])
  })
  report('embedded log to tables', embedded)
  if (brokers) await fromKafka(brokers, embedded)
} finally {
  await rm(work, { recursive: true, force: true })
}

async function fromKafka(brokers: string, embedded: Drained): Promise<void> {
  const { python, jars } = await sparkWithKafka()
  const epoch = randomUUID()
  const log = await openKafkaLog({ brokers: brokers.split(','), clientId: 'bench', epoch, producer: 'platformatic' })
  await fill(log, events)
  await log.close()
  const topic = `sluice.${EVENTS_TOPIC}.${epoch}`
  const ours: Drained[] = []
  const theirs: Drained[] = []
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(
      await inFolder((folder) => drained(process.execPath, ['ours.ts', folder, String(events), brokers, epoch])),
    )
    theirs.push(await inFolder((folder) => drained(python, ['spark.py', folder, String(events), brokers, topic], jars)))
  }
  const [we, they] = [better(ours), better(theirs)]
  report('Kafka to tables', we)
  report('Kafka to one table by Spark Structured Streaming', they)
  await writeFile(join(import.meta.dirname, 'results.md'), page(embedded, we, they))
}

async function measured(work: (folder: string) => Promise<Drained>): Promise<Drained> {
  const runs: Drained[] = []
  for (let round = 0; round < ROUNDS; round++) runs.push(await inFolder(work))
  return better(runs)
}

async function inFolder(measure: (folder: string) => Promise<Drained>): Promise<Drained> {
  const folder = await mkdtemp(join(work, 'run-'))
  try {
    return await measure(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function drained(command: string, [program = '', ...parameters]: string[], jars = ''): Promise<Drained> {
  const { stdout } = await run(command, [join(import.meta.dirname, program), ...parameters], {
    env: { ...process.env, ...AS_DEPLOYED, SLUICE_JARS: jars },
    maxBuffer: 1e7,
  })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Drained
}

function better(runs: readonly Drained[]): Drained {
  const [best] = runs.toSorted((a, b) => a.seconds - b.seconds)
  if (!best) throw new Error('nothing was measured')
  return best
}

/** Spark with Delta as the tests of interoperability have it, and its Kafka source. */
async function sparkWithKafka(): Promise<{ python: string; jars: string }> {
  const engines = await findEngines()
  if (engines.kind === 'absent') throw new Error(engines.reason)
  const folder = join(work, 'jars')
  await mkdir(folder)
  const copy = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
  await run('mvn', ['-q', '-B', '-f', join(import.meta.dirname, 'pom.xml'), copy, `-DoutputDirectory=${folder}`])
  // What Spark has itself stays out.
  const wanted = /^(spark-sql-kafka|spark-token-provider-kafka|kafka-clients|commons-pool2)/
  const more = (await readdir(folder)).filter((name) => wanted.test(name)).map((name) => join(folder, name))
  return { python: engines.python, jars: [engines.jars, ...more].join(',') }
}

function figures({ seconds, warm_per_second, peak_mb, cpu_seconds }: Drained): string[] {
  const rate = (value: number) => (Math.round(value / 1_000) * 1_000).toLocaleString('en')
  return [
    rate(events / seconds),
    rate(warm_per_second),
    `${peak_mb} MB`,
    `${((cpu_seconds / events) * 1e6).toFixed(1)} µs`,
  ]
}

function report(what: string, drained: Drained): void {
  const [all, warm, memory, cpu] = figures(drained)
  console.log(`${what}: ${all} events/s (second half ${warm}), peak ${memory}, ${cpu} of CPU an event`)
}

function page(embedded: Drained, ours: Drained, spark: Drained): string {
  const row = (what: string, drained: Drained) => `| ${what} | ${figures(drained).join(' | ')} |`
  return `# From the event log to Delta tables

Written by \`node bench/drain/run.ts ${events}\` on ${cpus().length} cores, Node ${process.versions.node}: ${events.toLocaleString('en')} events of 300 bytes and five types in four
partitions, into tables on local files, the better of three rounds. Kafka runs on the same cores.

| | events/s, from the start | second half | peak memory | CPU an event |
|---|---|---|---|---|
${row('embedded log', embedded)}
${row('Kafka', ours)}
${row('Kafka, Spark Structured Streaming 4.1.0', spark)}

Ours by Spark's: **${(spark.seconds / ours.seconds).toFixed(2)}** from the start, **${(ours.warm_per_second / spark.warm_per_second).toFixed(2)}** warm, with **${(ours.peak_mb / spark.peak_mb).toFixed(2)}** of its memory. Ours types strictly, writes five tables and a ledger, finds
repeats at any distance and syncs each commit to the disk; Spark parses into one wide table, with
a heap of 2 GB. The start of Python and of the JVM is not in Spark's time.
`
}
