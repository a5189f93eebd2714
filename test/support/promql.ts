/**
 * As much of PromQL as dashboards and alerts are written in here, to find out which metrics and labels they ask for. What it does not know is a
 * mistake. Which operator binds closer does not matter for that, so they are taken from left to right.
 */

/** One condition of a selector: `outcome="failed"`. */
export interface Matcher {
  readonly label: string
  readonly op: string
  readonly value: string
}

export type Expression =
  | { readonly _tag: "Scalar" }
  | {
      readonly _tag: "Selector"
      readonly name: string
      readonly matchers: ReadonlyArray<Matcher>
      readonly isRange: boolean
    }
  | { readonly _tag: "Call"; readonly name: string; readonly args: ReadonlyArray<Expression> }
  | { readonly _tag: "Aggregate"; readonly by: ReadonlyArray<string>; readonly of: Expression }
  | {
      readonly _tag: "Binary"
      readonly on: ReadonlyArray<string>
      readonly left: Expression
      readonly right: Expression
    }

const token =
  /\s*(?:("(?:[^"\\]|\\.)*")|(\d+(?:\.\d+)?[smhdw]?(?![\w:]))|([a-zA-Z_:][\w:]*)|(==|!=|=~|!~|>=|<=|[-+*/<>=(){}[\],]))/y

const tokensOf = (text: string): ReadonlyArray<string> => {
  const tokens: Array<string> = []
  token.lastIndex = 0
  const end = text.trimEnd().length
  while (token.lastIndex < end) {
    const at = token.lastIndex
    const found = token.exec(text)
    if (found === null) throw new Error(`cannot read ${JSON.stringify(text.slice(at, at + 20))} in ${text}`)
    tokens.push(found[0].trim())
  }
  return tokens
}

const operators = new Set(["+", "-", "*", "/", "==", "!=", ">", "<", ">=", "<=", "and", "or", "unless"])
const aggregators = new Set(["sum", "min", "max", "count"])

/** Parses an expression, or throws an error that says where it is wrong. */
export const parse = (text: string): Expression => {
  const tokens = tokensOf(text)
  let next = 0

  const fail = (expected: string): never => {
    throw new Error(`expected ${expected} and found ${tokens[next] ?? "the end"}, token ${next + 1} of ${text}`)
  }
  const take = (what: string): void => {
    if (tokens[next++] !== what) {
      next--
      fail(what)
    }
  }
  const name = (): string => {
    const found = tokens[next] ?? ""
    if (!/^[a-zA-Z_:]/.test(found)) fail("a name")
    next++
    return found
  }
  const list = <A>(open: string, close: string, one: () => A): ReadonlyArray<A> => {
    take(open)
    const all: Array<A> = []
    while (tokens[next] !== close) {
      if (all.length > 0) take(",")
      all.push(one())
    }
    next++
    return all
  }

  const matcher = (): Matcher => {
    const label = name()
    const op = tokens[next] ?? ""
    if (!["=", "!=", "=~", "!~"].includes(op)) fail("a comparison")
    next++
    const value = tokens[next] ?? ""
    if (!value.startsWith('"')) fail("a string")
    next++
    return { label, op, value: value.slice(1, -1) }
  }

  const operand = (): Expression => {
    const first = tokens[next] ?? ""
    if (first === "(") {
      next++
      const inner = expression()
      take(")")
      return inner
    }
    if (/^\d/.test(first)) {
      next++
      return { _tag: "Scalar" }
    }
    const found = name()
    if (aggregators.has(found)) {
      const isBy = tokens[next] === "by"
      if (isBy) next++
      const by = isBy ? list("(", ")", name) : []
      take("(")
      const of = expression()
      take(")")
      return { _tag: "Aggregate", by, of }
    }
    if (tokens[next] === "(") return { _tag: "Call", name: found, args: list("(", ")", expression) }
    const matchers = tokens[next] === "{" ? list("{", "}", matcher) : []
    const isRange = tokens[next] === "["
    if (isRange && list("[", "]", () => tokens[next++]!).length !== 1) fail("a duration")
    return { _tag: "Selector", name: found, matchers, isRange }
  }

  const expression = (): Expression => {
    let left = operand()
    while (operators.has(tokens[next] ?? "")) {
      next++
      const isOn = tokens[next] === "on"
      if (isOn) next++
      const on = isOn ? list("(", ")", name) : []
      left = { _tag: "Binary", on, left, right: operand() }
    }
    return left
  }

  const all = expression()
  if (next < tokens.length) fail("an operator or the end")
  return all
}

/** A series that Prometheus has: the labels it is told apart by, and whether it only grows. */
export interface Series {
  readonly labels: ReadonlySet<string>
  readonly isCounter: boolean
}

/** The labels of what comes of an expression. */
export const labelsOf = (expression: Expression, series: ReadonlyMap<string, Series>): ReadonlySet<string> => {
  switch (expression._tag) {
    case "Scalar":
      return new Set()
    case "Selector":
      return series.get(expression.name)?.labels ?? new Set()
    case "Aggregate":
      return new Set(expression.by)
    case "Call": {
      const labels = new Set(expression.args.flatMap((one) => Array.from(labelsOf(one, series))))
      if (expression.name === "histogram_quantile") labels.delete("le")
      return labels
    }
    case "Binary":
      return labelsOf(expression.left._tag === "Scalar" ? expression.right : expression.left, series)
  }
}

/** All selectors of an expression. */
export const selectorsOf = (expression: Expression): ReadonlyArray<Expression & { readonly _tag: "Selector" }> => {
  switch (expression._tag) {
    case "Scalar":
      return []
    case "Selector":
      return [expression]
    case "Aggregate":
      return selectorsOf(expression.of)
    case "Call":
      return expression.args.flatMap(selectorsOf)
    case "Binary":
      return [...selectorsOf(expression.left), ...selectorsOf(expression.right)]
  }
}

const missing = (wanted: ReadonlyArray<string>, there: ReadonlySet<string>, where: string): ReadonlyArray<string> =>
  wanted.filter((label) => !there.has(label)).map((label) => `${where} has no label ${label}`)

/** What is wrong with an expression, over the series that there are. */
export const problemsOf = (expression: Expression, series: ReadonlyMap<string, Series>): ReadonlyArray<string> => {
  const named = (of: Expression) =>
    selectorsOf(of)
      .map(({ name }) => name)
      .join(" and ")
  switch (expression._tag) {
    case "Scalar":
      return []
    case "Selector": {
      const one = series.get(expression.name)
      if (one === undefined) return [`there is no ${expression.name}`]
      return missing(
        expression.matchers.map(({ label }) => label),
        one.labels,
        expression.name
      )
    }
    case "Aggregate":
      return [
        ...problemsOf(expression.of, series),
        ...missing(expression.by, labelsOf(expression.of, series), `what is made of ${named(expression.of)}`)
      ]
    case "Binary":
      return [expression.left, expression.right].flatMap((one) => [
        ...problemsOf(one, series),
        ...missing(expression.on, labelsOf(one, series), `what is made of ${named(one)}`)
      ])
    case "Call":
      return [...expression.args.flatMap((one) => problemsOf(one, series)), ...problemsOfCall(expression, series)]
  }
}

const problemsOfCall = (
  { args, name }: Expression & { readonly _tag: "Call" },
  series: ReadonlyMap<string, Series>
): ReadonlyArray<string> => {
  const [first, second] = args
  if (name === "histogram_quantile") {
    const isRight =
      args.length === 2 &&
      first?._tag === "Scalar" &&
      second !== undefined &&
      labelsOf(second, series).has("le") &&
      selectorsOf(second).every(({ name }) => name.endsWith("_bucket"))
    return isRight ? [] : ["histogram_quantile takes a number, and buckets with le"]
  }
  if (!["rate", "increase", "deriv"].includes(name)) return [`there is no function ${name}`]
  if (args.length !== 1 || first?._tag !== "Selector" || !first.isRange) return [`${name} takes a range of a metric`]
  const isCounter = series.get(first.name)?.isCounter
  return isCounter === undefined || isCounter === (name !== "deriv")
    ? []
    : [`${name} of ${first.name}, which is ${isCounter ? "" : "no "}counter`]
}
