import { Slots } from '@sluice/object-store/slots'
import { batchId } from '../batch-id.ts'
import { type RawBatch, type RawWriter, RawZoneError } from '../raw-zone.ts'
import { checkTrailer, encodeBatch, readTrailer } from './batch-object.ts'
import { Packer, type PackerParts } from './packer.ts'
import type { Tenure } from './tenure.ts'
import { zoneError } from './zone-error.ts'

export interface ObjectWriterParts extends PackerParts {
  appends_in_flight: number
  compression_level: number
}

interface Encoded {
  bytes: Uint8Array
  lines: number
}

/** What became of a number: its batch is durable, or an empty one stands in its place. */
type Fate = { kind: 'durable' | 'filled'; lines: number; object: Uint8Array }

const BATCH_LIMIT_BYTES = 512 * 1024 ** 2

/**
 * Puts one object a batch, several at a time, and acknowledges them in the order of their numbers: a batch is durable
 * only when all before it are. A number whose write failed is filled by an empty batch before anything behind it counts.
 */
export class ObjectRawWriter implements RawWriter {
  readonly incarnation: string
  readonly #parts: ObjectWriterParts
  readonly #tenure: Tenure
  readonly #slots: Slots
  readonly #packer: Packer
  #next = 1
  /** Resolves when every number given so far is settled; rejects if one of them could not be. */
  #order: Promise<unknown> = Promise.resolve()
  /** Numbers whose fate is not known, ascending. */
  #unsettled: number[] = []
  #settling: Promise<void> | undefined
  #fenced: RawZoneError | undefined
  head = 0
  lines = 0

  constructor(tenure: Tenure, parts: ObjectWriterParts) {
    this.incarnation = tenure.incarnation
    this.#tenure = tenure
    this.#parts = parts
    this.#slots = new Slots(parts.appends_in_flight)
    this.#packer = new Packer(this.incarnation, parts)
  }

  /** Whether this process still owns the incarnation, as far as it knows. */
  get held(): boolean {
    return this.#fenced === undefined && this.#tenure.held
  }

  async append(encode: (batch_id: string) => Encoded): Promise<RawBatch> {
    const giveBack = await this.#slots.take()
    try {
      // Again with another number, if the first one had to be filled.
      const batch = (await this.#append(encode)) ?? (await this.#append(encode))
      if (batch) return batch
      throw new RawZoneError('failed', `the raw zone ${this.#parts.store.location} refused a batch twice; try again`, {
        retryable: true,
      })
    } catch (error) {
      throw zoneError('the raw zone cannot be written', error)
    } finally {
      giveBack()
    }
  }

  async published(number: number): Promise<void> {
    this.#tenure.check()
    if (number > this.#tenure.record.published) this.#tenure.change({ published: number })
  }

  async finish(): Promise<void> {
    await this.#order.catch(() => undefined)
    await this.#settle()
    // What is durable though its writer was told that it failed is published by an adopter.
    if (this.#tenure.record.published < this.head) return this.#tenure.release()
    await this.#tenure.end({ head: this.head, lines: this.lines, closed: true })
    // Packing only saves room.
    await this.#packer.packLeft(this.head).catch((error: unknown) => this.#packer.failed(error))
  }

  /** Lets another process adopt at once what is not published. */
  async close(): Promise<void> {
    await this.#order.catch(() => undefined)
    await this.#packer.idle()
    // Where that cannot be said to the store, the lease runs out.
    await this.#tenure.release().catch(() => undefined)
  }

  async #append(encode: (batch_id: string) => Encoded): Promise<RawBatch | undefined> {
    await this.#settle()
    if (this.#fenced) throw this.#fenced
    this.#tenure.check()
    const number = this.#next
    const batch_id = batchId(this.incarnation, number)
    const encoded = encode(batch_id)
    const { bytes, lines } = encoded
    if (bytes.length > BATCH_LIMIT_BYTES)
      throw new RawZoneError(
        'failed',
        `expected a raw batch of at most ${BATCH_LIMIT_BYTES} bytes; got ${bytes.length}`,
      )
    this.#next = number + 1
    const fate = this.#inOrder(number, this.#order, this.#put(number, encoded))
    this.#order = fate
    const { kind } = await fate
    const key = this.#parts.keys.batch(this.incarnation, number)
    return kind === 'durable' ? { batch_id, number, key, bytes, lines } : undefined
  }

  async #put(number: number, { bytes, lines }: Encoded): Promise<Fate> {
    const { created, object } = await this.#putIfAbsent(number, bytes, lines)
    if (created) return { kind: 'durable', lines, object }
    throw this.#fencedAt(number)
  }

  /** Counts a batch when all before it are settled. One whose store is away is settled later: its requests are told now. */
  async #inOrder(number: number, before: Promise<unknown>, put: Promise<Fate>): Promise<Fate> {
    const outcome = put.catch((error: unknown) => ({ kind: 'failed' as const, error }))
    try {
      await before
      const first = await outcome
      if (first.kind === 'failed' && isPassing(first.error)) throw first.error
      const fate = first.kind === 'failed' ? await this.#fill(number, first.error) : first
      this.#count(number, fate)
      return fate
    } catch (error) {
      this.#unsettled.push(number)
      throw error
    }
  }

  /** Puts an empty batch where one failed, unless that one came through after all. */
  async #fill(number: number, reason?: unknown): Promise<Fate> {
    if (reason instanceof RawZoneError && reason.code === 'fenced') throw reason
    const { created, object } = await this.#putIfAbsent(number, new Uint8Array(), 0)
    if (created) return { kind: 'filled', lines: 0, object }
    const key = this.#parts.keys.batch(this.incarnation, number)
    const found = (await this.#parts.store.get(key)) ?? new Uint8Array()
    const trailer = readTrailer(key, found)
    checkTrailer(key, trailer, this.incarnation, number)
    if (trailer.kind === 'fence') throw this.#fencedAt(number)
    return { kind: 'durable', lines: trailer.lines, object: found }
  }

  /** Fills the numbers that failures left. Rejects while the store cannot be written. */
  #settle(): Promise<void> {
    if (this.#unsettled.length === 0 && !this.#settling) return Promise.resolve()
    this.#settling ??= this.#settleAll().finally(() => {
      this.#settling = undefined
    })
    return this.#settling
  }

  async #settleAll(): Promise<void> {
    // What was on its way behind the failed one fails too, and then its number is among the unsettled.
    await this.#order.catch(() => undefined)
    for (let number = this.#unsettled[0]; number !== undefined; number = this.#unsettled[0]) {
      if (this.#fenced) throw this.#fenced
      this.#count(number, await this.#fill(number))
      this.#unsettled.shift()
    }
    this.#order = Promise.resolve()
  }

  #count(number: number, { lines, object }: Fate): void {
    this.head = number
    this.lines += lines
    this.#tenure.change({ head: this.head, lines: this.lines })
    this.#packer.add({ number, size: object.length, object })
    this.#packer.packUpTo(this.#tenure.written_head)
  }

  async #putIfAbsent(
    number: number,
    bytes: Uint8Array,
    lines: number,
  ): Promise<{ created: boolean; object: Uint8Array }> {
    const { store, keys, compression_level } = this.#parts
    const { incarnation } = this
    const trailer = { incarnation, number, lines, bytes: bytes.length, kind: 'batch' as const }
    const object = await encodeBatch(trailer, bytes, compression_level)
    const { kind } = await store.putIfAbsent(keys.batch(incarnation, number), object)
    return { created: kind === 'created', object }
  }

  /** The number was taken by somebody else: this incarnation was ended there. */
  #fencedAt(number: number): RawZoneError {
    this.#fenced ??= new RawZoneError(
      'fenced',
      `raw incarnation ${this.incarnation} was taken over by another process, which ended it before batch ${number}`,
    )
    return this.#fenced
  }
}

/** The store was asked again for as long as it is worth waiting. */
const isPassing = (error: unknown) => error instanceof Error && 'retryable' in error && error.retryable === true
