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
  /** Ports inside the container; the host's are chosen by Docker. */
  ports: readonly number[]
  /** A host port that the container must know itself (Kafka tells it to its clients). */
  same_port?: number
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
  const ports = [
    ...spec.ports,
    ...(spec.same_port === undefined ? [] : [{ container: spec.same_port, host: spec.same_port }]),
  ]
  const container = new GenericContainer(spec.image)
    .withEnvironment(spec.environment)
    .withExposedPorts(...ports)
    .withWaitStrategy(spec.ready)
    .withStartupTimeout(STARTUP_MS)
  return (spec.command ? container.withCommand(spec.command) : container).start()
}

/** Ends it by SIGKILL and starts it again; its ports must be fixed ones of the host to be the same afterwards. */
export async function crashContainer(container: StartedTestContainer): Promise<void> {
  const client = await getContainerRuntimeClient()
  const running = client.container.getById(container.getId())
  await running.kill({ signal: 'SIGKILL' })
  await running.wait()
  await running.start()
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
