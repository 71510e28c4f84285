import { Agent, request } from 'node:http'
import fastify from 'fastify'
import { expect, it } from 'vitest'
import { endConnections } from '../src/end-connections.ts'

async function serverWith(cut_off_after_ms: number) {
  const app = fastify({ forceCloseConnections: 'idle', return503OnClosing: false })
  endConnections(app, { cut_off_after_ms })
  let release = () => {}
  let arrived = () => {}
  const held = new Promise<void>((done) => {
    release = done
  })
  const isHeld = new Promise<void>((done) => {
    arrived = done
  })
  app.get('/', async () => 'at once')
  app.get('/held', async () => {
    arrived()
    await held
    return 'late'
  })
  const isClosing = new Promise<void>((done) => {
    app.addHook('preClose', (next) => {
      done()
      next()
    })
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, url, release, isHeld, isClosing }
}

/** An answer's status and its Connection header; the error's code if there was none. */
function get(url: string, agent: Agent): Promise<[number | string, string | undefined]> {
  return new Promise((resolve) => {
    request(url, { agent }, (answer) => {
      answer.resume()
      answer.once('end', () => resolve([answer.statusCode ?? 0, answer.headers.connection]))
    })
      .once('error', (error: NodeJS.ErrnoException) => resolve([error.code ?? error.message, undefined]))
      .end()
  })
}

it('a server that closes answers what is under way, says that the connection ends, and ends', async () => {
  const { app, url, release, isHeld, isClosing } = await serverWith(60_000)
  const agent = new Agent({ keepAlive: true })
  expect(await get(url, agent)).toEqual([200, 'keep-alive'])
  const held = get(`${url}/held`, agent)
  await isHeld
  const closed = app.close()
  await isClosing
  release()
  expect(await held).toEqual([200, 'close'])
  await closed
  expect((await get(url, agent))[0]).toBe('ECONNREFUSED')
})

it('a request that takes too long is cut off', async () => {
  const { app, url, release, isHeld } = await serverWith(50)
  const held = get(`${url}/held`, new Agent({ keepAlive: true }))
  await isHeld
  await app.close()
  expect((await held)[0]).toBe('ECONNRESET')
  release()
})
