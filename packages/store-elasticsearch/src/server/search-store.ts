import type { Client, estypes } from '@elastic/elasticsearch'
import {
  type Answer,
  type ApplyOutcome,
  type ChangeBatch,
  type InventoryRow,
  type Progress,
  type Refusal,
  type Row,
  type RowChange,
  type Store,
  type StoredTable,
  StoreError,
} from '@sluice/store'
import { sameProgress } from '@sluice/store/same-progress'
import { questions, searchPlans } from '../questions.ts'
import { IndexGone, writeDocuments } from './bulk-write.ts'
import {
  documentOf,
  reasonNotToSend,
  refusalOf,
  refusedDocument,
  sortable,
  type VersionedDocument,
} from './document.ts'
import { Generations } from './generations.ts'
import { aliasesOf, type IndexLayout, indexLayout, type LayoutOptions, LIVE, REFUSED } from './index-layout.ts'
import { isMissing, storeErrorOf } from './search-error.ts'
import { searchPages } from './search-pages.ts'
import { answerRow, searchOf } from './search-question.ts'

/**
 * The search store on an Elasticsearch server.
 *
 * Elasticsearch has no transactions, so a batch is exact by its order: the target of a step stands in the progress
 * before its first row is written, a step that was cut off is finished to that same target (rows of another target
 * could be left behind), and each row is guarded by its version.
 */
export class SearchStore implements Store {
  readonly name = 'elasticsearch'
  readonly #client: Client
  readonly #prefix: string
  readonly #generations: Generations
  readonly #layouts = new Map<string, IndexLayout>()

  constructor(client: Client, options: LayoutOptions) {
    this.#client = client
    this.#prefix = options.prefix
    this.#generations = new Generations(client, options)
  }

  async prepare(tables: readonly StoredTable[]): Promise<void> {
    await translated(async () => {
      for (const stored of tables) {
        const layout = indexLayout(this.#prefix, stored)
        await this.#generations.prepare(layout)
        this.#layouts.set(stored.table, layout)
      }
    })
  }

  progress(): Promise<Record<string, Progress>> {
    return translated(() => this.#generations.progress())
  }

  async apply(batch: ChangeBatch): Promise<ApplyOutcome> {
    const layout = this.#layout(batch.table)
    return translated(async () => {
      try {
        return (await this.#apply(layout, batch)) ?? (await this.#superseded(layout))
      } catch (error) {
        if (error instanceof IndexGone || isMissing(error)) return this.#superseded(layout)
        throw error
      }
    })
  }

  /** undefined: another sink was quicker. */
  async #apply(layout: IndexLayout, batch: ChangeBatch): Promise<ApplyOutcome | undefined> {
    const { table, expected, next, changes } = batch
    const begun = begunStep(batch)
    let generation = await this.#generations.current(layout)
    const { index, progress, shown } = generation
    if (!sameProgress(progress, expected) && !sameProgress(progress, begun)) return undefined
    if (changes.length > 0 && !sameProgress(progress, begun)) {
      const bound = await this.#generations.setProgress(table, generation, begun, shown)
      if (!bound) return undefined
      generation = bound
    }
    const refused = await this.#write(index, changes)
    if (changes.length > 0) await this.#refresh(index)
    const complete = next.step === undefined
    if (complete && !shown && !(await this.#generations.show(layout, index))) return undefined
    const done = await this.#generations.setProgress(table, generation, next, shown || complete)
    return done && { kind: 'applied', refused }
  }

  async #superseded(layout: IndexLayout): Promise<ApplyOutcome> {
    const { progress } = await this.#generations.current(layout)
    return { kind: 'superseded', actual: progress }
  }

  async #write(index: string, changes: readonly RowChange[]): Promise<Refusal[]> {
    const sent = new Map<VersionedDocument, RowChange>()
    const refused = new Map<RowChange, string>()
    for (const change of changes) {
      const document = documentOf(change)
      const reason = reasonNotToSend(change, document)
      if (reason === undefined) sent.set(document, change)
      else refused.set(change, reason)
    }
    for (const [document, reason] of await writeDocuments(this.#client, index, [...sent.keys()])) {
      const change = sent.get(document)
      if (change) refused.set(change, reason)
    }
    if (refused.size === 0) return []
    const kept = [...refused].map(([change, reason]) => ({ change, refusal: refusalOf(change, reason) }))
    const failed = await writeDocuments(
      this.#client,
      index,
      kept.map(({ change, refusal }) => refusedDocument(refusal, change.version)),
    )
    for (const reason of failed.values())
      throw new StoreError('failed', `Elasticsearch refuses even the note of a refused row: ${reason}`)
    return kept.map(({ refusal }) => refusal)
  }

  async #refresh(index: string): Promise<void> {
    const { _shards } = await this.#client.indices.refresh({ index })
    if (_shards && _shards.failed > 0)
      throw new StoreError('busy', `${_shards.failed} shards of ${index} could not be refreshed`, { retryable: true })
  }

  async forget(table: string): Promise<void> {
    const layout = this.#layout(table)
    await translated(() => this.#generations.begin(layout))
  }

  async refusals(table: string, after: string | undefined, limit: number): Promise<Refusal[]> {
    const { refused } = await this.#aliases(table)
    const start = after === undefined ? undefined : sortable(after)
    const hits = await translated(() =>
      searchPages<{ _sluice: { refusal: Refusal } }>(
        this.#client,
        refused,
        {
          query: REFUSED,
          sort: [{ '_sluice.identity': 'asc' }, { '_sluice.beyond': 'asc' }],
          _source: ['_sluice.refusal'],
          search_after: start && [start.identity, start.beyond],
        },
        limit,
      ),
    )
    return hits.flatMap(({ _source }) => _source?._sluice.refusal ?? [])
  }

  async inventory(table: string, after: string | undefined, limit: number): Promise<InventoryRow[]> {
    const { writing } = await this.#aliases(table)
    const hits = await translated(() =>
      searchPages(
        this.#client,
        writing,
        {
          query: LIVE,
          sort: [{ '_sluice.identity': 'asc' }],
          _source: false,
          docvalue_fields: ['event_id'],
          search_after: after === undefined ? undefined : [sortable(after).identity],
        },
        limit,
      ),
    )
    return hits.map(({ sort, fields }) => ({ identity: String(sort?.[0]), fingerprint: fingerprintOf(fields) }))
  }

  async ask(name: string, parameters: Readonly<Record<string, string>>, limit: number): Promise<Answer> {
    const question = questions.find((candidate) => candidate.name === name)
    const plan = searchPlans[name]
    if (!question || !plan) throw unknownQuestion(name)
    const value = parameters[plan.parameter]
    if (value === undefined) throw new StoreError('failed', `question ${name} needs the parameter ${plan.parameter}`)
    const { reading } = await this.#aliases(plan.table)
    const search = searchOf(plan, question.columns, value)
    const hits = await translated(() => searchPages<Row>(this.#client, reading, search, limit))
    return {
      query: `GET /${reading}/_search\n${JSON.stringify({ ...search, size: limit }, null, 2)}`,
      columns: question.columns,
      rows: hits.map((hit) => answerRow(hit, question.columns)),
    }
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  #layout(table: string): IndexLayout {
    const layout = this.#layouts.get(table)
    if (!layout) throw notPrepared(table)
    return layout
  }

  /** Of a table that this process has not prepared, another may have. */
  async #aliases(table: string): Promise<Pick<IndexLayout, 'reading' | 'writing' | 'refused'>> {
    const layout = this.#layouts.get(table)
    if (layout) return layout
    const note = (await translated(() => this.#generations.notes())).find((candidate) => candidate.table === table)
    if (!note) throw notPrepared(table)
    return aliasesOf(note.index)
  }
}

/** The progress while the first chunk of a step is written. */
function begunStep({ expected, next }: ChangeBatch): Progress {
  if (expected?.step) return expected
  const step = { target: next.step?.target ?? next.version, chunks: 0 }
  return { table_id: next.table_id, version: expected?.version ?? -1, step }
}

function fingerprintOf(fields: estypes.SearchHit['fields']): string {
  const values: unknown = fields?.['event_id']
  return Array.isArray(values) ? String(values[0]) : ''
}

const notPrepared = (table: string): StoreError =>
  new StoreError('failed', `table ${table} is not known to the search store: call prepare first`)

const unknownQuestion = (name: string): StoreError =>
  new StoreError(
    'unknown_question',
    `the search store answers ${questions.map((question) => question.name).join(', ')}; it was asked ${name}`,
  )

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw storeErrorOf(error)
  }
}
