import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PolledRecord } from '../../src/index.ts'
import { RecordBuffer } from '../../src/kafka/record-buffer.ts'

const record = (partition: number, offset: number, bytes = 1): PolledRecord => ({
  partition,
  offset: BigInt(offset),
  value: new Uint8Array(bytes),
})

describe('the buffer of fetched records', () => {
  it('takes at least one record, however large', () => {
    const buffer = new RecordBuffer()
    buffer.push([record(0, 0, 500), record(0, 1)])
    expect(buffer.take(10, 100)).toHaveLength(1)
    expect(buffer.bytes).toBe(1)
  })

  it('drops records of partitions that were taken away, and no others', () => {
    const buffer = new RecordBuffer()
    buffer.push([record(0, 0), record(1, 0), record(2, 0), record(1, 1)])
    buffer.take(1, 100)
    buffer.drop(new Set([1]))
    expect([buffer.count, buffer.bytes]).toEqual([1, 1])
    expect(buffer.take(10, 100).map(({ partition }) => partition)).toEqual([2])
  })

  it('gives everything back once and in order, and counts right', () => {
    const step = fc.oneof(
      fc.record({ push: fc.array(fc.nat(50), { maxLength: 20 }) }),
      fc.record({ take: fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 200 })) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const buffer = new RecordBuffer()
        const model: PolledRecord[] = []
        let offset = 0
        for (const one of steps) {
          if ('push' in one) {
            const records = one.push.map((bytes) => record(0, offset++, bytes))
            buffer.push(records)
            model.push(...records)
          } else {
            const [max_records, max_bytes] = one.take
            const taken = buffer.take(max_records, max_bytes)
            expect(taken).toEqual(model.splice(0, taken.length))
            expect(taken.length).toBeLessThanOrEqual(max_records)
            if (taken.length > 1)
              expect(taken.reduce((sum, { value }) => sum + value.length, 0)).toBeLessThanOrEqual(max_bytes)
          }
          expect(buffer.count).toBe(model.length)
          expect(buffer.bytes).toBe(model.reduce((sum, { value }) => sum + value.length, 0))
        }
      }),
    )
  })
})
