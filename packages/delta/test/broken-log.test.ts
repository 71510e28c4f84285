import { describe, expect, it } from 'vitest'
import { DeltaError, type DeltaErrorCode } from '../src/delta-error.ts'
import { commitKey, logPrefix } from '../src/log-path.ts'
import { MemoryStore } from './memory-store.ts'
import { paths, SCHEMA, tableOn } from './tables.ts'

const ROOT = 'lake/t'
const protocol = (json: object = { minReaderVersion: 1, minWriterVersion: 2 }) => JSON.stringify({ protocol: json })
const metaData = (more: object = {}) =>
  JSON.stringify({
    metaData: {
      id: 'i',
      format: { provider: 'parquet', options: {} },
      schemaString: JSON.stringify(SCHEMA),
      partitionColumns: [],
      configuration: {},
      ...more,
    },
  })
const add = (path: string, more: object = {}) =>
  JSON.stringify({ add: { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true, ...more } })

/** A log whose entries are these texts, version by version; `undefined` leaves one out. */
function logOf(...versions: (readonly string[] | string | undefined)[]): MemoryStore {
  const store = new MemoryStore()
  for (const [version, lines] of versions.entries())
    if (lines !== undefined)
      store.text(commitKey(ROOT, version), typeof lines === 'string' ? lines : `${lines.join('\n')}\n`)
  return store
}

async function thrown(store: MemoryStore, version?: number): Promise<DeltaError> {
  const error = await tableOn(store)
    .snapshot(version)
    .then(
      (snapshot) => expect.fail(`opened at version ${snapshot.version} with ${snapshot.fileCount} files`),
      (reason: unknown) => reason,
    )
  if (!(error instanceof DeltaError)) throw error
  return error
}

const FIRST = [protocol(), metaData()]

describe('a broken log is refused', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  const cases: [what: string, store: MemoryStore, code: DeltaErrorCode, message: RegExp][] = [
    ['that is not there', new MemoryStore(), 'table_not_found', /lake\/t: there is no Delta log/],
    ['with a gap', logOf(FIRST, undefined, [add('a')]), 'missing_version', /version 1 is missing.*00001\.json/],
    ['without version 0', logOf(undefined, [add('a')]), 'missing_version', /version 0 is missing/],
    ['without metaData', logOf([protocol()], [add('a')]), 'missing_metadata', /no metaData action up to version 1/],
    ['without protocol', logOf([metaData()], [add('a')]), 'missing_protocol', /no protocol action up to version 1/],
    ['with an empty entry 0', logOf(''), 'missing_protocol', /version 0/],
    [
      'cut in the middle of a line',
      logOf(FIRST, [add('a').slice(0, -9)]),
      'invalid_log',
      /1\.json, line 1: .*truncated/,
    ],
    ['of bytes that are no UTF-8', withBytes(logOf(FIRST), [0xff, 0xfe, 0x7b]), 'invalid_log', /should be UTF-8/],
    [
      'with an action that is no object',
      logOf(FIRST, ['[]']),
      'invalid_log',
      /line 1: an action should be a JSON object/,
    ],
    ['with a number as path', logOf(FIRST, ['{"add":{"path":7}}']), 'invalid_log', /path should be a text and is 7/],
    ['with a deep value as path', logOf(FIRST, [`{"add":{"path":${deep}}}`]), 'invalid_log', /path should be a text/],
    ['with a size that is no integer', logOf(FIRST, [add('a', { size: 1.5 })]), 'invalid_log', /size.*1\.5/],
    ['with a size beyond 2^53', logOf(FIRST, [add('a').replace('"size":1', '"size":1e30')]), 'invalid_log', /size/],
    ['with a number as partition value', logOf(FIRST, [add('a', { partitionValues: { d: 1 } })]), 'invalid_log', /\.d/],
    [
      'with a schema that is no JSON',
      logOf([protocol(), metaData({ schemaString: '{' })]),
      'invalid_log',
      /schemaString/,
    ],
    [
      'with a schema nested too deep',
      logOf([protocol(), metaData({ schemaString: deepSchema() })]),
      'invalid_log',
      /deep/,
    ],
    [
      'with a long name of a type',
      logOf([protocol(), metaData({ schemaString: column('x'.repeat(100_000)) })]),
      'invalid_log',
      /xxx/,
    ],
    [
      'with a long name of a column',
      logOf([protocol(), metaData({ schemaString: column('long', 'a'.repeat(9_999), 'A'.repeat(9_999)) })]),
      'invalid_log',
      /AAA/,
    ],
    ['with a type unknown', logOf([protocol(), metaData({ schemaString: column('money') })]), 'invalid_log', /money/],
    [
      'with a column twice',
      logOf([protocol(), metaData({ schemaString: column('long', 'a', 'A') })]),
      'invalid_log',
      /twice/,
    ],
    [
      'with a partition column that is none',
      logOf([protocol(), metaData({ partitionColumns: ['x'] })]),
      'invalid_log',
      /x/,
    ],
    [
      'of reader version 3 without features',
      logOf([protocol({ minReaderVersion: 3, minWriterVersion: 7 }), metaData()]),
      'invalid_log',
      /readerFeatures/,
    ],
    [
      'of reader version 4',
      logOf([protocol({ minReaderVersion: 4, minWriterVersion: 7 }), metaData()]),
      'unsupported_feature',
      /version 4/,
    ],
    [
      'of a feature unknown',
      logOf([
        protocol({
          minReaderVersion: 3,
          minWriterVersion: 7,
          readerFeatures: ['telepathy'],
          writerFeatures: ['telepathy'],
        }),
        metaData(),
      ]),
      'unsupported_feature',
      /telepathy/,
    ],
    [
      'with a variant column',
      logOf([protocol(), metaData({ schemaString: column('variant') })]),
      'unsupported_feature',
      /variantType/,
    ],
    [
      'of other files than Parquet',
      logOf([protocol(), metaData({ format: { provider: 'orc' } })]),
      'unsupported_feature',
      /orc/,
    ],
  ]
  for (const [what, store, code, message] of cases)
    it(what, async () => {
      const error = await thrown(store)
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
      expect(error.message.length).toBeLessThanOrEqual(1_001)
    })

  it('and names the feature', async () => {
    const json = { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['catalogManaged'], writerFeatures: [] }
    expect((await thrown(logOf([protocol(json), metaData()]))).feature).toBe('catalogManaged')
  })

  it('with versions far apart, at once', async () => {
    const store = logOf(FIRST)
    store.text(commitKey(ROOT, Number.MAX_SAFE_INTEGER - 1), `${add('a')}\n`)
    expect((await thrown(store)).code).toBe('missing_version')
  })
})

describe('asking for a version', () => {
  it('that is newer than the newest, or none, says which there are', async () => {
    const store = logOf(FIRST, [add('a')])
    expect(await thrown(store, 5)).toMatchObject({ code: 'version_not_found', message: /newest is 1/ })
    for (const version of [-1, 0.5, Number.NaN, 2 ** 60])
      expect((await thrown(store, version)).code).toBe('version_not_found')
  })

  it('that was cleaned up says which is the oldest', async () => {
    const store = logOf(FIRST, [add('a')], [add('b')], [add('c')])
    await tableOn(store).writeCheckpoint(await tableOn(store).snapshot(2))
    await store.delete([commitKey(ROOT, 0), commitKey(ROOT, 1)])
    expect(await thrown(store, 1)).toMatchObject({ code: 'version_not_found', message: /2 is still there/ })
    expect(paths((await tableOn(store).snapshot()).files())).toEqual(['a', 'b', 'c'])
  })
})

describe('a checkpoint', () => {
  it('that is damaged, cut or empty is refused by its name', async () => {
    const store = logOf(FIRST, [add('a')], [add('b')])
    await tableOn(store).writeCheckpoint(await tableOn(store).snapshot(1))
    const key = `${logPrefix(ROOT)}${'1'.padStart(20, '0')}.checkpoint.parquet`
    const whole = (await store.get(key)) ?? expect.fail()
    for (const bytes of [whole.subarray(0, -1), whole.subarray(4), new Uint8Array(0), new Uint8Array(whole.length)]) {
      await store.put(key, bytes)
      expect(await thrown(store)).toMatchObject({ code: 'invalid_log', message: /00001\.checkpoint\.parquet/ })
    }
  })

  it('with a sidecar whose name leaves the log is refused', async () => {
    for (const path of ['..', '%E0%A4%A', '/', 'a%00']) {
      const store = logOf(FIRST)
      const lines = [...FIRST, '{"checkpointMetadata":{"version":0}}', `{"sidecar":{"path":"${path}","sizeInBytes":1}}`]
      store.text(`${logPrefix(ROOT)}${'0'.padStart(20, '0')}.checkpoint.${crypto.randomUUID()}.json`, lines.join('\n'))
      expect((await thrown(store)).code).toBe('invalid_path')
    }
  })

  it('of which a part is missing is none', async () => {
    const store = logOf(FIRST, [add('a')])
    store.text(
      `${logPrefix(ROOT)}${'1'.padStart(20, '0')}.checkpoint.${'1'.padStart(10, '0')}.${'2'.padStart(10, '0')}.parquet`,
      '',
    )
    expect(paths((await tableOn(store).snapshot()).files())).toEqual(['a'])
  })
})

describe('a file path', () => {
  const LEAVING = [
    '../x',
    'a/../../x',
    '%2e%2e/x',
    'a/%2E%2E/%2e%2e/x',
    '/etc/passwd',
    'file:///etc/passwd',
    's3://other/x',
    'C:/x',
    'a%00b',
    '%E0%A4%A',
    '.',
    '%2Fetc',
  ]
  for (const path of LEAVING)
    it(`${path} is listed and never resolved`, async () => {
      const snapshot = await tableOn(logOf(FIRST, [add(path)])).snapshot()
      expect(snapshot.fileCount).toBe(1)
      for (const file of snapshot.files()) expect(() => snapshot.key(file)).toThrow(DeltaError)
    })

  it('that is absolute and inside the location is resolved', async () => {
    const snapshot = await tableOn(logOf(FIRST, [add('s3a://bucket/lake/t/a%20b')])).snapshot()
    for (const file of snapshot.files()) {
      expect(snapshot.key(file, 's3://bucket/lake/t')).toBe('lake/t/a b')
      expect(() => snapshot.key(file, 's3://bucket/lake/other')).toThrow(/absolute/)
    }
  })
})

it('a log cleaned up between listing and reading is listed again', async () => {
  const store = logOf(FIRST, [add('a')], [add('b')], [add('c')])
  const table = tableOn(store)
  await table.writeCheckpoint(await table.snapshot(2))
  const listing = [...store.objects].filter(([key]) => !key.includes('checkpoint'))
  const stale = new StaleListing(
    store,
    listing.map(([key]) => key),
  )
  await store.delete([commitKey(ROOT, 0), commitKey(ROOT, 1), `${logPrefix(ROOT)}_last_checkpoint`])
  expect(paths((await tableOn(stale).snapshot()).files())).toEqual(['a', 'b', 'c'])
})

/** Its first listing is an old one. */
class StaleListing extends MemoryStore {
  #first: readonly string[] | undefined
  constructor(of: MemoryStore, first: readonly string[]) {
    super()
    this.#first = first
    this.objects = of.objects
  }
  override async *list(prefix: string, options: { start_after?: string; limit?: number } = {}) {
    const first = this.#first
    this.#first = undefined
    if (!first) return yield* super.list(prefix, options)
    for (const key of [...first].sort()) yield { key, size: 1, modified_at_ms: 0, etag: '' }
  }
}

function withBytes(store: MemoryStore, bytes: number[]): MemoryStore {
  store.objects.set(commitKey(ROOT, 1), { bytes: Uint8Array.from(bytes), modified_at_ms: 0, etag: 'x' })
  return store
}

function column(type: string, ...names: string[]): string {
  return JSON.stringify({ type: 'struct', fields: (names.length ? names : ['a']).map((name) => ({ name, type })) })
}

function deepSchema(): string {
  return `${'{"type":"array","elementType":'.repeat(500)}"long"${'}'.repeat(500)}`
}
