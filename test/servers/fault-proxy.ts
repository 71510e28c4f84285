import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** What happens to one request on its way to the server. */
export type Fault =
  | 'pass'
  /** The server never sees it. */
  | 'answer_503'
  /** The connection breaks before the server sees it. */
  | 'drop_request'
  /** The server does it; its answer is lost. */
  | 'drop_answer'
  /** Half of the answer's body, then the connection breaks. */
  | 'cut_answer'
  | { delay_ms: number }
  /** The proxy itself answers. */
  | { status: number; headers?: Record<string, string>; body?: string }

export interface FaultProxy {
  endpoint: string
  /** `METHOD /path?query` of each request that came, in order. */
  readonly requests: string[]
  /** The most connections that were open at a time. */
  readonly most_connections: number
  /** Breaks all connections, as a restarted server does. */
  breakConnections(): void
  stop(): Promise<void>
}

/** An HTTP proxy that does to requests what networks and servers do on bad days. */
export async function faultProxy(target: string, judge: (asked: string) => Fault): Promise<FaultProxy> {
  const { hostname, port } = new URL(target)
  const requests: string[] = []
  const sockets = new Set<Socket>()
  let most_connections = 0

  const server = createServer((incoming, outgoing) => {
    const asked = `${incoming.method} ${incoming.url}`
    requests.push(asked)
    const fault = judge(asked)
    if (fault === 'answer_503') {
      incoming.resume().once('end', () => outgoing.writeHead(503).end(SLOW_DOWN))
    } else if (fault === 'drop_request') incoming.socket.destroy()
    else if (typeof fault === 'object' && 'status' in fault) {
      incoming.resume().once('end', () => outgoing.writeHead(fault.status, fault.headers).end(fault.body))
    } else if (typeof fault === 'object') setTimeout(() => forward(incoming, outgoing, 'pass'), fault.delay_ms)
    else forward(incoming, outgoing, fault)
  })

  function forward(incoming: IncomingMessage, outgoing: ServerResponse, fault: 'pass' | 'drop_answer' | 'cut_answer') {
    const { method, url, headers } = incoming
    const onwards = request({ hostname, port, method, path: url, headers }, (answer) => {
      if (fault === 'pass') {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
        return
      }
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        if (fault === 'drop_answer') return incoming.socket.destroy()
        const whole = Buffer.concat(chunks)
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        outgoing.write(whole.subarray(0, Math.ceil(whole.length / 2)), () => incoming.socket.destroy())
      })
    })
    onwards.on('error', () => incoming.socket.destroy())
    incoming.pipe(onwards)
  }

  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    most_connections = Math.max(most_connections, sockets.size)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  const breakConnections = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    endpoint: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    requests,
    get most_connections() {
      return most_connections
    },
    breakConnections,
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped())
        breakConnections()
      }),
  }
}

const SLOW_DOWN =
  '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate</Message></Error>'
