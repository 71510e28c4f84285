import { type ChildProcess, fork } from 'node:child_process'
import type { SqlReply, SqlRequest } from './sql-protocol.ts'
import { SqlRefused } from './sql-refused.ts'

export interface SqlCellLimits {
  memory_limit_bytes: number
  threads: number
}

/** One child process; one statement at a time. A cell whose statement was not read to its end is not used again. */
export class SqlCell {
  readonly #child: ChildProcess
  #answer: { resolve: (reply: SqlReply) => void; reject: (error: Error) => void } | undefined
  #ended: SqlRefused | undefined
  #busy = false
  readonly #ready: Promise<void>

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
    this.#ready = new Promise((resolve) => {
      this.#child.on('message', (reply: SqlReply) => {
        if (reply.kind === 'ready') {
          resolve()
          return
        }
        this.#busy = reply.kind === 'chunk'
        this.#answer?.resolve(reply)
      })
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

  async ask(request: SqlRequest): Promise<SqlReply> {
    // First of all: a promise that nobody waits for must not be there when the process ends.
    if (this.#ended) throw this.#ended
    const answer = new Promise<SqlReply>((resolve, reject) => {
      this.#answer = { resolve, reject }
    })
    this.#busy = true
    await Promise.race([this.#ready, answer])
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
    this.#answer?.reject(this.#ended)
    return this.#ended
  }
}
