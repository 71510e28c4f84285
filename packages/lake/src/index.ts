export * from './duckdb/index.ts'
export * from './ledger/index.ts'
export * from './table/index.ts'
export * from './typing/typed-batch.ts'
