export interface BatchLimits {
  max_records: number
  max_bytes: number
}

/** Each batch that fits lets the next one be larger by this part, up to the limits. */
const GROWTH = 1.1

/**
 * How large the next micro-batch may be: as large as the limits say, and half of one that there was not the memory for.
 * Else that same batch would be read, and fail, for ever.
 */
export class BatchSize {
  readonly #limits: BatchLimits
  /** Part of the limits, 0 to 1. */
  #share = 1

  constructor(limits: BatchLimits) {
    this.#limits = limits
  }

  /** Whether batches are as large as the limits say. */
  get whole(): boolean {
    return this.#share === 1
  }

  limits(): BatchLimits {
    const { max_records, max_bytes } = this.#limits
    return {
      max_records: Math.max(1, Math.floor(max_records * this.#share)),
      max_bytes: Math.max(1, Math.floor(max_bytes * this.#share)),
    }
  }

  tooLarge({ records, bytes }: { records: number; bytes: number }): void {
    const { max_records, max_bytes } = this.#limits
    const share = Math.max(records / max_records, bytes / max_bytes)
    this.#share = Math.max(1 / max_records, Math.min(this.#share, share) / 2)
  }

  fitted(): void {
    this.#share = Math.min(1, this.#share * GROWTH)
  }
}
