/**
 * Whether the name of an event type says what happened: a heuristic for English names. It looks for a word in the past tense anywhere in the
 * name (`OrderShippedToCustomer`, `PaidInFull`), as to miss a bad name costs less than to complain of a good one.
 */

const words = (list: string): ReadonlySet<string> => new Set(list.trim().split(/\s+/))

/** Past tenses and participles that do not end in -ed, and are no infinitive. */
const irregular = words(`
  arisen awoken awoke been was were began begun bent bound bitten bled blown blew born borne bought bred broke broken brought built burnt came
  caught chose chosen clung crept dealt did done drank drawn drew driven drove drunk dug eaten ate fallen fell fed felt fled flew flown forbade
  forbidden foreseen forgave forgiven forgot forgotten forsaken fought found froze frozen gave given gone got gotten grew ground grown had heard
  held hid hidden hung kept knew known laid lain lay leapt learnt led left lent lit lost made meant met mistaken misread mown outdone outgrown
  overcame overdone overdrawn overheard overpaid overridden overrode overseen oversold overtaken overthrown overtook paid prepaid proven ran rang
  rebuilt redone redrawn remade repaid resent resold retaken rethought retold rewound rewritten ridden risen rode rose rung said sang sank sat saw
  seen sent sewn shaken shone shook shorn shot shown shrank shrunk slain slept slid slung smelt sold sought sown spat sped spelt spent spilt spoke
  spoken spoilt sprang sprung spun stole stolen stood stricken struck strung stuck stung stunk sung sunk swam swept swollen swore sworn swum swung
  taken taught thought threw thrown told took tore torn trodden unbound undergone underpaid understood undertaken undertook underwent underwritten
  undid undone unwound upheld went withdrawn withdrew withheld withstood woke woken won wore worn wound wove woven written wrote wrung`)

/** The same in the past as in a command: past only where something comes before (`PriceSet`), for `SetPrice` is a command. */
const unchanged = words(`
  beat become bet bid broadcast burst cast come cost cut forecast hit hurt input let miscast offset outbid output overcome override preset put quit
  read recast rerun reread reset rid run set shed shut split spread sublet thrust undercut unset upset wed`)

/** Words in -ed that tell of nothing that happened. */
const nouns = words(
  `bed biped embed hatred hundred imbed infrared kindred med moped naked red sacred shred sled ted unit wicked zed`
)

/** Of the words in -eed, most are nouns and infinitives: feed, proceed, seed. */
const inEed = words(`agreed decreed disagreed freed guaranteed refereed`)

/** What is done to a row of a table. `Changed`, `Added` and `Removed` are not here: people do that to things. */
const crud = words(`created deleted inserted persisted saved updated upserted`)

/** The words of a name in lower case: `OrderHTTPSent`, `order.http-sent` and `order_http_sent` have the same. */
export const wordsOf = (name: string): ReadonlyArray<string> =>
  (name.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+/gu) ?? []).map((word) => word.toLowerCase())

const isPast = (word: string, index: number): boolean => {
  if (irregular.has(word) || inEed.has(word)) return true
  if (unchanged.has(word)) return index > 0
  return word.length > 3 && word.endsWith("ed") && !word.endsWith("eed") && !nouns.has(word)
}

/** What a name is wrong with, if anything. Names with other than English letters are not judged. */
export const nameProblem = (name: string): "name-tense" | "name-crud" | undefined => {
  if (/[^\P{L}A-Za-z]/u.test(name)) return undefined
  const all = wordsOf(name)
  // The verb of a name that is one word may be the word itself: `Read`.
  const isSingle = all.length === 1 && unchanged.has(all[0]!)
  if (!isSingle && !all.some(isPast)) return "name-tense"
  return crud.has(all.at(-1) ?? "") ? "name-crud" : undefined
}
