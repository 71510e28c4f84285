export * from './embedded/embedded-log.ts'
export * from './event-log.ts'
export * from './notices.ts'
export * from './partition-choice.ts'
