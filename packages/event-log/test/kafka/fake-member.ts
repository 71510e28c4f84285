import type { FetchedRecord, Member, MembershipEvents } from '../../src/kafka/membership.ts'

/** A group without brokers: the test says what it does. */
export class FakeMember implements Member {
  alive = true
  member_id: string | undefined = undefined
  started = false
  paused = true
  ended = false
  at = new Map<number, bigint>()
  readonly events: MembershipEvents
  constructor(events: MembershipEvents) {
    this.events = events
  }
  start(): void {
    this.started = true
  }
  begin(offsets: ReadonlyMap<number, bigint>): void {
    this.seek(offsets)
    this.resume()
  }
  seek(offsets: ReadonlyMap<number, bigint>): void {
    for (const [partition, offset] of offsets) this.at.set(partition, offset)
  }
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }
  async end(): Promise<void> {
    this.ended = true
  }
  /** Fetches from where it is, or as if from somewhere else. */
  fetch(
    partition: number,
    count: number,
    options: { from?: bigint; bytes?: number; epoch?: string | null } = {},
  ): boolean {
    const from = options.from ?? this.at.get(partition) ?? 0n
    const records = Array.from(
      { length: count },
      (_, i): FetchedRecord => ({
        offset: from + BigInt(i),
        value: new Uint8Array(options.bytes ?? 1),
        epoch: options.epoch === null ? undefined : Buffer.from(options.epoch ?? 'e'),
      }),
    )
    const taken = this.events.fetched({ partition, from, records, next: from + BigInt(count) })
    if (taken) this.at.set(partition, from + BigInt(count))
    return taken
  }
}
