import { Client, type ClientOptions, errors } from '@elastic/elasticsearch'
import { type Store, StoreError } from '@sluice/store'
import { PREFIX } from './server/index-layout.ts'
import { causeOf, storeErrorOf } from './server/search-error.ts'
import { SearchStore } from './server/search-store.ts'

/** The client speaks the language of its own major version. */
const OLDEST_VERSION = 9
const REQUEST_LIMIT_MS = 60_000

export interface SearchServerOptions {
  /** `https://host:9200` */
  url: string
  /** As Elasticsearch gave it, in base 64. Instead of `username` and `password`. */
  api_key?: string
  username?: string
  password?: string
  /** Certificate of the authority that signed the server's, as PEM. Default: those that Node trusts */
  ca?: string
  /** All indices, aliases and templates have names that begin so, and a hyphen. Default: `sluice` */
  prefix?: string
  /** Primary shards of each index. Default: 1 */
  shards?: number
}

/**
 * Opens the search store on an Elasticsearch server.
 * Errors: `unreachable` (retryable), `access_denied`, `too_old`, `failed` (another product, options that fit nothing).
 */
export async function openStore(options: SearchServerOptions): Promise<Store> {
  const { prefix = 'sluice', shards = 1 } = options
  if (!PREFIX.test(prefix))
    throw new StoreError(
      'failed',
      `expected a prefix of at most 61 lower-case letters, digits, hyphens and underscores; got ${JSON.stringify(prefix)}`,
    )
  const client = new Client(clientOptions(options))
  try {
    const { version } = await client.info()
    if (Number.parseInt(version.number, 10) < OLDEST_VERSION)
      throw new StoreError(
        'too_old',
        `expected Elasticsearch ${OLDEST_VERSION} or newer; the server is ${version.number}`,
      )
  } catch (error) {
    await client.close()
    throw isNoElasticsearch(error)
      ? new StoreError('failed', 'expected Elasticsearch 9 or newer; another product answers at this url', {
          cause: error,
        })
      : storeErrorOf(error)
  }
  return new SearchStore(client, { prefix, shards })
}

/** It does not know the very first question, and does not say so in Elasticsearch's way. */
const isNoElasticsearch = (error: unknown): boolean =>
  error instanceof errors.ResponseError &&
  [400, 404, 405].includes(error.statusCode ?? 0) &&
  causeOf(error).type === 'no_reason_given'

function clientOptions({ url, api_key, username, password, ca }: SearchServerOptions): ClientOptions {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new StoreError('failed', 'expected a url like https://host:9200; another text came')
  if (new URL(url).username !== '')
    throw new StoreError('failed', 'expected a url without credentials; give username and password by themselves')
  if ((username === undefined) !== (password === undefined))
    throw new StoreError('failed', 'expected username and password together, or neither')
  if (api_key !== undefined && username !== undefined)
    throw new StoreError('failed', 'expected an api_key, or username and password; both came')
  const auth = api_key !== undefined ? { apiKey: api_key } : username && password ? { username, password } : undefined
  // The runner tries again; it knows when.
  return {
    node: url,
    auth,
    tls: ca === undefined ? undefined : { ca },
    maxRetries: 0,
    requestTimeout: REQUEST_LIMIT_MS,
  }
}
