import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterEach, expect, it } from 'vitest'
import { S3Connection } from '../src/s3/connection.ts'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** A connection to a server that does this with requests. */
async function connectionTo(retry_for_ms: number, answer: RequestListener): Promise<S3Connection> {
  const server = createServer(answer)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const connection = new S3Connection({
    bucket: 'lake',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { access_key: 'a', secret_key: 's' },
    connections: 4,
    request_timeout_ms: 20_000,
    retry_for_ms,
  })
  ends.push(() => {
    connection.close()
    server.closeAllConnections()
    server.close()
  })
  return connection
}

it('a server that takes requests and never answers is given up when the time for retries is over', async () => {
  const connection = await connectionTo(400, () => undefined)
  const began = performance.now()
  const head = new HeadObjectCommand({ Bucket: 'lake', Key: 'k' })
  await expect(connection.call('looking', (client) => client.send(head))).rejects.toMatchObject({
    code: 'unreachable',
    retryable: true,
  })
  expect(performance.now() - began).toBeLessThan(4_000)
})

it('a body that takes longer than that, but goes on, arrives', async () => {
  const body = new Uint8Array(24 * 1024 ** 2)
  let taken = 0
  const connection = await connectionTo(2_000, (request, response) => {
    request.on('data', (chunk: Buffer) => {
      taken += chunk.length
      request.pause()
      // As a slow line takes it: 24 MB in more than three seconds.
      setTimeout(() => request.resume(), chunk.length / 8_000)
    })
    request.on('end', () => response.writeHead(200, { etag: '"e"' }).end())
  })
  const began = performance.now()
  const put = new PutObjectCommand({ Bucket: 'lake', Key: 'k', Body: body })
  const { ETag } = await connection.call('putting', (client) => client.send(put))
  expect([ETag, taken >= body.length]).toEqual(['"e"', true])
  expect(performance.now() - began).toBeGreaterThan(2_000)
})
