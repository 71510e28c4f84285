import { LogError, type PolledBatch } from '../../src/event-log.ts'
import { openKafkaLog } from '../../src/kafka/kafka-log.ts'

/** A member of a consumer group in a process of its own; the test plays the ledger. Arguments: see `MemberStart`. */
export interface MemberStart {
  brokers: string[]
  epoch: string
  session_ms: number
  max_records: number
}

export type FromMember =
  | { kind: 'startFrom'; partitions: number[] }
  | { kind: 'batch'; generation: number; records: { partition: number; offset: string; text: string }[] }
  | { kind: 'closed' }

export type ToMember =
  | { kind: 'start'; offsets: [partition: number, offset: string][] }
  /** The answer to a batch; a refused one makes the member go back to these offsets. */
  | { kind: 'settled'; back: [partition: number, offset: string][] }
  | { kind: 'close' }

const start: MemberStart = JSON.parse(process.argv[2] ?? '')
const log = await openKafkaLog({
  brokers: start.brokers,
  clientId: 'member',
  epoch: start.epoch,
  limits: { session_ms: start.session_ms, heartbeat_ms: 500 },
})

let answer: ((message: ToMember) => void) | undefined
let closing = false
process.on('message', (message: ToMember) => {
  if (message.kind === 'close') closing = true
  else answer?.(message)
})
const ask = (message: FromMember) =>
  new Promise<ToMember>((resolve) => {
    answer = resolve
    process.send?.(message)
  })
const offsetsOf = (pairs: [number, string][]) =>
  new Map(pairs.map(([partition, offset]) => [partition, BigInt(offset)]))

const consumer = await log.consumer({
  topic: 't',
  group: 'g',
  startFrom: async (partitions) => {
    const told = await ask({ kind: 'startFrom', partitions: partitions.map(({ partition }) => partition) })
    return told.kind === 'start' ? offsetsOf(told.offsets) : new Map()
  },
})
/** A broker that has just begun may still be making up its mind who coordinates: then the next poll is told. */
async function poll(): Promise<PolledBatch> {
  try {
    return await consumer.poll({ max_records: start.max_records, max_bytes: 1_000_000, max_wait_ms: 200 })
  } catch (error) {
    if (!(error instanceof LogError) || !error.retryable) throw error
    return { generation: -1, records: [] }
  }
}

while (!closing) {
  const { generation, records } = await poll()
  if (records.length === 0) continue
  const settled = await ask({
    kind: 'batch',
    generation,
    records: records.map(({ partition, offset, value }) => ({
      partition,
      offset: offset.toString(),
      text: Buffer.from(value).toString(),
    })),
  })
  if (settled.kind === 'settled' && settled.back.length > 0) consumer.seek(offsetsOf(settled.back))
}
await log.close()
process.send?.({ kind: 'closed' } satisfies FromMember)
process.disconnect?.()
