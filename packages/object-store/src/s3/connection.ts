import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { ExponentialBackoff, handleWhen, retry } from 'cockatiel'
import { checkKey } from '../object-key.ts'
import { ObjectStoreError } from '../object-store.ts'
import { isLostConnection, isTransient, storeError } from './s3-error.ts'

export interface S3ConnectionOptions {
  bucket: string
  prefix?: string
  endpoint?: string
  region?: string
  credentials?: { access_key: string; secret_key: string; session_token?: string }
  path_style?: boolean
  connections: number
  /** One attempt of a call, its body included, takes no longer. */
  request_timeout_ms: number
  /** A call is tried again for so long; an attempt without a sign of life is given up after it, too. */
  retry_for_ms: number
}

const CONNECT_TIMEOUT_MS = 5_000
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2_000
const RETRIES = 1_000
const PART_ATTEMPTS = 8
const LONGEST_KEY_BYTES = 1024

/**
 * A bucket, and how it is asked: bounded sockets, time limits, retries with backoff and jitter. Calls and streams have
 * sockets of their own, so that slow readers never hold up a commit.
 */
export class S3Connection {
  readonly bucket: string
  /** For messages: the place, without credentials. */
  readonly location: string
  /** For streamed answers. */
  readonly reads: S3Client
  /** For uploads in parts; retries by itself. */
  readonly uploads: S3Client
  readonly #calls: S3Client
  readonly #agents: (HttpAgent | HttpsAgent)[]
  readonly #prefix: string
  readonly #retry_for_ms: number

  constructor(options: S3ConnectionOptions) {
    const { bucket, prefix = '', endpoint } = options
    if (prefix) checkKey(prefix)
    this.bucket = bucket
    this.#prefix = prefix && `${prefix}/`
    this.location = `s3://${[bucket, ...(prefix ? [prefix] : [])].join('/')}${endpoint ? ` at ${endpoint}` : ''}`
    this.#retry_for_ms = options.retry_for_ms
    const [calls, streams] = [poolOf(options.connections), poolOf(options.connections)]
    this.#agents = [calls, streams].flatMap(({ httpAgent, httpsAgent }) => [httpAgent, httpsAgent])
    // Whoever waits for a call no longer than this does not wait longer for a server that has gone silent. Not the whole
    // of an attempt: a large body on a slow line takes the time it needs.
    const silence_ms = Math.min(options.request_timeout_ms, options.retry_for_ms)
    this.#calls = clientOf(options, calls, 1, silence_ms)
    this.reads = clientOf(options, streams, 1, silence_ms)
    this.uploads = clientOf(options, streams, PART_ATTEMPTS, options.request_timeout_ms)
  }

  /** The whole key in the bucket. Throws `invalid_key`. */
  fullKey(key: string): string {
    checkKey(key)
    const full = this.#prefix + key
    if (this.#prefix && Buffer.byteLength(full) > LONGEST_KEY_BYTES)
      throw new ObjectStoreError(
        'invalid_key',
        `expected a key of at most ${LONGEST_KEY_BYTES - Buffer.byteLength(this.#prefix)} bytes below ${this.#prefix}; got ${Buffer.byteLength(key)}`,
      )
    return full
  }

  /** A beginning of keys, which need not be a key. */
  fullPrefix(prefix: string): string {
    return this.#prefix + prefix
  }

  keyOf(full: string): string {
    return full.slice(this.#prefix.length)
  }

  /**
   * Does the work, again and again while it fails for a passing reason, until the time for retries is over. The work
   * must be safe to do twice: an attempt without an answer may have had its effect.
   * @throws ObjectStoreError, or what `work` threw where `own` says that the caller knows it
   */
  async call<T>(
    what: string,
    work: (client: S3Client, attempt: number) => Promise<T>,
    options: { own?: (error: unknown) => boolean; within_ms?: number } = {},
  ): Promise<T> {
    const { own = () => false, within_ms = this.#retry_for_ms } = options
    const until = performance.now() + within_ms
    let attempt = 0
    const policy = retry(
      handleWhen((error) => !own(error) && isTransient(error) && performance.now() + FIRST_PAUSE_MS < until),
      {
        maxAttempts: RETRIES,
        backoff: new ExponentialBackoff({ initialDelay: FIRST_PAUSE_MS, maxDelay: LONGEST_PAUSE_MS }),
      },
    )
    try {
      return await policy.execute(async () => {
        try {
          return await work(this.#calls, ++attempt)
        } catch (error) {
          // The server was restarted: what else lies in the pool is dead too.
          if (isLostConnection(error)) this.#dropIdleSockets()
          throw error
        }
      })
    } catch (error) {
      throw own(error) ? error : this.failed(what, error)
    }
  }

  failed(what: string, error: unknown): ObjectStoreError {
    return storeError(`${what} in ${this.location}`, error, { bucket: this.bucket })
  }

  close(): void {
    this.#calls.destroy()
    this.reads.destroy()
    this.uploads.destroy()
    for (const agent of this.#agents) agent.destroy()
  }

  #dropIdleSockets(): void {
    for (const { freeSockets } of this.#agents)
      for (const sockets of Object.values(freeSockets)) for (const socket of sockets ?? []) socket.destroy()
  }
}

interface Pool {
  httpAgent: HttpAgent
  httpsAgent: HttpsAgent
}

function poolOf(maxSockets: number): Pool {
  const pool = { keepAlive: true, maxSockets }
  return { httpAgent: new HttpAgent(pool), httpsAgent: new HttpsAgent(pool) }
}

function clientOf(options: S3ConnectionOptions, pool: Pool, maxAttempts: number, silence_ms: number): S3Client {
  const { credentials, endpoint, region } = options
  const config: S3ClientConfig = {
    maxAttempts,
    retryMode: 'standard',
    forcePathStyle: options.path_style ?? endpoint !== undefined,
    expectContinueHeader: false,
    logger: SILENT,
    requestHandler: {
      ...pool,
      connectionTimeout: Math.min(CONNECT_TIMEOUT_MS, silence_ms),
      requestTimeout: options.request_timeout_ms,
      socketTimeout: silence_ms,
      throwOnRequestTimeout: true,
      logger: SILENT,
    },
  }
  if (endpoint !== undefined) config.endpoint = endpoint
  if (region !== undefined || endpoint !== undefined) config.region = region ?? 'us-east-1'
  if (credentials)
    config.credentials = {
      accessKeyId: credentials.access_key,
      secretAccessKey: credentials.secret_key,
      ...(credentials.session_token ? { sessionToken: credentials.session_token } : {}),
    }
  return new S3Client(config)
}

/** What the SDK would write to the console is said by our own errors. */
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }
