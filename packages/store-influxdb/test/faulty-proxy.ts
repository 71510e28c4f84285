import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'

export type Fault = 'cut before' | 'cut after' | 'cut within' | number

/** Passes requests on to a server; the fault of `next` befalls the request that it is given for. */
export async function faultyProxy(target: string) {
  let choose: (path: string) => Fault | undefined = () => undefined
  const server = createServer((incoming, outgoing) => {
    const fault = choose(incoming.url ?? '')
    if (fault === 'cut before') incoming.socket.destroy()
    else if (typeof fault === 'number') {
      incoming.resume()
      outgoing.writeHead(fault, { 'content-type': 'application/json' }).end('{"code":"x","message":"made up"}')
    } else pass(target, incoming, outgoing, fault)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (!address || typeof address !== 'object') throw new Error('no port was given')
  return {
    url: `http://127.0.0.1:${address.port}`,
    /** @param fault by the request's path, undefined for none */
    befall(fault: (path: string) => Fault | undefined) {
      choose = fault
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function pass(target: string, incoming: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): void {
  const { method, headers } = incoming
  const onward = request(new URL(incoming.url ?? '/', target), { method, headers }, (answer) => {
    if (fault === 'cut after') {
      answer.resume()
      answer.on('end', () => incoming.socket.destroy())
      return
    }
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
    if (fault !== 'cut within') answer.pipe(outgoing)
    else
      answer.once('data', (part: Buffer) => {
        outgoing.write(part.subarray(0, part.length >>> 1), () => incoming.socket.destroy())
        answer.resume()
      })
  })
  onward.on('error', () => incoming.socket.destroy())
  incoming.pipe(onward)
}
