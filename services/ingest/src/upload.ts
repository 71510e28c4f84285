import { createHash, randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { writtenFile } from '@sluice/object-store/written-file'
import { Problem } from './problem.ts'

/** A body that was received whole, in a file of its own that whoever gets it moves away or removes. */
export interface Upload {
  path: string
  sha256: string
  size: number
}

/** Receives bodies of any size into a scratch folder, so many at a time; none is ever held in memory. */
export class Uploads {
  readonly #folder: string
  readonly #limit: number
  #receiving = 0

  constructor(folder: string, limit: number) {
    this.#folder = folder
    this.#limit = limit
  }

  /** Removes what a crash left behind. */
  async start(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
    await mkdir(this.#folder, { recursive: true })
  }

  /**
   * Calls `use` with the request's body in a file, which is removed afterwards unless it was moved away.
   * Throws a `Problem`: 400 for a body that is cut off, 413, 415 for one with a Content-Encoding, 429.
   */
  async receive<Result>(
    request: IncomingMessage,
    limit_bytes: number,
    use: (upload: Upload) => Promise<Result>,
  ): Promise<Result> {
    refuseEncoded(request)
    if (Number(request.headers['content-length'] ?? 0) > limit_bytes) throw tooLarge(limit_bytes)
    if (this.#receiving >= this.#limit)
      throw new Problem(
        429,
        'too_many_uploads',
        `expected at most ${this.#limit} uploads at a time; send again later`,
        {
          retry_after_s: 2,
        },
      )
    this.#receiving++
    const path = join(this.#folder, randomUUID())
    try {
      return await use(await received(request, path, limit_bytes))
    } finally {
      this.#receiving--
      await rm(path, { force: true })
    }
  }
}

async function received(request: IncomingMessage, path: string, limit_bytes: number): Promise<Upload> {
  const hash = createHash('sha256')
  let size = 0
  async function* measured(source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      size += chunk.length
      if (size > limit_bytes) throw tooLarge(limit_bytes)
      hash.update(chunk)
      yield chunk
    }
  }
  try {
    await writtenFile(path, (file) => pipeline(request, measured, file), { flags: 'wx', flush: true })
  } catch (error) {
    if (error instanceof Problem) throw error
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOSPC')
      throw new Problem(503, 'no_space', 'no space is left for the upload', { retry_after_s: 30, cause: error })
    throw new Problem(400, 'body_cut_off', 'expected the whole body, the connection ended inside it', { cause: error })
  }
  return { path, sha256: hash.digest('hex'), size }
}

function refuseEncoded(request: IncomingMessage): void {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity')
    throw new Problem(
      415,
      'unsupported_encoding',
      'expected the bytes as they are to be stored, without Content-Encoding',
    )
}

const tooLarge = (limit: number) => new Problem(413, 'body_too_large', `expected at most ${limit} bytes`)
