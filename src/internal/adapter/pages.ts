import * as Arr from "effect/Array"
import * as Stream from "effect/Stream"
import type { Page } from "../../EventStore.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"

const hasEvents = (page: Page): page is Page & { readonly events: Arr.NonEmptyReadonlyArray<RecordedEvent> } =>
  Arr.isReadonlyArrayNonEmpty(page.events)

/**
 * The events of pages, still page by page.
 */
export const eventsOfPages = <E>(pages: Stream.Stream<Page, E>): Stream.Stream<RecordedEvent, E> =>
  pages.pipe(Stream.filter(hasEvents), Stream.mapArray(Arr.flatMap(({ events }) => events)))
