import type {
  Action,
  AddCdcFile,
  AddFile,
  CommitInfo,
  DeletionVectorDescriptor,
  DomainMetadata,
  Metadata,
  PartitionValues,
  Protocol,
  RemoveFile,
  SetTransaction,
  Sidecar,
} from './actions.ts'
import { DeltaError } from './delta-error.ts'

/** A log entry larger than this is refused before it is decoded: it would not fit a JavaScript string. */
const MAX_ENTRY_BYTES = 256 * 1024 * 1024

/** One object for the many files of unpartitioned tables. */
const NO_VALUES: PartitionValues = Object.freeze({})

type Json = Record<string, unknown>

/** Where an action was read, for messages. */
export type Source = string

/**
 * The actions of a log entry, compaction or JSON checkpoint: one JSON document a line (PROTOCOL.md, Delta Log Entries).
 * Actions that are not known are left out (Protocol Evolution). Throws `invalid_log` with file and line.
 */
export function parseActions(bytes: Uint8Array, source: Source): { actions: Action[]; sidecars: Sidecar[] } {
  if (bytes.length > MAX_ENTRY_BYTES)
    throw new DeltaError('invalid_log', `${source}: has ${bytes.length} bytes, more than ${MAX_ENTRY_BYTES}`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new DeltaError('invalid_log', `${source}: should be UTF-8 and is not; the file is damaged`, { cause })
  }
  const actions: Action[] = []
  const sidecars: Sidecar[] = []
  let number = 0
  for (const line of text.split('\n')) {
    number++
    if (line.trim() === '') continue
    const at = `${source}, line ${number}`
    const json = parseLine(line, at)
    const sidecar = json['sidecar']
    if (isObject(sidecar)) sidecars.push(sidecarOf(sidecar, at))
    const action = actionOf(json, at)
    if (action) actions.push(action)
  }
  return { actions, sidecars }
}

/**
 * One action from its JSON, or from the row of a checkpoint (each action a struct column, PROTOCOL.md, Checkpoint
 * Schema); `undefined` if it is none that is known.
 */
export function actionOf(json: Json, at: Source): Action | undefined {
  if (isObject(json['add'])) return { add: addOf(json['add'], at) }
  if (isObject(json['remove'])) return { remove: removeOf(json['remove'], at) }
  if (isObject(json['commitInfo'])) return { commitInfo: commitInfoOf(json['commitInfo']) }
  if (isObject(json['txn'])) return { txn: txnOf(json['txn'], at) }
  if (isObject(json['metaData'])) return { metaData: metadataOf(json['metaData'], at) }
  if (isObject(json['protocol'])) return { protocol: protocolOf(json['protocol'], at) }
  if (isObject(json['cdc'])) return { cdc: cdcOf(json['cdc'], at) }
  if (isObject(json['domainMetadata'])) return { domainMetadata: domainOf(json['domainMetadata'], at) }
  return undefined
}

/** Actions as a log entry's bytes. Bigints keep all their digits. */
export function serializeActions(actions: readonly Action[]): Uint8Array {
  return new TextEncoder().encode(actions.map((action) => `${toJson(action)}\n`).join(''))
}

export function sidecarOf(json: Json, at: Source): Sidecar {
  return {
    path: text(json, 'path', at),
    sizeInBytes: integer(json, 'sizeInBytes', at),
    modificationTime: optionalInteger(json, 'modificationTime', at) ?? 0,
  }
}

function toJson(action: Action): string {
  return JSON.stringify(action, 'txn' in action || 'commitInfo' in action ? exactBigint : undefined)
}

const exactBigint = (_key: string, value: unknown) =>
  typeof value === 'bigint' ? JSON.rawJSON(value.toString()) : value

function parseLine(line: string, at: Source): Json {
  let json: unknown
  try {
    json = /^\s*\{"txn"/.test(line) && /\d{16}/.test(line) ? JSON.parse(line, exactInteger) : JSON.parse(line)
  } catch (cause) {
    throw new DeltaError(
      'invalid_log',
      `${at}: should be one JSON document and is not; the file is truncated or damaged`,
      { cause },
    )
  }
  if (!isObject(json)) throw new DeltaError('invalid_log', `${at}: an action should be a JSON object`)
  return json
}

function exactInteger(_key: string, value: unknown, context: { source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? '')
    ? BigInt(context.source ?? 0)
    : value
}

export function addOf(json: Json, at: Source): AddFile {
  const add: AddFile = {
    path: text(json, 'path', at),
    partitionValues: partitionValuesOf(json['partitionValues'], at) ?? {},
    size: optionalInteger(json, 'size', at) ?? 0,
    modificationTime: optionalInteger(json, 'modificationTime', at) ?? 0,
    dataChange: json['dataChange'] !== false,
  }
  if (typeof json['stats'] === 'string' && json['stats'] !== '') add.stats = json['stats']
  const tags = stringMap(json['tags'])
  if (tags) add.tags = tags
  if (typeof json['clusteringProvider'] === 'string') add.clusteringProvider = json['clusteringProvider']
  return withRowTracking(add, json, at)
}

function removeOf(json: Json, at: Source): RemoveFile {
  const remove: RemoveFile = { path: text(json, 'path', at), dataChange: json['dataChange'] !== false }
  const deletionTimestamp = optionalInteger(json, 'deletionTimestamp', at)
  if (deletionTimestamp !== undefined) remove.deletionTimestamp = deletionTimestamp
  const size = optionalInteger(json, 'size', at)
  if (size !== undefined) remove.size = size
  const partitionValues = partitionValuesOf(json['partitionValues'], at)
  if (partitionValues) remove.partitionValues = partitionValues
  if (json['extendedFileMetadata'] === true) remove.extendedFileMetadata = true
  if (typeof json['stats'] === 'string' && json['stats'] !== '') remove.stats = json['stats']
  const tags = stringMap(json['tags'])
  if (tags) remove.tags = tags
  return withRowTracking(remove, json, at)
}

/** Adds what few files have; most are left as they are. */
function withRowTracking<F extends AddFile | RemoveFile>(file: F, json: Json, at: Source): F {
  const { deletionVector } = json
  // A checkpoint's null struct may come as a struct of nulls.
  if (isObject(deletionVector) && (deletionVector['storageType'] ?? null) !== null)
    file.deletionVector = deletionVectorOf(deletionVector, at)
  const baseRowId = optionalInteger(json, 'baseRowId', at)
  if (baseRowId !== undefined) file.baseRowId = baseRowId
  const version = optionalInteger(json, 'defaultRowCommitVersion', at)
  if (version !== undefined) file.defaultRowCommitVersion = version
  return file
}

function deletionVectorOf(json: Json, at: Source): DeletionVectorDescriptor {
  const storageType = json['storageType']
  if (storageType !== 'u' && storageType !== 'i' && storageType !== 'p')
    throw new DeltaError('invalid_log', `${at}: deletionVector.storageType should be u, i or p`)
  const vector: DeletionVectorDescriptor = {
    storageType,
    pathOrInlineDv: text(json, 'pathOrInlineDv', at),
    sizeInBytes: integer(json, 'sizeInBytes', at),
    cardinality: integer(json, 'cardinality', at),
  }
  const offset = optionalInteger(json, 'offset', at)
  if (offset !== undefined) vector.offset = offset
  return vector
}

function cdcOf(json: Json, at: Source): AddCdcFile {
  const cdc: AddCdcFile = {
    path: text(json, 'path', at),
    partitionValues: partitionValuesOf(json['partitionValues'], at) ?? {},
    size: optionalInteger(json, 'size', at) ?? 0,
    dataChange: false,
  }
  const tags = stringMap(json['tags'])
  if (tags) cdc.tags = tags
  return cdc
}

function metadataOf(json: Json, at: Source): Metadata {
  const format = isObject(json['format']) ? json['format'] : {}
  const columns = json['partitionColumns'] ?? []
  if (!Array.isArray(columns) || !columns.every((column) => typeof column === 'string'))
    throw new DeltaError('invalid_log', `${at}: metaData.partitionColumns should be a list of names`)
  const metadata: Metadata = {
    id: text(json, 'id', at),
    format: {
      provider: typeof format['provider'] === 'string' ? format['provider'] : 'parquet',
      options: definedStrings(format['options']),
    },
    // Judged when the table is opened: a later metaData may replace it.
    schemaString: typeof json['schemaString'] === 'string' ? json['schemaString'] : '',
    partitionColumns: columns,
    configuration: definedStrings(json['configuration']),
  }
  if (typeof json['name'] === 'string') metadata.name = json['name']
  if (typeof json['description'] === 'string') metadata.description = json['description']
  const createdTime = optionalInteger(json, 'createdTime', at)
  if (createdTime !== undefined) metadata.createdTime = createdTime
  return metadata
}

function protocolOf(json: Json, at: Source): Protocol {
  const protocol: Protocol = {
    minReaderVersion: integer(json, 'minReaderVersion', at),
    minWriterVersion: integer(json, 'minWriterVersion', at),
  }
  for (const member of ['readerFeatures', 'writerFeatures'] as const) {
    const features = json[member]
    if (features === undefined || features === null) continue
    if (!Array.isArray(features) || !features.every((feature) => typeof feature === 'string'))
      throw new DeltaError('invalid_log', `${at}: protocol.${member} should be a list of names`)
    protocol[member] = features
  }
  return protocol
}

function txnOf(json: Json, at: Source): SetTransaction {
  const version = json['version']
  if (typeof version !== 'bigint' && !Number.isSafeInteger(version))
    throw new DeltaError('invalid_log', `${at}: txn.version should be an integer`)
  const txn: SetTransaction = { appId: text(json, 'appId', at), version: narrowed(version as number | bigint) }
  const lastUpdated = optionalInteger(json, 'lastUpdated', at)
  if (lastUpdated !== undefined) txn.lastUpdated = lastUpdated
  return txn
}

function domainOf(json: Json, at: Source): DomainMetadata {
  return {
    domain: text(json, 'domain', at),
    configuration: typeof json['configuration'] === 'string' ? json['configuration'] : '',
    removed: json['removed'] === true,
  }
}

/** Any JSON is allowed; only members that we read are held to their types. */
function commitInfoOf(json: Json): CommitInfo {
  const info: CommitInfo = json
  for (const member of ['timestamp', 'inCommitTimestamp'] as const)
    if (!Number.isSafeInteger(info[member])) delete info[member]
  for (const member of ['operation', 'txnId', 'isolationLevel', 'engineInfo'] as const)
    if (typeof info[member] !== 'string') delete info[member]
  for (const member of ['operationParameters', 'operationMetrics'] as const)
    if (!isObject(info[member])) delete info[member]
  if (typeof info.isBlindAppend !== 'boolean') delete info.isBlindAppend
  return info
}

export function partitionValuesOf(json: unknown, at: Source): PartitionValues | undefined {
  if (json === undefined || json === null) return undefined
  if (!isObject(json)) throw new DeltaError('invalid_log', `${at}: partitionValues should be an object`)
  if (isEmpty(json)) return NO_VALUES
  const entries = json instanceof Map ? [...json] : Object.entries(json)
  for (const [column, value] of entries)
    if (value !== null && typeof value !== 'string')
      throw new DeltaError('invalid_log', `${at}: partitionValues.${column} should be a string or null`)
  return json instanceof Map ? Object.fromEntries(json) : (json as PartitionValues)
}

function stringMap(json: unknown): Record<string, string | null> | undefined {
  if (!isObject(json) || isEmpty(json)) return undefined
  const entries = (json instanceof Map ? [...json] : Object.entries(json)).filter(
    ([, value]) => value === null || typeof value === 'string',
  )
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Record<string, string | null>)
}

function definedStrings(json: unknown): Record<string, string> {
  const entries = isObject(json) ? Object.entries(json).filter(([, value]) => typeof value === 'string') : []
  return Object.fromEntries(entries) as Record<string, string>
}

function text(json: Json, member: string, at: Source): string {
  const value = json[member]
  if (typeof value === 'string' && value !== '') return value
  throw new DeltaError('invalid_log', `${at}: ${member} should be a text and is ${shown(value)}`)
}

function integer(json: Json, member: string, at: Source): number {
  const value = optionalInteger(json, member, at)
  if (value !== undefined) return value
  throw new DeltaError('invalid_log', `${at}: ${member} is missing`)
}

function optionalInteger(json: Json, member: string, at: Source): number | undefined {
  const value = json[member]
  if (value === undefined || value === null) return undefined
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number
  throw new DeltaError('invalid_log', `${at}: ${member} should be an integer and is ${shown(value)}`)
}

/** A value of a log for a message, whatever it is. */
function shown(value: unknown): string {
  if (value === '') return 'empty'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value).slice(0, 60)
}

const narrowed = (value: number | bigint) =>
  typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value

function isEmpty(json: Json): boolean {
  if (json instanceof Map) return json.size === 0
  for (const _name in json) return false
  return true
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
