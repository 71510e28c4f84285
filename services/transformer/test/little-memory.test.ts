import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { localNotices, openEmbeddedLog } from '@sluice/event-log'
import { EVENTS_TOPIC, loadEventTypes, rawLine, rawLineTail } from '@sluice/events'
import { Lake, openDatabase, queryRows } from '@sluice/lake'
import { openMemoryStore } from '@sluice/object-store/memory-store'
import { createLogger, createMetrics } from '@sluice/service'
import { expect, it, onTestFinished, vi } from 'vitest'
import { startTransformer } from '../src/create-transformer.ts'

const EVENTS = 32
const TEXT_BYTES = 1_000_000
const MEMORY_BYTES = 64_000_000

const lineOf = (at: number) => {
  const event = { type: 'comment', comment_id: `c${at}`, subject_id: 's', user_id: 'u' }
  const text = String.fromCharCode(97 + (at % 26)).repeat(TEXT_BYTES)
  const tail = rawLineTail(
    {
      event_id: `e${at}`,
      received_at: '2026-01-02T03:04:05.678Z',
      source: 'anonymous',
      type: 'comment',
      form: 'event',
      wait: 0,
    },
    JSON.stringify({ ...event, text, commented_at: '2026-01-02T03:04:05Z' }),
  )
  return Buffer.from(rawLine('b-1', at, tail))
}

it('a backlog of large events is decided with less memory than one batch of them takes', async () => {
  const path = await mkdtemp(join(tmpdir(), 'little-memory-'))
  await mkdir(join(path, 'scratch'))
  const database = await openDatabase({ memory_limit_bytes: MEMORY_BYTES, temporary_path: join(path, 'spill') })
  const log = await openEmbeddedLog({ path: join(path, 'log') })
  await log.ensureTopic(EVENTS_TOPIC, { partitions: 1 })
  const producer = await log.producer()
  for (let at = 0; at < EVENTS; at++) await producer.send(EVENTS_TOPIC, [{ partition: 0, value: lineOf(at) }])
  const parts = { store: openMemoryStore(), database, scratch_path: join(path, 'scratch'), now: Date.now }
  const lake = await Lake.open(parts, await loadEventTypes())
  const logger = createLogger({ name: 'test', level: 'silent' })
  const warned = vi.spyOn(logger, 'warn')
  const transformer = await startTransformer({
    lake,
    log,
    topic: EVENTS_TOPIC,
    log_epoch: 'e',
    notices: localNotices(),
    logger,
    metrics: createMetrics(),
    now: Date.now,
  })
  onTestFinished(async () => {
    await transformer.stop()
    await producer.close()
    await log.close()
    await database.close()
    await rm(path, { recursive: true, force: true })
  })
  await expect.poll(() => transformer.ledger.nextOffset(0), { timeout: 30_000 }).toBe(BigInt(EVENTS))
  await expect.poll(() => transformer.settled, { timeout: 30_000 }).toBe(true)
  expect(warned).toHaveBeenCalledWith(
    expect.objectContaining({ reason: expect.stringContaining('Out of Memory') }),
    expect.anything(),
  )
  const comments = lake.table('comments')
  await comments?.refresh()
  const relation = await comments?.view().relation()
  const [row] = await database.withConnection((connection) =>
    queryRows(connection, `SELECT count(*)::INTEGER AS rows, sum(length(text))::INTEGER AS letters FROM ${relation}`),
  )
  expect(row).toEqual({ rows: EVENTS, letters: EVENTS * TEXT_BYTES })
}, 60_000)
