import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Runs the shell command that this environment variable holds; `undefined` without it. */
export function crashCommand(variable: string): (() => Promise<void>) | undefined {
  const command = process.env[variable]
  if (!command) return undefined
  return async () => {
    await promisify(execFile)('sh', ['-c', command])
  }
}
