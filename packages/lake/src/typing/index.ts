export { dropTyped, type TypingOptions, typeBatch } from './type-batch.ts'
export type { TypedBatch } from './typed-batch.ts'
