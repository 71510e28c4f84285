/** The actions of PROTOCOL.md, section Actions. Times are milliseconds since the epoch, sizes bytes. */

/** Partition column to serialized value; `null` and the empty string are null (Partition Value Serialization). */
export type PartitionValues = Record<string, string | null>

/** Identifies a logical file: path and deletion vector (Add File and Remove File). */
export interface AddFile {
  /** Relative to the table's root, or absolute; URI-encoded. */
  path: string
  partitionValues: PartitionValues
  size: number
  modificationTime: number
  /** `false`: the commit only rearranges rows. */
  dataChange: boolean
  /** Per-file Statistics, as JSON text: numbers in it may need more than 53 bits. */
  stats?: string
  tags?: Record<string, string | null>
  deletionVector?: DeletionVectorDescriptor
  baseRowId?: number
  defaultRowCommitVersion?: number
  clusteringProvider?: string
}

export interface RemoveFile {
  path: string
  deletionTimestamp?: number
  dataChange: boolean
  /** Says that `partitionValues` and `size` are there. */
  extendedFileMetadata?: boolean
  partitionValues?: PartitionValues
  size?: number
  stats?: string
  tags?: Record<string, string | null>
  deletionVector?: DeletionVectorDescriptor
  baseRowId?: number
  defaultRowCommitVersion?: number
}

export interface AddCdcFile {
  path: string
  partitionValues: PartitionValues
  size: number
  dataChange: false
  tags?: Record<string, string | null>
}

export interface Metadata {
  /** The table's id. */
  id: string
  name?: string
  description?: string
  format: { provider: string; options?: Record<string, string> }
  schemaString: string
  partitionColumns: string[]
  createdTime?: number
  configuration: Record<string, string>
}

export interface Protocol {
  minReaderVersion: number
  minWriterVersion: number
  readerFeatures?: string[]
  writerFeatures?: string[]
}

export interface SetTransaction {
  appId: string
  /** A bigint where it needs more than 53 bits. */
  version: number | bigint
  lastUpdated?: number
}

export interface DomainMetadata {
  domain: string
  configuration: string
  removed: boolean
}

/** Commit Provenance Information: any JSON. */
export interface CommitInfo {
  timestamp?: number
  inCommitTimestamp?: number
  operation?: string
  operationParameters?: Record<string, unknown>
  operationMetrics?: Record<string, unknown>
  isBlindAppend?: boolean
  isolationLevel?: string
  readVersion?: number
  txnId?: string
  engineInfo?: string
  [member: string]: unknown
}

/** PROTOCOL.md, Deletion Vector Descriptor Schema. */
export interface DeletionVectorDescriptor {
  /** `u`: file named by a UUID, `p`: absolute path, `i`: inline. */
  storageType: 'u' | 'i' | 'p'
  pathOrInlineDv: string
  offset?: number
  sizeInBytes: number
  cardinality: number
}

/** Sidecar File Information: only in v2 checkpoints. */
export interface Sidecar {
  path: string
  sizeInBytes: number
  modificationTime: number
}

/** One line of a log entry. */
export type Action =
  | { add: AddFile }
  | { remove: RemoveFile }
  | { cdc: AddCdcFile }
  | { metaData: Metadata }
  | { protocol: Protocol }
  | { txn: SetTransaction }
  | { domainMetadata: DomainMetadata }
  | { commitInfo: CommitInfo }
