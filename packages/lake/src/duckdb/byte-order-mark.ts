import { createRequire } from 'node:module'

/**
 * DuckDB's client decodes each text by itself and takes a U+FEFF at its beginning for a byte order mark, which it leaves
 * out. In a value it is a character like any other. Whoever reads texts from DuckDB imports this file.
 */
const accessors: object = createRequire(import.meta.url)('@duckdb/node-api/lib/vectors/dataAccessors.js')
Object.assign(accessors, { textDecoder: new TextDecoder('utf-8', { ignoreBOM: true }) })
