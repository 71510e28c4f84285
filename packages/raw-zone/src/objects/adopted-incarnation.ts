import type { AdoptedIncarnation, RawBatch } from '../raw-zone.ts'
import { Packer, type PackerParts } from './packer.ts'
import type { Tenure } from './tenure.ts'

/** Batches fetched before they are asked for. */
const AHEAD = 8

/** An ended incarnation that this process publishes the rest of. */
export class AdoptedObjects implements AdoptedIncarnation {
  readonly incarnation: string
  readonly published: number
  readonly #tenure: Tenure
  readonly #parts: PackerParts
  /** Rejects if it is missing. */
  readonly #batch: (incarnation: string, number: number) => Promise<RawBatch>

  constructor(tenure: Tenure, parts: PackerParts, batch: (incarnation: string, number: number) => Promise<RawBatch>) {
    this.incarnation = tenure.incarnation
    this.published = tenure.record.published
    this.#tenure = tenure
    this.#parts = parts
    this.#batch = batch
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

  async *tail(): AsyncIterable<RawBatch> {
    const coming: Promise<RawBatch>[] = []
    for (let number = this.published + 1; number <= this.#tenure.record.head || coming.length > 0; number++) {
      if (number <= this.#tenure.record.head) {
        const batch = this.#batch(this.incarnation, number)
        // It is awaited in its turn.
        batch.catch(() => undefined)
        coming.push(batch)
        if (coming.length < AHEAD) continue
      }
      const batch = await coming.shift()
      this.#tenure.check()
      if (batch) yield batch
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
