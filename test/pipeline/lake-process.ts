import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface LakeSettings {
  /** Data folder; left out: a new temporary one, removed by `remove`. */
  data?: string
  /** Environment variables beside SLUICE_PORT and SLUICE_DATA. */
  settings?: Readonly<Record<string, string>>
  /** A command that starts another, given after it: `nsenter …`. */
  through?: readonly string[]
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

interface LogLine {
  level: number
  msg: string
  [field: string]: unknown
}

export const STANDALONE = resolve(import.meta.dirname, '../../services/standalone')
/** Fresh at once, so that tests wait less. */
const DEFAULTS = { SLUICE_PORT: '0', SLUICE_FRESHNESS_MS: '20' }
const START_LIMIT_MS = 60_000

/** The whole lake as users run it: one process, known by its URL, its output and its exit code. */
export class LakeProcess {
  readonly data: string
  readonly #child: ChildProcess
  readonly #exited: Promise<Exit>
  readonly #ready: Promise<undefined>
  readonly #output: string[] = []
  #url: string | undefined

  /** Resolves when it answers; rejects with what it said if it ended instead. */
  static async start(settings: LakeSettings = {}): Promise<LakeProcess> {
    const data = settings.data ?? (await temporaryFolder())
    const lake = new LakeProcess(data, spawnLake(data, settings))
    const timer = setTimeout(() => lake.#child.kill('SIGKILL'), START_LIMIT_MS)
    const exit = await Promise.race([lake.#ready, lake.#exited])
    clearTimeout(timer)
    if (exit !== undefined) throw new NotStarted(exit, lake.output)
    return lake
  }

  /** Starts it and kills it so many milliseconds later, ready or not. */
  static async startAndKill(settings: LakeSettings & { data: string }, after_ms: number): Promise<void> {
    const lake = new LakeProcess(settings.data, spawnLake(settings.data, settings))
    await Promise.race([sleep(after_ms), lake.#exited])
    await lake.killAll()
  }

  private constructor(data: string, child: ChildProcess) {
    this.data = data
    this.#child = child
    this.#exited = new Promise((done) => child.once('exit', (code, signal) => done({ code, signal })))
    this.#ready = new Promise((done) => {
      const take = (text: Buffer) => {
        this.#output.push(text.toString('utf8'))
        if (this.#url !== undefined) return
        this.#url = /"url":"(http:[^"]+)"/.exec(this.output)?.[1]
        if (this.#url !== undefined) done(undefined)
      }
      child.stdout?.on('data', take)
      child.stderr?.on('data', take)
    })
  }

  get url(): string {
    if (this.#url === undefined) throw new Error('the lake is not ready')
    return this.#url
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Everything it wrote so far. */
  get output(): string {
    return this.#output.join('')
  }

  get log(): LogLine[] {
    return this.output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
  }

  /** SIGKILL, as a crash would. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** SIGKILL to it and the processes of its stores at once, as a power cut would. */
  async killAll(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) process.kill(-this.pid, 'SIGKILL')
    await this.#exited
  }

  /** SIGTERM, as an orchestrator would. */
  async stop(): Promise<Exit> {
    this.#child.kill('SIGTERM')
    return this.#exited
  }

  async remove(): Promise<void> {
    await this.killAll()
    await rm(this.data, { recursive: true, force: true, maxRetries: 5 })
  }
}

function spawnLake(data: string, { settings = {}, through = [] }: LakeSettings): ChildProcess {
  const [command = process.execPath, ...args] = [...through, process.execPath, 'src/main.ts']
  return spawn(command, args, {
    cwd: STANDALONE,
    env: { ...process.env, ...DEFAULTS, SLUICE_DATA: data, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that it can be killed with its children, as a power cut would.
    detached: true,
  })
}

/** A process that ended instead of getting ready. */
export class NotStarted extends Error {
  readonly exit: Exit
  readonly output: string
  constructor(exit: Exit, output: string) {
    super(`the lake ended with ${exit.signal ?? exit.code} before it was ready: ${output}`)
    this.exit = exit
    this.output = output
  }
}

export const temporaryFolder = () => mkdtemp(join(tmpdir(), 'sluice-test-'))
