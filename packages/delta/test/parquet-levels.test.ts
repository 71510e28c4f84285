import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ByteReader } from '../src/parquet-encoding.ts'
import { Levels } from '../src/parquet-levels.ts'

const MOST = 3

/** Levels bit-packed in groups of eight, two bits each (apache/parquet-format, Encodings.md). */
function packed(levels: readonly number[]): Uint8Array {
  const groups = Math.ceil(levels.length / 8)
  const bytes = new Uint8Array(1 + groups * 2)
  bytes[0] = groups * 2 + 1
  for (const [at, level] of levels.entries())
    bytes[1 + (at >> 2)] = (bytes[1 + (at >> 2)] ?? 0) | (level << ((at & 3) * 2))
  return bytes
}

it('runs end where the level changes, and levels are counted', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: MOST }), { minLength: 1, maxLength: 120 }), (plain) => {
      const levels = new Levels(new ByteReader(packed(plain)), MOST, plain.length)
      for (let level = 0; level <= MOST; level++)
        expect(levels.count(level)).toBe(plain.filter((other) => other === level).length)
      for (const [at, level] of plain.entries()) {
        const end = plain.findIndex((other, place) => place > at && other !== level)
        expect(levels.at(at)).toBe(level)
        expect(levels.runEnd(at)).toBe(end === -1 ? plain.length : end)
      }
    }),
  )
})

it('levels that the schema has not are refused', () => {
  expect(() => new Levels(new ByteReader(packed([0, 1, 3])), 2, 3)).toThrow(RangeError)
})

it('a column that needs no levels has one run', () => {
  const levels = new Levels(undefined, 0, 5)
  expect([levels.at(4), levels.runEnd(0), levels.count(0)]).toEqual([0, 5, 5])
})
