import { createServer } from 'node:net'
import {
  GenericContainer,
  getContainerRuntimeClient,
  type StartedTestContainer,
  type WaitStrategy,
} from 'testcontainers'

const STARTUP_MS = 240_000

/** What one container needs: its image, what it is told, and when it is ready. */
export interface ContainerSpec {
  image: string
  environment: Record<string, string>
  /** Ports inside the container; each gets one of the host that stays the same when the container is started again. */
  ports: readonly number[]
  /** Host ports that the container must know itself (Kafka tells them to its clients). */
  same_ports?: readonly number[]
  command?: string[]
  ready: WaitStrategy
}

/** @returns why there is no Docker engine to start containers with; `undefined` if there is one */
export async function whyNoDocker(): Promise<string | undefined> {
  try {
    await getContainerRuntimeClient()
    return undefined
  } catch (error) {
    return `no Docker engine answers (${error instanceof Error ? error.message : String(error)})`
  }
}

export async function startContainer(spec: ContainerSpec): Promise<StartedTestContainer> {
  const ports = (spec.same_ports ?? []).map((port) => ({ container: port, host: port }))
  for (const container of spec.ports) ports.push({ container, host: await freePort() })
  const container = new GenericContainer(spec.image)
    .withEnvironment(spec.environment)
    .withExposedPorts(...ports)
    .withWaitStrategy(spec.ready)
    .withStartupTimeout(STARTUP_MS)
  return (spec.command ? container.withCommand(spec.command) : container).start()
}

/** Takes a server away and brings it back on the same data and ports. None of them waits until it is ready. */
export interface Power {
  /** In good order. */
  stop(): Promise<void>
  /** By SIGKILL. */
  kill(): Promise<void>
  start(): Promise<void>
}

const STOP_LIMIT_S = 30

export function powerOf(container: StartedTestContainer): Power {
  const handle = async () => (await getContainerRuntimeClient()).container.getById(container.getId())
  return {
    async stop() {
      await (await handle()).stop({ t: STOP_LIMIT_S })
    },
    async kill() {
      const running = await handle()
      await running.kill({ signal: 'SIGKILL' })
      await running.wait()
    },
    async start() {
      await (await handle()).start()
    },
  }
}

/** A port of this host that nobody listens on just now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port was given')),
      )
    })
  })
}
