import { expect, it } from 'vitest'
import { BatchSize } from '../src/batch-size.ts'

const LIMITS = { max_records: 1_000, max_bytes: 1_000_000 }

it('is what the limits say until a batch does not fit', () => {
  const size = new BatchSize(LIMITS)
  size.fitted()
  expect(size.limits()).toEqual(LIMITS)
})

it('is half of the batch that did not fit, by the measure that it was cut by', () => {
  const by_records = new BatchSize(LIMITS)
  by_records.tooLarge({ records: 1_000, bytes: 10_000 })
  expect(by_records.limits()).toEqual({ max_records: 500, max_bytes: 500_000 })
  const by_bytes = new BatchSize(LIMITS)
  by_bytes.tooLarge({ records: 4, bytes: 800_000 })
  expect(by_bytes.limits()).toEqual({ max_records: 400, max_bytes: 400_000 })
})

it('a batch that was read before the first one failed makes no larger ones possible', () => {
  const size = new BatchSize(LIMITS)
  size.tooLarge({ records: 100, bytes: 10 })
  size.tooLarge({ records: 1_000, bytes: 10 })
  expect(size.limits().max_records).toBe(25)
})

it('leaves one record at least, and is whole again after batches that fit', () => {
  const size = new BatchSize(LIMITS)
  for (let time = 0; time < 20; time++) size.tooLarge({ records: 1, bytes: 1_000_000 })
  expect(size.limits()).toEqual({ max_records: 1, max_bytes: 1_000 })
  expect(size.whole).toBe(false)
  for (let batch = 0; batch < 80; batch++) size.fitted()
  expect(size.limits()).toEqual(LIMITS)
  expect(size.whole).toBe(true)
})
