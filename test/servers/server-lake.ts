import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')
const START_LIMIT_MS = 120_000

export type ServiceName =
  | 'ingest'
  | 'transformer'
  | 'sink-postgres'
  | 'sink-influxdb'
  | 'sink-elasticsearch'
  | 'sink-neo4j'
  | 'console'

/** One process of ours, as a container would run it. */
export class ServiceProcess {
  readonly name: ServiceName
  readonly #child: ChildProcess
  /** Resolves with its exit code when it has ended. */
  readonly exited: Promise<number | null>
  #output = ''
  #url = ''

  private constructor(name: ServiceName, child: ChildProcess) {
    this.name = name
    this.#child = child
    this.exited = new Promise((done) => child.once('exit', (code) => done(code)))
  }

  static async start(name: ServiceName, settings: Readonly<Record<string, string>>): Promise<ServiceProcess> {
    const child = spawn(process.execPath, [join(ROOT, 'services', name, 'src/main.ts')], {
      env: { PATH: process.env['PATH'] ?? '', SLUICE_PORT: '0', SLUICE_FRESHNESS_MS: '100', ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const service = new ServiceProcess(name, child)
    const ready = new Promise<void>((done) => {
      const take = (text: Buffer) => {
        service.#output = (service.#output + text.toString('utf8')).slice(-100_000)
        service.#url ||= /"url":"(http:[^"]+)"/.exec(service.#output)?.[1] ?? ''
        if (service.#url !== '') done()
      }
      child.stdout.on('data', take)
      child.stderr.on('data', take)
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS)
    const ended = await Promise.race([ready, service.exited])
    clearTimeout(timer)
    if (ended !== undefined) throw new Error(`${name} ended with ${ended} instead of starting: ${service.#output}`)
    return service
  }

  get url(): string {
    return this.#url
  }

  get output(): string {
    return this.#output
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** @returns the exit code */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal)
    return this.exited
  }
}

/** Our processes on real servers, with a bucket of their own. */
export class ServerLake {
  readonly #settings: Readonly<Record<string, string>>
  readonly #scratch: string
  readonly #services = new Set<ServiceProcess>()
  #started = 0

  private constructor(settings: Readonly<Record<string, string>>, scratch: string) {
    this.#settings = settings
    this.#scratch = scratch
  }

  static async create(settings: Readonly<Record<string, string>>): Promise<ServerLake> {
    const scratch = await mkdtemp(join(tmpdir(), 'sluice-servers-'))
    const bucket = `sluice-test-${Date.now().toString(36)}-${process.pid}`
    return new ServerLake({ ...settings, SLUICE_S3_BUCKET: bucket }, scratch)
  }

  async start(name: ServiceName, more: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
    const scratch = join(this.#scratch, String(this.#started++))
    const service = await ServiceProcess.start(name, { ...this.#settings, SLUICE_SCRATCH: scratch, ...more })
    this.#services.add(service)
    return service
  }

  /** Ends every process in good order. @returns their exit codes */
  async stop(): Promise<(number | null)[]> {
    const codes = await Promise.all([...this.#services].map((service) => service.end()))
    this.#services.clear()
    await rm(this.#scratch, { recursive: true, force: true })
    return codes
  }
}
