import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { afterAll, describe, expect, it } from 'vitest'
import { serverIdentity } from '../../../../test/servers/certificates.ts'
import { openKafkaLog } from '../../src/kafka/kafka-log.ts'
import { mismatchOf } from '../../src/kafka/listener.ts'

/** Servers that take a connection and hang up. */
const servers: Server[] = []
afterAll(() => {
  for (const server of servers) server.close()
})

async function listening(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('expected a port')
  return address.port
}

/** @returns its port, and the names it was asked for */
async function tlsServer(hosts: readonly string[], options: TlsOptions = {}) {
  const { authority, certificate, key } = await serverIdentity(hosts)
  const asked = new Set<string | false | null>()
  const server = createTlsServer({ cert: certificate, key, ca: authority, ...options }, (socket: TLSSocket) => {
    asked.add(socket.servername)
    socket.destroy()
  })
  return { port: await listening(server), authority, asked }
}

const open = (host: string, port: number, ssl?: boolean | { ca: string }) =>
  openKafkaLog({ brokers: [`${host}:${port}`], clientId: 'listener', epoch: 'e', ssl })

describe.concurrent('a connection to a broker', () => {
  it.each([
    { host: 'localhost', names: ['localhost'] },
    { host: '127.0.0.1', names: [false] },
  ])('asks $host by TLS for its name: $names', async ({ host, names }) => {
    const { port, authority, asked } = await tlsServer([host])
    await expect(open(host, port, { ca: authority })).rejects.toMatchObject({ retryable: true })
    expect([...asked]).toEqual(names)
  })

  it('to one of another name is refused', async () => {
    const { port, authority } = await tlsServer(['elsewhere.test'])
    await expect(open('localhost', port, { ca: authority })).rejects.toMatchObject({
      code: 'unreachable',
      retryable: false,
      message: expect.stringMatching(/altnames.*; name the brokers as their certificates do$/),
    })
  })

  it('to one that wants a certificate of ours is refused', async () => {
    const { port, authority } = await tlsServer(['127.0.0.1'], { requestCert: true, rejectUnauthorized: true })
    await expect(open('127.0.0.1', port, { ca: authority })).rejects.toMatchObject({
      code: 'unreachable',
      retryable: false,
      message: expect.stringMatching(
        /wants a certificate of its clients.*; name the port of one that takes a SASL login$/,
      ),
    })
  })

  it.each([undefined, true])('that is always hung up, TLS %s, may come about later', async (ssl) => {
    const port = await listening(createServer((socket: Socket) => socket.destroy()))
    await expect(open('127.0.0.1', port, ssl)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
  })
})

describe('settings and a listener', () => {
  const sasl = { mechanism: 'plain', username: 'u', password: 'p' } as const
  it.each([
    [{ tls: false, logins: [] }, {}],
    [{ tls: false, logins: ['PLAIN'] }, { sasl }],
    [
      { tls: true, logins: ['SCRAM-SHA-512', 'PLAIN'] },
      { sasl, ssl: true },
    ],
    [{ tls: true, logins: undefined }, { ssl: {} }],
  ])('%j and %j fit', (listener, settings) => {
    expect(mismatchOf(listener, settings)).toBeUndefined()
  })
  it.each([
    [{ tls: true, logins: undefined }, { sasl }, 'turn TLS on'],
    [{ tls: false, logins: [] }, { ssl: true }, 'turn TLS off'],
    [{ tls: false, logins: [] }, { sasl }, 'leave out user name and password'],
    [{ tls: true, logins: ['PLAIN'] }, { ssl: true }, 'set mechanism, user name and password'],
    [{ tls: false, logins: ['GSSAPI', 'SCRAM-SHA-512'] }, { sasl }, 'GSSAPI or SCRAM-SHA-512, not by PLAIN'],
  ])('%j and %j do not fit', (listener, settings, reason) => {
    expect(mismatchOf(listener, settings)?.reason).toContain(reason)
  })
})
