/**
 * What a view shows, compared with what it must show.
 */
import * as Effect from "effect/Effect"
import type * as View from "../../View.ts"
import { compare, type SpecFailure } from "../SpecFailure.ts"
import { encodeValue } from "./stored.ts"

/** Of a keyed view, models by key; of another one, its model. */
export const compareModels = (
  what: string,
  view: View.Any,
  expected: unknown,
  actual: unknown
): Effect.Effect<SpecFailure | undefined, SpecFailure> => {
  const encode = (where: string) => (model: unknown) => encodeValue(view.model, where, model)
  const encodeAll = (where: string, models: unknown) =>
    Effect.map(
      Effect.forEach(Object.entries(models as object), ([key, model]) =>
        Effect.map(encode(`${where} of ${key}`)(model), (json) => [key, json] as const)
      ),
      Object.fromEntries
    )
  return Effect.gen(function* () {
    return view._tag === "View"
      ? compare(
          `${what} shows another model`,
          "model",
          yield* encode("the expected model")(expected),
          yield* encode("the model")(actual)
        )
      : compare(
          `${what} shows other models`,
          "",
          yield* encodeAll("the expected model", expected),
          yield* encodeAll("the model", actual)
        )
  })
}
