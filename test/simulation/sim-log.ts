import type { LogConsumer, PartitionOffsets, PolledBatch, PollLimits } from '@sluice/event-log'
import type { Actor } from './scheduler.ts'
import type { SimEvent } from './sim-event.ts'
import type { World } from './world.ts'

export interface SimRecord {
  readonly partition: number
  readonly offset: number
  readonly event: SimEvent
}

const NO_BYTES = new Uint8Array(0)

/** A partitioned log with one consumer group. Offsets may have gaps, as Kafka's have. */
export class SimLog {
  readonly partitions: SimRecord[][]
  readonly #ends: number[]
  #members: SimConsumer[] = []
  generation = 0

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, () => [])
    this.#ends = this.partitions.map(() => 0)
  }

  /** Members learn of it as of a rebalance. */
  grow(): void {
    this.partitions.push([])
    this.#ends.push(0)
    this.generation++
  }

  append(partition: number, event: SimEvent, gap = 0): void {
    const offset = this.#ends[partition]! + gap
    this.partitions[partition]!.push({ partition, offset, event })
    this.#ends[partition] = offset + 1
  }

  offsets(partitions: readonly number[]): PartitionOffsets[] {
    return partitions.map((partition) => ({ partition, earliest: 0n, end: BigInt(this.#ends[partition]!) }))
  }

  record(partition: number, offset: bigint): SimRecord {
    const record = this.partitions[partition]?.find((one) => one.offset === Number(offset))
    if (!record) throw new Error(`the log has no record ${offset} in partition ${partition}`)
    return record
  }

  get members(): readonly SimConsumer[] {
    return this.#members
  }

  join(consumer: SimConsumer): void {
    this.#members.push(consumer)
    this.generation++
  }

  /** A member went, was declared dead, or its session ran out while it was stopped. */
  expel(consumer: SimConsumer): void {
    this.#members = this.#members.filter((member) => member !== consumer)
    this.generation++
  }

  assignment(consumer: SimConsumer): number[] {
    const place = this.#members.indexOf(consumer)
    const turn = place + this.generation
    return this.partitions.flatMap((_, at) => (place >= 0 && (at + turn) % this.#members.length === 0 ? [at] : []))
  }
}

type StartFrom = (partitions: readonly PartitionOffsets[]) => Promise<ReadonlyMap<number, bigint>>

/** A member of the group, which learns of a rebalance late and may go on with partitions that are another's by then. */
export class SimConsumer implements LogConsumer {
  readonly #world: World
  readonly #actor: Actor
  readonly #startFrom: StartFrom
  #generation = -1
  #positions = new Map<number, bigint>()
  #assigning = false

  constructor(world: World, actor: Actor, startFrom: StartFrom) {
    this.#world = world
    this.#actor = actor
    this.#startFrom = startFrom
  }

  async poll({ max_records }: PollLimits): Promise<PolledBatch> {
    const { log, random, dangers, scheduler } = this.#world
    await scheduler.step(this.#actor, 'polls')
    if (!log.members.includes(this)) log.join(this)
    while (!this.#assigning && this.#generation !== log.generation && !random.chance(dangers.stale_owner))
      await this.assign()
    if (this.#generation < 0) return { generation: -1, records: [] }
    this.#deliverAgain()
    return { generation: this.#generation, records: this.#take(random.between(1, max_records)) }
  }

  positions(): ReadonlyMap<number, bigint> {
    return new Map(this.#positions)
  }

  seek(positions: ReadonlyMap<number, bigint>): void {
    for (const [partition, offset] of positions)
      if (this.#positions.has(partition)) this.#positions.set(partition, offset)
  }

  async close(): Promise<void> {
    this.#world.log.expel(this)
  }

  /** Takes over the partitions of the current generation. Called by `poll`, or beside a turn, as Kafka's clients do. */
  async assign(): Promise<void> {
    const { log, scheduler } = this.#world
    this.#assigning = true
    try {
      const { generation } = log
      const partitions = log.assignment(this)
      const from = await this.#startFrom(log.offsets(partitions))
      this.#positions = new Map(partitions.map((partition) => [partition, from.get(partition) ?? 0n]))
      this.#generation = generation
      this.#world.saw('rebalance')
      scheduler.note(this.#actor, `owns ${partitions.map((p) => `${p}@${from.get(p)}`).join(' ') || 'nothing'}`)
    } finally {
      this.#assigning = false
    }
  }

  get canAssign(): boolean {
    return !this.#assigning && this.#generation >= 0 && this.#generation !== this.#world.log.generation
  }

  /** After a reconnect a consumer may see records again that it has seen. */
  #deliverAgain(): void {
    const { random, dangers } = this.#world
    if (!random.chance(dangers.deliver_again)) return
    for (const [partition, offset] of this.#positions)
      this.#positions.set(partition, BigInt(random.between(0, Number(offset))))
  }

  #take(max_records: number) {
    const { log, random } = this.#world
    const records: PolledBatch['records'] = []
    const partitions = [...this.#positions.keys()]
    if (random.chance(0.5)) partitions.reverse()
    for (const partition of partitions) {
      for (const { offset } of log.partitions[partition] ?? []) {
        if (records.length >= max_records) return records
        if (offset < Number(this.#positions.get(partition))) continue
        records.push({ partition, offset: BigInt(offset), value: NO_BYTES })
        this.#positions.set(partition, BigInt(offset + 1))
      }
    }
    return records
  }
}
