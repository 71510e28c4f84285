import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EventLog, type LogConsumer, LogError, localNotices } from '@sluice/event-log'
import { loadEventTypes } from '@sluice/events'
import { type Database, Lake, openDatabase } from '@sluice/lake'
import { openMemoryStore } from '@sluice/object-store/memory-store'
import { createLogger, createMetrics } from '@sluice/service'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startTransformer, type TransformerService } from '../src/create-transformer.ts'

let path: string
let database: Database
let transformer: TransformerService | undefined

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'lost-place-'))
  await mkdir(join(path, 'scratch'))
  database = await openDatabase({ memory_limit_bytes: 2e8, temporary_path: join(path, 'spill') })
})
afterEach(async () => {
  await transformer?.stop()
  await database.close()
  await rm(path, { recursive: true, force: true })
})

/** A log whose consumers answer their polls, in order, by this: no partitions yet, nothing new, or an offset that is outside. */
function logOf(consumers: readonly (readonly ('joining' | 'nothing' | 'outside')[])[]) {
  let opened = 0
  const consumer = async (): Promise<LogConsumer> => {
    const polls = [...(consumers[opened++] ?? [])]
    let joined = false
    return {
      async poll() {
        const next = polls.shift()
        if (next === 'outside') throw new LogError('offset_out_of_range', 'the offset is outside the log')
        joined ||= next !== 'joining'
        if (next === undefined) await new Promise((resume) => setTimeout(resume, 5))
        return { generation: 1, records: [] }
      },
      positions: () => new Map(joined ? [[0, 0n]] : []),
      seek: () => undefined,
      close: async () => undefined,
    }
  }
  const log: EventLog = {
    ensureTopic: async () => undefined,
    offsets: async () => [],
    identity: async () => 'it',
    producer: () => Promise.reject(new Error('nobody sends')),
    consumer,
    truncate: async () => undefined,
    close: async () => undefined,
  }
  return { log, opened: () => opened }
}

it.each([
  { why: 'a consumer that had read begins anew', consumers: [['nothing', 'outside'], []], opened: 2, lost: 0 },
  { why: 'one that waits to join first, too', consumers: [['joining', 'outside'], []], opened: 2, lost: 1 },
  { why: 'one that finds no place at its start tells', consumers: [['outside'], []], opened: 2, lost: 1 },
  { why: 'so does its successor', consumers: [['nothing', 'outside'], ['outside'], []], opened: 3, lost: 1 },
] as const)('a log is taken for lost only where the ledger stands: $why', async ({ consumers, ...expected }) => {
  const store = openMemoryStore()
  const scratch_path = join(path, 'scratch')
  const lake = await Lake.open({ store, database, scratch_path, now: Date.now }, await loadEventTypes())
  const { log, opened } = logOf(consumers)
  let lost = 0
  transformer = await startTransformer({
    lake,
    log,
    topic: 'events',
    log_epoch: 'e',
    notices: localNotices(),
    logger: createLogger({ name: 'test', level: 'silent' }),
    metrics: createMetrics(),
    logLost: async () => void lost++,
    now: Date.now,
  })
  await expect.poll(opened).toBe(expected.opened)
  expect(lost).toBe(expected.lost)
})
