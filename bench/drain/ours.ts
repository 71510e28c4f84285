/**
 * How fast a backlog of the embedded log becomes Delta tables, ledger included: `node bench/drain.ts [events]`, default
 * a million 300-byte events of five types in four partitions, half of them views. Prints events a second from the first
 * poll to the last table, and the process's peak memory.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { localNotices } from '@sluice/event-log'
import { openEmbeddedLog } from '@sluice/event-log/embedded/embedded-log'
import { loadEventTypes, rawLine, rawLineTail } from '@sluice/events'
import { Lake, openDatabase } from '@sluice/lake'
import { openFolderStore } from '@sluice/object-store'
import { createLogger, createMetrics } from '@sluice/service'
import { startTransformer } from '@sluice/transformer'
import { eventOf } from './made-up-events.ts'

const TOPIC = 'events'
const PARTITIONS = 4
const SENT_AT_ONCE = 5_000
const MEMORY_BYTES = 256 * 1024 ** 2

const events = Number(process.argv[2] ?? 1_000_000)
const folder = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'bench-drain-'))
const log = await openEmbeddedLog({ path: join(folder, 'log') })
await log.ensureTopic(TOPIC, { partitions: PARTITIONS })
await fill()

const scratch = join(folder, 'scratch')
const database = await openDatabase({
  memory_limit_bytes: MEMORY_BYTES,
  threads: 2,
  temporary_path: join(scratch, 'duckdb'),
})
const store = await openFolderStore(join(folder, 'objects'))
const lake = await Lake.open({ store, database, scratch_path: scratch, now: Date.now }, await loadEventTypes())
const began = performance.now()
const transformer = await startTransformer({
  lake,
  log,
  topic: TOPIC,
  log_epoch: 'bench',
  notices: localNotices(),
  logger: createLogger({ name: 'bench', level: 'warn' }),
  metrics: createMetrics(),
  now: Date.now,
})
await drained()
const seconds = (performance.now() - began) / 1000
const peak_mb = Math.round(process.resourceUsage().maxRSS / 1024)
const { user, system } = process.cpuUsage()
console.log(
  `${events.toLocaleString('en')} events in ${seconds.toFixed(1)} s: ${Math.round(events / seconds).toLocaleString('en')} events/s, ` +
    `peak ${peak_mb} MB, ${((user + system) / 1e6).toFixed(1)} s of CPU with filling the log`,
)
await transformer.stop()
await database.close()
await log.close()
await rm(folder, { recursive: true })

async function fill(): Promise<void> {
  const producer = await log.producer()
  for (let at = 0; at < events; at += SENT_AT_ONCE) {
    const batch = `bench-${1 + at / SENT_AT_ONCE}`
    const records = Array.from({ length: Math.min(SENT_AT_ONCE, events - at) }, (_, line) => {
      const event = eventOf(at + line)
      const event_id = `01998877-6655-7${String(at % 1000).padStart(3, '0')}-8000-${String(at + line).padStart(12, '0')}`
      const tail = rawLineTail(
        {
          event_id,
          received_at: '2026-01-02T03:04:05.678Z',
          source: 'anonymous',
          type: event.type,
          form: 'event',
          wait: 0,
        },
        JSON.stringify(event),
      )
      return { partition: (at + line) % PARTITIONS, value: Buffer.from(rawLine(batch, line, tail)) }
    })
    await producer.send(TOPIC, records)
  }
  await producer.close()
}

async function drained(): Promise<void> {
  const ends = await log.offsets(TOPIC)
  while (ends.some(({ partition, end }) => transformer.ledger.nextOffset(partition) < end) || !transformer.settled)
    await new Promise((resolve) => setTimeout(resolve, 5))
}
