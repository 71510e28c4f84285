import { randomUUID } from 'node:crypto'
import type { ObjectStore } from '@sluice/object-store'
import { z } from 'zod'

const KEY = 'lake/_log.json'
const MAX_RACES = 20
/** Raw incarnations that began this long after a life did cannot have published to the one before. */
const OVERLAP_MS = 3_600_000

const record = z.object({
  /** Names the life; it stands in the names of topics, and the ledger's offsets belong to it. */
  epoch: z.string(),
  /** Counts the lives of this lake's log, from 1. */
  number: z.number().int(),
  began_ms: z.number(),
  /** The topic that the life is on, as the brokers tell it from another of the same name. */
  topic_id: z.string().optional(),
  /** By raw incarnation: the batch up to which this life was filled from the raw zone. Absent while that is still to be done. */
  refilled: z.record(z.string(), z.number().int()).optional(),
  /** The same while it is being done. */
  refilling: z.record(z.string(), z.number().int()).optional(),
})
type LifeRecord = z.infer<typeof record>

/**
 * The life of the event log. A topic that was deleted, made anew or cut off ends it: the lake begins another one, with
 * topics of other names, which is filled again from the raw zone, so that nothing that was acknowledged depends on
 * Kafka. One object in the store says which life it is, changed by compare-and-set.
 */
export class LogLife {
  readonly #store: ObjectStore
  readonly #now: () => number
  #record: LifeRecord

  private constructor(store: ObjectStore, now: () => number, known: LifeRecord) {
    this.#store = store
    this.#now = now
    this.#record = known
  }

  /** The lake's present life; its first process makes up the first one. */
  static async open(store: ObjectStore, now: () => number): Promise<LogLife> {
    const first: LifeRecord = { epoch: randomUUID(), number: 1, began_ms: now(), refilled: {} }
    const outcome = await store.putIfAbsent(KEY, bytesOf(first))
    return new LogLife(store, now, outcome.kind === 'created' ? first : (await read(store)).life)
  }

  get epoch(): string {
    return this.#record.epoch
  }

  /** Whether the life that this process began with is still the lake's. Once it is not, the process has to begin anew. */
  async current(): Promise<boolean> {
    const { life } = await read(this.#store)
    if (life.epoch !== this.epoch) return false
    this.#record = life
    return true
  }

  /** Whether the life is still to be filled from the raw zone. */
  get to_refill(): boolean {
    return this.#record.refilled === undefined
  }

  /**
   * The batch of a raw incarnation up to which this life was filled; what comes after may have been published to the
   * life before, whatever the incarnation says. `undefined`: it says the truth.
   */
  refilledTo(incarnation: string): number | undefined {
    const { number, refilled, began_ms } = this.#record
    if (number === 1) return undefined
    return refilled?.[incarnation] ?? (this.#now() - began_ms < OVERLAP_MS ? 0 : undefined)
  }

  /**
   * Notes up to which batch of each raw incarnation this life was filled so far, and adds to it what others noted, of
   * this process before too.
   */
  async refilling(sent: Map<string, number>): Promise<void> {
    await this.#change((life) => {
      const noted = { ...life.refilling, ...life.refilled }
      for (const [incarnation, number] of Object.entries(noted))
        sent.set(incarnation, Math.max(number, sent.get(incarnation) ?? 0))
      const more = [...sent].some(([incarnation, number]) => number > (noted[incarnation] ?? 0))
      return more && !life.refilled ? { ...life, refilling: Object.fromEntries(sent) } : undefined
    })
  }

  /** This life was filled up to these batches. */
  async refilled(heads: Readonly<Record<string, number>>): Promise<void> {
    await this.#change(({ refilling, ...life }) => (life.refilled ? undefined : { ...life, refilled: { ...heads } }))
  }

  /** Notes which topic the life is on. @returns `false` if it was on another one: then that one is lost */
  async isOn(topic_id: string): Promise<boolean> {
    await this.#change((life) => (life.topic_id === undefined ? { ...life, topic_id } : undefined))
    return this.#record.topic_id === topic_id
  }

  /** Ends this life and begins another, unless somebody did already. Every process has to begin anew afterwards. */
  async end(): Promise<void> {
    await this.#change((life) => ({ epoch: randomUUID(), number: life.number + 1, began_ms: this.#now() }))
  }

  /** Applies a change while the lake is in this life; `undefined` changes nothing. */
  async #change(change: (life: LifeRecord) => LifeRecord | undefined): Promise<void> {
    for (let race = 0; race < MAX_RACES; race++) {
      const { life, etag } = await read(this.#store)
      const mine = life.epoch === this.epoch
      const changed = mine ? change(life) : undefined
      if (mine && !changed) this.#record = life
      if (!changed) return
      if (!(await this.#store.replaceIfMatch(KEY, bytesOf(changed), etag))) continue
      if (changed.epoch === this.epoch) this.#record = changed
      return
    }
    throw new Error(`${KEY}: it was changed by others ${MAX_RACES} times in a row; try again`)
  }
}

async function read(store: ObjectStore): Promise<{ life: LifeRecord; etag: string }> {
  const info = await store.head(KEY)
  const bytes = info && (await store.get(KEY))
  if (!bytes) throw new Error(`${store.location}: ${KEY} is gone, which says what life the event log is in; restore it`)
  return { life: record.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))), etag: info.etag }
}

const bytesOf = (life: LifeRecord) => Buffer.from(JSON.stringify(life))
