export * from './events-schema.ts'
export * from './files-schema.ts'
export * from './media-schema.ts'
