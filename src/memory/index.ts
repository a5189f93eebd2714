export * as MemoryEventStore from "./MemoryEventStore.ts"
export * as MemoryInspection from "./MemoryInspection.ts"
