import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { ObjectStore } from '@sluice/object-store'
import { writtenFile } from '@sluice/object-store/written-file'
import { type RawFile, RawZoneError } from '../raw-zone.ts'
import type { ObjectKeys } from './object-keys.ts'
import type { Packs } from './packs.ts'

export interface LocalFilesParts {
  store: ObjectStore
  keys: ObjectKeys
  packs: Packs
  /** Folder of this process alone; left out: a temporary one. */
  path: string | undefined
  limit_bytes: number
}

/** A local file of the objects of consecutive batches, one after the other. */
interface Run {
  first: number
  last: number
  path: string
  bytes: number
}

const READS_AT_ONCE = 16
/** More runs than this of one incarnation are joined. */
const RUNS_LIMIT = 6
/** A file that was handed out stays this long after it is no longer needed. */
const KEPT_MS = 10 * 60_000
const ATTEMPTS = 5

/**
 * All raw lines as a few local files. Packs come through the store's own cache; the batches that are in no pack yet are
 * fetched once and joined into runs. A file never changes once handed out.
 */
export class LocalFiles {
  readonly #parts: LocalFilesParts
  readonly #runs = new Map<string, Run[]>()
  readonly #dropped: { path: string; at_ms: number }[] = []
  #folder: Promise<string> | undefined
  #last: Promise<unknown> = Promise.resolve()
  #bytes = 0

  constructor(parts: LocalFilesParts) {
    this.#parts = parts
  }

  /** Files that hold every batch up to these heads. */
  upTo(heads: readonly { incarnation: string; head: number }[]): Promise<RawFile[]> {
    const files = this.#last.then(() => this.#upTo(heads))
    this.#last = files.catch(() => undefined)
    return files
  }

  async close(): Promise<void> {
    await this.#last
    if (this.#folder) await rm(await this.#folder, { recursive: true, force: true })
  }

  async #upTo(heads: readonly { incarnation: string; head: number }[]): Promise<RawFile[]> {
    await this.#removeDropped()
    const files: RawFile[] = []
    for (const { incarnation, head } of heads) if (head > 0) files.push(...(await this.#filesOf(incarnation, head)))
    return files
  }

  async #filesOf(incarnation: string, head: number): Promise<RawFile[]> {
    const { store, keys, packs } = this.#parts
    for (let attempt = 1; ; attempt++) {
      const packed = await packs.from(incarnation, 1)
      const packed_last = packed.at(-1)?.last ?? 0
      const runs = this.#runsBehind(incarnation, packed_last)
      const from = (runs.at(-1)?.last ?? packed_last) + 1
      const added = from <= head ? await this.#fetch(incarnation, from, head) : undefined
      if (added === 'gone' && attempt < ATTEMPTS) continue
      if (added === 'gone')
        throw new RawZoneError(
          'corrupt',
          `raw batches ${from} to ${head} of ${incarnation}: expected each as an object or in a pack, and one is in neither; restore it from a copy`,
        )
      if (added) runs.push(added)
      const joined = runs.length > RUNS_LIMIT ? [await this.#join(runs)] : runs
      this.#runs.set(incarnation, joined)
      const paths = await Promise.all(packed.map(({ key }) => store.localPath(key)))
      return [
        ...packed.map(({ key, size }, i) => ({ key, path: paths[i] ?? '', compression: 'zstd' as const, bytes: size })),
        ...joined.map(({ first, path, bytes }) => ({
          key: keys.batch(incarnation, first),
          path,
          compression: 'zstd' as const,
          bytes,
        })),
      ]
    }
  }

  /** The runs that go on where the packs end; the others are dropped. */
  #runsBehind(incarnation: string, packed_last: number): Run[] {
    const runs = this.#runs.get(incarnation) ?? []
    const at = runs.findIndex(({ first }) => first === packed_last + 1)
    const kept = at < 0 ? [] : runs.slice(at)
    for (const run of runs) if (!kept.includes(run)) this.#drop(run)
    this.#runs.set(incarnation, kept)
    return kept
  }

  /** One run of these batches; `gone` if one was packed meanwhile. */
  async #fetch(incarnation: string, first: number, last: number): Promise<Run | 'gone'> {
    const { store, keys } = this.#parts
    let gone = false
    async function* objects() {
      for (let at = first; at <= last && !gone; at += READS_AT_ONCE) {
        const numbers = Array.from({ length: Math.min(READS_AT_ONCE, last - at + 1) }, (_, i) => at + i)
        const some = await Promise.all(numbers.map((number) => store.get(keys.batch(incarnation, number))))
        for (const object of some) {
          if (object) yield object
          else gone = true
        }
      }
    }
    const { path, bytes } = await this.#write(objects())
    if (!gone) return { first, last, path, bytes }
    await this.#remove(path, bytes)
    return 'gone'
  }

  async #join(runs: readonly Run[]): Promise<Run> {
    async function* contents() {
      for (const { path } of runs) yield* createReadStream(path)
    }
    const written = await this.#write(contents())
    for (const run of runs) this.#drop(run)
    return { first: runs[0]?.first ?? 0, last: runs.at(-1)?.last ?? 0, ...written }
  }

  async #write(source: AsyncIterable<Uint8Array>): Promise<{ path: string; bytes: number }> {
    this.#folder ??= this.#parts.path
      ? mkdir(this.#parts.path, { recursive: true }).then(() => mkdtemp(join(this.#parts.path ?? '', 'raw-')))
      : mkdtemp(join(tmpdir(), 'raw-'))
    const path = join(await this.#folder, `${randomUUID()}.ndjson.zst`)
    await writtenFile(path, (file) => pipeline(source, file))
    const { size } = await stat(path)
    this.#bytes += size
    if (this.#bytes <= this.#parts.limit_bytes) return { path, bytes: size }
    await this.#remove(path, size)
    throw new RawZoneError(
      'no_space',
      `expected the raw batches that are in no pack to fit in ${this.#parts.limit_bytes} bytes on this machine's disk; they take more: raise the limit`,
      { retryable: true },
    )
  }

  #drop({ path, bytes }: Run): void {
    this.#dropped.push({ path, at_ms: performance.now() })
    this.#bytes -= bytes
  }

  async #remove(path: string, bytes: number): Promise<void> {
    this.#bytes -= bytes
    await rm(path, { force: true })
  }

  async #removeDropped(): Promise<void> {
    const until = performance.now() - KEPT_MS
    for (let oldest = this.#dropped[0]; oldest && oldest.at_ms <= until; oldest = this.#dropped[0]) {
      await rm(oldest.path, { force: true })
      this.#dropped.shift()
    }
  }
}
