import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface WireProxy {
  /** `host:port` where it listens. */
  readonly address: string
  /** How long each piece of bytes is held back, in both directions. */
  delay_ms: number
  /** While true nothing is passed on: connections are taken, and nobody ever answers on any. */
  frozen: boolean
  /** Connections that were broken. */
  readonly cuts: number
  /** Breaks all connections, in the middle of whatever is on its way. */
  cut(): void
  stop(): Promise<void>
}

/**
 * Passes bytes on to a server of any protocol.
 * @param target `host:port`
 * @param port where to listen; 0 takes a free one
 * @param told what the server says is passed on as this gives it back
 */
export async function wireProxy(
  target: string,
  port = 0,
  told: (bytes: Buffer) => Buffer = (bytes) => bytes,
): Promise<WireProxy> {
  const { hostname, port: target_port } = new URL(`tcp://${target}`)
  const open = new Set<Socket>()
  let cuts = 0
  let delay_ms = 0
  let thawed: PromiseWithResolvers<void> | undefined

  /** Keeps the order of the pieces, whatever the delay is meanwhile. */
  function pass(from: Socket, to: Socket, changed = (bytes: Buffer) => bytes): void {
    let before: Promise<unknown> = Promise.resolve()
    from.on('data', (bytes: Buffer) => {
      const until = thawed ? thawed.promise : delay_ms === 0 ? undefined : sleep(delay_ms)
      before = Promise.all([before, until]).then(() => to.writable && to.write(changed(bytes)))
    })
    // What is still held back goes first.
    from.on('end', () => void before.then(() => to.end()))
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: hostname, port: Number(target_port), allowHalfOpen: true })
    open.add(client)
    const end = () => {
      open.delete(client)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end)
    pass(client, upstream)
    pass(upstream, client, told)
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))

  function cut(): void {
    cuts += open.size
    for (const client of open) client.resetAndDestroy()
  }
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get delay_ms() {
      return delay_ms
    },
    set delay_ms(ms) {
      delay_ms = ms
    },
    get frozen() {
      return thawed !== undefined
    },
    set frozen(is) {
      if (is) thawed ??= Promise.withResolvers()
      else {
        thawed?.resolve()
        thawed = undefined
      }
    },
    get cuts() {
      return cuts
    },
    cut,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        cut()
      }),
  }
}
