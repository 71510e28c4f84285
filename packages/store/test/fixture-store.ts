import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Progress, type Store, StoreError } from '../src/store.ts'

/**
 * A store in one JSON file, which one process has at a time, for tests of what hosts it: `crash` ends its process,
 * `break` damages its file, and it prepares no table `unholdable`.
 */
export async function openStore({ folder }: { folder: string }): Promise<Store> {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'store.json')
  const read = (): Record<string, Progress> => {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '{}'
    if (text === 'damaged') throw new StoreError('corrupt', 'the file is damaged')
    return JSON.parse(text)
  }
  read()
  const lock = join(folder, 'lock')
  if (existsSync(lock) && isAlive(Number(readFileSync(lock, 'utf8'))))
    throw new StoreError('busy', 'another process has the folder', { retryable: true })
  writeFileSync(lock, String(process.pid))
  return {
    name: 'postgres',
    async prepare(tables) {
      if (tables.some(({ table }) => table === 'unholdable')) throw new StoreError('failed', 'it cannot be held')
    },
    progress: async () => read(),
    async apply({ table, next }) {
      writeFileSync(path, JSON.stringify({ ...read(), [table]: next }))
      return { kind: 'applied', refused: [] }
    },
    forget: async () => undefined,
    refusals: async () => [],
    inventory: async () => [],
    async ask(question) {
      if (question === 'crash') process.kill(process.pid, 'SIGKILL')
      if (question === 'break') writeFileSync(path, 'damaged')
      if (question === 'refuse') throw new StoreError('unknown_question', 'no such question')
      return { query: question, columns: [], rows: [] }
    },
    close: async () => rmSync(lock, { force: true }),
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
