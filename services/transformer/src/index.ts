export * from './create-transformer.ts'
export * from './limits.ts'
