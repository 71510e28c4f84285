import { type AddressInfo, createServer } from 'node:net'
import { StoreError } from '@sluice/store'
import neo4j from 'neo4j-driver'
import { expect, test } from 'vitest'
import { storeErrorOf } from '../src/server/graph-error.ts'
import { checkVersion } from '../src/server/server-version.ts'
import { openStore } from '../src/server.ts'

const login = { username: 'neo4j', password: 'pass-that-nobody-sees' }

async function refusalOf(url: string): Promise<StoreError> {
  const error: unknown = await openStore({ url, ...login }).catch((caught: unknown) => caught)
  if (!(error instanceof StoreError)) throw new Error(`expected a StoreError, got ${error}`)
  expect(error.message).not.toMatch(/\n|pass-that-nobody-sees/)
  return error
}

test('nobody at the url is unreachable, to be tried again', async () => {
  expect(await refusalOf('bolt://127.0.0.1:9')).toMatchObject({ code: 'unreachable', retryable: true })
})

test('a server that speaks no protocol of the driver is too old', async () => {
  const server = createServer((socket) => socket.once('data', () => socket.end(Buffer.alloc(4))))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  expect(await refusalOf(`bolt://127.0.0.1:${port}`)).toMatchObject({ code: 'too_old', retryable: false })
  server.close()
})

test('no connection in time is unreachable, to be tried again, though the driver has no code for it', () => {
  const slow = new neo4j.Neo4jError('Connection acquisition timed out in 10000 ms.', 'N/A', '50N42', 'general error')
  expect(storeErrorOf(slow)).toMatchObject({ code: 'unreachable', retryable: true })
})

test.each(['http://host:7474', 'host:7687', 'bolt://neo4j:pass-that-nobody-sees@host:7687'])(
  'a url of another kind is refused: %s',
  async (url) => {
    expect(await refusalOf(url)).toMatchObject({ code: 'failed', message: expect.stringContaining('bolt://host:7687') })
  },
)

test.each(['Neo4j/5.26.30', 'Neo4j/2025.01.0', 'Neo4j/2026.08.1'])('%s is new enough', (agent) => {
  expect(() => checkVersion(agent)).not.toThrow()
})

test.each(['Neo4j/4.4.40', 'Neo4j/5.25.1', 'Memgraph/3.0', ''])('%j is too old', (agent) => {
  expect(() => checkVersion(agent)).toThrow(
    expect.objectContaining({ code: 'too_old', message: `expected Neo4j 5.26 or newer; the server is ${agent}` }),
  )
})
