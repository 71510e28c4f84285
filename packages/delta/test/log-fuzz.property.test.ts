import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DeltaError } from '../src/delta-error.ts'
import { checkpointKey, commitKey, logPrefix } from '../src/log-path.ts'
import type { Snapshot } from '../src/snapshot.ts'
import { MemoryStore } from './memory-store.ts'
import { add, define, paths, remove, tableOn } from './tables.ts'

const ROOT = 'lake/t'
const RUNS = Number(process.env['SLUICE_FUZZ_RUNS'] ?? 500)
/** Opening a log of ten entries takes a millisecond or two; a run that takes this long is a hang. */
const MAX_MS = 2_000

interface World {
  store: MemoryStore
  /** Files by version. */
  files: string[][]
  versions: number
}

/** A table of 10 versions that adds and removes files, with a checkpoint at 6. */
async function world(checkpoint: boolean): Promise<World> {
  const store = new MemoryStore()
  const table = tableOn(store)
  let { snapshot } = await table.create(define)
  const files: string[][] = [[]]
  for (let at = 1; at < 10; at++) {
    const actions = [
      add(`f${at}`, { stats: `{"numRecords":${at}}`, tags: { t: String(at) } }),
      add(`g${at}`),
      { txn: { appId: `app${at % 3}`, version: at, lastUpdated: at } },
      ...(at > 2 ? [remove(`f${at - 2}`, { size: 100, partitionValues: {} })] : []),
    ]
    snapshot = (await table.tryCommit(snapshot, { actions, operation: 'WRITE' })).snapshot
    files.push(paths(snapshot.files()))
    if (checkpoint && at === 6) await table.writeCheckpoint(snapshot)
  }
  return { store, files, versions: 10 }
}

const copyOf = (store: MemoryStore) => {
  const copy = new MemoryStore()
  for (const [key, object] of store.objects) copy.objects.set(key, object)
  return copy
}

/** The snapshot, or the typed error that opening ended with; anything else, a long wait included, fails the test. */
async function opened(store: MemoryStore): Promise<Snapshot | DeltaError> {
  const began = performance.now()
  try {
    return sound(await tableOn(store).snapshot())
  } catch (error) {
    if (error instanceof DeltaError) return error
    throw error
  } finally {
    expect(performance.now() - began).toBeLessThan(MAX_MS)
  }
}

/** Holds a snapshot to its types. */
function sound(snapshot: Snapshot): Snapshot {
  let count = 0
  for (const file of snapshot.files()) {
    count++
    expect(typeof file.path === 'string' && file.path !== '' && snapshot.file(file.path) === file).toBe(true)
    expect(Number.isSafeInteger(file.size) && Number.isSafeInteger(file.modificationTime)).toBe(true)
    expect(Object.values(file.partitionValues).every((value) => value === null || typeof value === 'string')).toBe(true)
    expect(['string', 'undefined']).toContain(typeof file.stats)
    expect(Object.values(file.tags ?? {}).every((value) => value === null || typeof value === 'string')).toBe(true)
  }
  expect(snapshot.fileCount).toBe(count)
  for (const { path, deletionTimestamp = 0 } of snapshot.tombstones())
    expect(typeof path === 'string' && Number.isSafeInteger(deletionTimestamp)).toBe(true)
  expect(snapshot.schema.fields.length).toBeGreaterThan(0)
  expect(Number.isSafeInteger(snapshot.version) && Number.isFinite(snapshot.timestamp_ms)).toBe(true)
  return snapshot
}

const check = (property: fc.IAsyncProperty<unknown[]>, numRuns = RUNS) => fc.assert(property as never, { numRuns })

describe('a log entry', () => {
  it('cut anywhere is refused, or holds the lines that are whole', async () => {
    const { store } = await world(false)
    await check(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 9 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (version, part) => {
          const copy = copyOf(store)
          const whole = new TextDecoder().decode(await store.get(commitKey(ROOT, version)))
          const cut = Math.floor(whole.length * part)
          copy.text(commitKey(ROOT, version), whole.slice(0, cut))
          const result = await opened(copy)
          const lineEnd = cut === 0 || whole[cut - 1] === '\n' || whole[cut] === '\n'
          if (result instanceof DeltaError) {
            expect(result.code).toMatch(lineEnd ? (version === 0 ? /^missing_/ : /^none$/) : /^invalid_log$/)
            return
          }
          const lines = whole.slice(0, cut).split('\n').filter(Boolean)
          expect(lineEnd).toBe(true)
          // `g` files are never removed again.
          if (version > 0)
            expect(result.file(`g${version}`) !== undefined).toBe(lines.some((line) => line.includes(`"g${version}"`)))
        },
      ),
    )
  })

  it('that is missing is named, unless a checkpoint covers it or it is the newest', async () => {
    for (const checkpointed of [false, true]) {
      const { store, files, versions } = await world(checkpointed)
      for (let version = 0; version < versions; version++) {
        const copy = copyOf(store)
        await copy.delete([commitKey(ROOT, version)])
        const result = await opened(copy)
        if (version === versions - 1 && !(result instanceof DeltaError))
          expect(paths(result.files())).toEqual(files[version - 1])
        else if (checkpointed && version <= 6)
          expect(result instanceof DeltaError || paths(result.files())).toEqual(files[9])
        else
          expect(result).toMatchObject({
            code: 'missing_version',
            message: new RegExp(`version ${version} is missing`),
          })
      }
    }
  })

  it('with any value in any place is refused, or changes only what its line is about', async () => {
    const { store, files } = await world(false)
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(
        null,
        '',
        0,
        -1,
        1e300,
        2 ** 53,
        '__proto__',
        'constructor',
        [],
        {},
        [[]],
        { __proto__: 1 },
        true,
      ),
    )
    await check(
      fc.asyncProperty(
        fc.record({
          version: fc.integer({ min: 0, max: 9 }),
          line: fc.nat(),
          place: fc.nat(),
          value,
          drop: fc.boolean(),
        }),
        async ({ version, line, place, value, drop }) => {
          const copy = copyOf(store)
          const lines = new TextDecoder()
            .decode(await store.get(commitKey(ROOT, version)))
            .split('\n')
            .filter(Boolean)
          const at = line % lines.length
          const original = JSON.parse(lines[at] ?? '') as Record<string, unknown>
          lines[at] = JSON.stringify(changed(original, place, value, drop))
          copy.text(commitKey(ROOT, version), lines.join('\n'))
          const result = await opened(copy)
          if (result instanceof DeltaError) return
          const touched = new Set([pathIn(original), pathIn(JSON.parse(lines[at] ?? ''))])
          const kept = (names: readonly string[]) => names.filter((name) => !touched.has(name))
          expect(kept(paths(result.files()))).toEqual(kept(files[9] ?? []))
        },
      ),
    )
  })

  it('of any bytes is refused or read', async () => {
    const { store, files } = await world(false)
    await check(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const copy = copyOf(store)
        copy.objects.set(commitKey(ROOT, 10), { bytes, modified_at_ms: 0, etag: 'x' })
        const result = await opened(copy)
        if (result instanceof DeltaError) expect(result.code).toBe('invalid_log')
        else expect(paths(result.files())).toEqual(files[9])
      }),
    )
  })
})

describe('a checkpoint', () => {
  it('cut anywhere is refused', async () => {
    const { store } = await world(true)
    const whole = (await store.get(checkpointKey(ROOT, 6))) ?? expect.fail()
    for (let end = 0; end < whole.length; end += 7) {
      const copy = copyOf(store)
      await copy.put(checkpointKey(ROOT, 6), whole.slice(0, end))
      expect(await opened(copy)).toMatchObject({ code: 'invalid_log', message: /checkpoint\.parquet/ })
    }
  })

  it('with any bytes changed is refused or read, and never hangs', async () => {
    const { store } = await world(true)
    const whole = (await store.get(checkpointKey(ROOT, 6))) ?? expect.fail()
    const change = fc.record({ at: fc.nat({ max: whole.length - 1 }), byte: fc.integer({ min: 0, max: 255 }) })
    await check(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const copy = copyOf(store)
        const bytes = Uint8Array.from(whole)
        for (const { at, byte } of changes) bytes[at] = byte
        await copy.put(checkpointKey(ROOT, 6), bytes)
        await opened(copy)
      }),
    )
  })

  it('hinted at by any text is found all the same', async () => {
    const { store, files } = await world(true)
    const hint = fc.oneof(
      fc.string({ maxLength: 100 }),
      fc.json(),
      fc
        .record({ version: fc.jsonValue(), size: fc.jsonValue(), checksum: fc.string() })
        .map((json) => JSON.stringify(json)),
      fc.integer({ min: 0, max: 20 }).map((version) => JSON.stringify({ version, size: 1 })),
    )
    await check(
      fc.asyncProperty(hint, async (text) => {
        const copy = copyOf(store)
        copy.text(`${logPrefix(ROOT)}_last_checkpoint`, text)
        const result = await opened(copy)
        expect(result instanceof DeltaError ? result : paths(result.files())).toEqual(files[9])
      }),
    )
  })
})

it('files of any name beside the log are passed over', async () => {
  const { store, files } = await world(true)
  const name = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.stringMatching(/^\d{20}\.(crc|json\.tmp|checkpoint|compacted\.json|checkpoint\.\d{10}\.\d{9}\.parquet)$/),
    fc.constantFrom('_commits/1.json', '.s3-optimization-0', '00000000000000000004.json.bak', '_staged_commits/x'),
  )
  await check(
    fc.asyncProperty(fc.array(name, { maxLength: 5 }), async (names) => {
      const copy = copyOf(store)
      for (const name of names) if (!copy.objects.has(logPrefix(ROOT) + name)) copy.text(logPrefix(ROOT) + name, '{')
      const result = await opened(copy)
      expect(result instanceof DeltaError ? result : paths(result.files())).toEqual(files[9])
    }),
  )
})

/** A copy with one member, counted depth first, set to another value or dropped. */
function changed(json: unknown, place: number, value: unknown, drop: boolean): unknown {
  const copy = structuredClone(json)
  const places: [Record<string, unknown>, string][] = []
  const walk = (node: unknown) => {
    if (typeof node !== 'object' || node === null) return
    for (const name of Object.keys(node)) {
      places.push([node as Record<string, unknown>, name])
      walk((node as Record<string, unknown>)[name])
    }
  }
  walk(copy)
  const [node, name] = places[place % places.length] ?? []
  if (node && name !== undefined) {
    if (drop) delete node[name]
    else node[name] = value
  }
  return copy
}

function pathIn(json: Record<string, unknown>): string {
  const action = (json['add'] ?? json['remove']) as Record<string, unknown> | null | undefined
  return String(action?.['path'])
}
