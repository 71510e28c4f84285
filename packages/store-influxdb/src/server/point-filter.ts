/** Bits for each entry; with eleven probes about one answer in a million is a wrong yes. */
const BITS_PER_ENTRY = 32
const PROBES = 11
const FIRST_LAYER_ENTRIES = 1 << 18
/** Beyond it the last layer takes all: more wrong yeses, which cost a look into the database, never a wrong row. */
export const FILTER_LIMIT_BYTES = 256 * 1024 * 1024

/**
 * Remembers texts in four bytes each (a Bloom filter that grows in layers): `has` is never wrong with no, and seldom
 * with yes. Tells most new rows from those that InfluxDB must be asked about.
 */
export class PointFilter {
  readonly #limit_bytes: number
  readonly #layers: { bits: Uint32Array; room: number }[] = []
  #bytes = 0

  constructor(limitBytes = FILTER_LIMIT_BYTES) {
    this.#limit_bytes = limitBytes
    this.#grow(FIRST_LAYER_ENTRIES)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @param hash of a text, by `hashOf` */
  add(hash: number): void {
    const [a, b] = [hash >>> 0, (hash / 2 ** 32) | 1]
    const layer = this.#openLayer()
    layer.room--
    const { bits } = layer
    const mask = bits.length * 32 - 1
    for (let i = 0, at = a; i < PROBES; i++, at = (at + b) >>> 0) {
      const bit = at & mask
      bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) | (1 << (bit & 31))
    }
  }

  has(hash: number): boolean {
    const [a, b] = [hash >>> 0, (hash / 2 ** 32) | 1]
    return this.#layers.some(({ bits }) => {
      const mask = bits.length * 32 - 1
      for (let i = 0, at = a; i < PROBES; i++, at = (at + b) >>> 0) {
        const bit = at & mask
        if (((bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false
      }
      return true
    })
  }

  #openLayer(): { bits: Uint32Array; room: number } {
    const last = this.#layers.at(-1)
    if (last && last.room > 0) return last
    const entries = last ? (last.bits.length * 32 * 2) / BITS_PER_ENTRY : FIRST_LAYER_ENTRIES
    if (last && this.#bytes + (entries * BITS_PER_ENTRY) / 8 > this.#limit_bytes) return last
    return this.#grow(entries)
  }

  #grow(entries: number): { bits: Uint32Array; room: number } {
    const layer = { bits: new Uint32Array((entries * BITS_PER_ENTRY) / 32), room: entries }
    this.#layers.push(layer)
    this.#bytes += layer.bits.byteLength
    return layer
  }
}

/** 53 bits of a text's UTF-16 code units (cyrb53's mixing). Ranks follow from it, so it stays as it is. */
export function hashOf(text: string): number {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    a = Math.imul(a ^ unit, 2654435761)
    b = Math.imul(b ^ unit, 1597334677)
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return (b & 0x1fffff) * 2 ** 32 + (a >>> 0)
}
