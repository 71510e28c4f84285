import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { Transform } from 'node:stream'
import { createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import type { Hold } from './admission.ts'
import { Problem } from './problem.ts'

const EXPANDED_CHUNK_BYTES = 64 * 1024

/** Counts the bytes that it took for its own. */
type Expander = Transform & { bytesWritten: number }

const expanders: ReadonlyMap<string, () => Expander> = new Map<string, () => Expander>([
  ['gzip', () => createGunzip({ chunkSize: EXPANDED_CHUNK_BYTES })],
  ['x-gzip', () => createGunzip({ chunkSize: EXPANDED_CHUNK_BYTES })],
  ['deflate', () => createInflate({ chunkSize: EXPANDED_CHUNK_BYTES })],
  ['zstd', () => createZstdDecompress({ chunkSize: EXPANDED_CHUNK_BYTES })],
])

/**
 * The request's body, at most `limit` bytes before and after decompression; a byte order mark is left out.
 * Throws a `Problem`: 400 for a body that is cut off or damaged, 413, 415, 429.
 */
export async function requestBody(request: IncomingMessage, limit: number, hold: Hold): Promise<Buffer> {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  const expander = encoding === 'identity' ? undefined : expanders.get(encoding)
  if (encoding !== 'identity' && expander === undefined)
    throw new Problem(415, 'unsupported_encoding', `expected gzip, deflate or zstd, came ${encoding.slice(0, 40)}`)
  const sent = await bodyBytes(request, limit, hold)
  const bytes = expander ? await expanded(sent, encoding, expander(), limit, hold) : sent
  const mark = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  return mark ? bytes.subarray(3) : bytes
}

function bodyBytes(request: IncomingMessage, limit: number, hold: Hold): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > limit) return reject(tooLarge(limit))
    const chunks: Buffer[] = []
    let received = 0
    const refuse = (problem: unknown) => {
      request.off('data', onData)
      request.resume()
      reject(problem)
    }
    const onData = (chunk: Buffer) => {
      received += chunk.length
      if (received > limit) return refuse(tooLarge(limit))
      try {
        hold.take(chunk.length)
      } catch (problem) {
        return refuse(problem)
      }
      chunks.push(chunk)
    }
    request.on('data', onData)
    request.once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, received)))
    request.once('error', (cause) => reject(cutOff(cause)))
    request.once('close', () => {
      if (!request.readableEnded) reject(cutOff())
    })
  })
}

/** What it expands to counts as it comes, so that many small bodies that expand to large ones are stopped in time. */
async function expanded(
  bytes: Buffer,
  encoding: string,
  expander: Expander,
  limit: number,
  hold: Hold,
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    expander.end(bytes)
    for await (const chunk of expander) {
      length += chunk.length
      if (length > limit)
        throw new Problem(413, 'body_too_large', `expected a body that expands to at most ${limit} bytes`)
      hold.take(chunk.length)
      chunks.push(chunk)
    }
    // zlib's stop at what is none of their format, and say nothing: whatever follows would be lost. Zeros are padding.
    if (bytes.subarray(expander.bytesWritten).some((byte) => byte !== 0)) throw new Error('more follows')
    return Buffer.concat(chunks, length)
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem(
      400,
      'invalid_encoding',
      `expected a whole ${encoding} body, came one that is damaged or cut off`,
      {
        cause: error,
      },
    )
  } finally {
    expander.destroy()
  }
}

/** For a body that has to be UTF-8 as a whole. */
export const notUtf8 = (bytes: Buffer) =>
  new Problem(400, 'invalid_utf8', `expected UTF-8, came other bytes${placeOfFault(bytes)}`)

/** Halves until the first bad byte is found. A prefix may end inside a character, so it is judged with room to spare. */
function placeOfFault(bytes: Buffer): string {
  let good = 0
  let bad = bytes.length
  while (bad - good > 8) {
    const middle = (good + bad) >> 1
    if (isWholePrefix(bytes, middle)) good = middle
    else bad = middle
  }
  return ` near byte ${good}`
}

function isWholePrefix(bytes: Buffer, length: number): boolean {
  for (let less = 0; less < 4; less++) if (isUtf8(bytes.subarray(0, Math.max(0, length - less)))) return true
  return false
}

const tooLarge = (limit: number) =>
  new Problem(413, 'body_too_large', `expected at most ${limit} bytes; send smaller batches`)
const cutOff = (cause?: unknown) =>
  new Problem(400, 'body_cut_off', 'expected the whole body, the connection ended inside it', { cause })
