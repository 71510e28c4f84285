export * from './batch-id.ts'
export * from './raw-zone.ts'
export * from './segments/segment-raw-zone.ts'
