import type { IncomingMessage } from 'node:http'

const DISCARD_LIMIT_BYTES = 256 * 1024 ** 2
export const DISCARD_LIMIT_MS = 10_000

/**
 * Reads on what nobody wants of a body that was refused: many clients send all of it before they look at the answer, and
 * would never see one that comes with the end of the connection. The answer may be sent at once, and goes ahead of the
 * rest, unless the client wants the connection to end with it: then it has to wait. What goes on beyond a limit is cut
 * off. Resolves to whether the connection can go on: not for a body that is announced to be larger.
 */
export async function discardRest(request: IncomingMessage): Promise<boolean> {
  const announced = Number(request.headers['content-length'] ?? 0)
  const has_body = announced > 0 || request.headers['transfer-encoding'] !== undefined
  if (!has_body || request.readableEnded) return true
  if (request.destroyed || announced > DISCARD_LIMIT_BYTES) return false
  const read = readRest(request)
  return /close/i.test(request.headers.connection ?? '') ? read : true
}

/** Resolves to false at a limit; the connection is then closed with the answer, or has to be cut off. */
function readRest(request: IncomingMessage): Promise<boolean> {
  return new Promise((resolve) => {
    let bytes = 0
    const stop = () => {
      resolve(false)
      if (!/close/i.test(request.headers.connection ?? '')) request.socket.destroy()
    }
    const late = setTimeout(stop, DISCARD_LIMIT_MS)
    const ended = () => {
      clearTimeout(late)
      resolve(request.readableEnded)
    }
    request
      .on('data', (chunk: Uint8Array) => {
        bytes += chunk.length
        if (bytes > DISCARD_LIMIT_BYTES) stop()
      })
      // A request that was injected is never closed, and its socket is none.
      .once('end', ended)
      .once('close', ended)
      .resume()
  })
}
