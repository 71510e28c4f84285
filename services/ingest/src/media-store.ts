import { mediaNameKey } from '@sluice/lake/media-names'
import type { ByteRange, ObjectStore } from '@sluice/object-store'
import { z } from 'zod'
import { isSha256 } from './object-path.ts'
import type { Upload } from './upload.ts'

/** What is known of a medium's bytes. */
const mediaBytes = z.object({ sha256: z.string(), size: z.number(), content_type: z.string() })
/** What a name stands for. */
const mediaPointer = mediaBytes.extend({ name: z.string(), key: z.string() })

export type MediaBytes = z.infer<typeof mediaBytes>
export type MediaPointer = z.infer<typeof mediaPointer>

/** The bytes themselves. */
export const mediaKey = (sha256: string): string => `media/sha256/${sha256}`
/** Size and content type of the bytes, as first sent. */
export const mediaInfoKey = (sha256: string): string => `media/info/${sha256}`

/** Binary objects under their hash, and names for them. The same bytes are kept once. */
export class MediaStore {
  readonly #objects: ObjectStore

  constructor(objects: ObjectStore) {
    this.#objects = objects
  }

  /** Keeps the upload's bytes, then lets the name stand for them. */
  async put(name: string, upload: Upload, content_type: string): Promise<MediaPointer> {
    const { sha256, size, path } = upload
    const key = mediaKey(sha256)
    if ((await this.#objects.head(key)) === undefined) await this.#objects.putFile(key, path)
    await this.#objects.putIfAbsent(mediaInfoKey(sha256), jsonBytes({ sha256, size, content_type }), jsonType)
    const pointer = { name, sha256, key, size, content_type }
    await this.#objects.put(mediaNameKey(name), jsonBytes(pointer), jsonType)
    return pointer
  }

  /** By hash or by name; `undefined` if there is none. */
  async find(sha256_or_name: string): Promise<MediaBytes | undefined> {
    if (!isSha256(sha256_or_name)) {
      const pointer = await this.#objects.get(mediaNameKey(sha256_or_name))
      return pointer && mediaPointer.parse(JSON.parse(Buffer.from(pointer).toString('utf8')))
    }
    const info = await this.#objects.get(mediaInfoKey(sha256_or_name))
    return info && mediaBytes.parse(JSON.parse(Buffer.from(info).toString('utf8')))
  }

  read(sha256: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array> | undefined> {
    return this.#objects.read(mediaKey(sha256), range)
  }
}

const jsonType = { content_type: 'application/json' }

function jsonBytes(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}
