import { expect, test } from 'vitest'
import { hashOf, PointFilter } from '../../src/server/point-filter.ts'

test('what was added is known, and hardly anything else', () => {
  const filter = new PointFilter()
  const count = 300_000
  for (let i = 0; i < count; i++) filter.add(hashOf(`event-${i}`))
  let missing = 0
  let wrong = 0
  for (let i = 0; i < count; i++) {
    if (!filter.has(hashOf(`event-${i}`))) missing++
    if (filter.has(hashOf(`other-${i}`))) wrong++
  }
  expect(missing).toBe(0)
  expect(wrong).toBeLessThan(10)
})

test('beyond its limit it still forgets nothing', () => {
  const limit = 2 * 1024 * 1024
  const filter = new PointFilter(limit)
  for (let i = 0; i < 600_000; i++) filter.add(hashOf(`event-${i}`))
  expect(filter.bytes).toBeLessThanOrEqual(limit)
  let missing = 0
  for (let i = 0; i < 600_000; i++) if (!filter.has(hashOf(`event-${i}`))) missing++
  expect(missing).toBe(0)
})
