export { inventoryQuery } from './inventory-query.ts'
export { questions } from './questions.ts'
