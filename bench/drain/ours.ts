/**
 * `ours.ts <folder> <events> [brokers epoch]`: turns a filled log, the folder's or Kafka's, into Delta tables of the folder,
 * ledger included, from the first poll to the last table, in a process of its own; prints JSON as `Drained`.
 */
import { join } from 'node:path'
import { type EventLog, localNotices, openEmbeddedLog } from '@sluice/event-log'
import { KAFKA_LOG_LIMITS, openKafkaLog } from '@sluice/event-log/kafka'
import { EVENTS_TOPIC, loadEventTypes } from '@sluice/events'
import { Lake, openDatabase } from '@sluice/lake'
import { openFolderStore } from '@sluice/object-store'
import { createLogger, createMetrics } from '@sluice/service'
import { startTransformer } from '@sluice/transformer'
import type { Drained } from './drained.ts'

/** The settings' defaults. */
const MEMORY_BYTES = 192 * 1024 ** 2
const SERVERS_BATCH = { max_records: 25_000, max_bytes: KAFKA_LOG_LIMITS.buffer_bytes }
const LOOK_EVERY_MS = 20

const [folder = '', events = '', brokers, epoch = ''] = process.argv.slice(2)
const total = Number(events)
const log: EventLog = brokers
  ? await openKafkaLog({ brokers: brokers.split(','), clientId: 'bench', epoch })
  : await openEmbeddedLog({ path: join(folder, 'log') })
const scratch = join(folder, 'scratch')
const database = await openDatabase({
  memory_limit_bytes: MEMORY_BYTES,
  temporary_path: join(scratch, 'duckdb'),
})
const store = await openFolderStore(join(folder, 'objects'))
const lake = await Lake.open({ store, database, scratch_path: scratch, now: Date.now }, await loadEventTypes())
const { user, system } = process.cpuUsage()
const began = performance.now()
const transformer = await startTransformer({
  lake,
  log,
  topic: EVENTS_TOPIC,
  ...(brokers ? { group: 'bench', limits: SERVERS_BATCH } : {}),
  log_epoch: 'bench',
  notices: localNotices(),
  logger: createLogger({ name: 'bench', level: 'warn' }),
  metrics: createMetrics(),
  now: Date.now,
})
const ends = await log.offsets(EVENTS_TOPIC)
let half: { at: number; decided: number } | undefined
for (;;) {
  const decided = ends.reduce((sum, { partition }) => sum + Number(transformer.ledger.nextOffset(partition)), 0)
  if (half === undefined && decided >= total / 2) half = { at: performance.now(), decided }
  if (decided >= total && transformer.settled) break
  await new Promise((resume) => setTimeout(resume, LOOK_EVERY_MS))
}
const seconds = (performance.now() - began) / 1000
const cpu = process.cpuUsage({ user, system })
const drained: Drained = {
  seconds,
  warm_per_second: half ? (total - half.decided) / ((performance.now() - half.at) / 1000) : 0,
  peak_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  cpu_seconds: (cpu.user + cpu.system) / 1e6,
}
console.log(JSON.stringify(drained))
await transformer.stop()
await database.close()
await log.close()
