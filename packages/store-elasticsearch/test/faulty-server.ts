import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Request {
  method: string
  /** With the query string. */
  path: string
  body: string
}

export interface Reply {
  status: number
  body: string
  /** Default: as Elasticsearch's own. */
  headers?: Record<string, string>
}

/** Answers in the server's place, lets it answer, or cuts the connection. */
export type Interference = (request: Request, forward: () => Promise<Reply>) => Promise<Reply | 'cut'>

export interface FaultyServer {
  url: string
  /** What is done to each request; undefined: nothing. */
  interfere: Interference | undefined
  close(): Promise<void>
}

/** A server in front of Elasticsearch, or in its place, whose answers a test chooses. */
export async function openFaultyServer(upstream: string, interfere?: Interference): Promise<FaultyServer> {
  const server = createServer(async (incoming, outgoing) => {
    const request = { method: incoming.method ?? '', path: incoming.url ?? '', body: await bodyOf(incoming) }
    const forward = () => forwarded(upstream, incoming, request)
    const reply = await (proxy.interfere ? proxy.interfere(request, forward) : forward())
    if (reply === 'cut') return void incoming.socket.destroy()
    const type = incoming.headers.accept?.split(',')[0] ?? 'application/json'
    outgoing.writeHead(reply.status, reply.headers ?? { 'x-elastic-product': 'Elasticsearch', 'content-type': type })
    outgoing.end(incoming.method === 'HEAD' ? undefined : reply.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const proxy: FaultyServer = {
    url: `http://127.0.0.1:${port}`,
    interfere,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return proxy
}

async function forwarded(upstream: string, incoming: IncomingMessage, request: Request): Promise<Reply> {
  const headers = { accept: incoming.headers.accept ?? '*/*', 'content-type': incoming.headers['content-type'] ?? '' }
  const answer = await fetch(upstream + request.path, {
    method: request.method,
    headers: request.body === '' ? { accept: headers.accept } : headers,
    body: request.body === '' ? null : request.body,
  })
  return { status: answer.status, body: await answer.text() }
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
