import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Column, type LakeParts, type LakeTable, openDatabase, type TableView } from '@sluice/lake'
import { openFolderStore } from '@sluice/object-store'
import { openS3Store } from '@sluice/object-store/s3'
import type { PlainRow } from './engine-session.ts'

export interface LakeFolder {
  lake: LakeParts
  /** The folder of it all. */
  path: string
  /** Path of a table for other engines. */
  pathOf(table: string): string
  close(): Promise<void>
}

/** A bucket that a lake's objects lie in. */
export interface Bucket {
  endpoint: string
  access_key: string
  secret_key: string
  bucket: string
  prefix: string
}

/** A lake in a folder, a temporary one of its own if none is given; with a bucket only its scratch files are there. */
export async function openLakeFolder(given?: string, bucket?: Bucket): Promise<LakeFolder> {
  const path = given ?? (await mkdtemp(join(tmpdir(), 'sluice-interop-')))
  const scratch_path = join(path, `scratch-${process.pid}`)
  await mkdir(scratch_path, { recursive: true })
  const temporary_path = join(scratch_path, 'spill')
  const database = await openDatabase({ memory_limit_bytes: 3e8, threads: 1, temporary_path })
  const objects = join(path, 'objects')
  const store = bucket ? await storeIn(bucket) : await openFolderStore(objects)
  return {
    lake: { store, database, scratch_path, now: Date.now },
    path,
    pathOf: (table) => (bucket ? `s3://${bucket.bucket}/${bucket.prefix}/lake/${table}` : join(objects, 'lake', table)),
    async close() {
      await database.close()
      await store.close()
      await rm(given === undefined ? path : scratch_path, { recursive: true, force: true })
    },
  }
}

/** How delta-rs gets at a bucket, with the conditional put that makes it safe beside others. */
export function deltaRsOptions({ endpoint, access_key, secret_key }: Bucket): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: access_key,
    AWS_SECRET_ACCESS_KEY: secret_key,
    AWS_REGION: 'us-east-1',
    AWS_ALLOW_HTTP: 'true',
    aws_conditional_put: 'etag',
  }
}

const storeIn = ({ endpoint, access_key, secret_key, bucket, prefix }: Bucket) =>
  openS3Store({ endpoint, bucket, prefix, credentials: { access_key, secret_key }, create_bucket: true })

/** All rows of a version in the engines' plain form, in the order of their texts. */
export async function ourRows(table: LakeTable, view: TableView = table.view()): Promise<string[]> {
  const rows: PlainRow[] = []
  for await (const chunk of table.rowsAt(view)) for (const { _change, _version, ...row } of chunk) rows.push(row)
  return texts(rows)
}

/** Rows as sorted texts; members that are null count as left out, so that old files and new columns agree. */
export function texts(rows: readonly PlainRow[]): string[] {
  return rows
    .map((row) =>
      JSON.stringify(
        Object.entries(row)
          .filter(([, value]) => value !== null)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, value]) => [name, plain(value)]),
      ),
    )
    .sort()
}

/** Rows by JSON of their texts, as a SELECT of these columns. */
export function selectOf(rows: readonly PlainRow[], columns: readonly Column[]): string {
  const types = columns.map(({ name, type }) => `"${name}": "${jsonType(type)}"`).join(', ')
  const text = JSON.stringify(rows).replaceAll("'", "''")
  return `SELECT unnest(from_json('${text}', '[{${types}}]'), recursive := true)`
}

function plain(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return value.map(plain)
  const instant = typeof value === 'string' && /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z$/.exec(value)
  return instant ? `${instant[1]}.${(instant[2] ?? '').padEnd(6, '0')}Z` : value
}

function jsonType(type: Column['type']): string {
  const names: Record<string, string> = {
    string: 'VARCHAR',
    long: 'BIGINT',
    integer: 'INTEGER',
    timestamp: 'TIMESTAMPTZ',
  }
  return typeof type === 'string' ? (names[type] ?? type.toUpperCase()) : 'VARCHAR[]'
}
