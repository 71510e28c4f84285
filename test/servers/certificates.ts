import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

/** A certificate of its own authority, as PEM: whoever trusts `authority` trusts the server. */
export interface ServerIdentity {
  authority: string
  certificate: string
  key: string
}

/** A private authority and a server's certificate of it (X.509 v3, P-256), valid for a day around now. */
export function serverIdentity(hosts: readonly string[]): ServerIdentity {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = 'Sluice test authority'
  const issued = (subject: string, key: KeyObject, extension: Buffer) =>
    certificate({ issuer: name, subject, key, extension }, authority.privateKey)
  return {
    authority: issued(name, authority.publicKey, extension(BASIC_CONSTRAINTS, der(0x30, BOOLEAN_TRUE), true)),
    certificate: issued('Sluice test server', server.publicKey, extension(ALTERNATIVE_NAMES, alternativeNames(hosts))),
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

const DAY_MS = 86_400_000
const ECDSA_WITH_SHA256 = '06082a8648ce3d040302'
const COMMON_NAME = '0603550403'
const BASIC_CONSTRAINTS = '0603551d13'
const ALTERNATIVE_NAMES = '0603551d11'
const BOOLEAN_TRUE = Buffer.from('0101ff', 'hex')

interface Issue {
  issuer: string
  subject: string
  key: KeyObject
  extension: Buffer
}

/** RFC 5280, section 4.1. */
function certificate({ issuer, subject, key, extension }: Issue, signer: KeyObject): string {
  const algorithm = der(0x30, hex(ECDSA_WITH_SHA256))
  const content = der(
    0x30,
    der(0xa0, hex('020102')),
    der(0x02, Buffer.concat([hex('01'), randomBytes(8)])),
    algorithm,
    nameOf(issuer),
    der(0x30, time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
    nameOf(subject),
    key.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, extension)),
  )
  const signature = der(0x03, hex('00'), sign('sha256', content, signer))
  const lines =
    der(0x30, content, algorithm, signature)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return der(0x30, hex(id), ...(critical ? [BOOLEAN_TRUE] : []), der(0x04, value))
}

function alternativeNames(hosts: readonly string[]): Buffer {
  return der(
    0x30,
    ...hosts.map((host) =>
      isIP(host) === 4 ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host)),
    ),
  )
}

const nameOf = (text: string) => der(0x30, der(0x31, der(0x30, hex(COMMON_NAME), der(0x0c, Buffer.from(text)))))
const time = (ms: number) => der(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14)}Z`))
const hex = (text: string) => Buffer.from(text, 'hex')

/** One value by the distinguished encoding rules (X.690). */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  for (let rest = body.length; rest > 0; rest >>= 8) length.unshift(rest & 0xff)
  const head = body.length < 0x80 ? [body.length] : [0x80 | length.length, ...length]
  return Buffer.concat([Buffer.from([tag, ...head]), body])
}
