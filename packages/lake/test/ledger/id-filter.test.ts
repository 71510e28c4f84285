import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { IdFilter } from '../../src/ledger/id-filter.ts'

const hashesOf = (from: number, count: number) =>
  BigInt64Array.from({ length: count }, (_, i) =>
    createHash('md5')
      .update(`id-${from + i}`)
      .digest()
      .readBigInt64LE(8),
  )

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
    expect(filter.candidates(hashesOf(10_000_000, 100_000)).length).toBeLessThan(400)
  })

  it('says where in the list the candidates are', () => {
    const filter = new IdFilter()
    filter.add(hashesOf(5, 1))
    expect(filter.candidates(hashesOf(0, 10))).toEqual([5])
  })

  it('takes two bytes an id and allocates at most twice that ahead', () => {
    const filter = new IdFilter()
    const ids = 1_200_000
    const chunk = hashesOf(0, 100_000)
    for (let i = 0; i < ids; i += chunk.length) filter.add(chunk)
    expect(filter.size).toBe(ids)
    expect(filter.bytes).toBeLessThanOrEqual(6 * (1 << 20))
  })
})
