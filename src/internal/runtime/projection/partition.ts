/**
 * Which partition a stream belongs to: a hash of its name (FNV-1a over its UTF-16 code units), the same in every process and for good.
 */
import type { StreamName } from "../../../StreamName.ts"

export const partitionOf = (stream: StreamName, partitions: number): number => {
  if (partitions === 1) return 0
  let hash = 0x811c9dc5
  for (let i = 0; i < stream.length; i++) hash = Math.imul(hash ^ stream.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % partitions
}
