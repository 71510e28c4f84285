import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './container.ts'
import type { ServerLake, ServiceName, ServiceProcess } from './server-lake.ts'

const PAUSE_MS = 500

/** A service that is started again whenever it ends, on the same port, as Compose does. */
export class KeptRunning {
  readonly name: ServiceName
  readonly url: string
  /** How often it was started. */
  starts = 0
  readonly #lake: ServerLake
  readonly #settings: Readonly<Record<string, string>>
  #service: ServiceProcess | undefined
  #stopping = false
  readonly #kept: Promise<void>

  private constructor(lake: ServerLake, name: ServiceName, port: number, settings: Readonly<Record<string, string>>) {
    this.name = name
    this.url = `http://127.0.0.1:${port}`
    this.#lake = lake
    this.#settings = { ...settings, SLUICE_PORT: String(port) }
    this.#kept = this.#keep()
  }

  /** Resolves when it is ready for the first time. */
  static async start(
    lake: ServerLake,
    name: ServiceName,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<KeptRunning> {
    const kept = new KeptRunning(lake, name, await freePort(), settings)
    while (!kept.#service) await sleep(PAUSE_MS)
    return kept
  }

  signal(signal: NodeJS.Signals): void {
    this.#service?.signal(signal)
  }

  /** Lets it end without being started again; the lake ends it. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#service?.end()
    await this.#kept
  }

  async #keep(): Promise<void> {
    while (!this.#stopping) {
      this.starts++
      // One that is refused at start says that it is to be started again, or fails the test by never being ready.
      this.#service = await this.#lake.start(this.name, this.#settings).catch((error: unknown) => {
        process.stderr.write(`${String(error).slice(0, 300)}\n`)
        return this.#service
      })
      if (this.#stopping) await this.#service?.end()
      await this.#service?.exited
      await sleep(PAUSE_MS)
    }
  }
}
