import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { ObjectStoreError } from '../src/index.ts'
import { openS3Store } from '../src/s3.ts'

let stop = async () => {}
afterEach(() => stop())

/** A server that answers everything so. @returns its address, and how often it was asked */
async function serverOf(status: number, body: string): Promise<{ endpoint: string; asked: () => number }> {
  let asked = 0
  const server = createServer((request, response) => {
    asked++
    request.resume()
    response.writeHead(status, { 'content-type': 'text/html' }).end(body)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  stop = async () => {
    server.closeAllConnections()
    server.close()
  }
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked }
}

async function refusalOf(endpoint: string): Promise<ObjectStoreError> {
  const credentials = { access_key: 'sluice', secret_key: 'secret-that-nobody-sees' }
  const error: unknown = await openS3Store({ bucket: 'lake', endpoint, credentials, start_within_ms: 500 }).catch(
    (caught: unknown) => caught,
  )
  if (!(error instanceof ObjectStoreError)) throw new Error(`expected an ObjectStoreError, got ${error}`)
  expect(error.message).not.toMatch(/\n|secret-that-nobody-sees|UnknownError/)
  return error
}

it.each([
  [502, '<html>Bad <br> gateway</html>'],
  [503, 'upstream is away'],
  [503, ''],
])('a proxy whose server is away is asked again: %i %j', async (status, body) => {
  const { endpoint, asked } = await serverOf(status, body)
  expect(await refusalOf(endpoint)).toMatchObject({ retryable: true, message: expect.stringContaining(`${status}`) })
  expect(asked()).toBeGreaterThan(1)
})

it.each([
  [200, '{"tagline": "You Know, for Search"}'],
  [404, '<html>not found</html>'],
])('what is not S3 is told as such: %i %j', async (status, body) => {
  const { endpoint, asked } = await serverOf(status, body)
  expect(await refusalOf(endpoint)).toMatchObject({
    code: 'failed',
    retryable: false,
    message: expect.stringMatching(/not S3/),
  })
  expect(asked()).toBe(1)
})

it('nobody there, and what is no address, are one line that says what to do', async () => {
  expect(await refusalOf('http://127.0.0.1:9')).toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining('is it running, and the endpoint right?'),
  })
  expect(await refusalOf('127.0.0.1:9000')).toMatchObject({
    message: 'expected an endpoint like http://host:9000; got "127.0.0.1:9000"',
  })
})
