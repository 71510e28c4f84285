import { actionOf, parseActions, type Source, sidecarOf } from './action-json.ts'
import type { Action, Sidecar } from './actions.ts'
import { addsOf, isMembers } from './checkpoint-files.ts'
import { decoded } from './data-path.ts'
import { DeltaError } from './delta-error.ts'
import { sidecarPrefix } from './log-path.ts'
import type { CheckpointFiles } from './log-segment.ts'
import type { ParquetBatch, ParquetCodec, ParquetRow } from './parquet-codec.ts'
import type { DeltaStore } from './store.ts'

/** Columns of a checkpoint that are read (PROTOCOL.md, Checkpoint Schema). */
const COLUMNS = ['protocol', 'metaData', 'txn', 'domainMetadata', 'add', 'remove', 'sidecar', 'checkpointMetadata']
const FILE_COLUMNS = ['add', 'remove']
const MAX_SIDECARS = 100_000

/**
 * The actions of a checkpoint of any kind: classic, multi-part, uuid-named in Parquet or JSON, with sidecars.
 * Throws `invalid_log` if a file of it is missing or is none.
 */
export async function* readCheckpoint(
  access: { store: DeltaStore; root: string; codec: ParquetCodec },
  checkpoint: CheckpointFiles,
): AsyncGenerator<Action[]> {
  const sidecars: Sidecar[] = []
  for (const key of checkpoint.keys) {
    if (checkpoint.format === 'json') {
      const parsed = parseActions(await bytesOf(access.store, key), key)
      sidecars.push(...parsed.sidecars)
      yield parsed.actions
    } else yield* readParquet(access, key, COLUMNS, sidecars)
  }
  if (sidecars.length > MAX_SIDECARS)
    throw new DeltaError('invalid_log', `${checkpoint.keys[0]}: more than ${MAX_SIDECARS} sidecars`)
  for (const sidecar of sidecars) yield* readParquet(access, sidecarKey(access.root, sidecar), FILE_COLUMNS, sidecars)
}

/** Keys of the sidecars that a checkpoint refers to. */
export async function readCheckpointSidecars(
  access: { store: DeltaStore; root: string; codec: ParquetCodec },
  checkpoint: CheckpointFiles,
): Promise<string[]> {
  const sidecars: Sidecar[] = []
  for (const key of checkpoint.keys) {
    if (checkpoint.format === 'json') sidecars.push(...parseActions(await bytesOf(access.store, key), key).sidecars)
    else for await (const _actions of readParquet(access, key, ['sidecar'], sidecars));
  }
  return sidecars.map((sidecar) => sidecarKey(access.root, sidecar))
}

async function* readParquet(
  access: { store: DeltaStore; codec: ParquetCodec },
  key: string,
  columns: readonly string[],
  sidecars: Sidecar[],
): AsyncGenerator<Action[]> {
  let unreadable = false
  const file = {
    key,
    bytes: async () => {
      unreadable = true
      const bytes = await bytesOf(access.store, key)
      unreadable = false
      return bytes
    },
  }
  const batches = access.codec.read(file, columns)[Symbol.asyncIterator]()
  for (;;) {
    let next: IteratorResult<ParquetBatch>
    try {
      next = await batches.next()
    } catch (cause) {
      // What the store throws is its own, and no damage of the file.
      if (cause instanceof DeltaError || unreadable) throw cause
      throw new DeltaError('invalid_log', `${key}: should be a Parquet checkpoint and cannot be read as one`, { cause })
    }
    if (next.done) return
    yield actionsOf(next.value, key)
    for (const struct of structsOf(next.value, 'sidecar', 'path')) sidecars.push(sidecarOf(plain(struct), key))
  }
}

function actionsOf(batch: ParquetBatch, at: Source): Action[] {
  const actions: Action[] = []
  for (const [column, required] of REQUIRED)
    for (const struct of structsOf(batch, column, required)) {
      const action = actionOf({ [column]: column === 'remove' ? struct : plain(struct) }, at)
      if (action) actions.push(action)
    }
  const adds = batch.columns['add']
  if (isMembers(adds)) for (const add of addsOf(adds, batch.rows, at)) actions.push({ add })
  return actions
}

/**
 * Structs of a column that have a member: one whose every member is null is a null struct for readers that cannot tell
 * them apart. Each is the same object with other members: there may be 100,000.
 */
function* structsOf({ rows, columns }: ParquetBatch, column: string, required: string): Generator<ParquetRow> {
  const members = columns[column]
  if (!isMembers(members)) return
  const struct: ParquetRow = {}
  const there = members[required] ?? []
  for (let row = 0; row < rows; row++) {
    if (there[row] === null || there[row] === undefined) continue
    for (const name of Object.keys(members)) struct[name] = members[name]?.[row]
    yield struct
  }
}

const REQUIRED: readonly (readonly [string, string])[] = [
  ['remove', 'path'],
  ['txn', 'appId'],
  ['metaData', 'id'],
  ['protocol', 'minReaderVersion'],
  ['domainMetadata', 'domain'],
]

/** Integers as numbers where they fit, maps given as entries as objects; null members left out. */
function plain(struct: ParquetRow): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(struct)) {
    if (value === null || value === undefined) continue
    if (typeof value === 'bigint') out[name] = Number.isSafeInteger(Number(value)) ? Number(value) : value
    else if (value instanceof Map) out[name] = Object.fromEntries(value)
    else out[name] = isStruct(value) && name === 'format' ? plain(value) : value
  }
  return out
}

async function bytesOf(store: DeltaStore, key: string): Promise<Uint8Array> {
  const bytes = await store.get(key)
  if (bytes) return bytes
  // Retryable: the log may have been cleaned up between its listing and this read.
  throw new DeltaError('invalid_log', `${key}: a file of the checkpoint is missing`, { retryable: true })
}

/** Sidecars always lie in `_sidecars` (PROTOCOL.md, Sidecar File Information), so only the name counts. */
function sidecarKey(root: string, sidecar: Sidecar): string {
  const name = decoded(sidecar.path)?.split('/').at(-1) ?? ''
  if (name === '' || name === '..' || name === '.' || name.includes('\0'))
    throw new DeltaError('invalid_path', `sidecar path ${JSON.stringify(sidecar.path.slice(0, 200))} is no file name`)
  return `${sidecarPrefix(root)}${name}`
}

function isStruct(value: unknown): value is ParquetRow {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
