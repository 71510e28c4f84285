import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')
const START_LIMIT_MS = 120_000
/** Characters of a log that failed. */
const TOLD = 8_000

export type ServiceName =
  | 'ingest'
  | 'transformer'
  | 'sink-postgres'
  | 'sink-influxdb'
  | 'sink-elasticsearch'
  | 'sink-neo4j'
  | 'console'

export const SINKS = ['sink-postgres', 'sink-influxdb', 'sink-elasticsearch', 'sink-neo4j'] as const

/** One process of ours, as a container would run it. */
export class ServiceProcess {
  readonly name: ServiceName
  readonly #child: ChildProcess
  /** Resolves with its exit code when it has ended. */
  readonly exited: Promise<number | null>
  readonly #ready: Promise<void>
  #output = ''
  #errors = ''
  #url = ''

  private constructor(name: ServiceName, settings: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, [join(ROOT, 'services', name, 'src/main.ts')], {
      env: { PATH: process.env['PATH'] ?? '', SLUICE_PORT: '0', SLUICE_FRESHNESS_MS: '100', ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.name = name
    this.#child = child
    // Not before all of its output was read.
    this.exited = new Promise((done) => child.once('close', (code) => done(code)))
    this.#ready = new Promise((done) => {
      const take = (text: Buffer) => {
        this.#output = (this.#output + text.toString('utf8')).slice(-100_000)
        this.#url ||= /"url":"(http:[^"]+)"/.exec(this.#output)?.[1] ?? ''
        if (this.#url !== '') done()
      }
      child.stdout.on('data', take)
      child.stderr.on('data', take)
      child.stderr.on('data', (text: Buffer) => {
        this.#errors += text.toString('utf8')
      })
    })
  }

  /** Begins to start; see `exited` for one that is to be refused. */
  static launch(name: ServiceName, settings: Readonly<Record<string, string>>): ServiceProcess {
    return new ServiceProcess(name, settings)
  }

  static async start(name: ServiceName, settings: Readonly<Record<string, string>>): Promise<ServiceProcess> {
    const service = ServiceProcess.launch(name, settings)
    const timer = setTimeout(() => service.signal('SIGKILL'), START_LIMIT_MS)
    const ended = await Promise.race([service.#ready, service.exited])
    clearTimeout(timer)
    if (ended !== undefined) throw new Error(`${name} ended with ${ended} instead of starting: ${service.output}`)
    return service
  }

  get url(): string {
    return this.#url
  }

  /** What it wrote on standard output and standard error, as far back as is kept. */
  get pid(): number {
    return this.#child.pid ?? 0
  }

  get output(): string {
    return this.#output
  }

  /** What it wrote on standard error. */
  get errors(): string {
    return this.#errors
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

/** Our processes on real servers, with a bucket of their own unless the settings name one. */
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
    return new ServerLake({ SLUICE_S3_BUCKET: bucket, ...settings }, scratch)
  }

  async start(name: ServiceName, more: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
    const service = await ServiceProcess.start(name, { ...this.settings, ...more })
    this.#services.add(service)
    return service
  }

  /** What every process is started with, and a scratch folder of its own. */
  get settings(): Readonly<Record<string, string>> {
    return { ...this.#settings, SLUICE_SCRATCH: join(this.#scratch, String(this.#started++)) }
  }

  /** Ends every process in good order; what one that does not logged last is told. @returns their exit codes */
  async stop(): Promise<(number | null)[]> {
    const codes = await Promise.all(
      [...this.#services].map(async (service) => {
        const code = await service.end()
        if (code !== 0) process.stderr.write(`${service.name} ended with ${code}: …${service.output.slice(-TOLD)}\n`)
        return code
      }),
    )
    this.#services.clear()
    await rm(this.#scratch, { recursive: true, force: true })
    return codes
  }
}
