/**
 * A copy that drops, moves and splits.
 */
import { Copy } from "eventfold"

export const changing = Copy.make({
  name: "changing",
  transform: Copy.compose(Copy.drop([{ types: ["Noise"], tags: ["third"] }]), (recorded) =>
    recorded.stream === "odd-3" ? [{ ...recorded, stream: "three-1" }, recorded] : [recorded]
  )
})
