import { once } from 'node:events'
import { createRequire } from 'node:module'
import { type AddressInfo, connect, createServer } from 'node:net'
import kafkajs from 'kafkajs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { mendKafkajs } from '../../src/kafka/kafkajs-defects.ts'

interface NetConnectOpts {
  host: string
  port: number
  onConnect: () => void
}

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

  it('a response that a lost connection cut off is not the beginning of the next one', async () => {
    const Connection = createRequire(import.meta.url)('kafkajs/src/network/connection')
    const responses = [Buffer.from([0, 0, 0, 9, 0, 0]), Buffer.from([0, 0, 0, 4, 0, 0, 0, 7])]
    const server = createServer((socket) => socket.end(responses.shift() ?? '')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const silent = { debug: () => {}, error: () => {} }
    const connection = new Connection({
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      logger: { namespace: () => silent },
      socketFactory: ({ host, port, onConnect }: NetConnectOpts) => connect({ host, port }, onConnect),
      connectionTimeout: 1_000,
      requestTimeout: 1_000,
    })
    const answered: number[] = []
    connection.requestQueue.fulfillRequest = ({ correlationId }: { correlationId: number }) =>
      answered.push(correlationId)
    for (let i = 0; i < 2; i++) {
      await connection.connect()
      await vi.waitUntil(() => !connection.isConnected())
    }
    expect(answered).toEqual([7])
    server.close()
  })

  it('zstd goes both ways', async () => {
    const codec = kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD]()
    const text = Buffer.from('the same again and again, '.repeat(100))
    const compressed: Buffer = await codec.compress({ buffer: text })
    expect(compressed.length).toBeLessThan(200)
    expect(await codec.decompress(compressed)).toEqual(text)
  })
})
