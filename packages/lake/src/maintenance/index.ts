export { type CompactionPolicy, filesToMerge } from './compaction.ts'
export { Maintenance, type MaintenancePass, type MaintenancePolicy } from './maintenance.ts'
