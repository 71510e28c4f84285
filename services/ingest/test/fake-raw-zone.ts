import {
  type AdoptedIncarnation,
  type BatchRange,
  type RawBatch,
  type RawWriter,
  type RawZone,
  RawZoneError,
} from '@sluice/raw-zone'

interface FakeIncarnation {
  batches: RawBatch[]
  published: number
  lease_until_ms: number
  finished: boolean
}

/** A raw zone in memory, which fails where a test says so. */
export class FakeRawZone implements RawZone {
  readonly location = 'memory'
  readonly incarnations = new Map<string, FakeIncarnation>()
  appends = 0
  /** Called before each append; may wait, or throw. */
  beforeAppend: () => Promise<void> | void = () => undefined
  /** Called after each append took effect; may throw, and then its answer is lost. */
  afterAppend: () => void = () => undefined
  reads = 0
  #count = 0

  async begin(): Promise<RawWriter> {
    const incarnation = `inc${++this.#count}`
    const state: FakeIncarnation = { batches: [], published: 0, lease_until_ms: Number.MAX_VALUE, finished: false }
    this.incarnations.set(incarnation, state)
    return {
      incarnation,
      append: async (encode) => {
        this.appends++
        await this.beforeAppend()
        const number = state.batches.length + 1
        const batch_id = `${incarnation}-${number}`
        const batch = { batch_id, number, key: `raw/${incarnation}`, ...encode(batch_id) }
        state.batches.push(batch)
        this.afterAppend()
        return batch
      },
      published: async (number) => {
        state.published = Math.max(number, state.published)
      },
      finish: async () => {
        state.finished = true
      },
    }
  }
  async unfinished() {
    return [...this.incarnations]
      .filter(([, state]) => !state.finished)
      .map(([incarnation, { published, lease_until_ms }]) => ({ incarnation, published, lease_until_ms }))
  }
  async adopt(incarnation: string): Promise<AdoptedIncarnation | undefined> {
    const state = this.incarnations.get(incarnation)
    if (!state) return undefined
    return {
      incarnation,
      published: state.published,
      tail: async function* (after = state.published) {
        yield* state.batches.slice(after)
      },
      advanced: async (number) => {
        state.published = number
      },
      finish: async () => {
        state.finished = true
      },
      release: async () => undefined,
    }
  }
  async batch(incarnation: string, number: number): Promise<RawBatch | undefined> {
    this.reads++
    return this.incarnations.get(incarnation)?.batches[number - 1]
  }
  async *batches(incarnation: string, { from, to }: BatchRange) {
    for (let number = from; number <= to; number++) {
      const batch = await this.batch(incarnation, number)
      if (!batch) throw new RawZoneError('corrupt', `${incarnation}-${number} is gone`)
      yield batch
    }
  }
  async find(): Promise<RawBatch | undefined> {
    return undefined
  }
  async heads() {
    return []
  }
  async files() {
    return []
  }
  async close() {}

  /** Every raw line of every batch, in order. */
  lines(): string[] {
    return [...this.incarnations.values()].flatMap((state) => state.batches.flatMap((batch) => linesOf(batch.bytes)))
  }
}

export function linesOf(bytes: Uint8Array): string[] {
  return Buffer.from(bytes).toString('utf8').split('\n').slice(0, -1)
}
