import { createReadStream } from 'node:fs'
import { readFile, rm, stat } from 'node:fs/promises'
import {
  CopyObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import {
  type ByteRange,
  type ListOptions,
  type ObjectInfo,
  type ObjectStore,
  ObjectStoreError,
  type PutOptions,
  type PutOutcome,
} from '../object-store.ts'
import { Slots } from '../slots.ts'
import { conditionalPut } from './conditional-put.ts'
import type { S3Connection } from './connection.ts'
import { deleteObjects } from './delete-objects.ts'
import type { CachedContent, FileCache } from './file-cache.ts'
import { type OpenedObject, openObject, resumedRead } from './resumed-read.ts'
import { isMissing, statusOf } from './s3-error.ts'
import { dropStaleUploads } from './stale-uploads.ts'
import { uploadStream } from './upload.ts'

export interface S3StoreLimits {
  part_bytes: number
  immutable: (key: string) => boolean
  recheck_ms: number
}

const PAGE_KEYS = 1000
/** Uploads in parts at the same time; each holds two parts in memory. */
const UPLOADS_AT_ONCE = 8
/** The largest object that S3 copies in one request. */
const COPY_LIMIT_BYTES = 5 * 1024 ** 3

/** The contract of `ObjectStore` on a bucket. */
export class S3Store implements ObjectStore {
  readonly location: string
  readonly #connection: S3Connection
  readonly #cache: FileCache
  readonly #limits: S3StoreLimits
  readonly #uploads = new Slots(UPLOADS_AT_ONCE)
  /** Contents of immutable keys as last seen at the store. */
  readonly #seen = new Map<string, { content: CachedContent; at_ms: number }>()

  constructor(connection: S3Connection, cache: FileCache, limits: S3StoreLimits) {
    this.location = connection.location
    this.#connection = connection
    this.#cache = cache
    this.#limits = limits
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    checkRange(key, range)
    return this.#unlessMissing(
      `reading ${key}`,
      async (object, client) => {
        const { body } = await openObject(client, object, range)
        const chunks: Uint8Array[] = []
        for await (const chunk of body) chunks.push(chunk)
        return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
      },
      key,
    )
  }

  async read(key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined> {
    checkRange(key, range)
    const opened = await this.#open(key, range)
    return opened && resumedRead(this.#connection, key, this.#object(key), opened, range)
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    return this.#unlessMissing(
      `looking at ${key}`,
      async (object, client) => {
        const { ContentLength = 0, ETag = '', LastModified } = await client.send(new HeadObjectCommand(object))
        return { key, size: ContentLength, etag: ETag, modified_at_ms: LastModified?.getTime() ?? 0 }
      },
      key,
    )
  }

  async put(key: string, bytes: Uint8Array, { content_type }: PutOptions = {}): Promise<{ etag: string }> {
    const object = this.#object(key)
    this.#seen.delete(key)
    const { ETag = '' } = await this.#connection.call(`putting ${key}`, (client) =>
      client.send(
        new PutObjectCommand({ ...object, Body: bytes, ...(content_type ? { ContentType: content_type } : {}) }),
      ),
    )
    return { etag: ETag }
  }

  async putIfAbsent(key: string, bytes: Uint8Array, options?: PutOptions): Promise<PutOutcome> {
    const created = await conditionalPut(this.#connection, key, bytes, { IfNoneMatch: '*' }, options)
    return created ? { kind: 'created', ...created } : { kind: 'exists' }
  }

  async replaceIfMatch(key: string, bytes: Uint8Array, etag: string): Promise<{ etag: string } | undefined> {
    this.#seen.delete(key)
    return conditionalPut(this.#connection, key, bytes, { IfMatch: etag })
  }

  async putFile(key: string, path: string): Promise<{ etag: string; size: number }> {
    const { size } = await stat(path)
    const { part_bytes, immutable } = this.#limits
    const { etag } =
      size <= part_bytes ? await this.put(key, await readFile(path)) : await this.write(key, createReadStream(path))
    if (!immutable(key)) await rm(path)
    else {
      const content = { key, etag, size }
      await this.#cache.take(content, path)
      this.#saw(content)
    }
    return { etag, size }
  }

  async write(
    key: string,
    source: AsyncIterable<Uint8Array>,
    options: PutOptions = {},
  ): Promise<{ etag: string; size: number }> {
    this.#seen.delete(key)
    const giveBack = await this.#uploads.take()
    try {
      return await uploadStream(this.#connection, key, source, { ...options, part_bytes: this.#limits.part_bytes })
    } finally {
      giveBack()
    }
  }

  async *list(prefix: string, { start_after, limit = Number.POSITIVE_INFINITY }: ListOptions = {}) {
    const { bucket } = this.#connection
    let left = limit
    let token: string | undefined
    while (left > 0) {
      const page = await this.#connection.call(`listing ${prefix}`, (client) =>
        client.send(
          new ListObjectsV2Command({
            Bucket: bucket,
            Prefix: this.#connection.fullPrefix(prefix),
            MaxKeys: Math.min(PAGE_KEYS, left),
            // XML cannot hold every key.
            EncodingType: 'url',
            ...(token
              ? { ContinuationToken: token }
              : start_after
                ? { StartAfter: this.#connection.fullPrefix(start_after) }
                : {}),
          }),
        ),
      )
      for (const { Key = '', Size = 0, ETag = '', LastModified } of page.Contents ?? []) {
        const key = this.#connection.keyOf(decodeURIComponent(Key.replaceAll('+', ' ')))
        const info: ObjectInfo = { key, size: Size, etag: ETag, modified_at_ms: LastModified?.getTime() ?? 0 }
        yield info
        left--
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined
      if (!token) return
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#seen.delete(key)
    await deleteObjects(this.#connection, keys)
  }

  async copy(from: string, to: string): Promise<boolean> {
    const info = await this.head(from)
    if (!info) return false
    this.#seen.delete(to)
    if (info.size > COPY_LIMIT_BYTES) {
      const source = await this.read(from)
      if (source) await this.write(to, source)
      return source !== undefined
    }
    const { bucket } = this.#connection
    const CopySource = [bucket, ...this.#connection.fullKey(from).split('/')].map(encodeURIComponent).join('/')
    const target = this.#object(to)
    const copied = await this.#unlessMissing(
      `copying ${from} to ${to}`,
      (_, client) => client.send(new CopyObjectCommand({ ...target, CopySource })),
      from,
    )
    return copied !== undefined
  }

  async localPath(key: string): Promise<string> {
    const content = await this.#content(key)
    const { etag, size } = content
    return this.#cache.path(content, () => this.#fetch(key, etag, size))
  }

  dropUnfinished(before_ms: number, below: readonly string[]): Promise<number> {
    return dropStaleUploads(this.#connection, before_ms, below)
  }

  async close(): Promise<void> {
    await this.#cache.close()
    this.#connection.close()
  }

  /** Which content the key has now; of an immutable key as seen a short while ago. Throws `not_found`. */
  async #content(key: string): Promise<CachedContent> {
    const seen = this.#seen.get(key)
    if (seen && performance.now() - seen.at_ms < this.#limits.recheck_ms) return seen.content
    this.#seen.delete(key)
    const info = await this.head(key)
    if (!info) throw new ObjectStoreError('not_found', `there is no object ${key} in ${this.location}`)
    const content = { key, etag: info.etag, size: info.size }
    if (this.#limits.immutable(key)) this.#saw(content)
    return content
  }

  #saw(content: CachedContent): void {
    if (this.#seen.size >= SEEN_LIMIT)
      for (const key of this.#seen.keys()) {
        this.#seen.delete(key)
        break
      }
    this.#seen.set(content.key, { content, at_ms: performance.now() })
  }

  async *#fetch(key: string, etag: string, size: number): AsyncGenerator<Uint8Array> {
    if (size === 0) return
    const opened = await this.#open(key, undefined, etag)
    if (!opened)
      throw new ObjectStoreError('not_found', `${key} in ${this.location} was deleted or replaced while it was fetched`)
    yield* resumedRead(this.#connection, key, this.#object(key), opened)
  }

  /** `undefined` if there is no such object, or not with this ETag. */
  async #open(key: string, range?: ByteRange, etag?: string): Promise<OpenedObject | undefined> {
    const gone = (error: unknown) => isMissing(error) || statusOf(error) === 412
    const object = this.#object(key)
    return this.#connection
      .call(`reading ${key}`, () => openObject(this.#connection.reads, object, range, etag), { own: gone })
      .catch((error: unknown) => {
        if (gone(error)) return undefined
        throw error
      })
  }

  #object(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#connection.bucket, Key: this.#connection.fullKey(key) }
  }

  async #unlessMissing<T>(
    what: string,
    work: (object: { Bucket: string; Key: string }, client: S3Client) => Promise<T>,
    key: string,
  ): Promise<T | undefined> {
    const object = this.#object(key)
    try {
      return await this.#connection.call(what, (client) => work(object, client), { own: isMissing })
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }
}

/** Contents remembered; the oldest is forgotten first and looked up again. */
const SEEN_LIMIT = 200_000

function checkRange(key: string, range: ByteRange | undefined): void {
  if (range && (range.start < 0 || (range.end !== undefined && range.end < range.start)))
    throw new ObjectStoreError(
      'invalid_range',
      `expected a range inside ${key}; got ${range.start} to ${range.end ?? 'the end'}`,
    )
}
