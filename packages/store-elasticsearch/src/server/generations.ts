import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client, estypes } from '@elastic/elasticsearch'
import { type Progress, StoreError } from '@sluice/store'
import { PROGRESS_ID } from './document.ts'
import {
  type IndexLayout,
  type IndexNote,
  indexMapping,
  indexSettings,
  isWriting,
  LIVE,
  REFUSED,
} from './index-layout.ts'
import { unplaced } from './placement.ts'
import { isConflict, isMissing, isStarting, isTaken } from './search-error.ts'

/** An index without an alias is the remains of a generation that nobody finished making, once it is this old. */
const ABANDONED_AFTER_MS = 3_600_000
/** An index that is starting, and aliases that other sinks move too, settle down: 10 s of pauses, each double the last. */
const MOST_TURNS = 10
const FIRST_PAUSE_MS = 10

/** The generation that is written, with the progress that lies in it. */
export interface Generation {
  index: string
  progress: Progress | undefined
  /** Readers see this generation. */
  shown: boolean
  /** What the progress is compared by when it is set; undefined: there is none yet. */
  seen: { seq_no: number; primary_term: number } | undefined
}

/** What lies at `PROGRESS_ID`. */
interface ProgressDocument {
  _sluice: { state: 'progress'; progress: { table: string; shown: boolean; at: Progress | null } }
}

/**
 * The generations of tables: which index is written, which is shown, and how far the written one is. Progress lies in
 * the index it is about, so that whoever drops, loses or restores the data drops, loses or restores the progress too.
 */
export class Generations {
  readonly #client: Client
  readonly #prefix: string
  readonly #shards: number

  constructor(client: Client, { prefix, shards }: { prefix: string; shards: number }) {
    this.#client = client
    this.#prefix = prefix
    this.#shards = shards
  }

  /** Makes what a table needs; one whose mapping has changed for good begins a new generation. */
  async prepare(layout: IndexLayout): Promise<void> {
    await this.#putTemplate(layout)
    const { index } = await this.current(layout)
    if ((await this.#fit(layout, index)) === 'another') await this.begin(layout)
    else await this.#ensureShown(layout, index)
    await this.#removeAbandoned(layout)
  }

  /** The written generation; made where there is none: its data is gone, and its progress with it. */
  async current(layout: IndexLayout): Promise<Generation> {
    let found: Generation | 'missing' | 'starting' = 'missing'
    for (let turn = 1; turn <= MOST_TURNS; turn++) {
      found = await this.#read(layout)
      if (typeof found === 'object') return found
      if (found === 'missing') await this.#createFirst(layout)
      await pause(FIRST_PAUSE_MS * 2 ** (turn - 1))
    }
    const [index] = found === 'starting' ? await this.#indicesOf(layout.writing) : []
    throw index === undefined ? unsettled(layout) : await unplaced(this.#client, index)
  }

  /** Sets the progress of a generation if it still is what was read; undefined: another sink was quicker. */
  async setProgress(table: string, { index, seen }: Generation, at: Progress, shown: boolean) {
    const document: ProgressDocument = { _sluice: { state: 'progress', progress: { table, shown, at } } }
    const condition = seen
      ? { if_seq_no: seen.seq_no, if_primary_term: seen.primary_term }
      : ({ op_type: 'create' } as const)
    try {
      const { _seq_no, _primary_term } = await this.#client.index({ index, id: PROGRESS_ID, document, ...condition })
      const next: Generation = {
        index,
        progress: at,
        shown,
        seen: { seq_no: _seq_no ?? 0, primary_term: _primary_term ?? 0 },
      }
      return next
    } catch (error) {
      if (isConflict(error) || isMissing(error)) return undefined
      throw error
    }
  }

  /** Has readers see this generation instead of an older one, which is dropped; false: it was dropped itself. */
  async show(layout: IndexLayout, index: string): Promise<boolean> {
    const { reading } = layout
    for (let turn = 1; turn <= MOST_TURNS; turn++) {
      const shown = await this.#indicesOf(reading)
      if (shown.length === 1 && shown[0] === index) return true
      const older = shown.filter((name) => name !== index)
      const done = await this.#changeAliases([
        { add: { index, alias: reading, filter: LIVE } },
        ...older.map((name) => ({ remove_index: { index: name } })),
      ])
      if (done) return true
      if (!(await this.#client.indices.exists({ index }))) return false
      await pause(FIRST_PAUSE_MS * 2 ** (turn - 1))
    }
    throw unsettled(layout)
  }

  /** Begins a new generation, empty and without progress. Readers see the old one until the new one is complete. */
  async begin(layout: IndexLayout): Promise<void> {
    const { index } = await this.current(layout)
    const number = Number(index.slice(layout.reading.length + 1).split('-')[0]) + 1
    const fresh = `${layout.reading}.${number}-${randomUUID().slice(0, 8)}`
    await this.#putTemplate(layout)
    await this.#client.indices.create({ index: fresh })
    const shown = (await this.#indicesOf(layout.reading)).includes(index)
    const left: estypes.IndicesUpdateAliasesAction[] = shown
      ? [{ remove: { index, alias: layout.writing, must_exist: true } }, { remove: { index, alias: layout.refused } }]
      : [{ remove_index: { index } }]
    const done = await this.#changeAliases([...left, ...writingAliases(layout, fresh)])
    // Another sink was quicker.
    if (!done) await this.#client.indices.delete({ index: fresh }, { ignore: [404] })
  }

  /** The progress of every table that lies below the prefix. */
  async progress(): Promise<Record<string, Progress>> {
    const found = await this.#client.indices.getAlias({ name: `${this.#prefix}-*.writing` }, { ignore: [404] })
    const indices = Object.entries(found)
      .filter(([, { aliases }]) => Object.keys(aliases ?? {}).some((alias) => isWriting(this.#prefix, alias)))
      .map(([index]) => index)
    if (indices.length === 0) return {}
    const { docs } = await this.#client.mget<ProgressDocument>({
      docs: indices.map((_index) => ({ _index, _id: PROGRESS_ID })),
    })
    const progress: Record<string, Progress> = {}
    for (const doc of docs) {
      const { table, at } = ('_source' in doc && doc._source?._sluice.progress) || {}
      if (table !== undefined && at) progress[table] = at
    }
    return progress
  }

  /** Notes of the tables below the prefix: which alias each is read by. */
  async notes(): Promise<IndexNote[]> {
    const found = await this.#client.indices.getMapping({ index: `${this.#prefix}-*.writing` }, { ignore: [404] })
    return Object.values(found).flatMap(({ mappings }) => noteOf(mappings) ?? [])
  }

  async #read({ writing }: IndexLayout): Promise<Generation | 'missing' | 'starting'> {
    try {
      const found = await this.#client.get<ProgressDocument>({ index: writing, id: PROGRESS_ID }, { ignore: [404] })
      if (!('_index' in found)) return 'missing'
      const { _index: index, _seq_no, _primary_term, _source } = found
      if (!found.found || !_source) return { index, progress: undefined, shown: false, seen: undefined }
      const { at, shown } = _source._sluice.progress
      return {
        index,
        progress: at ?? undefined,
        shown,
        seen: { seq_no: _seq_no ?? 0, primary_term: _primary_term ?? 0 },
      }
    } catch (error) {
      if (isMissing(error)) return 'missing'
      if (isStarting(error)) return 'starting'
      throw error
    }
  }

  /** The first generation has a name that every sink finds, and its aliases from the start. */
  async #createFirst(layout: IndexLayout): Promise<void> {
    const index = `${layout.reading}.1`
    const { reading, writing, refused } = layout
    await this.#putTemplate(layout)
    try {
      await this.#client.indices.create({
        index,
        aliases: { [reading]: { filter: LIVE }, [writing]: {}, [refused]: { filter: REFUSED } },
      })
    } catch (error) {
      if (!isTaken(error)) throw error
      const held = await this.#indicesOf(writing)
      if (held.length === 0) await this.#changeAliases(writingAliases(layout, index))
    }
  }

  async #putTemplate(layout: IndexLayout): Promise<void> {
    await this.#client.indices.putIndexTemplate({
      name: layout.reading,
      index_patterns: [layout.pattern],
      template: { settings: indexSettings(this.#shards), mappings: indexMapping(layout) },
      // Whoever writes to a generation that was dropped must not make it anew.
      allow_auto_create: false,
      priority: 500,
    })
  }

  /** Adds new columns to the mapping; what cannot be changed in an index needs another. */
  async #fit(layout: IndexLayout, index: string): Promise<'fits' | 'another'> {
    const [found] = Object.values(await this.#client.indices.getMapping({ index }))
    const note = noteOf(found?.mappings)
    if (note && note.table !== layout.table)
      throw new StoreError(
        'failed',
        `the tables ${note.table} and ${layout.table} have the same Elasticsearch index ${layout.reading}; give one of them another`,
      )
    if (note?.analysis_digest !== layout.analysis_digest) return 'another'
    const held = found?.mappings.properties ?? {}
    const changed = Object.entries(layout.properties).filter(([name, property]) => !same(held[name], property))
    if (changed.some(([name]) => name in held)) return 'another'
    if (changed.length > 0) await this.#client.indices.putMapping({ index, properties: Object.fromEntries(changed) })
    return 'fits'
  }

  async #ensureShown({ reading }: IndexLayout, index: string): Promise<void> {
    if ((await this.#indicesOf(reading)).length > 0) return
    await this.#changeAliases([{ add: { index, alias: reading, filter: LIVE } }])
  }

  async #removeAbandoned({ pattern }: IndexLayout): Promise<void> {
    const found = await this.#client.indices.get({ index: pattern, features: ['aliases', 'settings'] })
    for (const [index, { aliases, settings }] of Object.entries(found)) {
      const made_ms = Number(settings?.index?.creation_date ?? Number.POSITIVE_INFINITY)
      if (Object.keys(aliases ?? {}).length === 0 && Date.now() - made_ms > ABANDONED_AFTER_MS)
        await this.#client.indices.delete({ index }, { ignore: [404] })
    }
  }

  async #indicesOf(alias: string): Promise<string[]> {
    const found = await this.#client.indices.getAlias({ name: alias }, { ignore: [404] })
    return 'error' in found ? [] : Object.keys(found)
  }

  /** All of the actions or none; false: an index or alias that they name is not there any more. */
  async #changeAliases(actions: estypes.IndicesUpdateAliasesAction[]): Promise<boolean> {
    try {
      await this.#client.indices.updateAliases({ actions })
      return true
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }
}

const writingAliases = ({ writing, refused }: IndexLayout, index: string): estypes.IndicesUpdateAliasesAction[] => [
  { add: { index, alias: writing } },
  { add: { index, alias: refused, filter: REFUSED } },
]

function noteOf(mapping: estypes.MappingTypeMapping | undefined): IndexNote | undefined {
  const note: unknown = mapping?._meta?.['sluice']
  if (typeof note !== 'object' || note === null) return undefined
  const { table, index, analysis_digest } = note as Partial<IndexNote>
  return table && index && analysis_digest ? { table, index, analysis_digest } : undefined
}

/** Elasticsearch gives a property back with its parts in an order of its own. */
const same = (a: estypes.MappingProperty | undefined, b: estypes.MappingProperty): boolean =>
  a !== undefined && sorted(a) === sorted(b)

const sorted = (property: estypes.MappingProperty): string =>
  JSON.stringify(Object.entries(property).sort(([a], [b]) => (a < b ? -1 : 1)))

const unsettled = ({ table }: IndexLayout): StoreError =>
  new StoreError('busy', `the Elasticsearch indices of table ${table} are being changed by others; try again`, {
    retryable: true,
  })
