import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Admin } from '@platformatic/kafka'
import kafkajs from 'kafkajs'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../../../../test/servers/container.ts'
import { describeServer, kafkaEndpoint } from '../../../../test/servers/endpoints.ts'
import { type EventLog, LogError, type PolledRecord } from '../../src/index.ts'
import { type KafkaLogLimits, type KafkaLogOptions, openKafkaLog } from '../../src/kafka/kafka-log.ts'

const LIMITS = { max_records: 10_000, max_bytes: 10_000_000, max_wait_ms: 1_000 }
const record = (partition: number, text: string) => ({ partition, value: Buffer.from(text) })
const textOf = ({ value }: PolledRecord) => Buffer.from(value).toString()
const fromStart = async (partitions: readonly { partition: number; earliest: bigint }[]) =>
  new Map(partitions.map(({ partition, earliest }) => [partition, earliest]))

/** Calls again and again, until it fails with this code. */
async function failing(code: string, call: () => Promise<unknown>, within_ms = 60_000): Promise<LogError> {
  const end = performance.now() + within_ms
  for (;;) {
    try {
      await call()
    } catch (error) {
      if (error instanceof LogError && error.code === code) return error
      if (!(error instanceof LogError && error.retryable)) throw error
    }
    if (performance.now() > end) throw new Error(`waited ${within_ms} ms for an error ${code}`)
  }
}

const warnings: string[] = []
const listen = (warning: Error) => warnings.push(warning.name)
process.on('warning', listen)

await describeServer('the log on Kafka in bad times', kafkaEndpoint, ({ brokers, crash }) => {
  let log: EventLog
  let epoch: string
  let admin: Admin
  const opened: EventLog[] = []
  const open = async (limits?: Partial<KafkaLogLimits>, producer?: KafkaLogOptions['producer']) => {
    const one = await openKafkaLog({ brokers: brokers.split(','), clientId: 'faults', epoch, limits, producer })
    opened.push(one)
    return one
  }
  beforeEach(async () => {
    epoch = randomUUID()
    log = await open({ topic_check_ms: 500 })
    admin = new Admin({ clientId: 'faults-admin', bootstrapBrokers: brokers.split(',') })
  })
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close()
    await admin.close()
  })
  afterAll(() => {
    process.off('warning', listen)
    expect(warnings).not.toContain('TimeoutNegativeWarning')
  })

  async function anew(partitions: number): Promise<void> {
    await admin.deleteTopics({ topics: [`sluice.t.${epoch}`] })
    await failing('unknown_topic', async () => (await open()).offsets('t'))
    await admin.createTopics({ topics: [`sluice.t.${epoch}`], partitions, replicas: -1 })
  }

  describe('a topic that is not what it was', () => {
    it('deleted: reading, sending and making it again are the error `replaced`', async () => {
      await log.ensureTopic('t', { partitions: 2 })
      const producer = await log.producer()
      await producer.send('t', [record(0, 'a'), record(1, 'b')])
      const consumer = await log.consumer({ topic: 't', group: 'g', startFrom: fromStart })
      expect((await consumer.poll({ ...LIMITS, max_wait_ms: 10_000 })).records.length).toBeGreaterThan(0)
      await admin.deleteTopics({ topics: [`sluice.t.${epoch}`] })
      expect(await failing('replaced', () => consumer.poll(LIMITS))).toMatchObject({ retryable: false })
      await failing('replaced', () => producer.send('t', [record(0, 'c')]))
      await expect(log.ensureTopic('t', { partitions: 2 })).rejects.toMatchObject({ code: 'replaced' })
    })

    it('made anew and longer than before: noticed by those who use it, and by its identity after a restart', async () => {
      await log.ensureTopic('t', { partitions: 1 })
      const identity = await log.identity('t')
      const producer = await log.producer()
      await producer.send('t', [record(0, 'a')])
      const consumer = await log.consumer({ topic: 't', startFrom: fromStart })
      await consumer.poll({ ...LIMITS, max_wait_ms: 10_000 })
      await anew(1)
      const restarted = await open()
      const other = await restarted.producer()
      for (let i = 0; i < 20; i++) await other.send('t', [record(0, `new ${i}`)])
      await failing('replaced', () => consumer.poll(LIMITS))
      await failing('replaced', () => producer.send('t', [record(0, 'b')]))
      expect(await restarted.identity('t')).not.toBe(identity)
    })

    it('cut below the reader: everything up to the cut, then an error, and nothing behind it', async () => {
      await log.ensureTopic('t', { partitions: 1 })
      const producer = await log.producer()
      for (let i = 0; i < 300; i++) await producer.send('t', [record(0, `${i}`.padEnd(1_000))])
      const slow = await open({ buffer_bytes: 2_000, fetch_partition_bytes: 1_000, topic_check_ms: 600_000 })
      const consumer = await slow.consumer({ topic: 't', startFrom: fromStart })
      const seen: string[] = []
      const read = async () => {
        for (const one of (await consumer.poll({ ...LIMITS, max_records: 1 })).records) seen.push(textOf(one).trim())
      }
      while (seen.length < 5) await read()
      await log.truncate('t', [{ partition: 0, offset: 250n }])
      await failing('offset_out_of_range', read)
      expect(seen.length).toBeLessThan(250)
      expect(seen).toEqual(seen.map((_, i) => `${i}`))
      consumer.seek(new Map([[0, 250n]]))
      seen.splice(0)
      while (seen.length < 50) await read()
      expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => `${250 + i}`))
    })

    it('with another last record than the one that was read: the error `replaced`, and nothing behind it', async () => {
      await log.ensureTopic('t', { partitions: 2 })
      const sent = [record(0, 'a'), record(0, 'b'), record(0, 'c'), record(1, 'x')]
      await (await log.producer()).send('t', sent)
      const readFrom = (last: string) =>
        log.consumer({
          topic: 't',
          startFrom: async () => new Map([0, 1].map((partition) => [partition, partition === 0 ? 2n : 1n])),
          continues: (before) => before.partition === 1 || textOf(before) === last,
        })
      const same = await readFrom('b')
      const seen: string[] = []
      while (seen.length < 1) seen.push(...(await same.poll(LIMITS)).records.map(textOf))
      expect(seen).toEqual(['c'])
      await same.close()
      const other = await readFrom('another b')
      const error = await failing('replaced', () => other.poll(LIMITS))
      expect(error.message).toContain('partition 0, offset 1')
    })

    it('cut up to what was decided: no young record goes, no undecided one, and the last decided one is known again', async () => {
      await log.ensureTopic('t', { partitions: 1 })
      const producer = await log.producer()
      for (const text of ['a', 'b', 'c', 'd']) await producer.send('t', [record(0, text)])
      const earliest = async () => (await log.offsets('t')).map((one) => one.earliest)
      await log.truncate('t', [{ partition: 0, offset: 2n }], { keep_ms: 3_600_000 })
      expect(await earliest()).toEqual([0n])
      await new Promise((resolve) => setTimeout(resolve, 10_100))
      await producer.send('t', [record(0, 'young')])
      await log.truncate('t', [{ partition: 0, offset: 5n }], { keep_ms: 10_000 })
      expect(await earliest()).toEqual([4n])
      // Another transformer, which is behind, and one that knows another log.
      await log.truncate('t', [{ partition: 0, offset: 2n }])
      await log.truncate('t', [{ partition: 0, offset: 77n }])
      expect(await earliest()).toEqual([4n])
      const shown: string[] = []
      const consumer = await log.consumer({
        topic: 't',
        startFrom: async () => new Map([[0, 5n]]),
        continues: (before) => shown.push(textOf(before)) > 0,
      })
      await producer.send('t', [record(0, 'next')])
      const seen: string[] = []
      while (seen.length < 1) seen.push(...(await consumer.poll(LIMITS)).records.map(textOf))
      expect([shown, seen]).toEqual([['young'], ['next']])
    })

    it('with records of another program: empty ones, and everything of ours', async () => {
      await log.ensureTopic('t', { partitions: 1 })
      const ours = await log.producer()
      await ours.send('t', [record(0, 'a')])
      const other = new kafkajs.Kafka({ brokers: brokers.split(','), clientId: 'f', logLevel: 0 }).producer()
      await other.connect()
      await other.send({ topic: `sluice.t.${epoch}`, messages: [{ value: 'stray' }, { value: null }] })
      await other.disconnect()
      await ours.send('t', [record(0, 'b')])
      const consumer = await log.consumer({ topic: 't', startFrom: fromStart })
      const seen: PolledRecord[] = []
      while (seen.length < 4) seen.push(...(await consumer.poll(LIMITS)).records)
      expect(seen.map(textOf)).toEqual(['a', '', '', 'b'])
    })

    it('with records of another life of the log: the error `replaced`', async () => {
      await log.ensureTopic('t', { partitions: 1 })
      await (await log.producer()).send('t', [record(0, 'ours')])
      const foreign = new kafkajs.Kafka({ brokers: brokers.split(','), clientId: 'f', logLevel: 0 }).producer({
        createPartitioner: () => () => 0,
      })
      await foreign.connect()
      await foreign.send({
        topic: `sluice.t.${epoch}`,
        messages: [{ value: 'without a header' }, { value: 'theirs', headers: { 'sluice-epoch': 'another' } }],
      })
      await foreign.disconnect()
      const consumer = await log.consumer({ topic: 't', startFrom: fromStart })
      const error = await failing('replaced', () => consumer.poll(LIMITS))
      expect(error.message).toContain('another')
    })
  })

  it('settings of a topic that lose records are corrected', async () => {
    await admin.createTopics({
      topics: [`sluice.t.${epoch}`],
      partitions: 1,
      replicas: -1,
      configs: [
        { name: 'cleanup.policy', value: 'compact' },
        { name: 'retention.ms', value: '1000' },
      ],
    })
    await log.ensureTopic('t', { partitions: 1 })
    const [{ configs } = { configs: [] }] = await admin.describeConfigs({
      resources: [{ resourceType: 2, resourceName: `sluice.t.${epoch}`, configurationKeys: [] }],
    })
    const values = new Map(configs.map(({ name, value }) => [name, value]))
    expect(values.get('cleanup.policy')).toBe('delete')
    expect(values.get('retention.ms')).toBe('-1')
    expect(values.get('message.timestamp.type')).toBe('LogAppendTime')
  })

  it('several processes that make the same topic at once, and then add partitions, agree', async () => {
    const logs = await Promise.all([1, 2, 3, 4].map(() => open()))
    await Promise.all(logs.map((one) => one.ensureTopic('t', { partitions: 2 })))
    await Promise.all(logs.map((one) => one.ensureTopic('t', { partitions: 5 })))
    const identities = await Promise.all(logs.map((one) => one.identity('t')))
    expect(new Set(identities).size).toBe(1)
    expect(await log.offsets('t')).toHaveLength(5)
  })

  describe.each(['kafkajs', 'platformatic'] as const)('sending by %s', (producer) => {
    it('a record of several megabytes passes, a larger one than allowed is refused and hurts no other', async () => {
      const log = await open({}, producer)
      await log.ensureTopic('t', { partitions: 1 })
      const sender = await log.producer()
      const large = { partition: 0, value: Buffer.alloc(6_000_000).map(() => Math.random() * 256) }
      const sent = Promise.all([sender.send('t', [record(0, 'before'), large]), sender.send('t', [record(0, 'after')])])
      await expect(sender.send('t', [{ partition: 0, value: Buffer.alloc(40 * 1024 ** 2) }])).rejects.toMatchObject({
        code: 'record_too_large',
      })
      await sent
      const consumer = await log.consumer({ topic: 't', startFrom: fromStart })
      const lengths: number[] = []
      while (lengths.length < 3)
        for (const { value } of (await consumer.poll({ ...LIMITS, max_bytes: 1 })).records) lengths.push(value.length)
      expect(lengths).toEqual([6, 6_000_000, 5])
    })

    it('many sends at once keep their order and none is lost', async () => {
      const log = await open({}, producer)
      await log.ensureTopic('t', { partitions: 2 })
      const sender = await log.producer()
      const sends = Array.from({ length: 500 }, (_, i) => sender.send('t', [record(i % 2, `${i}`)]))
      await Promise.all(sends)
      const consumer = await log.consumer({ topic: 't', startFrom: fromStart })
      const seen: PolledRecord[] = []
      while (seen.length < 500) seen.push(...(await consumer.poll(LIMITS)).records)
      for (const partition of [0, 1])
        expect(seen.filter((one) => one.partition === partition).map(textOf)).toEqual(
          Array.from({ length: 250 }, (_, i) => `${2 * i + partition}`),
        )
    })

    it('a partition that there is not is refused', async () => {
      const log = await open({}, producer)
      await log.ensureTopic('t', { partitions: 2 })
      const sender = await log.producer()
      await expect(sender.send('t', [record(2, 'x')])).rejects.toMatchObject({ code: 'failed' })
    })

    it.skipIf(!crash)('a broker killed and started again under load loses nothing that was acknowledged', async () => {
      const log = await open({}, producer)
      await log.ensureTopic('t', { partitions: 4 })
      const sender = await log.producer()
      const consumer = await log.consumer({
        topic: 't',
        group: 'g',
        startFrom: async (partitions) => {
          return new Map(partitions.map(({ partition, earliest }) => [partition, next.get(partition) ?? earliest]))
        },
      })
      const next = new Map<number, bigint>()
      const acknowledged = new Set<string>()
      const seen: string[] = []
      let sending = true
      let all_sent = false
      let failures = 0
      const again = async (call: () => Promise<void>) => {
        for (;;) {
          try {
            return await call()
          } catch (error) {
            if (!(error instanceof LogError && error.retryable)) throw error
            failures++
          }
        }
      }
      const senders = Array.from({ length: 3 }, async (_, from) => {
        for (let i = 0; sending; i++) {
          const texts = Array.from({ length: 5 }, (_, k) => `${from}:${i * 5 + k}`)
          await again(() =>
            sender.send(
              't',
              texts.map((text) => record(from, text)),
            ),
          )
          for (const text of texts) acknowledged.add(text)
          await sleep(1)
        }
      })
      const reader = (async () => {
        while (!all_sent || new Set(seen).size < acknowledged.size)
          await again(async () => {
            for (const one of (await consumer.poll(LIMITS)).records) {
              seen.push(textOf(one))
              next.set(one.partition, one.offset + 1n)
            }
          })
      })()
      const more = async (count: number) => {
        const target = acknowledged.size + count
        while (acknowledged.size < target) await sleep(20)
      }
      await more(500)
      await crash?.()
      await more(500)
      sending = false
      await Promise.all(senders)
      all_sent = true
      await reader
      expect([...acknowledged].filter((text) => !seen.includes(text))).toEqual([])
      for (const sender of [0, 1, 2]) {
        const firsts = [...new Set(seen)].filter((text) => text.startsWith(`${sender}:`))
        expect(firsts).toEqual(firsts.map((_, i) => `${sender}:${i}`))
      }
      process.stderr.write(
        `${acknowledged.size} acknowledged, ${seen.length} read, ${failures} calls failed meanwhile\n`,
      )
    })

    it('partitions added while they are in use are sent to and read', async () => {
      const log = await open({ topic_check_ms: 300 }, producer)
      await log.ensureTopic('t', { partitions: 2 })
      const sender = await log.producer()
      await sender.send('t', [record(0, 'old')])
      const readers = [1, 2].map(() => log.consumer({ topic: 't', group: 'g', startFrom: fromStart }))
      const [a, b] = await Promise.all(readers)
      const seen: PolledRecord[] = []
      const read = async () => {
        for (const { records } of await Promise.all(
          [a?.poll(LIMITS), b?.poll(LIMITS)].map(async (batch) => (await batch) ?? { records: [] }),
        ))
          seen.push(...records)
      }
      while (!seen.some((one) => textOf(one) === 'old')) await read()
      await log.ensureTopic('t', { partitions: 5 })
      await sender.send(
        't',
        [2, 3, 4].map((partition) => record(partition, `new ${partition}`)),
      )
      while (!['new 2', 'new 3', 'new 4'].every((text) => seen.some((one) => textOf(one) === text))) await read()
      for (const one of seen)
        if (textOf(one) !== 'old') expect(seen.some((other) => textOf(other) === `new ${one.partition}`)).toBe(true)
      expect([...(a?.positions().keys() ?? []), ...(b?.positions().keys() ?? [])].sort()).toEqual([0, 1, 2, 3, 4])
    })
  })

  it('a member that works long on a batch stays one, and others can join meanwhile', async () => {
    await log.ensureTopic('t', { partitions: 4 })
    await (await log.producer()).send(
      't',
      [0, 1, 2, 3].map((partition) => record(partition, 'x')),
    )
    const busy = await log.consumer({ topic: 't', group: 'g', startFrom: fromStart })
    while (busy.positions().size < 4) await busy.poll(LIMITS)
    const other = await log.consumer({ topic: 't', group: 'g', startFrom: fromStart })
    while (other.positions().size === 0) await other.poll(LIMITS)
    expect(other.positions().size).toBe(2)
  })

  it('without a broker: one clear error', async () => {
    const port = await freePort()
    const error = await failing('unreachable', () =>
      openKafkaLog({ brokers: [`127.0.0.1:${port}`], clientId: 'nobody', epoch }),
    )
    expect(error.message).toContain(`127.0.0.1:${port}`)
    expect(error.retryable).toBe(true)
  })
})
