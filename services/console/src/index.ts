export * from './console.ts'
export * from './console-parts.ts'
export * from './lake-reader.ts'
export * from './lake-tables.ts'
