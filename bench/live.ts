/**
 * A lake under a steady stream, as users run it: `node bench/live.ts [events a second] [seconds]`; default 1,000 for 20
 * seconds, after 5 of warming up. Prints how long after its POST an event is visible in SQL and in all stores (p50, p95),
 * the time from start to ready, and how many cores the lake with its store processes keeps busy.
 */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { eventOf } from './made-up-events.ts'

const rate = Number(process.argv[2] ?? 1_000)
const seconds = Number(process.argv[3] ?? 20)
const WARM_UP_MS = 5_000
const TICK_MS = 50
const PROBE_EVERY_TICKS = 4
const CLOCK_TICKS_A_SECOND = 100

const data = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'bench-live-'))
const began = performance.now()
const lake = spawn(process.execPath, ['--max-semi-space-size=64', 'services/standalone/src/main.ts'], {
  cwd: resolve(import.meta.dirname, '..'),
  env: { ...process.env, SLUICE_DATA: data, SLUICE_PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
const url = await new Promise<string>((done) => {
  let output = ''
  lake.stdout.on('data', (text: Buffer) => {
    output += text.toString('utf8')
    const found = /"url":"(http:[^"]+)"/.exec(output)?.[1]
    if (found) done(found)
  })
})
console.log(`ready after ${((performance.now() - began) / 1000).toFixed(1)} s`)

// The first opening of an empty store takes a while; what is measured is the stream.
await settled(60_000)

const delays: Record<'table' | 'stores', number[]> = { table: [], stores: [] }
const probes: Promise<void>[] = []
let sent = 0
const start = performance.now()
let cpu_before = 0
let measured_from = 0
for (let tick = 0; performance.now() - start < WARM_UP_MS + seconds * 1_000; tick++) {
  if (measured_from === 0 && performance.now() - start > WARM_UP_MS) {
    measured_from = performance.now()
    cpu_before = cpuSeconds(lake.pid ?? 0)
  }
  const due = Math.floor(((performance.now() - start) / 1_000) * rate)
  const events = Array.from({ length: due - sent }, (_, i) => eventOf(sent + i))
  sent = due
  if (events.length > 0) probes.push(post(events))
  if (tick % PROBE_EVERY_TICKS === 0) probes.push(probe(tick % (2 * PROBE_EVERY_TICKS) === 0 ? 'table' : 'stores'))
  await new Promise((resume) => setTimeout(resume, TICK_MS))
}
const cores = (cpuSeconds(lake.pid ?? 0) - cpu_before) / ((performance.now() - measured_from) / 1_000)
await Promise.all(probes)
for (const [level, all] of Object.entries(delays)) {
  all.sort((a, b) => a - b)
  const at = (part: number) => Math.round(all[Math.floor(all.length * part)] ?? 0)
  console.log(`POST to ${level}: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, ${all.length} probes`)
}
console.log(`${sent.toLocaleString('en')} events sent at ${rate}/s, ${cores.toFixed(2)} cores busy`)
lake.kill('SIGTERM')
await new Promise((done) => lake.once('exit', done))
await rm(data, { recursive: true })

async function post(events: object[]): Promise<void> {
  const body = JSON.stringify(events)
  const answer = await fetch(`${url}/v1/events`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  })
  if (answer.status !== 202) throw new Error(`expected 202, got ${answer.status}: ${await answer.text()}`)
  await answer.arrayBuffer()
}

async function settled(timeout_ms: number): Promise<void> {
  const answer = await fetch(`${url}/v1/events?wait=stores&timeout_ms=${timeout_ms}`, {
    method: 'POST',
    body: JSON.stringify([eventOf(2), eventOf(7)]),
    headers: { 'content-type': 'application/json' },
  })
  await answer.arrayBuffer()
}

async function probe(level: 'table' | 'stores'): Promise<void> {
  const from = performance.now()
  const body = JSON.stringify({ ...eventOf(7), event_id: crypto.randomUUID() })
  const answer = await fetch(`${url}/v1/events?wait=${level}&timeout_ms=30000`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  })
  const { results }: { results: { status: string }[] } = JSON.parse(await answer.text())
  if (results[0]?.status !== 'stored') throw new Error(`expected stored, got ${JSON.stringify(results)}`)
  if (from > measured_from && measured_from > 0) delays[level].push(performance.now() - from)
}

/** CPU of a process and its children so far. */
function cpuSeconds(pid: number): number {
  let ticks = 0
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')
      if (Number(name) === pid || Number(fields[1]) === pid) ticks += Number(fields[11]) + Number(fields[12])
    } catch (error) {
      // It ended meanwhile.
      if (!(error instanceof Error && 'code' in error)) throw error
    }
  }
  return ticks / CLOCK_TICKS_A_SECOND
}
