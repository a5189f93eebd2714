/**
 * Reads documents: the TypeScript they show, the npm scripts they name and the files they link to, each with its line.
 */

/**
 * A block of TypeScript, and what its fence says of it.
 */
export interface Block {
  readonly file: string
  /** The line of the file that the first line of the code is on. */
  readonly line: number
  readonly code: ReadonlyArray<string>
  /** Words after the language. */
  readonly words: ReadonlyArray<Word>
}

/** `no-run`: compiles only; `continue`: goes on from the block before; `type-error`: must not compile. */
export type Word = "no-run" | "continue" | "type-error"

/** Something a document names. */
export interface Named {
  readonly file: string
  readonly line: number
  readonly text: string
}

interface Fence {
  readonly line: number
  readonly language: string
  readonly words: ReadonlyArray<string>
  readonly code: ReadonlyArray<string>
}

interface Read {
  readonly fences: ReadonlyArray<Fence>
  /** The lines outside of fences; those inside are empty. */
  readonly prose: ReadonlyArray<string>
  readonly problems: ReadonlyArray<string>
}

const opening = /^(\s*)(`{3,}|~{3,})\s*([^`]*)$/

const quoted = /^\s*>\s*(?:`{3,}|~{3,})/

const readFences = (file: string, lines: ReadonlyArray<string>, first: number): Read => {
  const fences: Array<Fence> = []
  const prose: Array<string> = []
  const problems: Array<string> = []
  let open: { indent: number; closing: RegExp; fence: Fence & { code: Array<string> } } | undefined
  for (const [index, text] of lines.entries()) {
    if (open?.closing.test(text) === true) {
      fences.push(open.fence)
      open = undefined
      prose.push("")
    } else if (open !== undefined) {
      open.fence.code.push(text.slice(0, open.indent).trimStart() + text.slice(open.indent))
      prose.push("")
    } else {
      const [, indent = "", marks = "", info = ""] = opening.exec(text) ?? []
      const [language = "", ...words] = info.split(/\s+/).filter((word) => word !== "")
      if (quoted.test(text)) problems.push(`${file}:${first + index} fences code in a quote, where nothing checks it`)
      if (marks !== "") {
        const closing = new RegExp(`^\\s*${marks[0]}{${marks.length},}\\s*$`)
        open = { indent: indent.length, closing, fence: { line: first + index + 1, language, words, code: [] } }
      }
      prose.push(marks === "" ? text : "")
    }
  }
  if (open !== undefined) problems.push(`${file}:${open.fence.line - 1} opens a fence that is never closed`)
  return { fences, prose, problems }
}

const isWord = (word: string): word is Word => word === "no-run" || word === "continue" || word === "type-error"

/** The blocks of TypeScript of a file, and what is wrong with its fences. */
export interface Blocks {
  readonly blocks: ReadonlyArray<Block>
  readonly problems: ReadonlyArray<string>
}

const toBlocks = (file: string, { fences, problems }: Read): Blocks => {
  const typescript = fences.filter(({ language }) => /^(?:ts|typescript)$/i.test(language))
  return {
    blocks: typescript.map(({ line, code, words }) => ({ file, line, code, words: words.filter(isWord) })),
    problems: [
      ...problems,
      ...typescript.flatMap(({ line, words }) =>
        words
          .filter((word) => !isWord(word))
          .map((word) => `${file}:${line - 1} says ${word}; a fence says no-run, continue or type-error`)
      )
    ]
  }
}

/** The blocks of a Markdown file. */
export const blocksOfMarkdown = (file: string, text: string): Blocks =>
  toBlocks(file, readFences(file, text.split("\n"), 1))

/** Lines of a docstring without their stars. */
const docstrings = (source: string): ReadonlyArray<{ line: number; lines: ReadonlyArray<string> }> => {
  const found: Array<{ line: number; lines: ReadonlyArray<string> }> = []
  let open: { line: number; lines: Array<string> } | undefined
  for (const [index, text] of source.split("\n").entries()) {
    if (open === undefined && /^\s*\/\*\*\s*$/.test(text)) open = { line: index + 2, lines: [] }
    else if (open !== undefined && /^\s*\*\/\s*$/.test(text)) {
      found.push(open)
      open = undefined
    } else open?.lines.push(text.replace(/^\s*\* ?/, ""))
  }
  return found
}

const examples = (lines: ReadonlyArray<string>, line: number): ReadonlyArray<Fence> => {
  const fences: Array<Fence> = []
  for (const [index, text] of lines.entries()) {
    if (!text.startsWith("@example")) continue
    const rest = lines.slice(index + 1)
    const end = rest.findIndex((next) => /^@[a-z]+/i.test(next))
    const code = end < 0 ? rest : rest.slice(0, end)
    if (code.some((one) => opening.test(one)) || code.every((one) => one.trim() === "")) continue
    fences.push({ line: line + index + 1, language: "ts", words: [], code })
  }
  return fences
}

/** The examples in the docstrings of a TypeScript file: what follows `@example`, fenced or not. */
export const blocksOfDocstrings = (file: string, source: string): Blocks => {
  const all = docstrings(source).map(({ line, lines }) => {
    const read = readFences(file, lines, line)
    return toBlocks(file, { ...read, fences: [...examples(lines, line), ...read.fences] })
  })
  return { blocks: all.flatMap(({ blocks }) => blocks), problems: all.flatMap(({ problems }) => problems) }
}

const inLines = (file: string, lines: ReadonlyArray<string>, first: number, pattern: RegExp): ReadonlyArray<Named> =>
  lines.flatMap((line, index) =>
    Array.from(line.matchAll(pattern), (match) => ({
      file,
      line: first + index,
      text: match.slice(1).find((group) => group !== undefined) ?? ""
    }))
  )

const npmScript = /\bnpm (?:run(?:-script)?(?: -\S+)* ([\w:.-]*\w)|(start|test)\b)/g

const shells = /^(?:sh|bash|shell|console|zsh|)$/i

/** The npm scripts that a document names, in its shell blocks and in code within its prose. */
export const scriptsOf = (file: string, text: string): ReadonlyArray<Named> => {
  const { fences, prose } = readFences(file, text.split("\n"), 1)
  const spans = prose.map((line) => Array.from(line.matchAll(/`([^`]+)`/g), ([, code = ""]) => code).join(" ; "))
  return [
    ...inLines(file, spans, 1, npmScript),
    ...fences
      .filter(({ language }) => shells.test(language))
      .flatMap(({ code, line }) => inLines(file, code, line, npmScript))
  ]
}

const link =
  /\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\s{0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?|<(?:img|a)\b[^>]*?\s(?:src|href)="([^"]+)"/g

/** The links of a document to files beside it, without their anchors. */
export const linksOf = (file: string, text: string): ReadonlyArray<Named> => {
  const prose = readFences(file, text.split("\n"), 1).prose.map((line) => line.replaceAll(/(`+)[^`]+\1/g, "code"))
  return inLines(file, prose, 1, link).flatMap((named) => {
    const path = named.text.replace(/[#?].*$/, "")
    return path === "" || /^[a-z][a-z+.-]*:|^\/\//i.test(path) ? [] : [{ ...named, text: decodeURI(path) }]
  })
}
