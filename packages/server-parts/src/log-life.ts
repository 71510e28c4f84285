import { randomUUID } from 'node:crypto'
import type { ObjectStore } from '@sluice/object-store'
import { z } from 'zod'

const KEY = 'lake/_log.json'
const MAX_RACES = 20

const record = z.object({
  /** Names the life; it stands in the names of topics, and the ledger's offsets belong to it. */
  epoch: z.string(),
  /** Counts the lives of this lake's log, from 1. */
  number: z.number().int(),
  /** The topic that the life is on, as the brokers tell it from another of the same name. */
  topic_id: z.string().optional(),
  /**
   * By raw incarnation that was not finished then: the batch up to which this life was filled from the raw zone. Absent
   * while that is still to be done.
   */
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
  #record: LifeRecord
  #seen: { etag: string; life: LifeRecord } | undefined

  private constructor(store: ObjectStore, known: LifeRecord) {
    this.#store = store
    this.#record = known
  }

  /** The lake's present life; its first process makes up the first one. */
  static async open(store: ObjectStore): Promise<LogLife> {
    const first: LifeRecord = { epoch: randomUUID(), number: 1, refilled: {} }
    const life = new LogLife(store, first)
    const outcome = await store.putIfAbsent(KEY, bytesOf(first))
    if (outcome.kind !== 'created') life.#record = (await life.#read()).life
    return life
  }

  get epoch(): string {
    return this.#record.epoch
  }

  /** Whether the life that this process began with is still the lake's. Once it is not, the process has to begin anew. */
  async current(): Promise<boolean> {
    const { life } = await this.#read()
    if (life.epoch !== this.epoch) return false
    this.#record = life
    return true
  }

  /** Whether the life is still to be filled from the raw zone. */
  get to_refill(): boolean {
    return this.#record.refilled === undefined
  }

  /** The batch of a raw incarnation up to which this life was filled from the raw zone. */
  refilledTo(incarnation: string): number {
    const { refilled, refilling } = this.#record
    return refilled?.[incarnation] ?? refilling?.[incarnation] ?? 0
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
    await this.#change((life) => ({ epoch: randomUUID(), number: life.number + 1 }))
  }

  /** Applies a change while the lake is in this life; `undefined` changes nothing. */
  async #change(change: (life: LifeRecord) => LifeRecord | undefined): Promise<void> {
    for (let race = 0; race < MAX_RACES; race++) {
      const { life, etag } = await this.#read()
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

  /** Bytes that are newer than their ETag make the compare-and-set fail, and are read again. */
  async #read(): Promise<{ life: LifeRecord; etag: string }> {
    const info = await this.#store.head(KEY)
    if (info && info.etag === this.#seen?.etag) return this.#seen
    const bytes = info && (await this.#store.get(KEY))
    if (!bytes)
      throw new Error(`${this.#store.location}: ${KEY} is gone, which says what life the event log is in; restore it`)
    this.#seen = { etag: info.etag, life: record.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))) }
    return this.#seen
  }
}

const bytesOf = (life: LifeRecord) => Buffer.from(JSON.stringify(life))
