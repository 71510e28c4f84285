export * from './raw-zone.ts'
