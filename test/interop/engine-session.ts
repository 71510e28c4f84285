import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { Engines } from './engines.ts'

/** A row by column: numbers and decimals as text, instants in UTC with six digits of a second. */
export type PlainRow = Record<string, unknown>

export interface HistoryRow {
  version: number
  operation: string
  timestamp_ms: number
}

type Engine = 'delta_rs' | 'spark'

const STOP_MS = 10_000
/** As much of what the engines print as is kept for the message of a crash. */
const KEPT_OUTPUT = 4_000

/** One Python process with all engines; calls are answered one after the other. */
export class EngineSession {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  #next = 0
  #output = ''

  constructor({ python, jars }: Engines) {
    this.#process = spawn(python, [join(import.meta.dirname, 'python', 'session.py')], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, TZ: 'UTC', SLUICE_INTEROP_JARS: jars, PYTHONDONTWRITEBYTECODE: '1' },
    })
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-KEPT_OUTPUT)
      })
    const answers = this.#process.stdio[3]
    if (answers instanceof Readable) createInterface({ input: answers }).on('line', (line) => this.#answer(line))
    this.#process.on('exit', (code) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`the engines' process ended with ${code}: ${this.#output}`))
      this.#waiting.clear()
    })
  }

  /** Calls a function of `python/<engine>.py` by name. */
  call<T>(engine: Engine, call: string, parameters: Record<string, unknown> = {}): Promise<T> {
    const id = this.#next++
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: (result) => resolve(result as T), reject })
      this.#process.stdin?.write(`${JSON.stringify({ id, engine, call, arguments: parameters })}\n`)
    })
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.#process.once('exit', resolve))
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS)
    this.#process.stdin?.end()
    await exited
    clearTimeout(timer)
  }

  #answer(line: string): void {
    const { id, result, error } = JSON.parse(line) as { id: number; result?: unknown; error?: string }
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(new Error(error))
  }
}
