import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LogError, type PartitionOffsets, type PolledRecord } from '../../src/index.ts'
import { KafkaConsumer } from '../../src/kafka/consumer.ts'
import { type KafkaLogLimits, settingsOf } from '../../src/kafka/settings.ts'
import { FakeMember } from './fake-member.ts'

const LIMITS = { max_records: 100, max_bytes: 1_000_000, max_wait_ms: 50 }

describe('a consumer on Kafka', () => {
  let members: FakeMember[]
  let log: PartitionOffsets[]
  let progress: Map<number, bigint>
  let asked: number[][]
  let revoked: number[][]
  let forgotten: string[]
  let missing: LogError | undefined
  let told: object[]
  let continues: ((before: PolledRecord) => boolean) | undefined
  let consumer: KafkaConsumer
  beforeEach(() => {
    members = []
    log = [0, 1, 2].map((partition) => ({ partition, earliest: 0n, end: 1_000n }))
    progress = new Map()
    asked = []
    revoked = []
    forgotten = []
    missing = undefined
    told = []
    continues = undefined
    consumer = make()
  })
  afterEach(() => consumer.close())

  function make(limits?: Partial<KafkaLogLimits>): KafkaConsumer {
    const logger = { debug() {}, info() {}, error() {}, warn: (fields: object) => told.push(fields) }
    const topics = {
      check: async () => {
        if (missing) throw missing
        return { id: 'id', partitions: log.length }
      },
      offsets: async () => {
        if (missing) throw missing
        return log
      },
    }
    return new KafkaConsumer(
      settingsOf({ brokers: ['a:1'], clientId: 'c', epoch: 'e', limits, logger }),
      {
        topics,
        join: (events) => {
          const member = new FakeMember(events)
          members.push(member)
          return member
        },
        forget: async (member_id) => {
          forgotten.push(member_id)
        },
      },
      {
        topic: 't',
        startFrom: async (partitions) => {
          asked.push(partitions.map(({ partition }) => partition))
          return progress
        },
        continues,
        onRevoked: async (partitions) => {
          revoked.push([...partitions])
        },
      },
    )
  }
  const last = () => members.at(-1)!
  async function joined(...partitions: number[]): Promise<FakeMember> {
    if (members.length === 0) await consumer.poll({ ...LIMITS, max_wait_ms: 0 })
    last().events.assigned(partitions)
    await consumer.poll({ ...LIMITS, max_wait_ms: 0 })
    return last()
  }
  const polled = async (limits = {}) =>
    (await consumer.poll({ ...LIMITS, ...limits })).records.map(({ partition, offset }) => `${partition}@${offset}`)

  it('asks the reader within poll, and starts there', async () => {
    progress.set(1, 7n)
    const member = await joined(0, 1)
    expect(asked).toEqual([[0, 1]])
    expect(member.at).toEqual(
      new Map([
        [0, 0n],
        [1, 7n],
      ]),
    )
    member.fetch(1, 2)
    expect(await polled()).toEqual(['1@7', '1@8'])
    expect(consumer.positions()).toEqual(
      new Map([
        [0, 0n],
        [1, 9n],
      ]),
    )
  })

  it('stops fetching when the buffer is full, and goes on when half of it is polled', async () => {
    consumer = make({ buffer_bytes: 100 })
    const member = await joined(0)
    member.fetch(0, 9, { bytes: 10 })
    expect(member.paused).toBe(false)
    member.fetch(0, 2, { bytes: 10 })
    expect(member.paused).toBe(true)
    await polled({ max_records: 6 })
    expect(member.paused).toBe(true)
    await polled({ max_records: 1 })
    expect(member.paused).toBe(false)
  })

  it('gives nothing more of what was taken away, from the moment the group agrees anew', async () => {
    const member = await joined(0, 1)
    const { generation } = await consumer.poll({ ...LIMITS, max_wait_ms: 0 })
    member.fetch(0, 5)
    member.fetch(1, 5)
    member.events.rebalancing()
    expect(await polled()).toEqual([])
    progress.set(1, 2n)
    member.events.assigned([1, 2])
    member.fetch(1, 5, { from: 5n })
    expect(await polled({ max_wait_ms: 0 })).toEqual([])
    expect(revoked).toEqual([[0]])
    expect(asked.at(-1)).toEqual([1, 2])
    member.fetch(1, 1)
    const batch = await consumer.poll(LIMITS)
    expect(batch.records.map(({ offset }) => offset)).toEqual([2n])
    expect(batch.generation).toBeGreaterThan(generation)
  })

  it('without partitions it asks the reader too, so that it forgets what it had', async () => {
    await joined(0)
    await joined()
    expect(asked).toEqual([[0], []])
    expect(consumer.positions().size).toBe(0)
  })

  it('gives nothing while its session may be over, and goes on after a heartbeat', async () => {
    const member = await joined(0)
    member.fetch(0, 1)
    member.alive = false
    expect(await polled()).toEqual([])
    const waiting = polled({ max_wait_ms: 10_000 })
    member.alive = true
    member.events.heard()
    expect(await waiting).toEqual(['0@0'])
  })

  it('an offset that the client chose itself is not followed', async () => {
    progress.set(0, 10n)
    const member = await joined(0)
    expect(member.fetch(0, 5, { from: 0n })).toBe(false)
    expect(member.at.get(0)).toBe(10n)
    expect(member.fetch(0, 5, { from: 500n })).toBe(false)
    member.fetch(0, 1)
    expect(await polled()).toEqual(['0@10'])
  })

  it('outside the log: an error at each poll, no fetching, until the reader seeks', async () => {
    const member = await joined(0)
    log = [{ partition: 0, earliest: 50n, end: 100n }]
    member.events.strayed(0)
    await expect(consumer.poll({ ...LIMITS, max_wait_ms: 5_000 })).rejects.toMatchObject({
      code: 'offset_out_of_range',
    })
    await expect(consumer.poll(LIMITS)).rejects.toMatchObject({ code: 'offset_out_of_range' })
    expect(member.paused).toBe(true)
    consumer.seek(new Map([[0, 50n]]))
    expect(member.paused).toBe(false)
    member.fetch(0, 1)
    expect(await polled()).toEqual(['0@50'])
  })

  it('a start outside the log is an error at each poll until the reader says another', async () => {
    progress.set(0, 5n)
    log = [{ partition: 0, earliest: 6n, end: 9n }]
    await consumer.poll({ ...LIMITS, max_wait_ms: 0 })
    last().events.assigned([0])
    await expect(consumer.poll(LIMITS)).rejects.toMatchObject({ code: 'offset_out_of_range' })
    await expect(consumer.poll(LIMITS)).rejects.toMatchObject({ code: 'offset_out_of_range' })
    progress.set(0, 6n)
    await consumer.poll({ ...LIMITS, max_wait_ms: 0 })
    expect(consumer.positions()).toEqual(new Map([[0, 6n]]))
  })

  it('a record of another life of the log is never given', async () => {
    const member = await joined(0)
    expect(member.fetch(0, 3, { epoch: 'other' })).toBe(false)
    await expect(consumer.poll(LIMITS)).rejects.toMatchObject({ code: 'replaced', retryable: false })
    await expect(consumer.poll(LIMITS)).rejects.toMatchObject({ code: 'replaced' })
  })

  it('a record of another program is an empty one: its offset counts, its text is not read, and it is told and counted', async () => {
    const member = await joined(0)
    member.fetch(0, 1)
    member.fetch(0, 2, { epoch: null, bytes: 30 })
    member.fetch(0, 1)
    const { records } = await consumer.poll(LIMITS)
    expect(records.map(({ offset, value }) => [offset, value.length])).toEqual([
      [0n, 1],
      [1n, 0],
      [2n, 0],
      [3n, 1],
    ])
    expect(consumer.positions().get(0)).toBe(4n)
    expect(told).toEqual([{ topic: 'sluice.t.e', partition: 0, offset: '2', records: 2 }])
  })

  describe('the record before a start', () => {
    let shown: string[]
    let answer: boolean
    beforeEach(() => {
      shown = []
      answer = true
      continues = ({ partition, offset }) => {
        shown.push(`${partition}@${offset}`)
        return answer
      }
      consumer = make()
    })

    it('is fetched and shown to the reader, and not given', async () => {
      progress.set(1, 7n)
      const member = await joined(0, 1)
      expect(member.at).toEqual(
        new Map([
          [0, 0n],
          [1, 6n],
        ]),
      )
      member.fetch(0, 1)
      member.fetch(1, 3)
      expect(await polled()).toEqual(['0@0', '1@7', '1@8'])
      expect(shown).toEqual(['1@6'])
      member.fetch(1, 1)
      expect(await polled()).toEqual(['1@9'])
      expect(shown).toHaveLength(1)
    })

    it('that is another one is the error `replaced`, at each poll, and nothing is given', async () => {
      answer = false
      progress.set(0, 7n)
      const member = await joined(0)
      expect(member.fetch(0, 3)).toBe(false)
      for (let i = 0; i < 2; i++)
        await expect(consumer.poll(LIMITS)).rejects.toMatchObject({ code: 'replaced', retryable: false })
    })

    it('that is alone at the end of the log is no news', async () => {
      progress.set(0, 1_000n)
      const member = await joined(0)
      member.fetch(0, 1)
      expect(await polled()).toEqual([])
      member.fetch(0, 1)
      expect(await polled()).toEqual(['0@1000'])
    })

    it('that the log has removed is not asked for', async () => {
      progress.set(0, 50n)
      log = [{ partition: 0, earliest: 50n, end: 100n }]
      const member = await joined(0)
      expect(member.at.get(0)).toBe(50n)
      member.fetch(0, 1)
      expect(await polled()).toEqual(['0@50'])
      expect(shown).toEqual([])
    })

    it('is shown again after the client was thrown off its offset, even if that is within the log once more', async () => {
      progress.set(0, 7n)
      const member = await joined(0)
      member.fetch(0, 3)
      expect(await polled()).toEqual(['0@7', '0@8'])
      answer = false
      progress.set(0, 9n)
      member.events.strayed(0)
      expect(member.fetch(0, 1)).toBe(false)
      await expect.poll(() => polled({ max_wait_ms: 0 }).then(() => member.at.get(0))).toBe(8n)
      expect(member.fetch(0, 2)).toBe(false)
      await expect(consumer.poll(LIMITS)).rejects.toMatchObject({ code: 'replaced' })
      expect(shown).toEqual(['0@6', '0@8'])
    })

    it('stays to be shown when the reader goes elsewhere first', async () => {
      progress.set(0, 7n)
      const member = await joined(0)
      consumer.seek(new Map([[0, 20n]]))
      expect(member.at.get(0)).toBe(19n)
      member.fetch(0, 2)
      expect(await polled()).toEqual(['0@20'])
      expect(shown).toEqual(['0@19'])
    })
  })

  it('seek drops what is buffered of that partition only', async () => {
    const member = await joined(0, 1)
    member.fetch(0, 3)
    member.fetch(1, 2)
    consumer.seek(
      new Map([
        [0, 1n],
        [2, 5n],
      ]),
    )
    expect(member.at.get(0)).toBe(1n)
    expect(await polled()).toEqual(['1@0', '1@1'])
    expect(consumer.positions()).toEqual(
      new Map([
        [0, 1n],
        [1, 2n],
      ]),
    )
  })

  it('a membership that broke off is told once, taken off the group, and followed by another', async () => {
    const member = await joined(0)
    member.member_id = 'former'
    member.fetch(0, 2)
    member.events.lost(new LogError('unreachable', 'gone', { retryable: true }), false)
    await expect(consumer.poll(LIMITS)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
    expect(member.ended).toBe(true)
    expect(await polled({ max_wait_ms: 0 })).toEqual([])
    expect(forgotten).toEqual(['former'])
    expect(members).toHaveLength(2)
    progress.set(0, 1n)
    await joined(0)
    last().fetch(0, 1)
    expect(await polled()).toEqual(['0@1'])
  })

  it('a coordinator that is loading is no error', async () => {
    await joined(0)
    last().events.lost(new LogError('failed', 'loading', { retryable: true }), true)
    expect(await polled({ max_wait_ms: 0 })).toEqual([])
    expect(members).toHaveLength(2)
  })

  it('a topic that is gone is told as what became of it', async () => {
    await joined(0)
    missing = new LogError('replaced', 'gone')
    last().events.lost(new LogError('unknown_topic', 'no such topic'), false)
    await expect(consumer.poll(LIMITS)).rejects.toMatchObject({ code: 'replaced' })
  })

  it('brokers that are silent for longer than a session are an error, told again and again', async () => {
    consumer = make({ session_ms: 40, rebalance_ms: 40 })
    await joined(0)
    for (let i = 0; i < 2; i++)
      await expect(consumer.poll({ ...LIMITS, max_wait_ms: 60 })).rejects.toMatchObject({
        code: 'unreachable',
        retryable: true,
      })
  })

  it('closed, it ends a poll under way and leaves the group', async () => {
    const member = await joined(0)
    const waiting = polled({ max_wait_ms: 60_000 })
    await consumer.close()
    expect(await waiting).toEqual([])
    expect(member.ended).toBe(true)
    await expect(consumer.poll(LIMITS)).rejects.toMatchObject({ code: 'closed' })
  })
})
