import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { describeServer, kafkaEndpoint } from '../../../../test/servers/endpoints.ts'
import type { EventLog } from '../../src/index.ts'
import { openKafkaLog } from '../../src/kafka/kafka-log.ts'
import type { FromMember, MemberStart, ToMember } from './member.ts'

const PARTITIONS = 6
/** The least that a broker allows without being told otherwise. */
const SESSION_MS = 6_000

/** Knows the next offset of each partition, and accepts a batch only if it goes on from there: what the ledger does. */
class Progress {
  readonly next = new Map<number, bigint>()
  readonly texts = new Map<number, string[]>()
  refused = 0

  settle(records: { partition: number; offset: string; text: string }[]): boolean {
    const firsts = new Map<number, bigint>()
    for (const { partition, offset } of records) if (!firsts.has(partition)) firsts.set(partition, BigInt(offset))
    if ([...firsts].some(([partition, first]) => first !== (this.next.get(partition) ?? 0n))) {
      this.refused++
      return false
    }
    for (const { partition, offset, text } of records) {
      expect(BigInt(offset)).toBe(this.next.get(partition) ?? 0n)
      this.next.set(partition, BigInt(offset) + 1n)
      this.texts.set(partition, [...(this.texts.get(partition) ?? []), text])
    }
    return true
  }

  get count(): number {
    return [...this.texts.values()].reduce((sum, texts) => sum + texts.length, 0)
  }
}

class Member {
  readonly child: ChildProcess
  readonly assigned: number[][] = []
  readonly batches: { generation: number; first: string[]; accepted: boolean }[] = []
  /** While true, batches are not answered. */
  held = false
  #unanswered: (() => void)[] = []

  constructor(start: MemberStart, progress: Progress) {
    this.child = fork(new URL('./member.ts', import.meta.url), [JSON.stringify(start)])
    this.child.on('message', (message: FromMember) => {
      const answer = () => {
        if (message.kind === 'startFrom') {
          this.assigned.push(message.partitions)
          this.tell({ kind: 'start', offsets: message.partitions.map((p) => [p, `${progress.next.get(p) ?? 0n}`]) })
        }
        if (message.kind === 'batch') {
          const { generation, records } = message
          const accepted = progress.settle(records)
          this.batches.push({
            generation,
            first: records.map(({ partition, offset }) => `${partition}@${offset}`),
            accepted,
          })
          const owned = [...new Set(records.map(({ partition }) => partition))]
          this.tell({
            kind: 'settled',
            back: accepted ? [] : owned.map((p) => [p, `${progress.next.get(p) ?? 0n}`]),
          })
        }
      }
      if (message.kind === 'batch' && this.held) this.#unanswered.push(answer)
      else answer()
    })
  }

  tell(message: ToMember): void {
    if (this.child.connected) this.child.send(message, () => undefined)
  }

  get holds(): number {
    return this.#unanswered.length
  }

  release(): void {
    this.held = false
    for (const answer of this.#unanswered.splice(0)) answer()
  }

  get now(): number[] {
    return this.assigned.at(-1) ?? []
  }

  async exit(how: 'close' | NodeJS.Signals): Promise<void> {
    const exited = new Promise((resolve) => this.child.once('exit', resolve))
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    if (how === 'close') this.tell({ kind: 'close' })
    else this.child.kill(how)
    await exited
  }
}

async function until(what: string, condition: () => boolean, within_ms = 60_000): Promise<void> {
  const end = performance.now() + within_ms
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${within_ms} ms until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

await describeServer('members in processes of their own', kafkaEndpoint, ({ brokers }) => {
  let log: EventLog
  let progress: Progress
  let members: Member[]
  let epoch: string
  beforeEach(async () => {
    epoch = randomUUID()
    progress = new Progress()
    members = []
    log = await openKafkaLog({ brokers: brokers.split(','), clientId: 'test', epoch })
    await log.ensureTopic('t', { partitions: PARTITIONS })
  })
  afterEach(async () => {
    for (const member of members) await member.exit('SIGKILL')
    await log.close()
  })

  const join = (max_records = 20) => {
    const member = new Member({ brokers: brokers.split(','), epoch, session_ms: SESSION_MS, max_records }, progress)
    members.push(member)
    return member
  }
  const sent = new Map<number, string[]>()
  async function send(from: number, to: number): Promise<void> {
    if (from === 0) sent.clear()
    const producer = await log.producer()
    for (let i = from; i < to; i += 10) {
      const texts = Array.from({ length: Math.min(10, to - i) }, (_, k) => `${i + k}`)
      await producer.send(
        't',
        texts.map((text) => ({ partition: Number(text) % PARTITIONS, value: Buffer.from(text) })),
      )
      for (const text of texts) {
        const partition = Number(text) % PARTITIONS
        sent.set(partition, [...(sent.get(partition) ?? []), text])
      }
    }
    await producer.close()
  }

  it('2, then 3, then 1 of them settle each record once and in order', async () => {
    const [a, b] = [join(), join()]
    await until('both have three partitions', () => a.now.length === 3 && b.now.length === 3)
    await send(0, 1_000)
    await until('half is settled', () => progress.count > 500)
    const c = join()
    await until('three have two partitions each', () => [a, b, c].every(({ now }) => now.length === 2))
    await send(1_000, 2_000)
    await until('the third has worked', () => c.batches.some(({ accepted }) => accepted))
    await Promise.all([a.exit('close'), c.exit('SIGKILL'), send(2_000, 3_000)])
    await until('all is settled', () => progress.count >= 3_000)
    expect(b.now).toHaveLength(PARTITIONS)
    expect(progress.texts).toEqual(sent)
    expect(a.batches.some(({ accepted }) => accepted) && b.batches.some(({ accepted }) => accepted)).toBe(true)
  })

  it('one that was stopped for longer than its session wakes up without the partitions it had', async () => {
    const [zombie, other] = [join(5), join(5)]
    await until('both have three partitions', () => zombie.now.length === 3 && other.now.length === 3)
    zombie.held = true
    await send(0, 600)
    await until('one has polled some of its records', () => zombie.holds === 1)
    zombie.child.kill('SIGSTOP')
    await until('the other has taken over', () => other.now.length === PARTITIONS)
    await until('the other has settled all', () => progress.count === 600)
    const before = zombie.assigned.length
    zombie.child.kill('SIGCONT')
    zombie.release()
    await until('the stale batch was answered', () => zombie.batches.length > 0)
    expect(zombie.batches[0]?.accepted).toBe(false)
    await until('it has joined again', () => zombie.assigned.length > before && zombie.now.length === 3)
    await send(600, 1_200)
    await until('all is settled', () => progress.count >= 1_200)
    expect(progress.texts).toEqual(sent)
    await until('it works again', () => zombie.batches.some(({ accepted }) => accepted))
    const [stale, ...later] = zombie.batches
    // Nothing of what it had buffered before it was stopped came out afterwards.
    for (const { generation } of later) expect(generation).toBeGreaterThan(stale?.generation ?? 0)
    expect(later.every(({ accepted }) => accepted)).toBe(true)
  })
})
