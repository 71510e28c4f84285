import { type DataType, field, type StructField, type StructType } from './schema.ts'

const strings: DataType = { type: 'map', keyType: 'string', valueType: 'string', valueContainsNull: true }
const names: DataType = { type: 'array', elementType: 'string', containsNull: true }

function struct(...fields: StructField[]): StructType {
  return { type: 'struct', fields }
}

const deletionVector = field(
  'deletionVector',
  struct(
    field('storageType', 'string'),
    field('pathOrInlineDv', 'string'),
    field('offset', 'integer'),
    field('sizeInBytes', 'integer'),
    field('cardinality', 'long'),
  ),
)
const rowTracking = [field('baseRowId', 'long'), field('defaultRowCommitVersion', 'long')]

const txn = field('txn', struct(field('appId', 'string'), field('version', 'long'), field('lastUpdated', 'long')))
const metaData = field(
  'metaData',
  struct(
    field('id', 'string'),
    field('name', 'string'),
    field('description', 'string'),
    field('format', struct(field('provider', 'string'), field('options', strings))),
    field('schemaString', 'string'),
    field('partitionColumns', names),
    field('configuration', strings),
    field('createdTime', 'long'),
  ),
)
const domainMetadata = field(
  'domainMetadata',
  struct(field('domain', 'string'), field('configuration', 'string'), field('removed', 'boolean')),
)

/** What a checkpoint may have to hold beyond the plain columns; unused columns are left out. */
export interface CheckpointColumns {
  deletionVectors: boolean
  rowTracking: boolean
  domains: boolean
  /** `false` where the table says `delta.checkpoint.writeStatsAsJson=false`. */
  stats: boolean
  clustering: boolean
  tags: boolean
  readerFeatures: boolean
  writerFeatures: boolean
}

/** PROTOCOL.md, Checkpoint Schema, as a classic V1 checkpoint. `remove` has neither `stats` nor `tags` there. */
export function checkpointSchema(columns: CheckpointColumns): StructType {
  const versions = [field('minReaderVersion', 'integer'), field('minWriterVersion', 'integer')]
  if (columns.readerFeatures) versions.push(field('readerFeatures', names))
  if (columns.writerFeatures) versions.push(field('writerFeatures', names))
  const add = [
    field('path', 'string'),
    field('partitionValues', strings),
    field('size', 'long'),
    field('modificationTime', 'long'),
    field('dataChange', 'boolean'),
  ]
  if (columns.stats) add.push(field('stats', 'string'))
  if (columns.tags) add.push(field('tags', strings))
  const remove = [
    field('path', 'string'),
    field('deletionTimestamp', 'long'),
    field('dataChange', 'boolean'),
    field('extendedFileMetadata', 'boolean'),
    field('partitionValues', strings),
    field('size', 'long'),
  ]
  for (const file of [add, remove]) {
    if (columns.deletionVectors) file.push(deletionVector)
    if (columns.rowTracking) file.push(...rowTracking)
  }
  if (columns.clustering) add.push(field('clusteringProvider', 'string'))
  const actions = [txn, field('add', struct(...add)), field('remove', struct(...remove)), metaData]
  actions.push(field('protocol', struct(...versions)))
  if (columns.domains) actions.push(domainMetadata)
  return struct(...actions)
}
