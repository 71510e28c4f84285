/**
 * The event log: records a second in and out, and the time from `send` to `poll`. `node bench/event-log.ts [records]`
 * (200,000) measures the embedded log; with `SLUICE_TEST_KAFKA=host:port`, the log on Kafka beside it, and a plain program on
 * @platformatic/kafka with the same guarantees (idempotent, acks of all, zstd) as the peer. Records of 300 bytes, sends of
 * 500 with four under way, eight partitions.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Consumer, Producer } from '@platformatic/kafka'
import { type EventLog, type LogRecord, openEmbeddedLog } from '@sluice/event-log'
import { openKafkaLog } from '@sluice/event-log/kafka'
import { eventOf } from './made-up-events.ts'

const [records = '200000'] = process.argv.slice(2)
const RECORDS = Number(records)
const PARTITIONS = 8
const A_SEND = 500
const UNDER_WAY = 4
const LATENCIES = 200
const LIMITS = { max_records: 50_000, max_bytes: 64 * 1024 ** 2, max_wait_ms: 1_000 }

/** Records a second, and processor time of this process in microseconds a record. */
interface Rate {
  a_second: number
  cpu_us: number
}

interface Rates {
  produced: Rate
  consumed: Rate
  p50_ms: number
  p95_ms: number
}

const batches = Array.from({ length: 20 }, (_, batch) =>
  Array.from({ length: A_SEND }, (_, at): LogRecord => {
    const text = JSON.stringify({ ...eventOf(batch * A_SEND + at), event_id: randomUUID() })
    return { partition: at % PARTITIONS, value: Buffer.from(text.padEnd(300)) }
  }),
)

const folder = await mkdtemp(join(tmpdir(), 'bench-event-log-'))
const embedded = await openEmbeddedLog({ path: folder })
const first = await ratesOf(embedded)
await embedded.close()
await rm(folder, { recursive: true })
report('embedded', first)

const brokers = process.env['SLUICE_TEST_KAFKA']?.split(',')
if (brokers) {
  const epoch = randomUUID()
  const log = await openKafkaLog({ brokers, clientId: 'bench', epoch })
  const other = await openKafkaLog({ brokers, clientId: 'bench', epoch: `${epoch}-2`, producer: 'platformatic' })
  for (let run = 1; run <= 3; run++) {
    await log.ensureTopic(`peer${run}`, { partitions: PARTITIONS })
    const ours = await ratesOf(log)
    report(`on Kafka, run ${run}`, ours)
    const second = await ratesOf(other)
    report(`on Kafka, platformatic, run ${run}`, second)
    const peer = await peerRates(brokers, `sluice.peer${run}.${epoch}`)
    report(`@platformatic/kafka alone, run ${run}`, peer)
    console.log(
      `   ours by the peer's: in ${ratio(ours.produced, peer.produced)}, out ${ratio(ours.consumed, peer.consumed)}`,
    )
    console.log(`   ours with its producer: in ${ratio(second.produced, peer.produced)}`)
  }
  await log.close()
  await other.close()
}

async function ratesOf(log: EventLog): Promise<Rates> {
  await log.ensureTopic('bench', { partitions: PARTITIONS })
  const producer = await log.producer()
  const from = await log.offsets('bench')
  const start = new Map(from.map(({ partition, end }) => [partition, end]))
  const produced = await producing((batch) => producer.send('bench', batch))
  const consumer = await log.consumer({ topic: 'bench', startFrom: async () => start })
  const consumed = await timed(async () => {
    for (let seen = 0; seen < RECORDS; ) seen += (await consumer.poll(LIMITS)).records.length
  })
  const times: number[] = []
  for (let i = 0; i < LATENCIES; i++) {
    const sent = performance.now()
    await producer.send('bench', (batches[0] ?? []).slice(0, 1))
    while ((await consumer.poll(LIMITS)).records.length === 0);
    times.push(performance.now() - sent)
  }
  await consumer.close()
  await producer.close()
  return { produced, consumed, ...quantiles(times) }
}

async function peerRates(bootstrapBrokers: string[], topic: string): Promise<Rates> {
  const producer = new Producer({ clientId: 'peer', bootstrapBrokers, idempotent: true, acks: -1, compression: 'zstd' })
  const send = (batch: readonly LogRecord[]) =>
    producer.send({
      messages: batch.map(({ partition, value }) => ({
        topic,
        partition,
        value: Buffer.from(value.buffer, value.byteOffset, value.length),
        headers,
      })),
    })
  const headers = new Map([[Buffer.from('sluice-epoch'), Buffer.from(topic)]])
  const consumer = new Consumer({
    clientId: 'peer',
    bootstrapBrokers,
    groupId: `peer-${randomUUID()}`,
    autocommit: false,
    maxWaitTime: 200,
  })
  const produced = await producing(send)
  const began = performance.now()
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', maxBytes: 4 * 1024 ** 2 })
  const messages = stream[Symbol.asyncIterator]()
  const consumed = await timed(async () => {
    for (let seen = 0; seen < RECORDS; seen++) await messages.next()
  }, began)
  const times: number[] = []
  for (let i = 0; i < LATENCIES; i++) {
    const sent = performance.now()
    await send((batches[0] ?? []).slice(0, 1))
    await messages.next()
    times.push(performance.now() - sent)
  }
  await stream.close()
  await consumer.close(true)
  await producer.close()
  return { produced, consumed, ...quantiles(times) }
}

async function producing(send: (batch: readonly LogRecord[]) => Promise<unknown>): Promise<Rate> {
  let sent = 0
  return timed(() =>
    Promise.all(
      Array.from({ length: UNDER_WAY }, async () => {
        while (sent < RECORDS) {
          sent += A_SEND
          await send(batches[(sent / A_SEND) % batches.length] ?? [])
        }
      }),
    ),
  )
}

async function timed(work: () => Promise<unknown>, began = performance.now()): Promise<Rate> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { a_second: (RECORDS / (performance.now() - began)) * 1_000, cpu_us: (user + system) / RECORDS }
}

function quantiles(times: number[]): { p50_ms: number; p95_ms: number } {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * sorted.length)] ?? 0
  return { p50_ms: at(0.5), p95_ms: at(0.95) }
}

function ratio(ours: Rate, peers: Rate): string {
  return `${(ours.a_second / peers.a_second).toFixed(2)} of the rate, ${(ours.cpu_us / peers.cpu_us).toFixed(2)} of the processor time`
}

function report(what: string, { produced, consumed, p50_ms, p95_ms }: Rates): void {
  const rate = ({ a_second, cpu_us }: Rate) =>
    `${Math.round(a_second).toLocaleString('en').padStart(7)}/s at ${cpu_us.toFixed(1)} µs`
  console.log(
    `${what.padEnd(34)} in ${rate(produced)}, out ${rate(consumed)}, send to poll p50 ${p50_ms.toFixed(1)} ms, p95 ${p95_ms.toFixed(1)} ms`,
  )
}
