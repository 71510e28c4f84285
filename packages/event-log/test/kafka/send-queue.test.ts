import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LogError, type LogRecord } from '../../src/index.ts'
import { SendQueue, unacknowledged } from '../../src/kafka/send-queue.ts'

const LIMITS = { batch_bytes: 100, batch_records: 10, record_bytes: 1_000, queue_bytes: 100_000 }
const record = (partition: number, bytes: number, mark = 0): LogRecord => ({
  partition,
  value: Buffer.alloc(bytes, mark),
})
const failure = new LogError('unreachable', 'gone', { retryable: true })

describe('the queue of sends', () => {
  it('small sends make one batch, a large one makes several that keep its order', async () => {
    const queue = new SendQueue(LIMITS)
    const small = [queue.push('t', [record(0, 10, 1)]), queue.push('u', [record(0, 10, 2)])]
    const first = queue.next()
    expect([...(first?.records.keys() ?? [])]).toEqual(['t', 'u'])
    first?.acknowledged()
    await Promise.all(small)
    const large = queue.push(
      't',
      Array.from({ length: 25 }, (_, i) => record(0, 10, i)),
    )
    const marks: number[] = []
    for (let batch = queue.next(); batch; batch = queue.next()) {
      expect(batch.records.get('t')?.length).toBeLessThanOrEqual(10)
      marks.push(...(batch.records.get('t') ?? []).map(({ value }) => value[0] ?? -1))
      batch.acknowledged()
    }
    await large
    expect(marks).toEqual(Array.from({ length: 25 }, (_, i) => i))
    expect(queue.bytes).toBe(0)
  })

  it('a send fails as a whole when a part of it fails, and hurts no other', async () => {
    const queue = new SendQueue(LIMITS)
    const large = queue.push(
      't',
      Array.from({ length: 25 }, () => record(0, 10)),
    )
    const other = queue.push('t', [record(1, 10)])
    queue.next()?.acknowledged()
    queue.next()?.failed(failure)
    await expect(large).rejects.toBe(failure)
    const last = queue.next()
    expect(last?.records.get('t')?.map(({ partition }) => partition)).toEqual([1])
    last?.acknowledged()
    await other
    expect(queue.bytes).toBe(0)
    expect(queue.empty).toBe(true)
  })

  it('records that are too large, and more than may wait, are refused', async () => {
    const queue = new SendQueue({ ...LIMITS, queue_bytes: 1_500 })
    await expect(queue.push('t', [record(0, 1_001)])).rejects.toMatchObject({ code: 'record_too_large' })
    const first = queue.push('t', [record(0, 1_000)])
    await expect(queue.push('t', [record(0, 1_000)])).rejects.toMatchObject({ code: 'failed', retryable: true })
    queue.next()?.acknowledged()
    await first
    const second = queue.push('t', [record(0, 1_000)])
    queue.fail(failure)
    await expect(second).rejects.toBe(failure)
    expect(queue.next()).toBeUndefined()
  })

  it('whatever is sent comes out once, in order, within the limits', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat(300), { maxLength: 30 }), { maxLength: 20 }), async (sends) => {
        const queue = new SendQueue({ ...LIMITS, queue_bytes: 10_000_000 })
        const settled = sends.map((sizes) =>
          queue.push(
            't',
            sizes.map((size) => record(0, size)),
          ),
        )
        const out: number[] = []
        for (let batch = queue.next(); batch; batch = queue.next()) {
          const sizes = (batch.records.get('t') ?? []).map(({ value }) => value.length)
          if (sizes.length > 1) expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(100)
          out.push(...sizes)
          batch.acknowledged()
        }
        await Promise.all(settled)
        expect(out).toEqual(sends.flat())
        expect(queue.bytes).toBe(0)
      }),
    )
  })

  it('what kafkajs left out of its acknowledgement is what is left to send', () => {
    const records = new Map([
      ['t', [record(0, 1), record(1, 1), record(0, 2)]],
      ['u', [record(1, 1)]],
    ])
    const rest = unacknowledged(records, [
      { topic: 't', partition: 1 },
      { topic: 'u', partition: 1 },
    ])
    expect([...rest]).toEqual([['t', [record(0, 1), record(0, 2)]]])
    expect(unacknowledged(rest, [{ topic: 't', partition: 0 }]).size).toBe(0)
  })
})
