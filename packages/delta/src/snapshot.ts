import type { AddFile, DomainMetadata, Metadata, Protocol, RemoveFile } from './actions.ts'
import { canonicalPath, dataFileKey } from './data-path.ts'
import { DeltaError } from './delta-error.ts'
import { type RowRule, requireReadable, rowRules } from './protocol.ts'
import type { TableState } from './reconciliation.ts'
import { parseSchema, type StructType } from './schema.ts'
import { type TableProperties, tableProperties } from './table-properties.ts'

/** What stays the same from one version to the next unless metadata or protocol change. */
interface Definition {
  metadata: Metadata
  protocol: Protocol
  schema: StructType
  properties: TableProperties
  rowRules: readonly RowRule[]
}

/** The table at one version: a value that never changes. Versions after it share its memory. */
export class Snapshot {
  /** Key prefix of the table in its store. */
  readonly root: string
  readonly version: number
  /** When this version was committed; strictly increases from version to version. */
  readonly timestamp_ms: number
  /** When it was last known to be the newest version, by the clock of the table. */
  readonly confirmed_at_ms: number
  readonly state: TableState
  readonly #definition: Definition

  /**
   * @param previous an earlier version, whose parsed schema is shared
   * Throws `missing_metadata`, `missing_protocol`, `unsupported_feature`, `invalid_log`.
   */
  constructor(
    at: { root: string; version: number; timestamp_ms: number; confirmed_at_ms: number },
    state: TableState,
    previous?: Snapshot,
  ) {
    this.root = at.root
    this.version = at.version
    this.timestamp_ms = at.timestamp_ms
    this.confirmed_at_ms = at.confirmed_at_ms
    this.state = state
    const shared = previous === undefined ? undefined : previous.#definition
    this.#definition =
      shared && shared.metadata === state.metadata && shared.protocol === state.protocol
        ? shared
        : definitionOf(at.root, at.version, state)
  }

  get metadata(): Metadata {
    return this.#definition.metadata
  }

  get protocol(): Protocol {
    return this.#definition.protocol
  }

  /** Identifies the table: a table rebuilt at the same place has another. */
  get tableId(): string {
    return this.#definition.metadata.id
  }

  get schema(): StructType {
    return this.#definition.schema
  }

  get properties(): TableProperties {
    return this.#definition.properties
  }

  /** Rules about rows that whoever adds some must keep. */
  get rowRules(): readonly RowRule[] {
    return this.#definition.rowRules
  }

  get partitionColumns(): readonly string[] {
    return this.#definition.metadata.partitionColumns
  }

  /** The files that make up the table, in the order they were added, as far as the log keeps it. */
  files(): IterableIterator<AddFile> {
    return this.state.files.values()
  }

  get fileCount(): number {
    return this.state.files.size
  }

  /** The active file with this path, in any spelling of it. */
  file(path: string): AddFile | undefined {
    return this.state.files.get(canonicalPath(path))
  }

  /** The newest version that an application recorded (PROTOCOL.md, Transaction Identifiers). */
  txn(appId: string): number | bigint | undefined {
    return this.state.txns.get(appId)?.version
  }

  /** Removed files that may still be read by older snapshots. */
  tombstones(): IterableIterator<RemoveFile> {
    return this.state.tombstones.values()
  }

  domainMetadata(domain: string): DomainMetadata | undefined {
    return this.state.domains.get(domain)
  }

  /** Object key of a file of the table; throws `invalid_path`. `location`: URI of the root, for absolute paths. */
  key(file: { path: string }, location?: string): string {
    return dataFileKey(this.root, file.path, location)
  }

  /** The same version, known at a later time to be the newest still. */
  confirmed(at_ms: number): Snapshot {
    const { root, version, timestamp_ms } = this
    return new Snapshot({ root, version, timestamp_ms, confirmed_at_ms: at_ms }, this.state, this)
  }
}

function definitionOf(root: string, version: number, state: TableState): Definition {
  const { metadata, protocol } = state
  if (!protocol)
    throw new DeltaError('missing_protocol', `${root}: no protocol action up to version ${version}; the log is damaged`)
  requireReadable(protocol, root)
  if (!metadata)
    throw new DeltaError('missing_metadata', `${root}: no metaData action up to version ${version}; the log is damaged`)
  if (metadata.format.provider !== 'parquet')
    throw new DeltaError(
      'unsupported_feature',
      `${root}: files should be parquet and are ${metadata.format.provider.slice(0, 60)}`,
      { feature: `format ${metadata.format.provider.slice(0, 60)}` },
    )
  const schema = parseSchema(metadata.schemaString)
  for (const column of metadata.partitionColumns)
    if (!schema.fields.some((field) => field.name.toLowerCase() === column.toLowerCase()))
      throw new DeltaError('invalid_log', `${root}: partition column ${column} is not in the schema`)
  const rules = rowRules({ protocol, metadata, schema })
  return { metadata, protocol, schema, properties: tableProperties(metadata), rowRules: rules }
}
