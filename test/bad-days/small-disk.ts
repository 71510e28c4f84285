import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { appendFile, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { STANDALONE, temporaryFolder } from '../pipeline/lake-process.ts'

/** Whether this system lets anybody mount a file system of their own (Linux with user namespaces). */
export const canMount = (() => {
  try {
    execFileSync('unshare', ['--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'probe', '/mnt'], {
      stdio: 'ignore',
    })
    execFileSync('nsenter', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/** A disk of a few megabytes, seen only by processes started through `enter`. */
export class SmallDisk {
  /** Where those processes see it. */
  readonly path: string
  readonly #holder: ChildProcess

  static async mount(mebibytes: number): Promise<SmallDisk> {
    const path = await temporaryFolder()
    const script = `mount -t tmpfs -o size=${mebibytes}m small "$1" && echo mounted && exec sleep 3600`
    const holder = spawn('unshare', ['--map-root-user', '--mount', 'sh', '-c', script, 'sh', path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((done, failed) => {
      holder.stdout?.once('data', done)
      holder.once('exit', (code) => failed(new Error(`mounting a small disk ended with ${code}`)))
    })
    return new SmallDisk(path, holder)
  }

  private constructor(path: string, holder: ChildProcess) {
    this.path = path
    this.#holder = holder
  }

  /** The command that starts another one where the disk is. */
  get enter(): string[] {
    return [
      'nsenter',
      '--target',
      String(this.#holder.pid),
      '--user',
      '--mount',
      '--preserve-credentials',
      `--wdns=${STANDALONE}`,
    ]
  }

  /** Leaves at most so many bytes free; what others free meanwhile is theirs. */
  async fill(leave_bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#outside)
    const bytes = Buffer.alloc(Math.max(0, bavail * bsize - leave_bytes))
    await appendFile(this.#filler, bytes).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOSPC') throw error
    })
  }

  async makeRoom(): Promise<void> {
    await rm(this.#filler, { force: true })
  }

  async remove(): Promise<void> {
    this.#holder.kill('SIGKILL')
    await rm(this.path, { recursive: true, force: true })
  }

  /** The same place seen from here. */
  get #outside(): string {
    return join(`/proc/${this.#holder.pid}/root`, this.path)
  }

  get #filler(): string {
    return join(this.#outside, 'filler')
  }
}
