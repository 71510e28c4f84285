import { type ChildProcess, fork } from 'node:child_process'
import type { SqlReply, SqlRequest } from './sql-protocol.ts'
import { SqlRefused } from './sql-refused.ts'

export interface SqlCellLimits {
  memory_limit_bytes: number
  threads: number
  /** A process that is not ready for its first statement after so long is killed. */
  start_limit_ms: number
}

/** One child process; one statement at a time. A cell whose statement was not read to its end is not used again. */
export class SqlCell {
  readonly #child: ChildProcess
  #answer: { resolve: (reply: SqlReply) => void; reject: (error: Error) => void } | undefined
  #ended: SqlRefused | undefined
  #busy = false
  readonly #ready = Promise.withResolvers<void>()

  constructor(limits: SqlCellLimits, scratch_path: string) {
    const megabytes = Math.ceil(limits.memory_limit_bytes / 1024 ** 2)
    this.#child = fork(
      new URL('./sql-child.ts', import.meta.url),
      [`${megabytes}MB`, String(limits.threads), scratch_path],
      {
        serialization: 'advanced',
        // No secrets of the parent's environment.
        env: { PATH: '' },
        execArgv: ['--max-old-space-size=512', '--disable-warning=ExperimentalWarning'],
      },
    )
    const timer = setTimeout(() => {
      this.#end(
        new SqlRefused(
          'crashed',
          `the process that runs SQL was not ready ${limits.start_limit_ms} ms after its start and was ended: try again when the machine has less to do`,
        ),
      )
      this.#child.kill('SIGKILL')
    }, limits.start_limit_ms)
    // Nobody may be waiting when a process ends that never was ready.
    this.#ready.promise.catch(() => undefined).finally(() => clearTimeout(timer))
    this.#child.on('message', (reply: SqlReply) => {
      if (reply.kind === 'ready') {
        this.#ready.resolve()
        return
      }
      this.#busy = reply.kind === 'chunk'
      this.#answer?.resolve(reply)
    })
    this.#child.on('error', (error) =>
      this.#end(new SqlRefused('crashed', `the process that runs SQL failed: ${error.message}`)),
    )
    this.#child.on('exit', (code, signal) =>
      this.#end(
        new SqlRefused(
          'crashed',
          `the process that runs SQL ended (${signal ?? code}): the statement may need more memory than it may have`,
        ),
      ),
    )
  }

  get usable(): boolean {
    return this.#ended === undefined && !this.#busy
  }

  /** Rejects with `SqlRefused` if the process ends first, or takes too long to start. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Once it is ready. */
  async ask(request: SqlRequest): Promise<SqlReply> {
    // First of all: a promise that nobody waits for must not be there when the process ends.
    if (this.#ended) throw this.#ended
    const answer = new Promise<SqlReply>((resolve, reject) => {
      this.#answer = { resolve, reject }
    })
    this.#busy = true
    this.#child.send(request)
    return answer
  }

  /** @returns what whoever waits for an answer is told */
  kill(reason: string): SqlRefused {
    const why = this.#end(new SqlRefused('timeout', reason))
    this.#child.kill('SIGKILL')
    return why
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }

  #end(why: SqlRefused): SqlRefused {
    this.#ended ??= why
    this.#ready.reject(this.#ended)
    this.#answer?.reject(this.#ended)
    return this.#ended
  }
}
