import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openEmbeddedLog, partitionOf } from '../src/index.ts'
import { contractOfEventLog } from './contract.ts'

contractOfEventLog('the embedded log', async () => {
  const path = await mkdtemp(join(tmpdir(), 'event-log-'))
  let log = await openEmbeddedLog({ path })
  return {
    log,
    reopen: async () => {
      await log.close()
      log = await openEmbeddedLog({ path })
      return log
    },
    end: async () => {
      await log.close()
      await rm(path, { recursive: true })
    },
  }
})

const LIMITS = { max_records: 1_000_000, max_bytes: 1_000_000_000, max_wait_ms: 0 }
const fromStart = async (partitions: readonly { partition: number; earliest: bigint }[]) =>
  new Map(partitions.map(({ partition, earliest }) => [partition, earliest]))

describe('the embedded log', () => {
  let path: string
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'event-log-'))
  })
  afterEach(() => rm(path, { recursive: true }))

  async function textsAt(limits = {}): Promise<string[]> {
    const log = await openEmbeddedLog({ path, limits })
    const consumer = await log.consumer({ topic: 't', startFrom: fromStart })
    const texts: string[] = []
    for (;;) {
      const { records } = await consumer.poll(LIMITS)
      if (records.length === 0) break
      texts.push(...records.map(({ value }) => Buffer.from(value).toString()))
    }
    await log.close()
    return texts
  }

  it('a file cut at any byte loses only what was not whole, and goes on', async () => {
    const log = await openEmbeddedLog({ path })
    await log.ensureTopic('t', { partitions: 2 })
    const producer = await log.producer()
    for (const text of ['one', 'two', 'three']) await producer.send('t', [{ partition: 0, value: Buffer.from(text) }])
    await log.close()
    const [name = ''] = (await readdir(join(path, 't'))).filter((file) => file.endsWith('.log'))
    const whole = await readFile(join(path, 't', name))
    const block = whole.length / 3 - 2
    for (let cut = whole.length; cut >= 0; cut -= 3) {
      await writeFile(join(path, 't', name), whole)
      await truncate(join(path, 't', name), cut)
      const texts = await textsAt()
      expect(['one', 'two', 'three'].slice(0, texts.length)).toEqual(texts)
      expect(texts.length).toBeGreaterThanOrEqual(Math.floor(cut / (block + 4)) - 1)
    }
  })

  it('damage before an intact segment is loud', async () => {
    const log = await openEmbeddedLog({ path, limits: { segment_bytes: 100 } })
    await log.ensureTopic('t', { partitions: 1 })
    const producer = await log.producer()
    for (let i = 0; i < 10; i++) await producer.send('t', [{ partition: 0, value: Buffer.alloc(90, 'x') }])
    await log.close()
    const [name = ''] = (await readdir(join(path, 't'))).filter((file) => file.endsWith('.log')).sort()
    const bytes = await readFile(join(path, 't', name))
    bytes[40] = (bytes[40] ?? 0) ^ 1
    await writeFile(join(path, 't', name), bytes)
    await expect(openEmbeddedLog({ path })).rejects.toMatchObject({ code: 'failed' })
  })

  it('truncate removes whole segments below the given offsets and keeps offsets across a restart', async () => {
    let log = await openEmbeddedLog({ path, limits: { segment_bytes: 1_000 } })
    await log.ensureTopic('t', { partitions: 2 })
    const producer = await log.producer()
    for (let i = 0; i < 50; i++) await producer.send('t', [{ partition: i % 2, value: Buffer.alloc(100, 'x') }])
    await log.truncate('t', [
      { partition: 0, offset: 20n },
      { partition: 1, offset: 20n },
    ])
    const after = await log.offsets('t')
    for (const { earliest, end } of after) {
      expect(earliest).toBeGreaterThan(10n)
      expect(earliest).toBeLessThanOrEqual(20n)
      expect(end).toBe(25n)
    }
    await log.close()
    log = await openEmbeddedLog({ path })
    expect(await log.offsets('t')).toEqual(after)
    await log.close()
  })

  it('a key stays in its partition, and adding partitions moves whole buckets only', () => {
    const keys = Array.from({ length: 5_000 }, (_, i) => `user-${i}-é`)
    const spread = new Set(keys.map((key) => partitionOf(key, 8)))
    expect(spread.size).toBe(8)
    for (const key of keys) expect(Math.floor(partitionOf(key, 16) / 2)).toBe(partitionOf(key, 8))
  })
})
