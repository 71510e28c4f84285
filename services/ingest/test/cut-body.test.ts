import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { keysOf, type World, world } from './world.ts'

let w: World
afterEach(() => w?.close())

/** Sends raw bytes, and gives what comes back until the server ends the connection, or `hangUp` is done with it. */
async function talk(bytes: string | Buffer, hang_up = false): Promise<string> {
  const address = w.app.server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  const socket = connect(address.port, '127.0.0.1')
  let answer = ''
  socket.on('data', (data) => {
    answer += data
  })
  await new Promise((sent) => socket.write(bytes, sent))
  if (hang_up) socket.end()
  await new Promise((closed) => socket.once('close', closed))
  return answer
}
const request = (path: string, method: string, length: number, body: string, more = '') =>
  `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n${more}content-length: ${length}\r\n\r\n${body}`

test('a body that is cut off is not accepted and holds nothing', async () => {
  w = await world()
  await w.app.listen({ port: 0, host: '127.0.0.1' })
  const body = '[{"type":"click"},{"type":"click"}]'
  await talk(request('/v1/events', 'POST', body.length + 10, body), true)
  await talk(request('/v1/events', 'POST', 100, ''), true)
  await talk(
    'POST /v1/events HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n10\r\n{"type":"click"}\r\n',
    true,
  )
  await expect.poll(() => w.ingest.status().queue.held_bytes).toBe(0)
  expect(w.rawZone.appends).toBe(0)
  expect(await talk(request('/v1/events', 'POST', body.length, body))).toContain('HTTP/1.1 202')
})

test('a chunked body is accepted, and refused beyond the limit while it arrives', async () => {
  w = await world({ limits: { body_limit_bytes: 100 } })
  await w.app.listen({ port: 0, host: '127.0.0.1' })
  const head = 'POST /v1/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n'
  expect(await talk(`${head}8\r\n{"type":\r\n8\r\n"click"}\r\n0\r\n\r\n`)).toContain('HTTP/1.1 202')
  expect(await talk(`${head}ff\r\n${' '.repeat(255)}\r\n0\r\n\r\n`)).toContain('HTTP/1.1 413')
})

test('a client that sends all of a body that is too large sees why, and may go on', async () => {
  w = await world({ limits: { body_limit_bytes: 100 } })
  await w.app.listen({ port: 0, host: '127.0.0.1' })
  const length = 20_000_000
  const body = ' '.repeat(length)
  const large = `POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n${body}`
  const answers = await talk(large + request('/v1/events', 'POST', 16, '{"type":"click"}'))
  expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 202'])
  expect(await talk(request('/v1/events', 'POST', length, body))).toContain('HTTP/1.1 413')
})

test('a body that never ends is refused without being read for ever', async () => {
  w = await world({ limits: { body_limit_bytes: 100 } })
  await w.app.listen({ port: 0, host: '127.0.0.1' })
  expect(await talk(request('/v1/events', 'POST', 1e12, 'x'))).toContain('HTTP/1.1 413')
})

test('a medium that is cut off leaves nothing behind', async () => {
  w = await world()
  await w.app.listen({ port: 0, host: '127.0.0.1' })
  await talk(request('/v1/media/a', 'PUT', 1000, 'x'.repeat(500)), true)
  await talk(request('/v1/files/a', 'PUT', 1000, 'x'.repeat(500)), true)
  expect((await w.app.inject({ method: 'GET', url: '/v1/media/a' })).statusCode).toBe(404)
  expect(await keysOf(w.objects)).toEqual([])
})
