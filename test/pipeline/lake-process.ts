import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export interface LakeSettings {
  /** Data folder; left out: a new temporary one, removed by `remove`. */
  data?: string
  /** Environment variables beside SLUICE_PORT and SLUICE_DATA. */
  settings?: Readonly<Record<string, string>>
  /** Largest file the process may write, in KiB (`ulimit -f`): a full disk without one. */
  file_limit_kib?: number
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

const MAIN = resolve(import.meta.dirname, '../../services/standalone/src/main.ts')
const START_LIMIT_MS = 60_000

/** The whole lake as users run it: one process, known by its URL, its output and its exit code. */
export class LakeProcess {
  readonly data: string
  readonly url: string
  readonly #child: ChildProcess
  readonly #exited: Promise<Exit>
  readonly #output: string[]

  /** Resolves when it answers; rejects with what it said if it ended instead. */
  static async start({ data, settings = {}, file_limit_kib }: LakeSettings = {}): Promise<LakeProcess> {
    const folder = data ?? (await temporaryFolder())
    const environment = { ...process.env, SLUICE_PORT: '0', SLUICE_DATA: folder, ...settings }
    const command = `${file_limit_kib === undefined ? '' : `ulimit -f ${file_limit_kib}; `}exec "$0" "$1"`
    const child = spawn('bash', ['-c', command, process.execPath, MAIN], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output: string[] = []
    const exited = new Promise<Exit>((done) => child.once('exit', (code, signal) => done({ code, signal })))
    const ready = new Promise<string>((done) => {
      const take = (text: Buffer) => {
        output.push(text.toString('utf8'))
        const url = /"url":"(http:[^"]+)"/.exec(output.join(''))?.[1]
        if (url !== undefined) done(url)
      }
      child.stdout?.on('data', take)
      child.stderr?.on('data', take)
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS)
    const first = await Promise.race([ready, exited])
    clearTimeout(timer)
    if (typeof first === 'string') return new LakeProcess(folder, first, child, exited, output)
    throw new NotStarted(first, output.join(''))
  }

  private constructor(data: string, url: string, child: ChildProcess, exited: Promise<Exit>, output: string[]) {
    this.data = data
    this.url = url
    this.#child = child
    this.#exited = exited
    this.#output = output
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

  /** SIGTERM, as an orchestrator would. */
  async stop(): Promise<Exit> {
    this.#child.kill('SIGTERM')
    return this.#exited
  }

  async remove(): Promise<void> {
    await this.kill()
    await rm(this.data, { recursive: true, force: true, maxRetries: 5 })
  }
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
