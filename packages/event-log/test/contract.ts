import { afterEach, describe, expect, it } from 'vitest'
import type { EventLog, LogConsumer, PolledRecord } from '../src/index.ts'

export interface LogUnderTest {
  log: EventLog
  /** Closes the log and opens it again on the same data. */
  reopen?: () => Promise<EventLog>
  end: () => Promise<void>
}

const LIMITS = { max_records: 10_000, max_bytes: 10_000_000, max_wait_ms: 2_000 }
const record = (partition: number, text: string) => ({ partition, value: new Uint8Array(Buffer.from(text)) })
const textsOf = (records: readonly PolledRecord[], partition?: number) =>
  records
    .filter((one) => partition === undefined || one.partition === partition)
    .map(({ value }) => Buffer.from(value).toString('utf8'))
const fromStart = async (partitions: readonly { partition: number; earliest: bigint }[]) =>
  new Map(partitions.map(({ partition, earliest }) => [partition, earliest]))

/** Polls until as many records came, or nothing more comes. `progress` is where a reader goes on. */
async function take(consumer: LogConsumer, count: number, progress?: Map<number, bigint>): Promise<PolledRecord[]> {
  const records: PolledRecord[] = []
  for (let idle = 0; records.length < count && idle < 5; ) {
    const batch = await consumer.poll(LIMITS)
    if (batch.records.length === 0) idle++
    records.push(...batch.records)
    for (const { partition, offset } of batch.records) progress?.set(partition, offset + 1n)
  }
  return records
}

/** The one contract suite of `EventLog`. `open` gives a log on an empty place. */
export function contractOfEventLog(name: string, open: () => Promise<LogUnderTest>): void {
  describe(`${name} keeps the contract of an event log`, () => {
    let under: LogUnderTest | undefined
    const start = async (partitions = 4) => {
      under = await open()
      await under.log.ensureTopic('t', { partitions })
      return under.log
    }
    afterEach(async () => {
      await under?.end()
      under = undefined
    })

    it('records come back in order of each partition, with offsets that increase', async () => {
      const log = await start()
      const producer = await log.producer()
      for (let i = 0; i < 20; i++) await producer.send('t', [record(i % 4, `a${i}`), record(i % 4, `b${i}`)])
      const consumer = await log.consumer({ topic: 't', startFrom: fromStart })
      const records = await take(consumer, 40)
      expect(textsOf(records, 1)).toEqual(['a1', 'b1', 'a5', 'b5', 'a9', 'b9', 'a13', 'b13', 'a17', 'b17'])
      for (let partition = 0; partition < 4; partition++) {
        const offsets = records.filter((one) => one.partition === partition).map(({ offset }) => offset)
        expect(offsets).toEqual([...offsets].sort((a, b) => Number(a - b)))
        expect(new Set(offsets).size).toBe(offsets.length)
      }
      await consumer.close()
    })

    it('a consumer starts where its reader says', async () => {
      const log = await start(1)
      const producer = await log.producer()
      await producer.send(
        't',
        ['a', 'b', 'c', 'd'].map((text) => record(0, text)),
      )
      const [{ earliest } = { earliest: 0n }] = await log.offsets('t')
      const consumer = await log.consumer({ topic: 't', startFrom: async () => new Map([[0, earliest + 2n]]) })
      expect(textsOf(await take(consumer, 2))).toEqual(['c', 'd'])
      consumer.seek(new Map([[0, earliest + 1n]]))
      expect(textsOf(await take(consumer, 3))).toEqual(['b', 'c', 'd'])
      expect(consumer.positions().get(0)).toBe(earliest + 4n)
      await consumer.close()
    })

    it('an offset outside the log is an error, never another place', async () => {
      const log = await start(1)
      const producer = await log.producer()
      await producer.send('t', [record(0, 'a')])
      const [{ end } = { end: 0n }] = await log.offsets('t')
      const consumer = await log.consumer({ topic: 't', startFrom: async () => new Map([[0, end + 5n]]) })
      await expect(consumer.poll(LIMITS)).rejects.toMatchObject({ code: 'offset_out_of_range' })
      await consumer.close()
    })

    it('a poll keeps its limits and loses nothing by it', async () => {
      const log = await start(2)
      const producer = await log.producer()
      await producer.send(
        't',
        Array.from({ length: 100 }, (_, i) => record(i % 2, `${i}`.padStart(100, '.'))),
      )
      const consumer = await log.consumer({ topic: 't', startFrom: fromStart })
      const seen: PolledRecord[] = []
      for (let polls = 0; seen.length < 100 && polls < 200; polls++) {
        const { records } = await consumer.poll({ max_records: 7, max_bytes: 550, max_wait_ms: 1_000 })
        expect(records.length).toBeLessThanOrEqual(5)
        seen.push(...records)
      }
      expect(textsOf(seen, 0)).toHaveLength(50)
      expect(textsOf(seen, 1)).toHaveLength(50)
      await consumer.close()
    })

    it('a poll waits for the first record, and lingers for more', async () => {
      const log = await start(1)
      const producer = await log.producer()
      const consumer = await log.consumer({ topic: 't', startFrom: fromStart })
      expect((await consumer.poll({ ...LIMITS, max_wait_ms: 20 })).records).toEqual([])
      const polled = consumer.poll({ ...LIMITS, max_records: 3, max_wait_ms: 20_000, linger_ms: 20_000 })
      for (const text of ['a', 'b', 'c']) await producer.send('t', [record(0, text)])
      expect(textsOf((await polled).records)).toEqual(['a', 'b', 'c'])
      await consumer.close()
    })

    it('members of a group share the partitions, and take over those of one that leaves', async () => {
      const log = await start(4)
      const producer = await log.producer()
      const progress = new Map<number, bigint>()
      const startFrom = async (partitions: readonly { partition: number; earliest: bigint }[]) =>
        new Map(partitions.map(({ partition, earliest }) => [partition, progress.get(partition) ?? earliest]))
      const a = await log.consumer({ topic: 't', group: 'g', startFrom })
      const b = await log.consumer({ topic: 't', group: 'g', startFrom })
      const owned = async () => {
        for (let i = 0; i < 50; i++) {
          await Promise.all([a.poll({ ...LIMITS, max_wait_ms: 100 }), b.poll({ ...LIMITS, max_wait_ms: 100 })])
          if (a.positions().size === 2 && b.positions().size === 2)
            return [...a.positions().keys(), ...b.positions().keys()].sort()
        }
        return []
      }
      expect(await owned()).toEqual([0, 1, 2, 3])
      await b.close()
      await producer.send(
        't',
        [0, 1, 2, 3].map((partition) => record(partition, `p${partition}`)),
      )
      expect(textsOf(await take(a, 4, progress)).sort()).toEqual(['p0', 'p1', 'p2', 'p3'])
      await a.close()
    })

    it('a rebalance changes the generation', async () => {
      const log = await start(2)
      const a = await log.consumer({ topic: 't', group: 'g', startFrom: fromStart })
      const { generation } = await a.poll({ ...LIMITS, max_wait_ms: 10 })
      const b = await log.consumer({ topic: 't', group: 'g', startFrom: fromStart })
      let now = generation
      for (let i = 0; i < 50 && now === generation; i++)
        [{ generation: now }] = await Promise.all([
          a.poll({ ...LIMITS, max_wait_ms: 100 }),
          b.poll({ ...LIMITS, max_wait_ms: 100 }),
        ])
      expect(now).not.toBe(generation)
      await a.close()
      await b.close()
    })

    it('partitions can be added', async () => {
      const log = await start(1)
      const producer = await log.producer()
      await producer.send('t', [record(0, 'old')])
      await log.ensureTopic('t', { partitions: 3 })
      await producer.send('t', [record(2, 'new')])
      expect((await log.offsets('t')).map(({ partition }) => partition)).toEqual([0, 1, 2])
      const consumer = await log.consumer({ topic: 't', startFrom: fromStart })
      expect(textsOf(await take(consumer, 2)).sort()).toEqual(['new', 'old'])
      await consumer.close()
    })

    it('a topic keeps its identity, and another topic has another one', async () => {
      const log = await start(1)
      await log.ensureTopic('u', { partitions: 1 })
      const identity = await log.identity('t')
      expect(await log.identity('u')).not.toBe(identity)
      await log.ensureTopic('t', { partitions: 2 })
      expect(await log.identity('t')).toBe(identity)
      if (under?.reopen) expect(await (await under.reopen()).identity('t')).toBe(identity)
    })

    it('truncate removes nothing that is not below the given offsets', async () => {
      const log = await start(1)
      const producer = await log.producer()
      for (let i = 0; i < 10; i++) await producer.send('t', [record(0, `${i}`)])
      const [{ earliest } = { earliest: 0n }] = await log.offsets('t')
      await log.truncate('t', [{ partition: 0, offset: earliest + 6n }])
      const [after] = await log.offsets('t')
      expect(after?.earliest).toBeLessThanOrEqual(earliest + 6n)
      expect(after?.end).toBe(earliest + 10n)
      const consumer = await log.consumer({ topic: 't', startFrom: async () => new Map([[0, earliest + 6n]]) })
      expect(textsOf(await take(consumer, 4))).toEqual(['6', '7', '8', '9'])
      await consumer.close()
    })

    it('an unknown topic is an error', async () => {
      const log = await start()
      await expect(log.offsets('no-such')).rejects.toMatchObject({ code: 'unknown_topic' })
    })

    it('everything is there after a restart', async (context) => {
      const log = await start(2)
      if (!under?.reopen) return context.skip('this log lives in memory')
      const producer = await log.producer()
      await producer.send('t', [record(0, 'a'), record(1, 'b')])
      const before = await log.offsets('t')
      const again = await under.reopen()
      await again.ensureTopic('t', { partitions: 2 })
      expect(await again.offsets('t')).toEqual(before)
      await (await again.producer()).send('t', [record(0, 'c')])
      const consumer = await again.consumer({ topic: 't', startFrom: fromStart })
      expect(textsOf(await take(consumer, 3)).sort()).toEqual(['a', 'b', 'c'])
      await consumer.close()
    })
  })
}
