import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { ConfigError } from './config.ts'
import { ProblemError } from './problem.ts'

export const SCOPES = ['ingest', 'query', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

export interface ApiKey {
  name: string
  /** SHA-256 of the secret. */
  digest: Buffer
  scopes: ReadonlySet<Scope>
}

/** Says who asks, or throws a problem (401, 403). With several scopes any one of them will do. */
export type Authorize = (request: FastifyRequest, ...any_of: Scope[]) => { name: string }

/**
 * Reads `name:secret:ingest+query+admin,…`.
 * @throws ConfigError; the message never holds a secret
 */
export function parseApiKeys(text: string | undefined): ApiKey[] {
  if (!text?.trim()) return []
  const keys = text.split(',').map((part, i) => {
    const [name = '', secret = '', scopes = '', ...rest] = part.trim().split(':')
    const wrong = (what: string) =>
      new ConfigError(
        `SLUICE_API_KEYS: expected name:secret:scope+scope in entry ${i + 1}${name ? ` (${name})` : ''}; ${what}`,
      )
    if (!/^[\w.-]{1,64}$/.test(name))
      throw wrong('the name should be 1 to 64 letters, digits, dots, dashes or underscores')
    if (secret.length < 8 || rest.length > 0)
      throw wrong('the secret should have at least 8 characters and no colon or comma')
    const list = scopes.split('+')
    for (const scope of list)
      if (!isScope(scope)) throw wrong(`the scopes are ${SCOPES.join(', ')}; ${JSON.stringify(scope)} came`)
    return { name, digest: digestOf(secret), scopes: new Set(list.filter(isScope)) }
  })
  if (new Set(keys.map(({ name }) => name)).size < keys.length)
    throw new ConfigError('SLUICE_API_KEYS: expected each name once')
  return keys
}

/** Without keys everybody may do everything; `assertSafeBinding` sees to it that everybody is this machine. */
export function authorizer(keys: readonly ApiKey[]): Authorize {
  if (keys.length === 0) return () => ({ name: 'anonymous' })
  return (request, ...any_of) => {
    const [, secret] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
    const digest = digestOf(secret ?? '')
    // Every key is compared, so that time tells nothing.
    let found: ApiKey | undefined
    for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key
    if (!secret || !found)
      throw new ProblemError({
        status: 401,
        code: 'unauthorized',
        detail: 'expected Authorization: Bearer with one of the keys of SLUICE_API_KEYS',
      })
    const { name, scopes } = found
    if (!any_of.some((scope) => scopes.has(scope)))
      throw new ProblemError({
        status: 403,
        code: 'forbidden',
        detail: `the key ${name} has the scopes ${[...scopes].join(', ')}; this needs ${any_of.join(' or ')}`,
      })
    return { name }
  }
}

/** A server that everybody on the network can reach needs keys, unless it was said that it may be open. */
export function assertSafeBinding(options: { host: string; keys: readonly ApiKey[]; open: boolean }): void {
  const loopback = options.host === 'localhost' || options.host === '::1' || /^127\./.test(options.host)
  if (loopback || options.keys.length > 0 || options.open) return
  throw new ConfigError(
    `SLUICE_HOST: without SLUICE_API_KEYS the server binds to a loopback address only; ${options.host} came: set SLUICE_API_KEYS, or SLUICE_OPEN=1 if everybody who reaches this address may read and write`,
  )
}

const isScope = (text: string): text is Scope => SCOPES.some((scope) => scope === text)
const digestOf = (secret: string) => createHash('sha256').update(secret).digest()
