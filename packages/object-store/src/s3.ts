import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ObjectStore, ObjectStoreError } from './object-store.ts'
import { S3Connection } from './s3/connection.ts'
import { FileCache } from './s3/file-cache.ts'
import { prepareBucket } from './s3/prepare-bucket.ts'
import { proveConditionalPut } from './s3/probe.ts'
import { S3Store } from './s3/s3-store.ts'

const MiB = 1024 ** 2

export interface S3StoreOptions {
  bucket: string
  /** Everything is below this key, `a/b`; left out: the whole bucket. */
  prefix?: string
  /** `http://minio:9000`; left out: AWS's own of the region. */
  endpoint?: string
  /** Left out: what the SDK finds (`AWS_REGION`, profile), `us-east-1` with an endpoint of one's own. */
  region?: string
  /** Left out: the SDK's own chain (environment, profile, web identity, instance). */
  credentials?: { access_key: string; secret_key: string; session_token?: string }
  /** Bucket in the path instead of the host name. Default: with an endpoint of one's own. */
  path_style?: boolean
  /** Makes the bucket if it is not there. Default false: a missing bucket is an error that says so. */
  create_bucket?: boolean
  /** Sockets for calls, and as many again for streams. Further requests wait for one. */
  connections?: number
  /** One attempt without an answer is given up after this. */
  request_timeout_ms?: number
  /** A call that fails for a passing reason is tried again for this long; silence is waited for no longer, either. */
  retry_for_ms?: number
  /** At start the store is given this long to be there. */
  start_within_ms?: number
  /** Parts of multipart uploads; an object has at most 10,000. */
  part_bytes?: number
  /** Where `localPath` keeps copies; one process alone has the folder. Left out: a temporary folder, gone at `close`. */
  cache?: { path: string; limit_bytes?: number; keep_ms?: number }
  /**
   * Keys whose content never changes once written: their local copy is looked at again at the store only after
   * `recheck_ms`. Default: names that end in `.parquet` or `.zst`.
   */
  immutable?: (key: string) => boolean
  recheck_ms?: number
}

/**
 * An object store in a bucket of S3 or of a server that speaks it. Refuses (`ObjectStoreError`) a place that cannot be
 * reached, wrong credentials, a missing bucket, and a store whose conditional put has no or several winners.
 */
export async function openS3Store(options: S3StoreOptions): Promise<ObjectStore> {
  const { endpoint } = options
  if (endpoint !== undefined && !/^https?:$/.test(URL.parse(endpoint)?.protocol ?? ''))
    throw new ObjectStoreError('failed', `expected an endpoint like http://host:9000; got ${JSON.stringify(endpoint)}`)
  const connection = new S3Connection({
    ...options,
    connections: options.connections ?? 64,
    request_timeout_ms: options.request_timeout_ms ?? 20_000,
    retry_for_ms: options.retry_for_ms ?? 20_000,
  })
  try {
    await prepareBucket(connection, options.create_bucket ?? false, options.start_within_ms ?? 15_000)
    await proveConditionalPut(connection)
    const cache = await FileCache.open({
      path: options.cache?.path ?? (await mkdtemp(join(tmpdir(), 's3-cache-'))),
      limit_bytes: options.cache?.limit_bytes ?? 8 * 1024 * MiB,
      keep_ms: options.cache?.keep_ms ?? 10 * 60_000,
      temporary: options.cache === undefined,
    })
    return new S3Store(connection, cache, {
      part_bytes: options.part_bytes ?? 8 * MiB,
      immutable: options.immutable ?? ((key) => /\.(parquet|zst)$/.test(key)),
      recheck_ms: options.recheck_ms ?? 10 * 60_000,
    })
  } catch (error) {
    connection.close()
    throw error
  }
}
