import type { FastifyInstance } from 'fastify'

/** Requests that are still under way this long after the server began to close are cut off. */
const CUT_OFF_AFTER_MS = 5_000
const IDLE_EVERY_MS = 50

/**
 * Lets a server that closes end soon, however busy its clients keep their connections: each answer ends its connection,
 * those without a request are closed, and what takes too long (a slow download) is cut off.
 */
export function endConnections(app: FastifyInstance, { cut_off_after_ms = CUT_OFF_AFTER_MS } = {}): void {
  let closing = false
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close')
    done(null, payload)
  })
  app.addHook('preClose', (done) => {
    closing = true
    const idle = setInterval(() => app.server.closeIdleConnections(), IDLE_EVERY_MS)
    const late = setTimeout(() => app.server.closeAllConnections(), cut_off_after_ms)
    app.server.once('close', () => {
      clearInterval(idle)
      clearTimeout(late)
    })
    done()
  })
}
