/**
 * Event sourcing as pure functions: the kernel (Event, Decider, View), the port (EventStore), and the runtime above it.
 */
export * as Aggregate from "./Aggregate.ts"
export * as Archive from "./Archive.ts"
export * as Causation from "./Causation.ts"
export * as Copy from "./Copy.ts"
export * as Decider from "./Decider.ts"
export * as Event from "./Event.ts"
export * as EventStore from "./EventStore.ts"
export * as Patch from "./Patch.ts"
export * as Projection from "./Projection.ts"
export * as ProjectionStore from "./ProjectionStore.ts"
export * as Query from "./Query.ts"
export * as RecordedEvent from "./RecordedEvent.ts"
export * as SnapshotStore from "./SnapshotStore.ts"
export * as StreamName from "./StreamName.ts"
export * as Subscription from "./Subscription.ts"
export * as View from "./View.ts"
