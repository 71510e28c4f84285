import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openFolderStore } from '../src/index.ts'

const SOURCE = new URL('../src/folder-store.ts', import.meta.url).href
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text))
const numberIn = (bytes: Uint8Array | undefined) => Number(Buffer.from(bytes ?? []).toString())

describe('the compare-and-set of a folder', () => {
  let path: string
  let children: ChildProcess[]
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'folder-lock-'))
    children = []
  })
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL')
    await rm(path, { recursive: true, force: true })
  })

  /** A process that runs a module's text, with the store open as `store`. */
  function processOf(text: string): ChildProcess {
    const module = `import { openFolderStore } from ${JSON.stringify(SOURCE)}
      const store = await openFolderStore(${JSON.stringify(path)})
      ${text}`
    const child = spawn(process.execPath, ['--input-type=module', '-e', module], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    return child
  }

  /** A process that has compared the ETag of `guarded`, and then stands still before it replaces it. */
  async function holderOf(etag: string): Promise<ChildProcess> {
    const child = processOf(`
      store.put = () => { console.log('held'); return new Promise(() => setInterval(() => {}, 1000)) }
      await store.replaceIfMatch('guarded', new Uint8Array(1), ${JSON.stringify(etag)})`)
    await once(child.stdout!, 'data')
    return child
  }

  it('a holder that stands still for long is not taken for dead: there are no two winners', async () => {
    const slow = await openFolderStore(path)
    const other = await openFolderStore(path)
    const { etag } = await slow.put('guarded', bytesOf('0'))
    const put = slow.put.bind(slow)
    const held = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    slow.put = async (key, bytes) => {
      held.resolve()
      await goOn.promise
      return put(key, bytes)
    }
    const first = slow.replaceIfMatch('guarded', bytesOf('1'), etag)
    await held.promise
    const long_ago = new Date(Date.now() - 3_600_000)
    for (const name of await readdir(join(path, '%unfinished')))
      await utimes(join(path, '%unfinished', name), long_ago, long_ago)
    const second = other.replaceIfMatch('guarded', bytesOf('2'), etag)
    // Time for the other to come to a wrong end; with a right one it is still waiting.
    await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 100))])
    goOn.resolve()
    expect([await first, await second].filter(Boolean)).toHaveLength(1)
    expect(numberIn(await slow.get('guarded'))).toBe(1)
  })

  it('a holder that is killed leaves no lock', async () => {
    const store = await openFolderStore(path)
    const { etag } = await store.put('guarded', bytesOf('0'))
    const holder = await holderOf(etag)
    const next = store.replaceIfMatch('guarded', bytesOf('1'), etag)
    holder.kill('SIGKILL')
    const began = performance.now()
    expect(await next).toBeDefined()
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  it('no replacement is lost among processes, some of them killed', async () => {
    const store = await openFolderStore(path)
    await store.put('count', bytesOf('0'))
    const counter = `
      for (let left = 40; left > 0; ) {
        const { etag } = await store.head('count')
        const count = Number(Buffer.from(await store.get('count')).toString())
        if (await store.replaceIfMatch('count', new Uint8Array(Buffer.from(String(count + 1))), etag)) {
          left--
          console.log('counted')
        }
      }`
    const killed = processOf(counter)
    const others = [processOf(counter), processOf(counter)]
    let told = 0
    for (const child of children)
      child.stdout?.on('data', (text: Buffer) => (told += text.toString().split('counted').length - 1))
    const ends = children.map((child) => once(child, 'close'))
    await once(killed.stdout!, 'data')
    killed.kill('SIGKILL')
    await Promise.all(ends)
    expect(others.map(({ exitCode }) => exitCode)).toEqual([0, 0])
    // What was killed may have replaced once without having told of it.
    const count = numberIn(await store.get('count'))
    expect(count - told).toBeGreaterThanOrEqual(0)
    expect(count - told).toBeLessThanOrEqual(1)
    expect(told).toBeGreaterThanOrEqual(80)
  })
})
