import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { InventoryRow, Refusal, Row, RowChange, StoredTable } from '@sluice/store'
import { tokensOf } from '../text-analysis.ts'

/** A row's document is refused above this size: SQLite's own limit is 1 GB, and a highlight reads the whole text. */
const ROW_LIMIT_BYTES = 64 * 1024 * 1024

/** What a lake table's mapping says about its documents; another one means that the documents are made anew. */
export interface DocumentMapping {
  /** Full-text fields; column `cN` of the word index. */
  text: readonly string[]
  /** List fields, found by exact item. */
  lists: readonly string[]
}

export function documentMapping({ type }: StoredTable): DocumentMapping {
  const text = type.stores.elasticsearch?.text ?? []
  const lists = Object.entries(type.fields).flatMap(([name, field]) => (field.kind === 'string_list' ? [name] : []))
  return { text, lists: lists.filter((name) => !text.includes(name)) }
}

export interface FoundDocument {
  row: Row
}

/**
 * The documents of one lake table in SQLite: `doc_N` the rows (a deleted one stays as a tombstone, so that nothing
 * older revives it), `word_N` an FTS5 index of their words, `item_N` the items of their lists. Callers hold the
 * transaction.
 */
export class DocumentTable {
  readonly mapping: DocumentMapping
  readonly #database: DatabaseSync
  readonly #number: number
  readonly #find: StatementSync
  readonly #write: StatementSync
  readonly #index: StatementSync | undefined
  readonly #unindex: StatementSync | undefined
  readonly #addItem: StatementSync
  readonly #dropItems: StatementSync
  readonly #refuse: StatementSync
  readonly #unrefuse: StatementSync

  constructor(database: DatabaseSync, number: number, mapping: DocumentMapping) {
    this.mapping = mapping
    this.#database = database
    this.#number = number
    database.exec(
      `CREATE TABLE IF NOT EXISTS doc_${number} (
         doc INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, event_id TEXT, row TEXT);
       CREATE TABLE IF NOT EXISTS item_${number} (
         field INTEGER NOT NULL, item TEXT NOT NULL, doc INTEGER NOT NULL, PRIMARY KEY (field, item, doc)) WITHOUT ROWID;
       CREATE INDEX IF NOT EXISTS item_doc_${number} ON item_${number} (doc);
       CREATE TABLE IF NOT EXISTS refused_${number} (
         identity TEXT PRIMARY KEY, event_id TEXT NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;`,
    )
    if (mapping.text.length > 0) {
      const columns = mapping.text.map((_, i) => `c${i}`)
      database.exec(
        `CREATE VIRTUAL TABLE IF NOT EXISTS word_${number} USING fts5(
           ${columns.join(', ')}, content='', contentless_delete=1, detail=column, tokenize='ascii')`,
      )
      const values = columns.map(() => '?').join(', ')
      this.#index = prepareWrite(
        database,
        `INSERT INTO word_${number} (rowid, ${columns.join(', ')}) VALUES (?, ${values})`,
      )
      this.#unindex = prepareWrite(database, `DELETE FROM word_${number} WHERE rowid = ?`)
    }
    this.#find = database.prepare(`SELECT doc, version, row IS NOT NULL AS live FROM doc_${number} WHERE identity = ?`)
    this.#write = database.prepare(
      `INSERT INTO doc_${number} (identity, version, event_id, row) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT (identity) DO UPDATE SET version = ?2, event_id = ?3, row = ?4 RETURNING doc`,
    )
    this.#addItem = prepareWrite(database, `INSERT OR IGNORE INTO item_${number} (field, item, doc) VALUES (?, ?, ?)`)
    this.#dropItems = prepareWrite(database, `DELETE FROM item_${number} WHERE doc = ?`)
    this.#refuse = prepareWrite(
      database,
      `INSERT OR REPLACE INTO refused_${number} (identity, event_id, reason) VALUES (?, ?, ?)`,
    )
    this.#unrefuse = prepareWrite(database, `DELETE FROM refused_${number} WHERE identity = ?`)
  }

  static drop(database: DatabaseSync, number: number): void {
    for (const kind of ['doc', 'item', 'word', 'refused']) database.exec(`DROP TABLE IF EXISTS ${kind}_${number}`)
  }

  /** Applies a change unless the store has a later version of the row. */
  write(change: RowChange): Refusal | undefined {
    const { identity, version } = change
    const known = this.#find.get(identity)
    if (known && Number(known.version) > version) return undefined
    if (known && known.live === 1) {
      this.#unindex?.run(known.doc ?? null)
      this.#dropItems.run(known.doc ?? null)
    }
    this.#unrefuse.run(identity)
    if (change.op === 'delete') {
      this.#write.get(identity, version, null, null)
      return undefined
    }
    const eventId = String(change.row.event_id ?? '')
    const json = JSON.stringify(change.row)
    const bytes = Buffer.byteLength(json)
    if (bytes > ROW_LIMIT_BYTES) {
      const reason = `a search document has at most ${ROW_LIMIT_BYTES} bytes, this row has ${bytes}`
      this.#write.get(identity, version, null, null)
      this.#refuse.run(identity, eventId, reason)
      return { identity, event_id: eventId, reason }
    }
    const written = this.#write.get(identity, version, eventId, json)
    this.#addToIndexes(Number(written?.doc), change.row)
    return undefined
  }

  #addToIndexes(doc: number, row: Row): void {
    this.#index?.run(doc, ...this.mapping.text.map((field) => words(row[field])))
    this.mapping.lists.forEach((field, number) => {
      const list = row[field]
      if (Array.isArray(list)) for (const item of list) this.#addItem.run(number, String(item), doc)
    })
  }

  /** Rows whose list has exactly this item, in order of identity. */
  withItem(field: string, item: string, limit: number): { query: string; parameters: unknown[]; rows: Row[] } {
    const n = this.#number
    const query =
      `SELECT row FROM item_${n} JOIN doc_${n} USING (doc) ` +
      'WHERE field = ? AND item = ? AND row IS NOT NULL ORDER BY identity LIMIT ?'
    const parameters = [this.mapping.lists.indexOf(field), item, limit]
    return { query, parameters, rows: this.#rows(query, parameters) }
  }

  /** Rows whose text field has all the terms, best first. */
  withTerms(
    field: string,
    terms: ReadonlySet<string>,
    limit: number,
  ): { query: string; parameters: unknown[]; rows: Row[] } {
    const n = this.#number
    const query =
      `SELECT row FROM word_${n} JOIN doc_${n} ON doc = word_${n}.rowid ` +
      `WHERE word_${n} MATCH ? ORDER BY rank, identity LIMIT ?`
    const all = [...terms].map((term) => `"${term.replaceAll('"', '""')}"`).join(' AND ')
    const parameters = [`{c${this.mapping.text.indexOf(field)}} : (${all})`, limit]
    return { query, parameters, rows: terms.size === 0 ? [] : this.#rows(query, parameters) }
  }

  #rows(query: string, parameters: (string | number)[]): Row[] {
    return this.#database
      .prepare(query)
      .all(...parameters)
      .map((found) => JSON.parse(String(found.row)) as Row)
  }

  inventory(after: string | undefined, limit: number): InventoryRow[] {
    return this.#page('identity, event_id AS fingerprint', `doc_${this.#number}`, 'row IS NOT NULL', after, limit).map(
      (found) => ({ identity: String(found.identity), fingerprint: String(found.fingerprint) }),
    )
  }

  refusals(after: string | undefined, limit: number): Refusal[] {
    return this.#page('identity, event_id, reason', `refused_${this.#number}`, 'true', after, limit).map((found) => ({
      identity: String(found.identity),
      event_id: String(found.event_id),
      reason: String(found.reason),
    }))
  }

  #page(columns: string, table: string, condition: string, after: string | undefined, limit: number) {
    const range = after === undefined ? '' : 'AND identity > ?'
    const statement = this.#database.prepare(
      `SELECT ${columns} FROM ${table} WHERE ${condition} ${range} ORDER BY identity LIMIT ?`,
    )
    return after === undefined ? statement.all(limit) : statement.all(after, limit)
  }
}

/** The words of a value as FTS5's ascii tokenizer splits them again: at spaces only. */
function words(value: Row[string] | undefined): string {
  const text = Array.isArray(value) ? value.join('\n') : value === null || value === undefined ? '' : String(value)
  let joined = ''
  for (const token of tokensOf(text)) joined += `${token.term} `
  return joined
}

/** A statement for `run`. That reports SQLite's last rowid, which may be one of FTS5's own segments: beyond 2^53. */
export function prepareWrite(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql)
  statement.setReadBigInts(true)
  return statement
}
