/** A link of up to so many ids has more bits for each: there are few of them, and each mistake costs a look into every file. */
const SMALL_LINK = 1 << 22
const BITS_PER_ID_SMALL = 32
const BITS_PER_ID = 24
const BITS_PER_BLOCK = 256
const WORDS_PER_BLOCK = BITS_PER_BLOCK / 32
const FIRST_CAPACITY = 1 << 20

/**
 * Which event ids the ledger may know: a chain of split-block Bloom filters over id hashes (Putze, Sanders, Singler,
 * "Cache-, Hash- and Space-Efficient Bloom Filters", 2007; the variant of Parquet's bloom filters: eight words a block,
 * one bit in each). An id that was added is always found; one that was not, with a probability below 0.005 % in each
 * link of up to four million ids and 0.02 % in each larger one: below 0.1 % at a hundred million ids.
 *
 * Memory: 32 bits an id, beyond seven million ids 24, allocated ahead by at most a factor of two: 100 million ids take 410 MB.
 */
export class IdFilter {
  #links: { words: Uint32Array; blocks: number; capacity: number; used: number }[] = []
  readonly #first_capacity: number

  /** @param first_capacity ids that there is room for before the first growth: a power of two, at least 32 */
  constructor(first_capacity = FIRST_CAPACITY) {
    this.#first_capacity = first_capacity
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#links.reduce((sum, link) => sum + link.words.byteLength, 0)
  }

  /** Ids added; one that was added twice counts twice. */
  get size(): number {
    return this.#links.reduce((sum, link) => sum + link.used, 0)
  }

  /** @param hashes 64-bit id hashes, little endian as the machine's own */
  add(hashes: BigInt64Array): void {
    const halves = new Uint32Array(hashes.buffer, hashes.byteOffset, hashes.length * 2)
    let link = this.#writable()
    for (let i = 0; i < halves.length; i += 2) {
      if (link.used >= link.capacity) link = this.#writable()
      insert(link, halves[i] ?? 0, halves[i + 1] ?? 0)
      link.used++
    }
  }

  /** @returns the positions in `hashes` of the ids that may be known, ascending */
  candidates(hashes: BigInt64Array): number[] {
    const halves = new Uint32Array(hashes.buffer, hashes.byteOffset, hashes.length * 2)
    const found: number[] = []
    for (let i = 0; i < halves.length; i += 2) {
      for (const link of this.#links) {
        if (!contains(link, halves[i] ?? 0, halves[i + 1] ?? 0)) continue
        found.push(i / 2)
        break
      }
    }
    return found
  }

  #writable() {
    const last = this.#links.at(-1)
    if (last && last.used < last.capacity) return last
    const capacity = last ? last.capacity * 2 : this.#first_capacity
    const blocks = (capacity * (capacity > SMALL_LINK ? BITS_PER_ID : BITS_PER_ID_SMALL)) / BITS_PER_BLOCK
    const link = { words: new Uint32Array(blocks * WORDS_PER_BLOCK), blocks, capacity, used: 0 }
    this.#links.push(link)
    return link
  }
}

/** Odd multipliers, one a word, as in the Parquet format's BloomFilter.md. */
const SALTS = [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31] as const

function insert(link: { words: Uint32Array; blocks: number }, low: number, high: number): void {
  const start = blockOf(link.blocks, high) * WORDS_PER_BLOCK
  for (let i = 0; i < WORDS_PER_BLOCK; i++) {
    const word = start + i
    link.words[word] = (link.words[word] ?? 0) | (1 << (Math.imul(low, SALTS[i] ?? 1) >>> 27))
  }
}

function contains(link: { words: Uint32Array; blocks: number }, low: number, high: number): boolean {
  const start = blockOf(link.blocks, high) * WORDS_PER_BLOCK
  for (let i = 0; i < WORDS_PER_BLOCK; i++) {
    if (((link.words[start + i] ?? 0) & (1 << (Math.imul(low, SALTS[i] ?? 1) >>> 27))) === 0) return false
  }
  return true
}

/** The high half, as a part of its range, chooses one. */
const blockOf = (blocks: number, high: number) => Math.floor((high / 2 ** 32) * blocks)
