import { describe, expect, it } from 'vitest'
import { IdFilter } from '../../src/ledger/id-filter.ts'

/** As evenly spread as a ledger's, and fast enough for millions: MurmurHash3's finalizer, with a seed for each half. */
function hashesOf(from: number, count: number): BigInt64Array {
  const hashes = new BigInt64Array(count)
  const halves = new Uint32Array(hashes.buffer)
  for (let i = 0; i < halves.length; i++) {
    let h = (from + (i >>> 1)) ^ (i % 2 === 0 ? 0x3c6ef372 : 0x1b873593)
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    halves[i] = h ^ (h >>> 16)
  }
  return hashes
}

describe('IdFilter', () => {
  it('finds every id that was added, also across its links', () => {
    const filter = new IdFilter()
    const many = 150_000
    for (let i = 0; i < 8; i++) filter.add(hashesOf(i * many, many))
    for (const i of [0, 3, 7]) expect(filter.candidates(hashesOf(i * many, many))).toHaveLength(many)
  })

  it('rarely takes a new id for a known one', () => {
    const filter = new IdFilter()
    filter.add(hashesOf(0, 1 << 19))
    filter.add(hashesOf(1 << 19, 1 << 19))
    expect(filter.candidates(hashesOf(10_000_000, 100_000)).length).toBeLessThan(10)
  })

  it('rarely does so in a link of many ids, too, that has fewer bits for each', () => {
    const filter = new IdFilter(1 << 23)
    for (let from = 0; from < 1 << 23; from += 1 << 20) filter.add(hashesOf(from, 1 << 20))
    expect(filter.candidates(hashesOf(1 << 24, 1_000_000)).length).toBeLessThan(250)
    expect(filter.bytes).toBe(3 * (1 << 23))
  })

  it('says where in the list the candidates are', () => {
    const filter = new IdFilter()
    filter.add(hashesOf(5, 1))
    expect(filter.candidates(hashesOf(0, 10))).toEqual([5])
  })

  it('takes four bytes an id and allocates at most twice that ahead', () => {
    const filter = new IdFilter()
    const ids = 1_200_000
    const chunk = hashesOf(0, 100_000)
    for (let i = 0; i < ids; i += chunk.length) filter.add(chunk)
    expect(filter.size).toBe(ids)
    expect(filter.bytes).toBeLessThanOrEqual(12 * (1 << 20))
  })
})
