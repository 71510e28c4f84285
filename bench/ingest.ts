/**
 * How many events a second ingest acknowledges, each durable before its answer: real HTTP, raw zone in a folder with
 * fsync, embedded log. Client and server are two processes of this machine.
 *
 *   node bench/ingest.ts [--seconds 8] [--folder /tmp] [--form single|batch|ndjson] [--prof folder]
 *     [--s3 http://127.0.0.1:9000 --access-key … --secret-key …]: the raw zone as objects in a bucket
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    folder: { type: 'string', default: tmpdir() },
    form: { type: 'string' },
    prof: { type: 'string' },
    s3: { type: 'string' },
    'access-key': { type: 'string', default: '' },
    'secret-key': { type: 'string', default: '' },
  },
})

interface Form {
  name: string
  connections: number
  events: number
  content_type: string
  /** At least this many events a second on 2 cores; through MinIO on the same machine. */
  goal: number
  s3_goal: number
  body: (from: number) => string
}

const forms: Form[] = [
  {
    name: 'single',
    connections: 64,
    events: 1,
    content_type: 'application/json',
    goal: 10_000,
    s3_goal: 3_000,
    body: (i) => event(i),
  },
  {
    name: 'batch',
    connections: 16,
    events: 100,
    content_type: 'application/json',
    goal: 80_000,
    s3_goal: 40_000,
    body: (from) => `[${series(from, 100).join(',')}]`,
  },
  {
    name: 'ndjson',
    connections: 8,
    events: 1000,
    content_type: 'application/x-ndjson',
    goal: 120_000,
    s3_goal: 40_000,
    body: (from) => `${series(from, 1000).join('\n')}\n`,
  },
]

/** As `npm start` does. */
const AS_STARTED = ['--max-semi-space-size=64']
const DIFFERENT_REQUESTS = 64
const WARM_UP_SECONDS = 2

/** About 300 bytes, without event_id: the server gives one. */
function event(i: number): string {
  return JSON.stringify({
    type: 'viewing_log',
    user_id: `u${i % 1000}`,
    movie_id: `m${i % 97}`,
    watched_at: '2025-10-02T21:10:00Z',
    device: 'Fire "Stick" 4K',
    duration_minutes: i % 180,
    city: 'Bangalore',
    country: 'India',
    resolution: '4K HDR',
    app_version: `9.1.${i}`,
    note: 'some more text, to make up the three hundred bytes of a usual event',
  })
}

function series(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => event(from + i))
}

interface Load {
  events: number
  refused: number
  latencies_ms: number[]
}

/** Sends prepared requests over many connections, one at a time on each, and reads no more of an answer than it must. */
async function load(port: number, form: Form, seconds: number): Promise<Load> {
  const requests = Array.from({ length: DIFFERENT_REQUESTS }, (_, i) => {
    const body = Buffer.from(form.body(i * form.events))
    const head = `POST /v1/events HTTP/1.1\r\nhost: bench\r\ncontent-type: ${form.content_type}\r\ncontent-length: ${body.length}\r\n\r\n`
    return Buffer.concat([Buffer.from(head), body])
  })
  const total: Load = { events: 0, refused: 0, latencies_ms: [] }
  const until = performance.now() + seconds * 1000
  const connections = Array.from({ length: form.connections }, (_, i) => talk(port, form, requests, i, until, total))
  await Promise.all(connections)
  return total
}

function talk(port: number, form: Form, requests: Buffer[], first: number, until: number, total: Load): Promise<void> {
  return new Promise((done, failed) => {
    const socket = connect(port, '127.0.0.1')
    let next = first
    let expected = -1
    let received = 0
    let sent_at = 0
    const send = () => {
      expected = -1
      received = 0
      sent_at = performance.now()
      socket.write(requests[next++ % requests.length] ?? '')
    }
    socket.setNoDelay()
    socket.on('connect', send)
    socket.on('error', failed)
    socket.on('data', (data) => {
      if (expected < 0) {
        const head = data.toString('latin1', 0, 600)
        const length = /content-length: (\d+)/i.exec(head)
        expected = head.indexOf('\r\n\r\n') + 4 + Number(length?.[1] ?? 0)
        if (!head.startsWith('HTTP/1.1 202')) total.refused++
      }
      received += data.length
      if (received < expected) return
      total.events += form.events
      total.latencies_ms.push(performance.now() - sent_at)
      if (performance.now() < until) return send()
      socket.destroy()
      done()
    })
  })
}

async function measure(form: Form): Promise<void> {
  const folder = await mkdtemp(join(options.folder, 'sluice-bench-'))
  const execArgv = options.prof ? [...AS_STARTED, '--cpu-prof', `--cpu-prof-dir=${options.prof}`] : AS_STARTED
  const bucket = options.s3 ? [options.s3, options['access-key'], options['secret-key']] : []
  const server = fork(new URL('./ingest-server.ts', import.meta.url), [folder, ...bucket], { execArgv })
  try {
    const { port } = await message<{ port: number }>(server)
    await load(port, form, WARM_UP_SECONDS)
    const before = await asked(server)
    const started = performance.now()
    const { events, refused, latencies_ms } = await load(port, form, Number(options.seconds))
    const seconds = (performance.now() - started) / 1000
    const after = await asked(server)
    latencies_ms.sort((a, b) => a - b)
    const at = (share: number) => (latencies_ms[Math.floor(latencies_ms.length * share)] ?? 0).toFixed(1)
    console.log(
      `${form.name.padEnd(7)} ${Math.round(events / seconds).toLocaleString('en')} events/s (goal ${(options.s3 ? form.s3_goal : form.goal).toLocaleString('en')}), ` +
        `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, refused ${refused}; ` +
        `server ${((after.cpu_seconds - before.cpu_seconds) / seconds).toFixed(2)} cores, ${Math.round(after.rss_bytes / 1e6)} MB; ` +
        `${after.batches - before.batches} raw batches, ${after.unpublished} of them not yet on the log`,
    )
  } finally {
    server.send('stop')
    await new Promise((exit) => server.once('exit', exit))
    await rm(folder, { recursive: true })
  }
}

interface ServerState {
  cpu_seconds: number
  rss_bytes: number
  batches: number
  unpublished: number
}

function asked(server: ChildProcess): Promise<ServerState> {
  const answer = message<ServerState>(server)
  server.send('state')
  return answer
}

function message<T>(server: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    server.once('message', (value: T) => resolve(value))
    server.once('exit', () => reject(new Error('the server ended')))
  })
}

for (const form of forms) if (options.form === undefined || options.form === form.name) await measure(form)
