import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface CuttingProxy {
  url: string
  /** Whether to cut the connection now that its client has sent something: before it goes on, or when it is answered. */
  cut: () => 'before' | 'after' | undefined
  close(): Promise<void>
}

/** Passes bytes on to a server, and cuts connections when it is told to. */
export async function openCuttingProxy(upstream: string): Promise<CuttingProxy> {
  const { hostname, port, protocol } = new URL(upstream)
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const target = connect(Number(port), hostname)
    open.add(client)
    const end = () => {
      open.delete(client)
      client.destroy()
      target.destroy()
    }
    client.on('data', (bytes) => {
      const when = proxy.cut()
      if (when === 'before') return end()
      if (when === 'after') target.removeAllListeners('data').once('data', end)
      target.write(bytes)
    })
    target.on('data', (bytes) => client.write(bytes))
    client.on('error', end).on('close', end)
    target.on('error', end).on('close', end)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy: CuttingProxy = {
    url: `${protocol}//127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const client of open) client.destroy()
      }),
  }
  return proxy
}
