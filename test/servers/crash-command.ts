import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Power } from './container.ts'

/** Runs the shell command that this environment variable holds; `undefined` without it. */
export function crashCommand(variable: string): (() => Promise<void>) | undefined {
  const command = process.env[variable]
  return command ? () => run(command) : undefined
}

/** By the shell commands in `PREFIX_STOP`, `PREFIX_KILL` and `PREFIX_START`; `undefined` unless there are all three. */
export function powerCommands(prefix: string): Power | undefined {
  const [stop, kill, start] = ['STOP', 'KILL', 'START'].map((verb) => process.env[`${prefix}_${verb}`])
  if (!stop || !kill || !start) return undefined
  return { stop: () => run(stop), kill: () => run(kill), start: () => run(start) }
}

async function run(command: string): Promise<void> {
  await promisify(execFile)('sh', ['-c', command])
}
