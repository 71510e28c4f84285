import { createHash } from 'node:crypto'
import type { estypes } from '@elastic/elasticsearch'
import type { Field } from '@sluice/events'
import { type StoredTable, StoreError } from '@sluice/store'
import { WORDS, wordAnalysis } from './word-analysis.ts'

/**
 * How one lake table lies in Elasticsearch. Each generation of it is an index of its own; readers and writers come by
 * aliases. Names of index mappings have neither dot nor hyphen, so that no pattern catches another table's indices.
 */
export interface IndexLayout {
  table: string
  /** Alias that shows the rows of the newest complete generation, and nothing else. */
  reading: string
  /** Alias of the generation that is written. */
  writing: string
  /** Alias of the same generation that shows the refused rows. */
  refused: string
  /** Pattern of the generations' names, and of nothing else. */
  pattern: string
  properties: Record<string, estypes.MappingProperty>
  /** Says what cannot be changed in an index. */
  analysis_digest: string
}

export interface LayoutOptions {
  prefix: string
  shards: number
}

export const PREFIX = /^[a-z][a-z0-9_-]{0,60}$/
const WRITING = /^[a-z][a-z0-9_]*\.writing$/

/** Bytes that a keyword's index takes are at most 32,766; a character has at most 4. */
const KEYWORD_LIMIT_CHARACTERS = 8191
const ANALYSIS = wordAnalysis()
const ANALYSIS_DIGEST = createHash('sha256').update(JSON.stringify(ANALYSIS)).digest('hex').slice(0, 16)

/** @throws StoreError `failed` for a table whose type gives Elasticsearch nothing. */
export function indexLayout(prefix: string, { type, table, columns }: StoredTable): IndexLayout {
  const mapping = type.stores.elasticsearch
  if (!mapping) throw new StoreError('failed', `the type ${type.type} says nothing about Elasticsearch`)
  const fields: Readonly<Record<string, Field | undefined>> = type.fields
  const text = new Set<string>(mapping.text)
  const properties = columns.map(({ name }) => [name, text.has(name) ? TEXT : propertyOf(name, fields[name])])
  const reading = `${prefix}-${mapping.index}`
  return {
    table,
    ...aliasesOf(reading),
    pattern: `${reading}.*`,
    properties: Object.fromEntries(properties),
    analysis_digest: ANALYSIS_DIGEST,
  }
}

/** The aliases of a table, from the one that readers use. */
export function aliasesOf(reading: string): Pick<IndexLayout, 'reading' | 'writing' | 'refused'> {
  return { reading, writing: `${reading}.writing`, refused: `${reading}.refused` }
}

/** Whether an alias is a writing alias below this very prefix. */
export const isWriting = (prefix: string, alias: string): boolean =>
  alias.startsWith(`${prefix}-`) && WRITING.test(alias.slice(prefix.length + 1))

export const LIVE: estypes.QueryDslQueryContainer = { term: { '_sluice.state': 'live' } }
export const REFUSED: estypes.QueryDslQueryContainer = { term: { '_sluice.state': 'refused' } }

/** Segments are shown by the store's own refresh, before it says how far it is. */
export function indexSettings(shards: number): estypes.IndicesIndexSettings {
  return { number_of_shards: shards, auto_expand_replicas: '0-1', refresh_interval: '-1', analysis: ANALYSIS }
}

/** The index's own note of what it holds. */
export interface IndexNote {
  table: string
  index: string
  analysis_digest: string
}

export function indexMapping(layout: IndexLayout): estypes.MappingTypeMapping {
  const { table, reading, analysis_digest, properties } = layout
  const note: IndexNote = { table, index: reading, analysis_digest }
  return { dynamic: 'strict', _meta: { sluice: note }, properties: { ...properties, _sluice: OWN } }
}

const KEYWORD = { type: 'keyword', ignore_above: KEYWORD_LIMIT_CHARACTERS } as const
/** Offsets in the index: a highlight needs no second analysis, whatever the text's length. */
const TEXT = { type: 'text', analyzer: WORDS, index_options: 'offsets' } as const
const UNSEARCHED = { type: 'keyword', index: false, doc_values: false } as const
const OWN: estypes.MappingProperty = {
  properties: {
    /** `live`, `deleted`, `refused` or `progress`. */
    state: { type: 'keyword' },
    identity: { type: 'keyword' },
    /** Orders refused identities that are too long for the index; '' for all others. */
    beyond: { type: 'keyword' },
    refusal: { type: 'object', enabled: false },
    progress: { type: 'object', enabled: false },
  },
}

const LINEAGE: Readonly<Record<string, estypes.MappingProperty>> = {
  event_id: { type: 'keyword' },
  received_at: { type: 'date' },
  raw_batch: { type: 'keyword' },
  raw_line: { type: 'long' },
}

function propertyOf(name: string, field: Field | undefined): estypes.MappingProperty {
  switch (field?.kind) {
    case undefined:
      return LINEAGE[name] ?? UNSEARCHED
    case 'int':
      return { type: 'integer' }
    case 'long':
      return { type: 'long' }
    case 'float':
    case 'double':
    case 'decimal':
      return { type: 'double' }
    case 'boolean':
      return { type: 'boolean' }
    case 'instant':
      return { type: 'date' }
    default:
      return KEYWORD
  }
}
