import { expect, test } from 'vitest'
import { microsOfText, microText, nanosText, slotInstant, slotOf } from '../../src/server/place.ts'
import { windowsOf } from '../../src/server/point-search.ts'

const at = (second: number) => `2025-10-02T21:15:${String(second).padStart(2, '0')}.000000`

test('ranges are split at the widest gaps', () => {
  expect(windowsOf([at(30), at(1), at(2), at(31), at(50)], 3)).toEqual([
    { first: at(1), last: at(2) },
    { first: at(30), last: at(31) },
    { first: at(50), last: at(50) },
  ])
  expect(windowsOf([at(3), at(1)], 1)).toEqual([{ first: at(1), last: at(3) }])
  expect(windowsOf([at(1), at(1)], 4)).toEqual([{ first: at(1), last: at(1) }])
  expect(windowsOf([], 4)).toEqual([])
})

test.each([
  ['2025-10-02T21:15:00Z', '2025-10-02T21:15:00.000000', 0],
  ['2025-10-02T21:15:00.5Z', '2025-10-02T21:15:00.500000', 0],
  ['2025-10-02T21:15:00.123456789Z', '2025-10-02T21:15:00.123456', 789],
  ['1969-12-31T23:59:59.999999001Z', '1969-12-31T23:59:59.999999', 1],
])('the instant %s of an answer is the microsecond %s and the rank %i', (instant, micro, rank) => {
  const slot = slotOf('s', instant)
  expect(slot).toEqual({ series: 's', micro, rank })
  expect(microText(microsOfText(micro))).toBe(micro)
  expect(Date.parse(slotInstant(slot))).toBe(Date.parse(instant))
  expect(BigInt(nanosText(microsOfText(micro), rank))).toBe(microsOfText(micro) * 1000n + BigInt(rank))
})
