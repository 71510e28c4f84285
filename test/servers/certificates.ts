import { isIP } from 'node:net'
import { generate } from 'selfsigned'

/** A certificate of its own authority, as PEM: whoever trusts `authority` trusts the server. */
export interface ServerIdentity {
  authority: string
  certificate: string
  key: string
}

/** A private authority, and a server's certificate of it for these names and addresses. */
export async function serverIdentity(hosts: readonly string[]): Promise<ServerIdentity> {
  const authority = await generate([{ name: 'commonName', value: 'Sluice test authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  })
  const server = await generate([{ name: 'commonName', value: 'Sluice test server' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: { key: authority.private, cert: authority.cert },
    extensions: [{ name: 'subjectAltName', altNames: hosts.map(nameOf) }],
  })
  return { authority: authority.cert, certificate: server.cert, key: server.private }
}

const nameOf = (host: string) =>
  isIP(host) === 0 ? ({ type: 2, value: host } as const) : ({ type: 7, ip: host } as const)
