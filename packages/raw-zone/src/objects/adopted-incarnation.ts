import type { AdoptedIncarnation, RawBatch } from '../raw-zone.ts'
import type { BatchReader } from './batch-reader.ts'
import { Packer, type PackerParts } from './packer.ts'
import type { Tenure } from './tenure.ts'

/** An ended incarnation that this process publishes the rest of. */
export class AdoptedObjects implements AdoptedIncarnation {
  readonly incarnation: string
  readonly published: number
  readonly #tenure: Tenure
  readonly #parts: PackerParts
  readonly #reader: BatchReader

  constructor(tenure: Tenure, parts: PackerParts, reader: BatchReader) {
    this.incarnation = tenure.incarnation
    this.published = tenure.record.published
    this.#tenure = tenure
    this.#parts = parts
    this.#reader = reader
  }

  /** Whether this process still owns the incarnation, as far as it knows. */
  get held(): boolean {
    return this.#tenure.held
  }

  get head(): number {
    return this.#tenure.record.head
  }

  get lines(): number {
    return this.#tenure.record.lines
  }

  async *tail(after = this.published): AsyncIterable<RawBatch> {
    const range = { from: after + 1, to: this.head }
    for await (const batch of this.#reader.batches(this.incarnation, range)) {
      this.#tenure.check()
      yield batch
    }
  }

  async advanced(number: number): Promise<void> {
    this.#tenure.check()
    if (number > this.#tenure.record.published) this.#tenure.change({ published: number })
  }

  async finish(): Promise<void> {
    await this.#tenure.end({ published: this.#tenure.record.head })
    const packer = new Packer(this.incarnation, this.#parts)
    // Packing only saves room.
    await packer.packLeft(this.head).catch((error: unknown) => packer.failed(error))
  }

  async release(): Promise<void> {
    await this.#tenure.release()
  }

  async close(): Promise<void> {
    // Where that cannot be said to the store, the lease runs out.
    await this.release().catch(() => undefined)
  }
}
