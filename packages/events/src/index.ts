export * from './event-type.ts'
export * from './field.ts'
export * from './raw-line.ts'
