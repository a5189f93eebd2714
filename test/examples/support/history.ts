/**
 * Histories for `git fast-import` to make repositories of: large, and with everything that happens in one. The same number of commits
 * is always the same history.
 */

/** The Park-Miller generator. */
const randomFrom = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}

const authors = ["Ada", "Bob", "Chloé", "Dmitri", "Eve", "Фёдор", "Grace"]

const filesAtMost = 1_000

const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`

type Tree = ReadonlyMap<string, string>

const write = (path: string, body: string): string => `M 100644 inline ${path}\n${data(body)}`

/** What leads from one tree to another. */
const differences = (from: Tree, to: Tree): string => {
  let changes = ""
  for (const path of from.keys()) if (!to.has(path)) changes += `D ${path}\n`
  for (const [path, body] of to) if (from.get(path) !== body) changes += write(path, body)
  return changes
}

/**
 * So many commits by several people, of about five changes each: files in folders are added, changed, renamed and removed. Of ten
 * commits three are on a branch, which the tenth merges.
 */
export const history = (commits: number): string => {
  const random = randomFrom(42)

  /** Changes a tree a little, each path once. */
  const change = (tree: Map<string, string>, n: number): string => {
    const paths = Array.from(tree.keys())
    const touched = new Set<string>()
    let changes = ""
    for (let i = 0; i < 5; i++) {
      const what = tree.size < 10 ? 0 : random(20)
      const path = paths[random(paths.length + 1)]
      const fresh = `folder${random(20)}/part${random(5)}/file${n}-${i}.txt`
      const body = `${n} ${i}\n${"a line that stays\n".repeat(1 + random(5))}`
      if (path === undefined || (what < 7 && tree.size < filesAtMost)) {
        tree.set(fresh, body)
        changes += write(fresh, body)
      } else if (touched.has(path)) {
        continue
      } else if (what < 2) {
        tree.delete(path)
        changes += `D ${path}\n`
      } else if (what < 4) {
        tree.set(fresh, tree.get(path) ?? "")
        tree.delete(path)
        changes += `R ${path} ${fresh}\n`
      } else {
        tree.set(path, body)
        changes += write(path, body)
      }
      if (path !== undefined) touched.add(path)
    }
    return changes
  }

  const main = new Map<string, string>()
  let side = new Map<string, string>()
  let text = ""
  for (let n = 1; n <= commits; n++) {
    const turn = n % 10
    const isMerge = turn === 0
    if (turn === 7) side = new Map(main)
    const before = new Map(main)
    if (isMerge) {
      main.clear()
      for (const [path, body] of side) main.set(path, body)
    }
    const changes = isMerge ? differences(before, main) : change(turn > 6 ? side : main, n)
    const author = random(authors.length)
    text += `commit refs/heads/${turn > 6 ? "side" : "main"}\nmark :${n}\n`
    text += `committer ${authors[author]} <author${author}@example.org> ${1_700_000_000 + n * 3_600} +0000\n${data(`commit ${n}`)}`
    if (n > 1) text += `from :${isMerge ? n - 4 : n - 1}\n`
    if (isMerge) text += `merge :${n - 1}\n`
    text += `${changes}\n`
  }
  return text
}

/** One commit of many files. */
export const manyFiles = (files: number): string =>
  `commit refs/heads/main\ncommitter Ada <ada@example.org> 1700000000 +0000\n${data("x")}` +
  Array.from({ length: files }, (_, n) => write(`f${n}`, "x")).join("")
