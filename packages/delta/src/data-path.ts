import { DeltaError } from './delta-error.ts'

/**
 * The spelling by which a file action's path is compared (PROTOCOL.md, Add File: paths are URIs). Relative paths are
 * decoded; `file:/x`, `file:///x` and `/x` are one path.
 */
export function canonicalPath(path: string): string {
  if (!path.includes('%') && !path.includes(':') && !path.startsWith('/') && !path.startsWith('./')) return path
  const local = path.replace(/^file:(?:\/\/(?:localhost)?)?(?=\/)/i, '').replace(/^(?:\.\/)+/, '')
  return decoded(local) ?? local
}

/**
 * The object key of a file of the table.
 * @param location URI of the table's root, for tables whose log has absolute paths (`s3://bucket/lake/t`, `/data/t`)
 * Throws `invalid_path` for a path that leaves the table's folder or is no URI.
 */
export function dataFileKey(root: string, path: string, location?: string): string {
  const prefix = root.replace(/\/+$/, '')
  const relative = relativePath(path, location)
  const plain = relative === undefined ? undefined : decoded(relative)
  if (plain === undefined)
    throw new DeltaError('invalid_path', `file path ${quoted(path)} should be a relative URI and cannot be decoded`)
  const segments = plain.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (segments.length === 0 || segments.includes('..') || plain.includes('\0') || plain.startsWith('/'))
    throw new DeltaError('invalid_path', `file path ${quoted(path)} leaves the table's folder and is not followed`)
  return `${prefix}/${segments.join('/')}`
}

/** A plain relative path as it is written into actions. */
export function encodePath(path: string): string {
  return path
    .split('/')
    .map((segment) => encodeURIComponent(segment).replaceAll('%3D', '='))
    .join('/')
}

function relativePath(path: string, location: string | undefined): string | undefined {
  const absolute = path.startsWith('/') || /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(path)
  if (!absolute) return path
  if (location !== undefined) {
    const base = `${canonicalLocation(location)}/`
    const full = canonicalLocation(path)
    if (full.startsWith(base)) return full.slice(base.length)
  }
  throw new DeltaError(
    'invalid_path',
    `file path ${quoted(path)} is absolute and not known to be inside the table's folder; open the table with its location`,
  )
}

const canonicalLocation = (location: string) =>
  location
    .replace(/^file:(?:\/\/(?:localhost)?)?(?=\/)/i, '')
    .replace(/^s3[an]:/, 's3:')
    .replace(/\/+$/, '')

/** `undefined` for what is no URI-encoded text. */
export function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

const quoted = (path: string) => JSON.stringify(path.slice(0, 200))
