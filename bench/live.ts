/**
 * A lake under a steady stream, as users run it: `node bench/live.ts [events a second] [seconds] [--servers]`; default
 * 1,000 for 20 seconds, after 5 of warming up (30 on servers, which is what a Neo4j needs that has just started). Prints
 * how long after its POST an event is visible in SQL and in all stores (p50, p95), and how many cores our processes keep
 * busy. Embedded, with the time from start to ready; with `--servers`, our seven processes on real servers, found as
 * `npm run test:servers` finds them.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { startEmbedded, startOnServers } from './live-lake.ts'
import { eventOf } from './made-up-events.ts'

const { positionals, values } = parseArgs({ allowPositionals: true, options: { servers: { type: 'boolean' } } })
const [rate = 1_000, seconds = 20] = positionals.map(Number)
const WARM_UP_MS = values.servers ? 30_000 : 5_000
const TICK_MS = 50
const PROBE_EVERY_TICKS = 4
const CLOCK_TICKS_A_SECOND = 100

const lake = values.servers ? await startOnServers() : await startEmbedded()
const { url, pids } = lake

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
    cpu_before = cpuSeconds()
  }
  const due = Math.floor(((performance.now() - start) / 1_000) * rate)
  const events = Array.from({ length: due - sent }, (_, i) => eventOf(sent + i))
  sent = due
  if (events.length > 0) probes.push(post(events))
  if (tick % PROBE_EVERY_TICKS === 0) probes.push(probe(tick % (2 * PROBE_EVERY_TICKS) === 0 ? 'table' : 'stores'))
  await new Promise((resume) => setTimeout(resume, TICK_MS))
}
const cores = (cpuSeconds() - cpu_before) / ((performance.now() - measured_from) / 1_000)
await Promise.all(probes)
for (const [level, all] of Object.entries(delays)) {
  all.sort((a, b) => a - b)
  const at = (part: number) => Math.round(all[Math.floor(all.length * part)] ?? 0)
  console.log(`POST to ${level}: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, ${all.length} probes`)
}
console.log(`${sent.toLocaleString('en')} events sent at ${rate}/s, ${cores.toFixed(2)} cores busy`)
await lake.stop()

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

/** CPU of our processes and their children so far. */
function cpuSeconds(): number {
  let ticks = 0
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')
      if (pids.includes(Number(name)) || pids.includes(Number(fields[1])))
        ticks += Number(fields[11]) + Number(fields[12])
    } catch (error) {
      // It ended meanwhile.
      if (!(error instanceof Error && 'code' in error)) throw error
    }
  }
  return ticks / CLOCK_TICKS_A_SECOND
}
