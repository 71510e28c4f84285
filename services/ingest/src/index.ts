export * from './authorization.ts'
export * from './ingest.ts'
export * from './limits.ts'
export * from './outcomes.ts'
