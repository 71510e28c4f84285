import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Store, StoreError, type StoreName } from '../store.ts'
import type { FromChild, HostedMethod, PlainError, ToChild } from './host-protocol.ts'

export interface ChildOptions {
  name: StoreName
  module: string
  options: Readonly<Record<string, unknown>>
  memory_limit_mb: number
  /** Told once if the process ends without having been closed. */
  ended: (how: string) => void
}

type Result<M extends HostedMethod> = Awaited<ReturnType<Store[M]>>

interface Pending {
  resolve: (value: never) => void
  reject: (error: Error) => void
}

const OPEN_LIMIT_MS = 60_000
const CLOSE_LIMIT_MS = 10_000
const STDERR_KEPT = 4_000
const CHILD = fileURLToPath(new URL('./store-child.ts', import.meta.url))

/** One life of the process that a store lives in. */
export class ChildProcessStore {
  readonly #name: StoreName
  readonly #child: ChildProcess
  readonly #pending = new Map<number, Pending>()
  #ids = 0
  #ended: string | undefined
  #closing = false
  #stderr = ''

  /** Rejects with the store's own error, or `unreachable` if the process ended or took too long. */
  static async open(options: ChildOptions): Promise<ChildProcessStore> {
    const child = fork(CHILD, [], {
      serialization: 'advanced',
      execArgv: [`--max-old-space-size=${options.memory_limit_mb}`, '--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const store = new ChildProcessStore(options.name, child)
    await store.#opened(options)
    child.once('exit', () => {
      if (!store.#closing) options.ended(store.#ended ?? 'ended')
    })
    return store
  }

  private constructor(name: StoreName, child: ChildProcess) {
    this.#name = name
    this.#child = child
    child.stderr?.on('data', (text: Buffer) => {
      this.#stderr = (this.#stderr + text.toString('utf8')).slice(-STDERR_KEPT)
    })
    child.once('exit', (code, signal) =>
      this.#fail(signal ? `it was ended by ${signal}` : `it ended with code ${code}`),
    )
    child.once('error', (error) => this.#fail(error.message))
    child.on('message', (message: FromChild) => {
      if (message.kind === 'answer') this.#take(message.id)?.resolve(message.value as never)
      if (message.kind === 'failure') this.#take(message.id)?.reject(errorOf(message.error))
    })
  }

  get alive(): boolean {
    return this.#ended === undefined && !this.#closing
  }

  call<M extends HostedMethod>(method: M, args: Parameters<Store[M]>): Promise<Result<M>> {
    if (this.#ended !== undefined) return Promise.reject(this.#unreachable())
    const id = this.#ids++
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      this.#send({ kind: 'call', id, method, args })
    })
  }

  /** Lets the store close itself; kills it if that takes too long. */
  async close(): Promise<void> {
    this.#closing = true
    if (this.#ended !== undefined) return
    const exited = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()))
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_LIMIT_MS)
    this.#send({ kind: 'close' })
    await exited
    clearTimeout(timer)
  }

  #opened({ module, options }: ChildOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#child.kill('SIGKILL')
        reject(this.#unreachable(`it was not open after ${OPEN_LIMIT_MS / 1000} s`))
      }, OPEN_LIMIT_MS)
      const settle = (settled: () => void) => {
        clearTimeout(timer)
        this.#child.off('message', answered)
        this.#child.off('exit', exited)
        settled()
      }
      const answered = (message: FromChild) => {
        if (message.kind === 'opened') settle(resolve)
        if (message.kind === 'refused') {
          this.#closing = true
          settle(() => reject(errorOf(message.error)))
          this.#child.kill('SIGKILL')
        }
      }
      const exited = () => settle(() => reject(this.#unreachable()))
      this.#child.on('message', answered)
      this.#child.once('exit', exited)
      this.#send({ kind: 'open', module, options })
    })
  }

  #send(message: ToChild): void {
    this.#child.send(message, (error) => {
      if (error) this.#fail(error.message)
    })
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    return pending
  }

  #fail(how: string): void {
    this.#ended ??= how
    for (const { reject } of this.#pending.values()) reject(this.#unreachable())
    this.#pending.clear()
  }

  #unreachable(how = this.#ended ?? 'it ended'): StoreError {
    const said = this.#stderr.trim()
    return new StoreError(
      'unreachable',
      `the process of the ${this.#name} store is gone: ${how}${said === '' ? '' : `; its last words: ${said}`}`,
      { retryable: true },
    )
  }
}

const errorOf = ({ message, code, retryable }: PlainError): StoreError => new StoreError(code, message, { retryable })
