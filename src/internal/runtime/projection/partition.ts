/**
 * Which partition a stream, or an instance of a process, belongs to: a hash of its name (FNV-1a over its UTF-16 code units), the same in every
 * process and for good.
 */
export const partitionOf = (name: string, partitions: number): number => {
  if (partitions === 1) return 0
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % partitions
}
