import { createRequire } from 'node:module'
import kafkajs from 'kafkajs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { mendKafkajs } from '../../src/kafka/kafkajs-defects.ts'

mendKafkajs()
afterEach(() => vi.useRealTimers())

describe('kafkajs, mended', () => {
  it('#1751: an idle connection has no timer, a waiting request is checked soon, a throttled one later', () => {
    const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue')
    vi.useFakeTimers()
    const logger = { debug: () => {} }
    const queue = new RequestQueue({ clientId: 'x', broker: 'y', logger, maxInFlightRequests: 1, requestTimeout: 1 })
    queue.scheduleCheckPendingRequests()
    expect(vi.getTimerCount()).toBe(0)
    const sent: string[] = []
    const request = (name: string) => ({ expectResponse: true, send: () => sent.push(name) })
    queue.pending.push(request('a'))
    queue.throttledUntil = Date.now() + 500
    queue.scheduleCheckPendingRequests()
    vi.advanceTimersByTime(499)
    expect(sent).toEqual([])
    vi.advanceTimersByTime(20)
    expect(sent).toEqual(['a'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('zstd goes both ways', async () => {
    const codec = kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD]()
    const text = Buffer.from('the same again and again, '.repeat(100))
    const compressed: Buffer = await codec.compress({ buffer: text })
    expect(compressed.length).toBeLessThan(200)
    expect(await codec.decompress(compressed)).toEqual(text)
  })
})
