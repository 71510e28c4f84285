/** Every name in `_delta_log` (PROTOCOL.md, File Types and Checkpoint Naming Scheme). */

export type LogFile =
  | { kind: 'commit'; version: number }
  | { kind: 'checkpoint'; version: number; form: 'classic' }
  | { kind: 'checkpoint'; version: number; form: 'uuid'; format: 'json' | 'parquet'; uuid: string }
  | { kind: 'checkpoint'; version: number; form: 'multi-part'; part: number; parts: number }
  | { kind: 'compacted'; version: number; end: number }
  | { kind: 'checksum'; version: number }

const COMMIT = /^(\d{20})\.json$/
const CLASSIC = /^(\d{20})\.checkpoint\.parquet$/
const MULTI_PART = /^(\d{20})\.checkpoint\.(\d{10})\.(\d{10})\.parquet$/
const UUID_NAMED =
  /^(\d{20})\.checkpoint\.([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})\.(json|parquet)$/
const COMPACTED = /^(\d{20})\.(\d{20})\.compacted\.json$/
const CHECKSUM = /^(\d{20})\.crc$/

/** The folder of the log, with its slash. `root` is the table's key prefix, without or with slash at its end. */
export const logPrefix = (root: string) => `${root.replace(/\/+$/, '')}/_delta_log/`
export const padded = (version: number) => String(version).padStart(20, '0')
export const commitKey = (root: string, version: number) => `${logPrefix(root)}${padded(version)}.json`
export const checkpointKey = (root: string, version: number) =>
  `${logPrefix(root)}${padded(version)}.checkpoint.parquet`
export const lastCheckpointKey = (root: string) => `${logPrefix(root)}_last_checkpoint`
export const sidecarPrefix = (root: string) => `${logPrefix(root)}_sidecars/`

/** What a name in the log's folder means; `undefined` for names that the protocol does not know. */
export function logFile(name: string): LogFile | undefined {
  const version = Number(name.slice(0, 20))
  if (!Number.isSafeInteger(version)) return undefined
  if (COMMIT.test(name)) return { kind: 'commit', version }
  if (CLASSIC.test(name)) return { kind: 'checkpoint', version, form: 'classic' }
  const uuid = UUID_NAMED.exec(name)
  if (uuid?.[2])
    return { kind: 'checkpoint', version, form: 'uuid', format: uuid[3] === 'json' ? 'json' : 'parquet', uuid: uuid[2] }
  const part = MULTI_PART.exec(name)
  if (part) return { kind: 'checkpoint', version, form: 'multi-part', part: Number(part[2]), parts: Number(part[3]) }
  const compacted = COMPACTED.exec(name)
  if (compacted) return { kind: 'compacted', version, end: Number(compacted[2]) }
  return CHECKSUM.test(name) ? { kind: 'checksum', version } : undefined
}
