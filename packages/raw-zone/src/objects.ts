export * from './objects/object-raw-zone.ts'
