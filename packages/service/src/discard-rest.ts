import type { IncomingMessage } from 'node:http'

const DISCARD_LIMIT_BYTES = 256 * 1024 ** 2
const DISCARD_LIMIT_MS = 30_000

/**
 * Reads on what nobody wants of a body that was refused, while the refusal is on its way: many clients send all of it
 * before they look at the answer, and would never see one that comes with the end of the connection. What goes on beyond
 * a limit is cut off. False for a body that is announced to be larger: its connection is to be closed with the answer.
 */
export function discardRest(request: IncomingMessage): boolean {
  if (request.readableEnded) return true
  if (request.destroyed || Number(request.headers['content-length'] ?? 0) > DISCARD_LIMIT_BYTES) return false
  const cutOff = () => request.socket.destroy()
  const late = setTimeout(cutOff, DISCARD_LIMIT_MS)
  let bytes = 0
  request
    .on('data', (chunk: Uint8Array) => {
      bytes += chunk.length
      if (bytes > DISCARD_LIMIT_BYTES) cutOff()
    })
    .once('close', () => clearTimeout(late))
    .resume()
  return true
}
